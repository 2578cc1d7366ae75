"""Performs one call, from its permission check to its answer, the same inside and outside a batch."""

from dataclasses import replace

from local.entra import errors
from local.entra.calls import Answer, Call
from local.entra.errors import ConnectionDropped, GraphError
from local.entra.kinds import keep
from local.entra.quota import units_of
from local.entra.request_log import LoggedCall
from local.entra.routes import Route, find_route
from local.entra.state import Entra


async def dispatch(entra: Entra, call: Call) -> Answer:
    """Returns every refusal as an answer. Raises only ConnectionDropped."""
    request_id = entra.clock.guid()
    try:
        route, arguments = find_route(call)
    except GraphError as refusal:
        keep(call, call.plain_path)
        return finish(entra, call, "(unknown)", request_id, refusal)
    keep(call, route.template)
    outcome: Answer | GraphError
    try:
        outcome = await _perform(entra, replace(call, arguments=arguments), route)
    except GraphError as refusal:
        outcome = refusal
    except ConnectionDropped:
        log(entra, call, route.template, request_id, 0)
        raise
    return finish(entra, call, route.template, request_id, outcome)


async def _perform(entra: Entra, call: Call, route: Route) -> Answer:
    await fail_before(entra, call)
    for group in route.needs:
        if not entra.may(*group):
            raise errors.request_denied()
    entra.quota.charge(units=units_of(route.units, call.query), writes=route.writes)
    answer = route.handler(entra, call)
    fail_after(entra, call)
    return answer


async def fail_before(entra: Entra, call: Call) -> None:
    """Raises the fault that strikes this call before it has any effect, if there is one."""
    delay = entra.faults.struck(["delay"], call)
    if delay is not None:
        await delay.wait_out()
    _fail(entra, call, took_effect=False)


def fail_after(entra: Entra, call: Call) -> None:
    """Raises the fault that strikes this call after it took effect, if there is one.

    The client then only loses the answer.
    """
    _fail(entra, call, took_effect=True)


def _fail(entra: Entra, call: Call, *, took_effect: bool) -> None:
    fault = entra.faults.struck(["status", "drop"], call, took_effect=took_effect)
    if fault is None:
        return
    if fault.kind == "drop":
        raise ConnectionDropped
    raise fault.answer(entra.clock.now())


def require_token(entra: Entra, call: Call) -> None:
    """Raises GraphError 401 for a call without a bearer token, or with an expired one."""
    scheme, _, token = call.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise GraphError(401, "InvalidAuthenticationToken", "Access token is empty.")
    if token.strip() in entra.expired_tokens:
        raise GraphError(
            401, "InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."
        )


def finish(entra: Entra, call: Call, template: str, request_id: str, outcome: Answer | GraphError) -> Answer:
    """Logs the call and adds the headers that every answer has."""
    client_id = call.headers.get("client-request-id", request_id)
    if isinstance(outcome, GraphError):
        body = outcome.body(request_id, client_id, entra.clock.now())
        outcome = Answer(outcome.status, body, outcome.headers)
    log(entra, call, template, request_id, outcome.status)
    headers = {"request-id": request_id, "client-request-id": client_id, **outcome.headers}
    return Answer(outcome.status, outcome.body, headers)


def log(entra: Entra, call: Call, template: str, request_id: str, status: int) -> None:
    url = f"{call.path}?{call.query_string}" if call.query_string else call.path
    priority = call.headers.get("x-ms-throttle-priority", "normal").lower()
    entra.requests.calls.append(
        LoggedCall(
            call.method,
            template,
            url,
            call.inner,
            status,
            request_id,
            entra.clock.now().timestamp(),
            priority,
        )
    )
