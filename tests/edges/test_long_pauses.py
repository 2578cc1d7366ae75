"""A Retry-After beyond the 180 seconds at which the SDK gives up: honoured, by every run of the process.

Time passes only in waits, so that 200 seconds take none.
"""

from typing import Any

import pytest

from local.entra import Fault
from shared.entra.batch import Request
from shared.entra.client import Answer
from shared.entra.graph import Graph
from shared.entra.write_quota import WriteQuota
from shared.errors import GraphError
from tests.support.errors import raises
from tests.support.graph_client import Connected, connected
from tests.support.people import entra_user

SEVERAL = [entra_user(f"u{number}@contoso.com") for number in range(40)]


def writes(count: int) -> list[Request[Any]]:
    return [
        Request(method="PATCH", path=f"/users/id-u{n}", body={"surname": "鈴木"}, subject=n)
        for n in range(count)
    ]


async def statuses(graph: Graph, requests: list[Request[Any]]) -> list[int]:
    answers: list[tuple[Request[Any], Answer]] = [
        pair async for some in graph.send(requests) for pair in some
    ]
    return [answer.status for _, answer in answers]


@pytest.fixture
def patient() -> Fault:
    return Fault(kind="status", status=429, retry_after=200, where="inner", nth=(5,))


@pytest.mark.parametrize("form", ["seconds", "date"])
async def test_a_batch_waits_200_seconds_and_sends_what_was_throttled(form: str) -> None:
    fault = {
        "kind": "status",
        "status": 429,
        "retryAfter": 200,
        "retryAfterAs": form,
        "where": "inner",
        "nth": 5,
    }
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault.model_validate(fault))

        assert await statuses(tenant.graph(), writes(40)) == [204] * 40

    assert sum(tenant.stop.slept) == pytest.approx(200, abs=3)
    assert tenant.entra.requests.count("PATCH") == 41


async def test_another_run_of_the_process_waits_as_long(patient: Fault) -> None:
    async with connected(*SEVERAL) as tenant:
        quota = WriteQuota(clock=tenant.clock)
        await throttled_once(tenant, quota, patient)
        waited = sum(tenant.stop.slept)

        assert await statuses(tenant.graph(quota), writes(1)) == [204]

    assert sum(tenant.stop.slept) - waited == pytest.approx(200, abs=3)


async def throttled_once(tenant: Connected, quota: WriteQuota, patient: Fault) -> None:
    """A run that is told to wait, and is stopped while it does."""
    tenant.entra.faults.add(patient)
    tenant.stop.before_request = 2
    with pytest.raises(Exception, match="Stopped"):
        await statuses(tenant.graph(quota), writes(20))
    tenant.stop.before_request = None


async def test_a_read_waits_200_seconds_too() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=429, retry_after=200, count=1))

        answer = await tenant.graph().get("/users/id-u1?$select=id")

    assert answer.status == 200
    assert tenant.stop.slept == [200]


async def test_an_overloaded_server_that_names_a_time_is_given_it() -> None:
    async with connected(*SEVERAL) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=503, retry_after=30, where="inner", count=1))

        assert await statuses(tenant.graph(), writes(20)) == [204] * 20

    assert sum(tenant.stop.slept) == 30


@pytest.mark.parametrize("link", ["https://elsewhere.example/v1.0/users", "http://127.0.0.1:1/v1.0/users"])
async def test_a_next_page_on_another_host_is_refused_at_once(link: str) -> None:
    async with connected() as tenant:
        with raises(GraphError, match="on another host"):
            await tenant.graph().get(link)

    assert tenant.stop.slept == []
