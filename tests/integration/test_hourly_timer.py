"""The hourly timer: who is synchronised, whose lost message is sent again, what is cleared away."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import Clock
from shared.model.runs import Mode, Run, Status, Trigger, new_run_id
from shared.runs import hourly, lifecycle
from shared.store import audit_logs
from shared.store.leases import take_lease
from shared.store.storage import AUDIT_LOGS, RUNS
from tests.support.stack import Stack, StartStack, in_entra, in_source
from tests.support.storage_control import storage_of

DOMAINS = [{"id": "one.example"}, {"id": "two.example"}, {"id": "off.example"}]
ONE, TWO, OFF = (str(domain["id"]) for domain in DOMAINS)


@pytest.fixture
async def stack(start_stack: StartStack) -> Stack:
    """Three domains with somebody to add; periodic sync is on for two of them."""
    names = [str(domain["id"]) for domain in DOMAINS]
    stack = await start_stack(
        source=[in_source(name.partition(".")[0], name) for name in names], domains=DOMAINS
    )
    await stack.set(ONE, periodicSync=True)
    await stack.set(TWO, periodicSync=True)
    await stack.set(OFF, periodicSync=False)
    return stack


async def old_run(stack: Stack, age: timedelta) -> Run:
    """A dry run that ended so long ago."""
    then = datetime.now(UTC) - age
    run = Run(
        id=new_run_id(then, Clock().token(4)),
        domain=ONE,
        mode=Mode.DRY_RUN,
        trigger=Trigger.MANUAL,
        requested_by="x",
        created_at=then,
    )
    await stack.services.runs.start(run)
    fence = await stack.services.runs.take(ONE, run.id)
    assert fence is not None
    ended = run.model_copy(update={"status": Status.SUCCEEDED, "finished_at": then})
    await stack.services.runs.finish(fence, ended, {})
    return ended


async def test_every_domain_with_periodic_sync_on_is_synchronised(stack: Stack) -> None:
    await stack.tick()

    (one,), (two,) = await stack.runs(ONE), await stack.runs(TWO)
    assert (one.mode, one.trigger, one.requested_by) == ("sync", "schedule", "schedule")
    assert (await stack.finished(one)).status == (await stack.finished(two)).status == "succeeded"
    assert list(stack.users(ONE)) == ["one@one.example"]
    assert await stack.runs(OFF) == []


async def test_a_domain_that_was_never_touched_is_left_alone(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("baba")])

    tick = await stack.tick()

    assert (tick["domains"], tick["queued"], await stack.runs()) == ([], [], [])


async def test_a_busy_domain_is_passed_over(stack: Stack) -> None:
    stack.hold_up()
    active = await stack.start("dry-run", ONE)

    tick = await stack.tick()

    assert (tick["domains"], tick["queued"]) == ([ONE, TWO], [TWO])
    stack.let_go()
    await stack.finished(active)
    assert [run.id for run in await stack.runs(ONE)] == [active.id]
    await stack.finished((await stack.runs(TWO))[0])


async def test_a_run_whose_message_was_lost_is_queued_again(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    lost = await stack.start_without_message(OFF)
    monkeypatch.setattr(lifecycle, "abandoned_after", lambda _seconds: timedelta(0))

    tick = await stack.tick()

    assert OFF in tick["queued"]
    assert (await stack.finished(lost)).status == "succeeded"
    assert [run.id for run in await stack.runs(OFF)] == [lost.id]


async def test_a_run_whose_worker_died_goes_on_once_its_lease_has_ended(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    services, run = stack.services, await stack.start_without_message(OFF)
    monkeypatch.setattr(lifecycle, "abandoned_after", lambda _seconds: timedelta(0))

    async with take_lease(services.storage, services.settings, OFF):
        fence = await services.runs.take(OFF, run.id)
        assert fence is not None
        await services.runs.save(fence, run.model_copy(update={"status": Status.RUNNING, "invocations": 1}))
        held = await stack.tick()
    free = await stack.tick()

    assert (OFF in held["queued"], OFF in free["queued"]) == (False, True)
    ended = await stack.finished(run)
    assert (ended.status, ended.invocations) == ("succeeded", 2)


async def test_a_run_that_was_queued_a_moment_ago_is_not_queued_again(stack: Stack) -> None:
    waiting = await stack.start_without_message(OFF)

    tick = await stack.tick()

    assert OFF not in tick["queued"]
    assert (await stack.run(waiting)).status == "queued"


async def test_a_start_that_failed_and_took_effect_all_the_same_is_queued(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "TRY_AGAIN_SECONDS", 0.1)
    start = {"operation": "EntityGroupTransaction", "resource": "Runs(POST active*", "tookEffect": True}
    # No other code of storage makes the first try the last one of that start.
    await storage_of(stack).faults({"kind": "refuse", "code": "AuthorizationFailure", "count": 2, **start})

    tick = await stack.tick()

    assert await storage_of(stack).struck() == [2]
    assert tick["queued"] == [ONE, TWO]
    for domain in (ONE, TWO):
        (run,) = await stack.runs(domain)
        assert (await stack.finished(run)).status == "succeeded"


async def test_runs_are_forgotten_after_ninety_days(stack: Stack) -> None:
    forgotten = await old_run(stack, timedelta(days=90, minutes=1))
    kept = await old_run(stack, timedelta(days=89))

    await stack.tick()

    assert kept.id in [run.id for run in await stack.runs(ONE)]
    assert (await stack.get(f"domains/{ONE}/runs/{kept.id}")).status_code == 200
    assert (await stack.get(f"domains/{ONE}/runs/{forgotten.id}")).status_code == 404


async def test_audit_logs_are_deleted_after_a_day(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    async def stored() -> list[str]:
        container = await stack.services.storage.open_container(AUDIT_LOGS)
        return [name async for name in container.list_blob_names()]

    dry_run, sync = await stack.dry_run(OFF), await stack.sync(OFF)
    log, plan = f"dry-run/{dry_run.domain}.csv", f"dry-run/{dry_run.domain}.jsonl"
    expected = [log, plan, f"sync/{OFF}/{sync.id}.csv"]
    await stack.set(ONE, periodicSync=False)
    await stack.set(TWO, periodicSync=False)
    await stack.tick()
    assert await stored() == expected

    monkeypatch.setattr(audit_logs, "AUDIT_LOG_LIFETIME", timedelta(0))
    await stack.tick()

    assert await stored() == []


async def test_records_that_take_too_long_to_delete_keep_no_run_waiting(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hourly, "CLEAR_AWAY_SECONDS", 3.0)
    forgotten = await old_run(stack, timedelta(days=91))
    await storage_of(stack).faults({"kind": "hang", "operation": "ListBlobs", "resource": AUDIT_LOGS})

    tick = await stack.tick()

    assert tick["queued"] == [ONE, TWO]
    assert [event["error"] for event in stack.events.named("timer.failed")] == ["TimeoutError: "]
    for run in (*await stack.runs(ONE), *await stack.runs(TWO)):
        assert (await stack.finished(run)).status == "succeeded"
    assert (await stack.get(f"domains/{ONE}/runs/{forgotten.id}")).status_code == 404


async def test_a_domain_in_trouble_keeps_no_other_waiting(stack: Stack) -> None:
    runs = await stack.services.storage.open_table(RUNS)
    await runs.create_entity({"PartitionKey": ONE, "RowKey": "active", "invocation": "of no run"})

    await stack.tick()

    assert [event["domain"] for event in stack.events.named("timer.failed")] == [ONE]
    assert (await stack.finished((await stack.runs(TWO))[0])).status == "succeeded"
