"""What Graph says of the app itself, of the tenant, or of the moment: never an answer about a person.

Time passes only in waits.
"""

from collections.abc import Sequence
from typing import Any

import pytest

from local.entra import Fault
from shared.entra.batch import Request
from shared.entra.client import Answer, GraphClient
from shared.entra.graph import Graph
from shared.entra.sending import TRIES
from shared.entra.write_quota import WriteQuota
from shared.errors import CallerRefused, GraphError
from shared.model.changes import Action
from shared.model.results import Outcome
from tests.support.errors import english, raises
from tests.support.graph_client import Connected, connected
from tests.support.people import add, entra_user

SEVERAL = [entra_user(f"u{number}@contoso.com") for number in range(45)]


def writes(count: int) -> list[Request[Any]]:
    return [
        Request(method="PATCH", path=f"/users/id-u{n}", body={"surname": "鈴木"}, subject=n)
        for n in range(count)
    ]


async def answers(graph: Graph, requests: Sequence[Request[Any]]) -> list[tuple[Request[Any], Answer]]:
    return [pair async for some in graph.send(requests) for pair in some]


async def created(tenant: Connected, count: int) -> list[Outcome]:
    async def before_send(_batch: Sequence[Request[Any]]) -> None:
        return None

    people = [add(f"new{number}@contoso.com") for number in range(count)]
    return [one async for some in tenant.directory.apply(people, before_send) for one in some]


def unauthorized(where: str, count: int | None = None) -> Fault:
    return Fault.model_validate({"kind": "status", "status": 401, "where": where, "count": count})


async def test_a_batch_that_is_refused_for_its_token_is_sent_again_until_it_is_taken() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(unauthorized("outer", 6))
        answered = await answers(tenant.graph(in_flight=1), writes(45))

    assert [answer.status for _, answer in answered] == [204] * 45
    assert not any(request.in_doubt for request, _ in answered)
    assert tenant.stop.slept == [1, 1, 2, 4, 8, 16]


async def test_a_read_is_sent_again_too() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(unauthorized("outer", 3))
        answer = await tenant.graph().get("/users/id-u1?$select=id")

    assert answer.status == 200
    assert tenant.stop.slept == [1, 1, 2]


@pytest.mark.parametrize("in_flight", [1, 4])
async def test_after_a_minute_it_ends_and_nobody_has_got_an_answer(in_flight: int) -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(unauthorized("outer"))
        requests, answered = writes(45), []
        with raises(CallerRefused, match="refused the app itself for 60 seconds: 401 InvalidAuth"):
            async for some in tenant.graph(in_flight=in_flight).send(requests):
                answered += some

    assert answered == []
    assert all(request.no_effect for request in requests[:20])
    assert sum(tenant.stop.slept) == 60


async def test_a_read_ends_after_a_minute_too() -> None:
    async with connected() as tenant:
        tenant.entra.faults.add(unauthorized("outer"))
        with raises(CallerRefused, match="enterprise application is enabled"):
            await tenant.directory.read_domains()

    assert sum(tenant.stop.slept) == 60


async def test_a_401_inside_a_batch_is_a_workloads_answer() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(unauthorized("inner"))
        ((request, answer),) = await answers(tenant.graph(), writes(1))

    assert (answer.status, request.no_effect, tenant.stop.slept) == (401, False, [])


@pytest.mark.parametrize("status", [400, 403])
async def test_a_batch_that_is_refused_as_a_whole_ends_at_once(status: int) -> None:
    async with connected(*SEVERAL) as tenant:
        fault = Fault.model_validate({"kind": "status", "status": status, "where": "outer"})
        tenant.entra.faults.add(fault)
        with raises(CallerRefused, match=f"refused a whole batch: {status} "):
            await answers(tenant.graph(), writes(1))

    assert (fault.struck, tenant.stop.slept) == (1, [])


class Tokens:
    """A new one each time the last was discarded."""

    def __init__(self) -> None:
        self.discarded: list[str] = []
        self.refusals = 0

    async def token(self) -> str:
        if self.refusals:
            self.refusals -= 1
            raise GraphError("graph.noToken", error="ClientAuthenticationError")
        return f"token-{len(set(self.discarded))}"

    async def discard(self, token: str) -> None:
        self.discarded.append(token)

    async def aclose(self) -> None:
        """Nothing is kept open."""


async def test_a_refused_token_is_asked_for_anew() -> None:
    tokens = Tokens()
    async with connected(*SEVERAL) as tenant:
        tenant.entra.expired_tokens.add("token-0")
        client = GraphClient(tenant.entra.url, tokens, tenant.clock)
        graph = Graph(client, WriteQuota(clock=tenant.clock), tenant.stop, in_flight=1)
        answered = await answers(graph, writes(45))
        await client.aclose()

    assert [answer.status for _, answer in answered] == [204] * 45
    assert (tokens.discarded, tenant.stop.slept) == (["token-0"], [1])


@pytest.mark.parametrize(("refusals", "sent"), [(3, 45), (1_000, 0)])
async def test_without_a_token_nothing_goes_out_and_nobody_has_failed(refusals: int, sent: int) -> None:
    tokens = Tokens()
    tokens.refusals = refusals
    async with connected(*SEVERAL) as tenant:
        client = GraphClient(tenant.entra.url, tokens, tenant.clock)
        graph = Graph(client, WriteQuota(clock=tenant.clock), tenant.stop, in_flight=1)
        answered: list[tuple[Request[Any], Answer]] = []
        try:
            answered = await answers(graph, writes(45))
        except CallerRefused as refusal:
            assert "No access token for Graph" in english(refusal)
        await client.aclose()

    assert [answer.status for _, answer in answered] == [204] * sent
    assert tenant.entra.requests.count("PATCH") == sent


async def test_a_concurrency_violation_is_tried_again_and_is_never_in_doubt() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=409, where="inner", count=TRIES - 1))
        ((request, answer),) = await answers(tenant.graph(), writes(1))

    assert (answer.status, request.in_doubt) == (204, False)


async def test_a_concurrency_violation_that_stays_is_an_answer() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=409, where="inner"))
        ((_, answer),) = await answers(tenant.graph(), writes(1))

    assert answer.error.code == "Directory_ConcurrencyViolation"
    assert tenant.entra.requests.count("PATCH") == TRIES


@pytest.mark.parametrize(("strikes", "succeeded"), [(1, True), (2, False)])
async def test_a_create_with_invalid_values_is_tried_once_more(strikes: int, succeeded: bool) -> None:
    async with connected() as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=400, path="/users", count=strikes))
        (outcome,) = await created(tenant, 1)

    assert outcome.succeeded is succeeded
    assert tenant.entra.requests.count("POST", "/users") == 2


async def test_a_change_with_invalid_values_is_not() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=400, where="inner", count=1))
        ((_, answer),) = await answers(tenant.graph(), writes(1))

    assert answer.status == 400
    assert tenant.entra.requests.count("PATCH") == 1


async def test_a_full_tenant_is_asked_no_more_than_what_is_under_way() -> None:
    async with connected(tenant={"objectQuota": 30}) as tenant:
        outcomes = await created(tenant, 200)

    assert sum(outcome.succeeded for outcome in outcomes) == 30
    assert {o.error_code for o in outcomes if not o.succeeded} == {"Directory_QuotaExceeded"}
    assert {outcome.change.action for outcome in outcomes} == {Action.ADD}
    assert len(outcomes) == 200
    assert tenant.entra.requests.count("POST", "/users") <= 4 * 20 + 40
