"""POST /$batch: up to 20 calls in one request, with responses in any order.

https://learn.microsoft.com/graph/json-batching
"""

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from local.entra.calls import Answer, Call
from local.entra.dispatch import dispatch, fail_after, fail_before, finish, log
from local.entra.errors import ConnectionDropped, GraphError, Json
from local.entra.kinds import keep
from local.entra.state import Entra

MOST_ITEMS = 20
_METHODS = frozenset({"GET", "POST", "PATCH", "PUT", "DELETE"})
_WITH_BODY = frozenset({"POST", "PATCH", "PUT"})


@dataclass(frozen=True, slots=True)
class Item:
    id: str
    call: Call
    depends_on: tuple[str, ...] = ()


async def perform_batch(entra: Entra, call: Call) -> Answer:
    """Like `dispatch`, for the batch itself. Its items are logged and throttled one by one.

    Raises ConnectionDropped.
    """
    request_id = entra.clock.guid()
    outcome: Answer | GraphError
    keep(call, "/$batch")
    try:
        await fail_before(entra, call)
        items = parse_batch(call.json_object(), sdk=call.sdk)
        outcome = Answer(200, {"responses": await _perform_all(entra, items)})
        fail_after(entra, call)
    except GraphError as refusal:
        outcome = refusal
    except ConnectionDropped:
        log(entra, call, "/$batch", request_id, 0)
        raise
    return finish(entra, call, "/$batch", request_id, outcome)


def parse_batch(body: Mapping[str, object], *, sdk: bool = False) -> list[Item]:
    """The items of a valid batch. `sdk`: as in `Call`. Raises GraphError 400, which refuses all of them, if invalid."""
    requests = body.get("requests")
    if not isinstance(requests, list) or not requests:
        raise _bad_batch("Invalid batch payload format: 'requests' must be a list that is not empty.")
    if len(requests) > MOST_ITEMS:
        raise _bad_batch(f"Number of batch request steps exceeds the maximum value of {MOST_ITEMS}.")
    items = [_parse_item(request, sdk=sdk) for request in requests]
    seen: set[str] = set()
    for item in items:
        if item.id.lower() in seen:
            raise _bad_batch(f"Request Id {item.id} has to be unique in a batch.")
        seen.add(item.id.lower())
    _refuse_bad_dependencies(items, seen)
    return items


def _parse_item(request: object, *, sdk: bool) -> Item:
    if not isinstance(request, dict):
        raise _bad_batch("Invalid batch payload format: a request must be an object.")
    item_id, method, url = request.get("id"), request.get("method"), request.get("url")
    if not isinstance(item_id, str) or not item_id:
        raise _bad_batch("Request Id cannot be null or empty, and must be a string.")
    if not isinstance(method, str) or method.upper() not in _METHODS:
        raise _bad_batch(f"Request {item_id} has an invalid method.")
    if not isinstance(url, str) or not url or urlsplit(url).scheme or url.startswith("//"):
        raise _bad_batch(f"Request {item_id} must have a relative url.")
    headers = request.get("headers") or {}
    if not isinstance(headers, dict) or not all(isinstance(value, str) for value in headers.values()):
        raise _bad_batch(f"Request {item_id} has invalid headers.")
    headers = {name.lower(): value for name, value in headers.items()}
    if method.upper() in _WITH_BODY:
        # An action without parameters needs a body in a batch, too: restore needs {}.
        # https://github.com/microsoftgraph/msgraph-sdk-dotnet/issues/2628
        is_json = headers.get("content-type", "").partition(";")[0].strip().lower() == "application/json"
        if not is_json or request.get("body") is None:
            raise _bad_batch(f"Write request id : {item_id} does not contain Content-Type header or body.")
    depends_on = request.get("dependsOn") or []
    if not isinstance(depends_on, list) or not all(isinstance(other, str) for other in depends_on):
        raise _bad_batch(f"Request {item_id} has an invalid dependsOn.")
    parts = urlsplit(url)
    call = Call(
        method=method.upper(),
        path="/" + parts.path.lstrip("/"),
        query_string=parts.query,
        headers=headers,
        body=request.get("body"),
        inner=True,
        sdk=sdk,
    )
    return Item(item_id, call, tuple(other.lower() for other in depends_on))


def _refuse_bad_dependencies(items: list[Item], ids: set[str]) -> None:
    for item in items:
        for other in item.depends_on:
            if other not in ids:
                raise _bad_batch(f"Request {item.id} depends on {other}, which is not in the batch.")
    waiting = {item.id.lower(): set(item.depends_on) for item in items}
    while waiting:
        free = {name for name, others in waiting.items() if not others & waiting.keys()}
        if not free:
            raise _bad_batch("The dependsOn of the requests must not form a circle.")
        waiting = {name: others for name, others in waiting.items() if name not in free}


async def _perform_all(entra: Entra, items: list[Item]) -> list[Json]:
    """Performs the items in random order, as far as dependsOn allows, and shuffles the responses."""
    chance = entra.faults.chance
    answers: dict[str, tuple[Item, Answer]] = {}
    waiting = chance.sample(items, len(items))
    while waiting:
        item = next(i for i in waiting if all(other in answers for other in i.depends_on))
        waiting.remove(item)
        failed = any(answers[other][1].status >= 400 for other in item.depends_on)
        answer = _failed_dependency(entra, item) if failed else await dispatch(entra, item.call)
        answers[item.id.lower()] = (item, answer)
    shuffled = chance.sample(list(answers.values()), len(answers))
    return [_response(item, answer) for item, answer in shuffled]


def _failed_dependency(entra: Entra, item: Item) -> Answer:
    refusal = GraphError(424, "FailedDependency", "A request that this one depends on has failed.")
    return finish(entra, item.call, "(failed dependency)", entra.clock.guid(), refusal)


def _response(item: Item, answer: Answer) -> Json:
    response: Json = {"id": item.id, "status": answer.status, "headers": dict(answer.headers)}
    if answer.body is not None:
        response["headers"] = {**answer.headers, "Content-Type": "application/json"}
        response["body"] = answer.body
    return response


def _bad_batch(message: str) -> GraphError:
    return GraphError(400, "BadRequest", message)
