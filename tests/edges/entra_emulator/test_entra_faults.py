"""Faults on demand: each does what it says, where it says, as often as it says."""

import asyncio
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from time import monotonic

import httpx
import pytest
from pydantic import ValidationError

from local.entra import Fault, FaultPlan
from tests.support.stack import until

from .graph import batch_item, graph, new_user, people, person, refusal

ON_CONTOSO = "/users?$filter=endsWith(userPrincipalName,'@contoso.com')&$count=true"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429, 500, 502, 503, 504])
async def test_a_status_strikes_as_often_as_it_says(status: int) -> None:
    rules = [{"kind": "status", "status": status, "count": 2}]
    async with graph(faults={"rules": rules}) as g:
        answers = [await g.get("/users") for _ in range(3)]
        assert [answer.status_code for answer in answers] == [status, status, 200]
        assert answers[0].json()["error"]["code"]


async def test_a_status_can_come_with_a_code_of_its_own() -> None:
    rules = [{"kind": "status", "status": 400, "code": "Directory_ExpiredPageToken", "nth": 2}]
    async with graph(users=people(2), faults={"rules": rules}) as g:
        link = (await g.get("/users?$top=1")).json()["@odata.nextLink"]
        assert refusal(await g.get(link))[:2] == (400, "Directory_ExpiredPageToken")
        assert (await g.get(link)).status_code == 200


async def test_a_status_can_strike_the_nth_calls_of_one_method_and_path() -> None:
    rules = [{"kind": "status", "method": "GET", "path": "/users/*", "nth": [2, 3]}]
    async with graph(users=[person()], faults={"rules": rules}) as g:
        assert (await g.get("/users")).status_code == 200
        statuses = [(await g.get("/users/a%40contoso.com")).status_code for _ in range(4)]
        assert statuses == [200, 503, 503, 200]


async def test_the_same_seed_strikes_the_same_calls() -> None:
    rules = [{"kind": "status", "probability": 0.5}]
    runs = []
    for _ in range(2):
        async with graph(faults={"seed": 7, "rules": rules}) as g:
            runs.append([(await g.get("/domains")).status_code for _ in range(20)])
    assert runs[0] == runs[1]
    assert set(runs[0]) == {200, 503}


async def test_a_literal_retry_after_is_seconds_or_a_date() -> None:
    rules = [
        {"kind": "status", "status": 429, "retryAfter": 200, "nth": 1},
        {"kind": "status", "status": 429, "retryAfter": 200, "retryAfterAs": "date", "nth": 1},
    ]
    async with graph(clock_rate=10, faults={"rules": rules}) as g:
        assert (await g.get("/users")).headers["Retry-After"] == "200"
        date = parsedate_to_datetime((await g.get("/users")).headers["Retry-After"])
        assert 195 < (date - datetime.now(UTC)).total_seconds() <= 200


async def test_a_throttled_answer_names_the_limit_if_it_is_the_directorys() -> None:
    rules = [
        {"kind": "status", "status": 429, "scope": "Read", "nth": 1},
        {"kind": "status", "status": 429, "nth": 1},
    ]
    async with graph(limits={"writes": {"count": 1, "seconds": 150}}, faults={"rules": rules}) as g:
        named = (await g.get("/users")).headers["x-ms-throttle-scope"].split("/")
        assert named[:2] == ["Tenant_Application", "Read"]
        assert "x-ms-throttle-scope" not in (await g.get("/users")).headers
        await g.post("/users", new_user("a"))
        used_up = await g.post("/users", new_user("b"))
        assert used_up.headers["x-ms-throttle-scope"].split("/")[1] == "Write"


async def test_a_token_can_expire_before_its_time() -> None:
    async with graph(users=[person()]) as g:
        g.entra.expired_tokens.add("any")
        refused = await g.post("/$batch", {"requests": [batch_item("a", "GET", "/users/a@contoso.com")]})
        assert (refused.status_code, refused.json()["error"]["code"]) == (401, "InvalidAuthenticationToken")
        g.entra.expired_tokens.clear()
        assert (await g.get("/users/a@contoso.com")).status_code == 200


async def test_a_call_is_remembered_with_its_priority() -> None:
    async with graph() as g:
        await g.get("/users")
        await g.http.get("/users", headers={"x-ms-throttle-priority": "Low"})
        assert [call.priority for call in g.entra.requests.calls] == ["normal", "low"]


async def test_inner_faults_leave_the_batch_alone_and_outer_ones_do_not() -> None:
    items = [batch_item(n, "GET", f"/users/{n}@contoso.com") for n in "ab"]
    async with graph(users=[person("a"), person("b")]) as g:
        g.entra.faults.add(Fault(kind="status", status=429, retry_after=3, where="inner", path="/users/a*"))
        answers = await g.batch(*items)
        assert (answers["a"]["status"], answers["a"]["headers"]["Retry-After"]) == (429, "3")
        assert answers["b"]["status"] == 200
        assert (await g.get("/users/a@contoso.com")).status_code == 200
        g.entra.faults.clear()
        g.entra.faults.add(Fault(kind="status", path="/$batch", where="outer"))
        assert (await g.post("/$batch", {"requests": items})).status_code == 503


async def test_throttled_to_death() -> None:
    async with graph(faults={"rules": [{"kind": "status", "status": 429, "retryAfter": 1}]}) as g:
        assert {(await g.get("/domains")).status_code for _ in range(10)} == {429}


