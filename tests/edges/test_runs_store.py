"""The Sync Logs' rows: one active run a domain, written only by the invocation that fences it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import Clock
from shared.errors import CancelRequested, LeaseLost, RunActive
from shared.http.views import run_view
from shared.model.parts import verbatim
from shared.model.runs import LimitCheck, Mode, PreCheckSummary, Run, Status, Trigger, new_run_id
from shared.settings import Settings
from shared.store.runs import Fence, Runs
from shared.store.storage import RUNS, Storage
from tests.support.errors import raises

DOMAIN = "contoso.com"


@pytest.fixture
async def runs(storage_accounts: Iterator[str]) -> AsyncIterator[Runs]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield Runs(storage)
    await storage.aclose()


def new_run(**fields: object) -> Run:
    now = datetime.now(UTC)
    run = Run(
        id=new_run_id(now, Clock().token(4)),
        domain=DOMAIN,
        mode=Mode.SYNC,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=now,
    )
    return run.model_copy(update=fields)


async def taken(runs: Runs, run: Run) -> Fence:
    fence = await runs.take(DOMAIN, run.id)
    assert fence is not None
    return fence


async def started(runs: Runs) -> Run:
    run = new_run()
    await runs.start(run)
    return run


async def finish(runs: Runs, run: Run, fence: Fence, status: Status = Status.SUCCEEDED) -> None:
    await runs.finish(fence, run.model_copy(update={"status": status}), {})


class TestStarting:
    async def test_a_domain_has_one_active_run(self, runs: Runs) -> None:
        first = await started(runs)

        with raises(RunActive, match=first.id):
            await runs.start(new_run())

    async def test_of_two_that_start_at_once_one_starts(self, runs: Runs) -> None:
        outcomes = await asyncio.gather(*(runs.start(new_run()) for _ in range(5)), return_exceptions=True)

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType", *["RunActive"] * 4]

    async def test_a_start_whose_answer_was_lost_is_no_run_of_somebody_elses(self, runs: Runs) -> None:
        run = await started(runs)

        await runs.start(run)  # as the SDK does when it tries again

        assert (await runs.read_pointers(DOMAIN)).active == run.id

    async def test_the_next_run_starts_when_this_one_is_finished(self, runs: Runs) -> None:
        run = await started(runs)
        await finish(runs, run, await taken(runs, run))

        await started(runs)


class TestALateSurvivor:
    async def test_cannot_write_the_run(self, runs: Runs) -> None:
        run = await started(runs)
        survivor, successor = await taken(runs, run), await taken(runs, run)

        with pytest.raises(LeaseLost):
            await runs.save(survivor, run.model_copy(update={"message": "late"}))
        await runs.save(successor, run.model_copy(update={"message": "in time"}))

        assert (await runs.get(DOMAIN, run.id)).message == "in time"

    async def test_cannot_close_the_run(self, runs: Runs) -> None:
        run = await started(runs)
        survivor, _ = await taken(runs, run), await taken(runs, run)

        with pytest.raises(LeaseLost):
            await finish(runs, run, survivor)

        assert (await runs.get(DOMAIN, run.id)).status is Status.QUEUED
        assert (await runs.read_pointers(DOMAIN)).active == run.id

    async def test_cannot_write_over_what_its_successor_has_closed(self, runs: Runs) -> None:
        run = await started(runs)
        survivor, successor = await taken(runs, run), await taken(runs, run)
        await finish(runs, run, successor)

        with pytest.raises(LeaseLost):
            await runs.save(survivor, run)

        assert (await runs.get(DOMAIN, run.id)).status is Status.SUCCEEDED

    async def test_cannot_touch_the_run_after_it(self, runs: Runs) -> None:
        run = await started(runs)
        survivor = await taken(runs, run)
        await finish(runs, run, await taken(runs, run))
        following = await started(runs)

        with pytest.raises(LeaseLost):
            await finish(runs, run, survivor)

        assert (await runs.read_pointers(DOMAIN)).active == following.id


class TestTaking:
    async def test_a_run_that_has_ended_is_not_taken(self, runs: Runs) -> None:
        run = await started(runs)
        await finish(runs, run, await taken(runs, run))

        assert await runs.take(DOMAIN, run.id) is None

    async def test_each_invocation_has_a_number_of_its_own(self, runs: Runs) -> None:
        run = await started(runs)

        assert [(await taken(runs, run)).invocation for _ in range(3)] == [1, 2, 3]


class TestCancelling:
    async def test_it_reaches_whoever_holds_the_run(self, runs: Runs) -> None:
        run = await started(runs)
        fence = await taken(runs, run)

        assert await runs.request_cancel(DOMAIN, run.id, "aoki")

        with raises(CancelRequested, match="aoki"):
            await runs.check(fence)

    async def test_it_does_not_keep_the_holder_from_saving_and_finishing(self, runs: Runs) -> None:
        run = await started(runs)
        fence = await taken(runs, run)
        await runs.request_cancel(DOMAIN, run.id, "aoki")

        await runs.save(fence, run)
        await finish(runs, run, fence, Status.CANCELLED)

        assert (await runs.get(DOMAIN, run.id)).status is Status.CANCELLED

    async def test_it_outlives_a_change_of_hands(self, runs: Runs) -> None:
        run = await started(runs)
        await runs.request_cancel(DOMAIN, run.id, "aoki")

        with raises(CancelRequested, match="aoki"):
            await runs.check(await taken(runs, run))

    async def test_a_second_one_names_the_first(self, runs: Runs) -> None:
        run = await started(runs)

        asked = [await runs.request_cancel(DOMAIN, run.id, who) for who in ("aoki", "baba")]

        assert asked == [True, True]
        with raises(CancelRequested, match="aoki"):
            await runs.check(await taken(runs, run))

    async def test_a_run_that_has_ended_is_not_cancelled_nor_the_one_after_it(self, runs: Runs) -> None:
        run = await started(runs)
        await finish(runs, run, await taken(runs, run))
        following = await started(runs)

        assert not await runs.request_cancel(DOMAIN, run.id, "aoki")
        await runs.check(await taken(runs, following))


async def test_a_run_that_is_active_is_kept_however_old_and_goes_with_the_old_ones_once_it_has_ended(
    runs: Runs,
) -> None:
    run = await started(runs)
    later = datetime.now(UTC) + timedelta(days=100)

    await runs.purge(DOMAIN, later)
    kept = await runs.find(DOMAIN, run.id)
    await finish(runs, run, await taken(runs, run))
    await runs.purge(DOMAIN, later)

    assert kept is not None
    assert await runs.find(DOMAIN, run.id) is None


async def test_a_save_that_meets_its_own_first_try_is_a_save(runs: Runs) -> None:
    """As the SDK does when the first answer was lost: the row is not as it was left, but it is still ours."""
    run = await started(runs)
    fence = await taken(runs, run)
    await runs.save(replace(fence), run)

    await runs.save(fence, run.model_copy(update={"message": "saved"}))

    assert (await runs.get(DOMAIN, run.id)).message == "saved"


async def test_a_row_of_an_earlier_version_is_shown_in_the_english_it_has(runs: Runs) -> None:
    """Stored before there were parts: message, warnings, a limit's verdict and the pre-check's notice as text alone."""
    check = LimitCheck(
        name="adds", amount=6, of=9, limit=5, unit="count", exceeded=True, verdict="6 adds > 5"
    )
    before = new_run(
        message="Would add 6. 6 adds > 5: a sync would be cancelled.",
        warnings=("Roles could not be read.", "Neither could mailboxes."),
        limit_checks=(check,),
        pre_check=PreCheckSummary(active_directory=False, notice="Nothing on contoso.com.", objects={}),
    )
    await runs.start(before)

    read = await runs.get(DOMAIN, before.id)
    shown = run_view(read, None, datetime.now(UTC))

    assert read.message_parts == verbatim(before.message)
    assert (shown.message, shown.warnings, shown.limit_checks, shown.pre_check) == (
        before.message, before.warnings, before.limit_checks, before.pre_check,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("damage", "read"),
    [({"source": 9}, 9), ({"source": "9"}, 9), ({"source": "many"}, None), ({"others": 1}, None)],
    ids=str,
)
async def test_a_damaged_size_of_the_last_good_source_is_unknown_and_hides_nothing_beside_it(
    runs: Runs, damage: dict[str, object], read: int | None
) -> None:
    run = await started(runs)
    await finish(runs, run, await taken(runs, run))
    table = await runs._storage.open_table(RUNS)
    await table.upsert_entity({"PartitionKey": DOMAIN, "RowKey": "good-sync", **damage}, mode="replace")

    pointers = await runs.read_pointers(DOMAIN)

    assert (pointers.last_good_source, pointers.last_sync is not None) == (read, True)


class TestAnIdleRun:
    async def test_it_is_idle_once_nothing_was_written_about_it_for_long_enough(self, runs: Runs) -> None:
        run, minute = await started(runs), timedelta(minutes=1)

        assert await runs.find_idle(DOMAIN, minute, datetime.now(UTC)) is None
        idle = await runs.find_idle(DOMAIN, minute, datetime.now(UTC) + timedelta(seconds=61))

        assert idle is not None
        assert idle.run_id == run.id

    async def test_it_is_claimed_once_and_the_claim_is_news_of_it(self, runs: Runs) -> None:
        await started(runs)
        later = datetime.now(UTC) + timedelta(seconds=61)
        idle = await runs.find_idle(DOMAIN, timedelta(minutes=1), later)
        assert idle is not None

        assert [await runs.claim(idle), await runs.claim(idle)] == [True, False]
        still = datetime.now(UTC) + timedelta(seconds=59)
        assert await runs.find_idle(DOMAIN, timedelta(minutes=1), still) is None

    async def test_looking_at_it_is_no_news(self, runs: Runs) -> None:
        await started(runs)
        later = datetime.now(UTC) + timedelta(seconds=61)

        looks = [await runs.find_idle(DOMAIN, timedelta(minutes=1), later) for _ in range(2)]

        assert looks[0] == looks[1] is not None

    async def test_a_claim_does_not_keep_the_holder_from_saving_and_finishing(self, runs: Runs) -> None:
        run = await started(runs)
        fence = await taken(runs, run)
        idle = await runs.find_idle(DOMAIN, timedelta(0), datetime.now(UTC) + timedelta(seconds=1))
        assert idle is not None
        assert await runs.claim(idle)

        await runs.save(fence, run)
        await finish(runs, run, fence)

        assert not await runs.claim(idle)
