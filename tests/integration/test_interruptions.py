"""A sync that is stopped half-way, by a person or by its time budget: what is done stands and is on record."""

import pytest

from local.access_control.faults import Fault as SourceFault
from local.entra import Fault, FaultPlan
from shared.model.runs import Run
from shared.runs import sync_log
from tests.support.stack import Stack, StartStack, in_source, until

JOINERS = [f"joiner{n}" for n in range(200)]


async def slow(start_stack: StartStack, **settings: str) -> Stack:
    """200 people to add, 20 at a time."""
    return await start_stack(
        source=[in_source(name) for name in JOINERS], settings={"BATCHES_IN_FLIGHT": "1", **settings}
    )


async def started_and_held_up(stack: Stack, nth: int) -> Run:
    """A sync of which the nth addition, and so its whole batch, is not answered before the test says `let_go`."""
    stack.hold_up(method="POST", where="inner", nth=nth)
    run = await stack.start("sync")
    await stack.written(nth - nth % 20)
    return run


async def added(stack: Stack, run: Run) -> list[str]:
    """Whom the audit log says were added, sorted; nobody twice."""
    rows = [row for row in await stack.audit_log(run) if row["attribute"] == "userPrincipalName"]
    assert {row["result"] for row in rows} == {"succeeded"}
    return sorted(row["userPrincipalName"] for row in rows)


async def test_a_cancelled_sync_stops_within_a_batch_and_says_how_far_it_came(
    start_stack: StartStack,
) -> None:
    stack = await slow(start_stack)
    run = await started_and_held_up(stack, 50)

    await stack.post(f"domains/contoso.com/runs/{run.id}/cancel")
    so_far = len(stack.writes())
    stack.let_go()
    cancelled = await stack.finished(run)

    made = len(stack.users())
    assert (cancelled.status, made <= so_far + 20) == ("cancelled", True)
    assert f"{made} of 200 changes were made and stand; the next run does the rest." in cancelled.message
    assert await added(stack, cancelled) == sorted(stack.users())


async def test_the_sync_after_a_cancelled_one_does_the_rest(start_stack: StartStack) -> None:
    stack = await slow(start_stack)
    run = await started_and_held_up(stack, 50)
    await stack.post(f"domains/contoso.com/runs/{run.id}/cancel")
    stack.let_go()
    cancelled = await stack.finished(run)

    rest = await stack.sync()

    assert (rest.status, cancelled.counts.add + rest.counts.add) == ("succeeded", 200)
    assert stack.writes() == ["POST /users"] * 200


async def test_a_run_goes_on_in_new_invocations_when_its_time_is_up(start_stack: StartStack) -> None:
    stack = await slow(start_stack, TIME_BUDGET_SECONDS="8")
    # Only the writes are slow: reading leaves time for some of them, however busy the machine is.
    stack.entra.faults.load(FaultPlan(rules=[Fault(kind="delay", path="/$batch", ms=1200)]))

    run = await stack.sync(seconds=180)

    assert (run.status, run.counts.add, run.progress.done, run.progress.total) == ("succeeded", 200, 200, 200)
    assert run.invocations > 1
    assert await added(stack, run) == sorted(stack.users())
    assert stack.writes() == ["POST /users"] * 200
    assert [found.id for found in await stack.runs()] == [run.id]


async def test_a_running_sync_shows_how_far_it_is(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sync_log, "SAVE_EVERY", 0)
    stack = await slow(start_stack)
    run = await started_and_held_up(stack, 130)

    async def shown() -> Run | None:
        now = await stack.run(run)
        return now if now.progress.done else None

    halfway = await until(shown)

    assert (halfway.status, halfway.progress.total) == ("running", 200)
    assert halfway.progress.done <= 120
    assert halfway.progress.eta_seconds is not None
    stack.let_go()
    await stack.finished(run)


async def test_a_cancel_does_not_wait_for_a_slow_source(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    slow_answer = SourceFault(kind="delay", ms=60_000)
    stack.access_control.faults.add(slow_answer)
    run = await stack.start("sync")

    async def being_read() -> int:
        return slow_answer.struck

    await until(being_read)
    await stack.post(f"domains/contoso.com/runs/{run.id}/cancel")

    cancelled = await stack.finished(run, seconds=20)
    assert (cancelled.status, stack.writes()) == ("cancelled", [])


async def test_a_cancel_does_not_wait_for_a_graph_that_says_later(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    await stack.get("domains")  # which is remembered
    later = Fault(kind="status", status=429, retry_after=200, path="/$batch", where="outer")
    stack.entra.faults.add(later)
    run = await stack.start("sync")

    async def refused() -> int:
        return later.struck

    await until(refused)
    await stack.post(f"domains/contoso.com/runs/{run.id}/cancel")

    assert (await stack.finished(run, seconds=20)).status == "cancelled"


async def test_a_source_that_is_slower_than_the_time_budget_ends_the_run(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], settings={"TIME_BUDGET_SECONDS": "1"})
    stack.access_control.faults.add(SourceFault(kind="delay", ms=60_000))

    run = await stack.sync()

    assert (run.status, run.invocations, stack.writes()) == ("failed", 3, [])
    assert run.message.startswith("Given up: 3 invocations in a row got nothing done.")


@pytest.mark.parametrize("kind", ["dry-run", "sync"])
async def test_a_source_that_is_slow_and_within_the_time_budget_is_waited_for(
    start_stack: StartStack, kind: str
) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    stack.access_control.faults.add(SourceFault(kind="delay", ms=1_500))

    run = await stack.finished(await stack.start(kind))

    assert (run.status, run.counts.add) == ("succeeded", 1)
