"""`$batch`: every request followed until it is answered for good, through throttling and lost answers."""

from collections.abc import Sequence
from typing import Any

import pytest

from local.entra import Fault
from shared.entra.batch import BATCH_SIZE, Request
from shared.entra.client import Answer
from shared.entra.graph import Graph
from shared.entra.sending import TRIES
from shared.entra.write_quota import LATER, Expected, WriteQuota
from shared.errors import RunStopped
from tests.edges.test_shared_quota import Tenant
from tests.support.graph_client import Patience, connected
from tests.support.people import entra_user

SEVERAL = [entra_user(f"u{number}@contoso.com") for number in range(45)]


def reads(count: int) -> list[Request[Any]]:
    return [
        Request(method="GET", path=f"/users/id-u{n}?$select=id", subject=f"id-u{n}") for n in range(count)
    ]


def writes(count: int) -> list[Request[Any]]:
    return [
        Request(method="PATCH", path=f"/users/id-u{n}", body={"surname": "鈴木"}, subject=f"id-u{n}")
        for n in range(count)
    ]


async def answers(graph: Graph, requests: Sequence[Request[Any]]) -> list[tuple[Request[Any], Answer]]:
    return [pair async for some in graph.send(requests) for pair in some]


def statuses(answered: Sequence[tuple[Request[Any], Answer]]) -> set[int]:
    return {answer.status for _, answer in answered}


async def test_requests_go_out_twenty_at_a_time_and_each_gets_its_own_answer() -> None:
    async with connected(*SEVERAL) as tenant:
        answered = await answers(tenant.graph(), reads(45))

    assert tenant.entra.requests.count("POST", "/$batch") == 3
    assert {request.subject: answer.body["id"] for request, answer in answered} == {
        user.object_id: user.object_id for user in SEVERAL
    }
    assert len(answered) == 45


async def test_no_requests_are_no_batch() -> None:
    async with connected() as tenant:
        assert await answers(tenant.graph(), []) == []

    assert tenant.entra.requests.calls == []


async def test_a_throttled_request_is_sent_again_after_its_retry_after_and_the_others_are_not() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=429, retry_after=7, where="inner", nth=(3,)))
        answered = await answers(tenant.graph(), reads(20))

    assert statuses(answered) == {200}
    assert sum(tenant.stop.slept) == pytest.approx(7, abs=0.5)
    assert tenant.entra.requests.count("GET", inner=True) == 21


async def test_a_throttled_batch_is_sent_again_as_a_whole() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=429, retry_after=3, where="outer", count=1))
        answered = await answers(tenant.graph(), reads(20))

    assert statuses(answered) == {200}
    assert sum(tenant.stop.slept) == pytest.approx(3, abs=0.5)
    assert not any(request.in_doubt for request, _ in answered)


async def test_a_refusal_is_final() -> None:
    async with connected() as tenant:
        ((request, answer),) = await answers(
            tenant.graph(), [Request(method="GET", path="/users/nobody?$select=id", subject=None)]
        )

    assert (answer.status, request.in_doubt) == (404, False)
    assert answer.error.code == "Request_ResourceNotFound"
    assert answer.request_id
    assert tenant.stop.slept == []


@pytest.mark.parametrize("where", ["inner", "outer"])
async def test_a_server_error_is_tried_again_and_may_have_taken_effect(where: str) -> None:
    async with connected(*SEVERAL) as tenant:
        fault = Fault.model_validate({"kind": "status", "status": 503, "where": where, "count": 1})
        tenant.entra.faults.add(fault)
        answered = await answers(tenant.graph(), writes(1))

    assert statuses(answered) == {204}
    assert [request.in_doubt for request, _ in answered] == [True]


async def test_a_server_that_never_recovers_is_asked_a_bounded_number_of_times() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=503, where="inner"))
        answered = await answers(tenant.graph(), reads(1))

    assert statuses(answered) == {503}
    assert tenant.entra.requests.count("GET", inner=True) == TRIES


async def test_a_lost_connection_is_an_answer_nobody_knows() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="drop", where="outer"))
        answered = await answers(tenant.graph(), reads(1))

    assert statuses(answered) == {0}
    assert answered[0][1].error.code == "NoAnswer"


