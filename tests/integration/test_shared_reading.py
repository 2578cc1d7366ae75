"""One reading of the source for all domains: a new one where somebody asks, a second one before deletions."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from local.access_control import Fault
from local.host.limits import PLATFORM
from shared.errors import SourceError
from shared.model.records import Author
from shared.model.runs import Mode, Run, Trigger
from shared.outbound.waiting import NoStop
from shared.runs import lifecycle, orders
from shared.runs.invocation import Ended, Finished, Waits, perform
from shared.runs.messages import message, reading_message
from shared.runs.reading import SharedSource, give_up_reading, perform_reading
from shared.store.snapshots import Waiting
from tests.support.errors import raises
from tests.support.people import MAP
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source, until

OTHER = "other.com"
DOMAINS = (CONTOSO, OTHER)
NAMES = [f"user{number}" for number in range(6)]
AUTHOR = Author("somebody", "127.0.0.1")


# What runs read is what is tested here.
pytestmark = pytest.mark.usefixtures("every_hour_has_runs")


async def started(start_stack: StartStack, *, read: str = "mirror", host: bool = True) -> Stack:
    """Two domains, each with the same people on both sides."""
    everybody = [(f"{name}{place}", domain) for place, domain in enumerate(DOMAINS) for name in NAMES]
    return await start_stack(
        source=[in_source(*one) for one in everybody],
        entra=[in_entra(*one) for one in everybody],
        domains=[{"id": CONTOSO, "isDefault": True}, {"id": OTHER}],
        settings={"READ": read},
        host=PLATFORM if host else False,
    )


def lists_read(stack: Stack) -> int:
    """How often the source was read from its first page."""
    return sum(call.page == 1 for call in stack.access_control.requests.calls)


async def hour(stack: Stack) -> list[Run]:
    """What the timer starts on both domains, as it has ended."""
    for domain in DOMAINS:
        await stack.set(domain, periodicSync=True)
    return await stack.hour(*DOMAINS)


async def begun(stack: Stack, domain: str, mode: Mode = Mode.SYNC) -> Run:
    """A run whose message has not been sent."""
    run = lifecycle.new_run(stack.services.clock, domain, mode, Trigger.MANUAL, AUTHOR)
    return await lifecycle.start(stack.services, run)


@asynccontextmanager
async def reading(stack: Stack, run: Run) -> AsyncIterator["asyncio.Task[Ended]"]:
    """The run's invocation, while it waits for the source's first page. At the end of the block the page comes."""
    hanging = Fault(kind="delay", ms=600_000, page=1, count=1)
    stack.access_control.faults.add(hanging)

    async def asked() -> int:
        return hanging.struck

    async with asyncio.TaskGroup() as tasks:
        performing = tasks.create_task(perform(stack.services, run.domain, run.id))
        await until(asked)
        try:
            yield performing
        finally:
            stack.access_control.faults.clear()


async def ended(stack: Stack, run: Run) -> Run:
    assert await perform(stack.services, run.domain, run.id) == Finished()
    return await stack.services.runs.get(run.domain, run.id)


def version(run: Run) -> int | None:
    return run.read.source.version if run.read.source else None


class TestAnHour:
    async def test_all_domains_share_one_reading_and_say_which(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)

        runs = await hour(stack)

        assert [run.status for run in runs] == ["succeeded"] * 2
        assert [run.counts.unchanged for run in runs] == [len(NAMES)] * 2
        assert [version(run) for run in runs] == [1, 1]
        assert lists_read(stack) == 1
        assert [one["version"] for one in stack.events.named("snapshot.used")] == [1, 1]

    async def test_each_hour_has_a_new_one(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await hour(stack)
        stack.access_control.users.edit("user00", {"family_name": "新"})

        runs = await hour(stack)

        assert [(version(run), run.counts.update) for run in runs] == [(2, 1), (2, 0)]

    async def test_one_that_fails_fails_every_run_with_its_message(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await hour(stack)
        stack.access_control.users.remove("user00")
        stack.access_control.faults.add(Fault(kind="status", status=403))

        runs = await hour(stack)

        assert [run.status for run in runs] == ["failed"] * 2
        assert all("GET users answered 403" in run.message for run in runs)
        assert [version(run) for run in runs] == [None, None]
        assert stack.writes() == []

    async def test_with_read_live_each_run_reads_for_itself(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, read="live")

        runs = await hour(stack)

        assert [run.status for run in runs] == ["succeeded"] * 2
        assert [version(run) for run in runs] == [None, None]
        assert lists_read(stack) == 2
        assert (await stack.services.snapshots.look()).begun == 0


class TestAskedFor:
    async def test_sync_now_and_dry_run_take_a_new_one(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        first = await stack.sync()
        stack.access_control.users.edit("user00", {"family_name": "新"})

        found = [await stack.dry_run(), await stack.sync()]

        assert version(first) == 1
        assert [(version(run), run.counts.update) for run in found] == [(2, 1), (3, 1)]

    async def test_who_asks_before_it_begins_shares_it_and_holds_no_invocation(
        self, start_stack: StartStack
    ) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER, Mode.DRY_RUN)

        async with reading(stack, first) as performing:
            waits = await perform(stack.services, OTHER, second.id)
            waiting = await stack.services.runs.get(OTHER, second.id)

        assert waits == Waits()
        assert (waiting.status, waiting.stalled_invocations) == ("queued", 0)
        assert performing.result() == Waits((message(OTHER, second.id), message(CONTOSO, first.id)))
        assert [version(await ended(stack, run)) for run in (second, first)] == [1, 1]
        assert lists_read(stack) == 1

    async def test_who_asks_later_waits_for_the_next(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        first = await begun(stack, CONTOSO)

        async with reading(stack, first) as performing:
            second = await begun(stack, OTHER)
            assert await perform(stack.services, OTHER, second.id) == Waits()

        assert performing.result() == Waits((reading_message(2), message(CONTOSO, first.id)))
        assert version(await ended(stack, first)) == 1
        assert (await perform_reading(stack.services, 2)).messages == [message(OTHER, second.id)]
        assert version(await ended(stack, second)) == 2

    async def test_nobody_waits_for_one_that_has_ended_while_they_came_though_the_next_has_begun(
        self, start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER)
        snapshots = stack.services.snapshots
        wait = snapshots.wait

        async with reading(stack, first) as performing:

            async def late(waiting: Sequence[Waiting]) -> None:
                stack.access_control.faults.clear()
                await asyncio.wait({performing})
                seen, now = await snapshots.look(), stack.services.clock.now()
                assert await snapshots.begin(seen, map_digest="", begun_at=now, go_on=False)
                await wait(waiting)

            monkeypatch.setattr(snapshots, "wait", late)
            run = await ended(stack, second)

        assert performing.result() == Finished()
        assert version(run) == 1

    async def test_when_the_reader_dies_one_who_waits_goes_on(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER)

        async with reading(stack, first) as performing:
            await perform(stack.services, OTHER, second.id)
            performing.cancel()
            await asyncio.wait({performing})

        assert (version(await ended(stack, second)), lists_read(stack)) == (1, 2)

    async def test_when_the_reader_dies_before_it_has_told_who_waits_its_redelivered_message_does(
        self, start_stack: StartStack
    ) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER)
        order = message(CONTOSO, first.id).encode()
        async with reading(stack, first) as performing:
            await perform(stack.services, OTHER, second.id)
        assert performing.result() == Waits((message(OTHER, second.id), message(CONTOSO, first.id)))

        # What that invocation was about to send is lost with it.
        again = await orders.perform(stack.services, order, redelivered=True)
        twice = await orders.perform(stack.services, order, redelivered=True)
        poisoned = await orders.give_up(stack.services, order)
        delivered_once = await orders.perform(stack.services, order)

        assert again.messages == twice.messages == poisoned.messages == [message(OTHER, second.id)]
        assert delivered_once.messages == []
        assert version(await ended(stack, second)) == 1

    async def test_a_reader_that_is_cancelled_leaves_it_to_another(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER)

        async with reading(stack, first) as performing:
            await perform(stack.services, OTHER, second.id)
            await lifecycle.cancel(stack.services, CONTOSO, first.id, AUTHOR)
            await asyncio.wait({performing})

        assert performing.result() == Finished(send=(reading_message(1),))
        assert (await stack.services.runs.get(CONTOSO, first.id)).status == "cancelled"
        assert (await perform_reading(stack.services, 1)).messages == [message(OTHER, second.id)]
        assert version(await ended(stack, second)) == 1

    async def test_a_reading_that_is_given_up_fails_who_waits(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER)
        async with reading(stack, first) as performing:
            await perform(stack.services, OTHER, second.id)
            performing.cancel()
            await asyncio.wait({performing})

        messages = (await give_up_reading(stack.services, 1)).messages
        run = await ended(stack, second)

        assert messages == [message(OTHER, second.id)]
        assert (run.status, run.message_parts[0].code) == ("failed", "run.poisoned")

    async def test_a_what_if_with_another_map_reads_for_itself(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        settings = {"attributeMap": {"department": "Department"}}

        answer = await stack.post(f"domains/{CONTOSO}/dry-run", {"settings": settings})
        run = await stack.finished(Run.model_validate(answer.json()))

        assert (run.status, version(run)) == ("succeeded", None)
        assert (await stack.services.snapshots.look()).newest is None


class TestHowOld:
    async def test_one_that_ended_too_long_ago_is_read_anew(
        self, start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack = await started(start_stack, host=False)
        first, second = await begun(stack, CONTOSO), await begun(stack, OTHER)
        await ended(stack, first)
        monkeypatch.setattr("shared.runs.reading.FRESH", timedelta(seconds=-1))

        run = await ended(stack, second)

        assert (version(run), lists_read(stack)) == (2, 2)

    async def test_a_run_of_an_earlier_version_reads_for_itself(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        await ended(stack, await begun(stack, OTHER))
        old = lifecycle.new_run(stack.services.clock, CONTOSO, Mode.SYNC, Trigger.MANUAL, AUTHOR)
        await stack.services.runs.start(old)

        assert version(await ended(stack, old)) is None


class TestBeforeDeletions:
    async def test_a_deletion_has_a_second_reading(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await stack.set(maxAllowedDeletions=100)
        stack.access_control.users.remove("user00")

        run = await stack.sync()
        newest = (await stack.services.snapshots.look()).newest

        assert newest is not None
        assert (run.counts.delete, version(run), newest.number) == (1, 1, 2)
        assert lists_read(stack) == 2

    async def test_a_second_reading_that_fails_deletes_nobody(self, start_stack: StartStack) -> None:
        stack = await started(start_stack)
        await stack.set(maxAllowedDeletions=100)
        stack.access_control.users.remove("user00")
        stack.access_control.faults.add(Fault(kind="status", status=403, page=1, nth=2))

        run = await stack.sync()

        assert (run.status, run.counts.failed, stack.writes()) == ("completedWithErrors", 1, [])

    async def test_it_was_begun_after_the_plan(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        one, other = await planned(stack, CONTOSO), await planned(stack, OTHER)
        before = lists_read(stack)

        await one.again()
        await other.again()
        shared = lists_read(stack) - before
        late = await planned(stack, "third.example")
        await late.again()

        assert (before, shared, lists_read(stack)) == (1, 1, 3)

    async def test_it_ended_a_short_time_ago(
        self, start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        stack = await started(start_stack, host=False)
        one, other = await planned(stack, CONTOSO), await planned(stack, OTHER)
        await one.again()
        monkeypatch.setattr("shared.runs.reading.FRESH_SECOND", timedelta(seconds=-1))

        await other.again()

        assert lists_read(stack) == 3

    async def test_it_waits_for_nobody(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        one, run = await planned(stack, CONTOSO), await begun(stack, OTHER)

        async with reading(stack, run):
            people = await one.again()

        assert len(people) == 2 * len(NAMES)

    async def test_a_failed_one_is_no_second_look(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, host=False)
        one = await planned(stack, CONTOSO)
        stack.access_control.faults.add(Fault(kind="status", status=403))

        for _ in range(2):
            with raises(SourceError, match="answered 403"):
                await one.again()


async def planned(stack: Stack, domain: str) -> SharedSource:
    """What an invocation reads from that has made its plan."""
    run = lifecycle.new_run(stack.services.clock, domain, Mode.SYNC, Trigger.MANUAL, AUTHOR)
    run = run.model_copy(update={"read_after": 0})
    source = SharedSource(stack.services, run, NoStop(stack.services.clock))
    source.read_with(MAP, MAP)
    await source.users()
    await source.planned()
    return source