@pytest.mark.parametrize("took_effect", [False, True])
async def test_a_connection_drops_before_or_after_the_write(took_effect: bool) -> None:
    async with graph() as g:
        g.entra.faults.add(Fault(kind="drop", method="POST", count=1, took_effect=took_effect))
        with pytest.raises(httpx.TransportError):
            await g.post("/users", new_user("a"))
        assert (g.entra.directory.user("a@contoso.com") is not None) == took_effect
        assert g.entra.requests.count("POST", "/users", status=0) == 1


async def test_a_lost_answer_of_a_batch_leaves_its_writes_done() -> None:
    async with graph() as g:
        g.entra.faults.add(Fault(kind="drop", path="/$batch", took_effect=True, count=1))
        items = [batch_item(str(n), "POST", "/users", new_user(f"u{n}")) for n in range(3)]
        with pytest.raises(httpx.TransportError):
            await g.post("/$batch", {"requests": items})
        assert len(g.entra.directory.users) == 3


async def test_a_connection_dropped_inside_a_batch_leaves_it_half_done() -> None:
    async with graph() as g:
        g.entra.faults.add(Fault(kind="drop", where="inner", nth=(3,)))
        items = [batch_item(str(n), "POST", "/users", new_user(f"u{n}")) for n in range(5)]
        with pytest.raises(httpx.TransportError):
            await g.post("/$batch", {"requests": items})
        assert len(g.entra.directory.users) == 2


async def test_a_gateway_can_time_out_after_the_write_took_effect() -> None:
    async with graph() as g:
        g.entra.faults.add(Fault(kind="status", status=504, took_effect=True, count=1))
        assert (await g.post("/users", new_user("a"))).status_code == 504
        assert g.entra.directory.user("a@contoso.com")


async def test_lists_do_not_show_recent_writes() -> None:
    async with graph(users=[person("a"), person("b"), person("c")]) as g:
        g.entra.faults.load(FaultPlan(stale_list_seconds=60))
        await g.delete("/users/a@contoso.com")
        await g.patch("/users/b@contoso.com", displayName="New", userPrincipalName="b2@contoso.com")
        await g.post("/users", new_user("d"))
        names = await g.names(ON_CONTOSO, eventual=True)
        assert sorted(names) == ["a@contoso.com", "b@contoso.com", "c@contoso.com"]
        assert await g.names("/directory/deletedItems/microsoft.graph.user") == []
        g.entra.faults.load(FaultPlan())
        names = await g.names(ON_CONTOSO, eventual=True)
        assert sorted(names) == ["b2@contoso.com", "c@contoso.com", "d@contoso.com"]


async def test_a_fresh_user_is_not_found_but_already_in_the_way() -> None:
    async with graph(faults={"freshNotFoundSeconds": 60}) as g:
        await g.post("/users", new_user("a"))
        assert (await g.get("/users/a@contoso.com")).status_code == 404
        assert (await g.post("/users", new_user("a"))).status_code == 400
        g.entra.faults.load(FaultPlan())
        assert (await g.get("/users/a@contoso.com")).status_code == 200


async def test_an_empty_page_can_still_have_a_next_link() -> None:
    async with graph(users=people(3), faults={"rules": [{"kind": "emptyPage", "nth": 1}]}) as g:
        page = (await g.get(ON_CONTOSO, eventual=True)).json()
        assert (page["value"], page["@odata.count"]) == ([], 3)
        assert len(await g.names(page["@odata.nextLink"], eventual=True)) == 3


async def test_a_count_can_be_higher_than_what_is_listed() -> None:
    rules = [
        {"kind": "countTooHigh", "missing": 2, "nth": 1},
        {"kind": "shortListing", "missing": 1, "nth": 2},
    ]
    async with graph(users=people(3), faults={"rules": rules}) as g:
        pages = [(await g.get(ON_CONTOSO, eventual=True)).json() for _ in range(3)]
        assert [(page["@odata.count"], len(page["value"])) for page in pages] == [(5, 3), (3, 2), (3, 3)]


async def test_latency_comes_once_per_request_and_delays_on_single_calls(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rules = [{"kind": "delay", "ms": 100, "path": "/domains", "where": "outer"}]
    async with graph(faults={"latencyMs": 50, "jitterMs": 10, "rules": rules}) as g:
        latencies: list[float] = []
        latency = g.entra.faults.latency

        def noted() -> float:
            latencies.append(latency())
            return latencies[-1]

        monkeypatch.setattr(g.entra.faults, "latency", noted)
        started = monotonic()
        await g.batch(*(batch_item(str(n), "GET", "/domains") for n in range(10)))
        assert len(latencies) == 1
        assert 0.05 <= latencies[0] <= monotonic() - started
        started = monotonic()
        await g.get("/domains")
        assert monotonic() - started >= 0.15


async def test_a_delay_ends_when_it_is_taken_away() -> None:
    async with graph() as g:
        delay = Fault(kind="delay", ms=600_000, path="/domains")
        g.entra.faults.add(delay)
        answer = asyncio.create_task(g.get("/domains"))

        async def struck() -> bool:
            return bool(delay.struck)

        await until(struck)
        g.entra.faults.clear()

        assert (await answer).status_code == 200


def test_a_fault_that_cannot_be_is_refused() -> None:
    for wrong in (
        {"kind": "gremlin"},
        {"kind": "status", "status": 418},
        {"kind": "status", "status": 500, "retryAfter": 3},
        {"kind": "delay", "tookEffect": True},
        {"kind": "status", "probability": 0},
        {"kind": "status", "often": True},
    ):
        with pytest.raises(ValidationError):
            Fault.model_validate(wrong)