async def test_one_lost_answer_among_many_loses_nobody() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="drop", where="inner", nth=(7,), took_effect=True))
        answered = await answers(tenant.graph(), writes(45))

    assert statuses(answered) == {204}
    assert len({request.subject for request, _ in answered}) == len(answered) == 45


async def test_writes_keep_within_the_quota_so_that_graph_never_has_to_throttle() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.limit_writes(20, 10)
        answered = await answers(tenant.graph(WriteQuota(20, 10, clock=tenant.clock)), writes(45))

    assert statuses(answered) == {204}
    assert tenant.entra.requests.count(status=429) == 0
    assert tenant.clock.elapsed == pytest.approx(12.5)


async def test_several_processes_keep_within_one_quota() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.limit_writes(40, 8)
        shared = Tenant(clock=tenant.clock)
        quotas = [WriteQuota(40, 8, clock=tenant.clock, share=shared.process()) for _ in range(3)]
        answered = [await answers(tenant.graph(quota), writes(45)) for quota in quotas]

    assert set().union(*map(statuses, answered)) == {204}
    assert tenant.entra.requests.count(status=429) == 0
    assert tenant.clock.elapsed == pytest.approx((3 * 45 - 40 + LATER) / 5, abs=2)


async def test_a_run_that_sends_one_thing_after_another_takes_one_slice_for_all() -> None:
    async with connected(*SEVERAL) as tenant:
        shared = Tenant(clock=tenant.clock)
        graph = tenant.graph(WriteQuota(clock=tenant.clock, share=shared.process()))
        graph.expected = Expected(90, 90)
        for _ in range(2):
            assert await answers(graph, reads(45))
            assert statuses(await answers(graph, writes(45))) == {204}

    assert shared.taken == pytest.approx([90])


async def test_a_quota_that_promises_too_much_is_corrected_by_graph() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.limit_writes(20, 10)
        answered = await answers(tenant.graph(WriteQuota(3000, 150, clock=tenant.clock)), writes(45))

    assert statuses(answered) == {204}
    assert tenant.entra.requests.count(status=429) > 0
    assert tenant.entra.requests.count("PATCH", status=204) == 45


async def test_a_stopped_run_sends_nothing_more_but_yields_what_is_under_way() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.stop.before_request = 2
        answered: list[tuple[Request[Any], Answer]] = []
        with pytest.raises(RunStopped):
            async for some in tenant.graph().send(writes(45)):
                answered += some

    assert len(answered) == 20
    assert tenant.entra.requests.count("PATCH", status=204) == 20


async def test_whoever_keeps_a_journal_is_told_of_a_batch_before_it_goes_out() -> None:
    async with connected(*SEVERAL) as tenant:
        told: list[tuple[int, int]] = []

        async def before_send(batch: Sequence[Request[Any]]) -> None:
            told.append((len(batch), tenant.entra.requests.count("POST", "/$batch")))

        async for _ in tenant.graph(in_flight=1).send(writes(25), before_send):
            pass

    assert told == [(20, 0), (5, 1)]


async def test_a_journal_that_cannot_be_written_holds_the_batch_back() -> None:
    async with connected(*SEVERAL) as tenant:

        async def before_send(_batch: Sequence[Request[Any]]) -> None:
            raise RunStopped("The lease is lost.")

        with pytest.raises(RunStopped):
            async for _ in tenant.graph().send(writes(1), before_send):
                pass

    assert tenant.entra.requests.calls == []


class SlowCheck(Patience):
    """Looks at the fence for so many `seconds`."""

    seconds = 0.0

    async def check(self) -> None:
        await super().check()
        self.clock.elapsed += self.seconds


@pytest.mark.parametrize(("amount", "seconds"), [(1, 0.06), (5, 0.3), (20, 1.1), (45, 3.0)])
async def test_a_slice_is_not_lost_while_the_fence_is_looked_at(amount: int, seconds: float) -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.stop = stop = SlowCheck(tenant.clock, before_request=400)
        stop.seconds = seconds
        shared = Tenant(clock=tenant.clock)
        graph = tenant.graph(WriteQuota(clock=tenant.clock, share=shared.process()))

        found = await answers(graph, writes(amount))

    assert (statuses(found), len(found)) == ({204}, amount)
    assert len(shared.taken) <= 1 + amount // BATCH_SIZE
