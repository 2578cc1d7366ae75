"""When a run must stop: lease lost, cancelled, taken over, or time up."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest
from azure.storage.blob.aio import BlobLeaseClient

from shared.clock import Clock
from shared.errors import CancelRequested, LeaseLost, TimeBudgetSpent
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.outbound.waiting import Deadline
from shared.runs.stop import RunStop
from shared.settings import Settings
from shared.store.leases import Lease, Times, take_lease
from shared.store.runs import Fence, Runs
from shared.store.storage import LOCKS, Storage
from tests.support.errors import raises
from tests.support.graph_client import TestClock

DOMAIN = "contoso.com"


@pytest.fixture
def settings(storage_accounts: Iterator[str]) -> Settings:
    storage = next(storage_accounts)
    return Settings.from_environment(
        {"AzureWebJobsStorage": storage, "SOURCE": "csv", "CSV_PATH": "people.csv"}
    )


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[Storage]:
    storage = Storage(settings, Clock())
    yield storage
    await storage.aclose()


@pytest.fixture
def runs(storage: Storage) -> Runs:
    return Runs(storage)


@pytest.fixture
async def held(storage: Storage, settings: Settings) -> AsyncIterator[Lease]:
    async with take_lease(storage, settings, DOMAIN, Times(renew_every=0.1, retry_every=0.1)) as held:
        yield held


async def held_run(runs: Runs) -> Fence:
    now = datetime.now(UTC)
    run = Run(
        id=new_run_id(now, Clock().token(4)),
        domain=DOMAIN,
        mode=Mode.SYNC,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=now,
    )
    await runs.start(run)
    fence = await runs.take(DOMAIN, run.id)
    assert fence is not None
    return fence


async def test_a_run_that_is_ours_goes_on(runs: Runs, held: Lease) -> None:
    stop = RunStop(held, runs, await held_run(runs), seconds=60, clock=Clock())

    await stop.check()


async def test_a_lost_lease_stops_it(runs: Runs, held: Lease, storage: Storage) -> None:
    stop = RunStop(held, runs, await held_run(runs), seconds=60, clock=Clock())
    await BlobLeaseClient(storage.blobs.get_blob_client(LOCKS, DOMAIN)).break_lease(lease_break_period=0)

    with pytest.raises(LeaseLost):
        await stop.sleep(100)
    with pytest.raises(LeaseLost):
        stop.check_lease()
    with pytest.raises(LeaseLost):
        await stop.check_read()


async def test_another_invocation_that_took_over_stops_it(runs: Runs, held: Lease) -> None:
    fence = await held_run(runs)
    stop = RunStop(held, runs, fence, seconds=60, clock=Clock())
    await runs.take(DOMAIN, fence.run_id)

    with raises(LeaseLost, match="taken over"):
        await stop.check()


async def test_a_cancel_stops_it_by_name(runs: Runs, held: Lease) -> None:
    fence = await held_run(runs)
    stop = RunStop(held, runs, fence, seconds=60, clock=Clock())
    await runs.request_cancel(DOMAIN, fence.run_id, "aoki@contoso.com")

    with raises(CancelRequested, match=r"Cancelled by aoki@contoso\.com"):
        await stop.check()


async def test_storage_is_asked_before_each_write_and_once_a_second_before_reads(
    runs: Runs, held: Lease
) -> None:
    fence = await held_run(runs)
    clock = TestClock()
    stop = RunStop(held, runs, fence, seconds=600, clock=clock)
    await stop.check_read()
    await runs.request_cancel(DOMAIN, fence.run_id, "aoki")

    await clock.sleep(0.99)
    await stop.check_read()
    with pytest.raises(CancelRequested):
        await stop.check()
    await clock.sleep(0.01)
    with pytest.raises(CancelRequested):
        await stop.check_read()


async def test_its_time_is_up_when_the_budget_is_spent(runs: Runs, held: Lease) -> None:
    stop = RunStop(held, runs, await held_run(runs), seconds=0, clock=Clock())

    with pytest.raises(TimeBudgetSpent):
        await stop.check()


async def test_a_long_wait_ends_within_a_second_of_a_cancel(runs: Runs, held: Lease) -> None:
    fence = await held_run(runs)
    clock = TestClock()
    stop = RunStop(held, runs, fence, seconds=600, clock=clock)
    await runs.request_cancel(DOMAIN, fence.run_id, "aoki")

    with pytest.raises(CancelRequested):
        await stop.sleep(200)

    assert clock.elapsed <= 1


async def test_a_wait_takes_as_long_as_it_was_asked_to(runs: Runs, held: Lease) -> None:
    clock = TestClock()
    stop = RunStop(held, runs, await held_run(runs), seconds=60, clock=clock)

    await stop.sleep(2.5)

    assert clock.elapsed == 2.5


async def test_a_look_at_what_is_left_behind_is_limited_by_its_time_only() -> None:
    clock = TestClock()
    limit = Deadline(10, clock, TimeBudgetSpent("late"))
    await limit.check()

    with pytest.raises(TimeBudgetSpent, match="late"):
        await limit.sleep(60)

    assert clock.elapsed == 10
