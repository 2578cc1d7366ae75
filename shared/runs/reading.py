"""One reading of the source for all domains, and how a run comes by one.

A run takes the newest snapshot if that is fresh, and was begun after somebody asked for the run. Where there is none,
the first that needs one reads the source, for all others too: these end their invocations, and the reading sends their
messages. A reading that is cut off goes on in the next invocation that needs one, from what was staged.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

from shared.errors import (
    DomainBusy,
    LeaseLost,
    ReadingAwaited,
    SettingsUnreadable,
    SourceError,
    TimeBudgetSpent,
)
from shared.log import event
from shared.model.notifications import Happening
from shared.model.parts import Parts, parts_of
from shared.model.people import People
from shared.model.runs import Run, SourceRead, Trigger
from shared.model.told import MOST_ALIKE
from shared.outbound.waiting import Deadline, Stop
from shared.planning.mapping import AttributeMap
from shared.planning.sides import Source
from shared.reports import summary
from shared.reports.logged import error_text
from shared.runs.messages import hour_message, message, reading_message
from shared.runs.mirroring import Mirroring
from shared.services import Services
from shared.store.leases import Lease, Times, take_lease
from shared.store.snapshots import HOUR, READINGS, Failure, Readings, Snapshot, StoredMirror, Waiting

# How long ago the reading of a run's snapshot may have ended; of the second one, before its first deletion.
FRESH, FRESH_SECOND = timedelta(minutes=15), timedelta(minutes=5)
_LOOK_AGAIN = 1.0


class ReadingFailed(Exception):
    """The shared reading with this number failed. `why`: what its error said."""

    def __init__(self, failed: Failure) -> None:
        super().__init__(failed.why)
        self.number, self.why = failed.number, failed.why


@dataclass(frozen=True, slots=True)
class Ended:
    """What a message of a reading has led to. `messages`: to be sent; `has_word`: some wait in the tenant's outbox."""

    messages: list[str]
    has_word: bool = False


class SharedSource:
    """The source for one invocation of a run.

    `read`: the snapshot that the plan rests on; None for a read of its own. `digests`: of each domain's people in it.
    `messages`: for others, to be sent by the caller. `got_on`: whether this invocation has staged something of a
    reading that it leaves to another.
    """

    def __init__(self, services: Services, run: Run, stop: Stop) -> None:
        self._services = services
        self._snapshots = services.snapshots
        self._run = run
        self._stop = stop
        self._map: AttributeMap
        self._digest: str
        self._live: Source
        self._shares = services.settings.read == "mirror" and run.read_after is not None
        self._after = run.read_after or 0
        self._unfinished: Readings | None = None
        self.got_on = False
        self.read: SourceRead | None = None
        self.digests: Mapping[str, str] | None = None
        self._mirror: StoredMirror | None = None
        self._people: People | None = None
        self.messages: list[str] = []

    def read_with(self, attribute_map: AttributeMap, in_force: AttributeMap) -> None:
        """Sets the map; with another one than that in force the run reads for itself."""
        self._map = attribute_map
        self._digest = self._services.readings.digest(attribute_map)
        self._live = self._services.source(attribute_map, self._stop)
        self._shares = self._shares and attribute_map == in_force

    async def users(self) -> People:
        """Everybody in the source, the same people again. Raises ReadingAwaited and ReadingFailed, as a source does."""
        if self._people is None:
            self._people = await (self._shared_users() if self._shares else self._live.users())
        return self._people

    async def read_mirror(self) -> StoredMirror | None:
        """The copy of Entra's users that goes with the reading of the source, which comes first.

        None if there is none that is fresh.
        """
        if self._shares:
            await self.users()
        return self._mirror

    async def _shared_users(self) -> People:
        while True:
            seen = await self._snapshots.look()
            newest = seen.newest
            if newest and is_fresh(newest, self._after):
                if newest.map != self._digest:  # it was changed since
                    return await self._live.users()
                if (people := await self._loaded(newest)) is not None:
                    self._mirror = self._fresh(seen.mirror)
                    return people
                self._after = newest.number
            elif failed := failure_of(seen, self._after):
                if failed.age <= FRESH:
                    raise ReadingFailed(failed)
                self._after = failed.number
            elif (people := await self._read_or_wait(seen)) is not None:
                return people

    async def planned(self) -> None:
        """What `again` reads is begun after this."""
        if self._shares:
            self._after = (await self._snapshots.look()).begun

    async def again(self) -> People:
        """Everybody, by a reading that was begun after the plan and ended at most five minutes ago.

        Waits for no other invocation: where another one reads, this one reads for itself alone.
        """
        if not self._shares:
            return await self._live.users()
        seen = await self._snapshots.look()
        newest, people = seen.newest, None
        if newest and newest.number > self._after and newest.age <= FRESH_SECOND:
            people = await self._loaded(newest) if newest.map == self._digest else None
        if people is None:
            people = await self._read(seen, max(self._after, seen.ended))
        return await self._live.users() if people is None else people

    async def hand_over(self) -> None:
        """What this invocation has begun to read and not ended, another goes on with, if somebody waits for it."""
        left = self._unfinished
        if left and await self._snapshots.waiting(left.ended):
            self.messages.append(reading_message(left.begun))

    async def _read_or_wait(self, seen: Readings) -> People | None:
        """Everybody, as this invocation has read them; None where it is worth another look."""
        if (people := await self._read(seen, self._after)) is not None:
            if self.messages:
                # The others need not wait for this run: messages are sent when the invocation ends.
                self.messages.append(message(self._run.domain, self._run.id))
                raise ReadingAwaited("reading.awaited")
            return people
        number = max(self._after, seen.ended) + 1
        await self._snapshots.wait([Waiting(self._run.domain, self._run.id, number)])
        now = await self._snapshots.look()
        # One that ended before the row was there has sent no message, and the next looks for who waits for itself.
        if now.under_way and now.ended < number:
            raise ReadingAwaited("reading.awaited")
        # Whoever holds the lease is about to begin, or has just ended.
        await self._stop.sleep(_LOOK_AGAIN)
        return None

    async def _read(self, seen: Readings, after: int) -> People | None:
        """A reading with a higher number than `after`; None if another invocation reads, or has read meanwhile."""
        services, run = self._services, self._run
        reading, why = None, Parts()
        try:
            async with _lease(services) as held:
                both = _Both(self._stop, held)
                mirror = Mirroring(services, self._map, both, run.trigger is Trigger.SCHEDULE)
                reading = services.readings.begin(self._map, both, mirror.read)
                await reading.read(seen, after)
        except DomainBusy:
            return None
        except SourceError as error:
            why = parts_of(error)
            raise
        finally:
            self._unfinished = reading.left if reading else None
            self.got_on = reading is not None and reading.got_on
            # After the lease has been released: who comes now finds either the lease or the end.
            if reading and reading.ended:
                others = await _messages(services, seen.ended, reading.ended)
                self.messages += [one for one in others if one != message(run.domain, run.id)]
                if self.messages:
                    await _tell_of_end(services, seen, reading.ended, why)
        if reading.snapshot is None:
            return None
        if self.read is None:
            await self._note(reading.snapshot)
            self._mirror = reading.mirror
        return await services.readings.load(reading.snapshot)

    def _fresh(self, mirror: StoredMirror | None) -> StoredMirror | None:
        """The mirror, if it was read after somebody asked for this run, and not too long ago."""
        return mirror if mirror and is_fresh(mirror, self._run.read_after or 0) else None

    async def _loaded(self, snapshot: Snapshot) -> People | None:
        """Everybody in it; None if it is damaged or gone."""
        people = await self._services.readings.load(snapshot)
        if people is None:
            event("snapshot.damaged", logging.ERROR, version=snapshot.number)
            return None
        run, age = self._run, round(snapshot.age.total_seconds())
        event("snapshot.used", domain=run.domain, runId=run.id, version=snapshot.number, ageSeconds=age)
        if self.read is None:
            await self._note(snapshot)
        return people

    async def _note(self, snapshot: Snapshot) -> None:
        self.read = told_of(snapshot)
        self.digests = await self._services.readings.digests(snapshot)


def is_fresh(read: Snapshot | StoredMirror, after: int) -> bool:
    """Whether it was begun after the reading `after`, and has ended not too long ago."""
    return read.number > after and read.age <= FRESH


def failure_of(seen: Readings, after: int) -> Failure | None:
    """The last reading after that with this number, if it has failed and no good one came after it."""
    failed, newest = seen.failed, seen.newest
    return failed if failed and failed.number > max(after, newest.number if newest else 0) else None


async def perform_reading(services: Services, number: int) -> Ended:
    """Reads the source, unless a reading with this number or a higher one has ended.

    What fails is told to the runs that wait: their messages are sent all the same.
    """
    settings, clock = services.settings, services.clock
    seen, ended, has_word = await services.snapshots.look(), number, False
    if seen.ended < number:
        stop = Deadline(settings.time_budget_seconds, clock, TimeBudgetSpent("run.timeIsUp"))
        try:
            terms = await services.tenant_settings.read_terms()
            async with _lease(services) as held:
                both = _Both(stop, held)
                mirror = Mirroring(services, terms.attribute_map, both, low_priority=True)
                reading = services.readings.begin(terms.attribute_map, both, mirror.read)
                if await reading.read(seen, number - 1) is None:
                    return Ended([reading_message(number)])
                ended = reading.ended
                has_word = await _tell_of_end(services, seen, ended)
        except DomainBusy:
            return Ended([])  # that one sends their messages
        except (TimeBudgetSpent, LeaseLost) as error:
            event("reading.continues", number=number, reason=error_text(error))
            return Ended([reading_message(number)])
        except (SourceError, SettingsUnreadable) as error:
            event("reading.unread", logging.WARNING, number=number, reason=error_text(error))
            ended = max(number, seen.begun + 1)
            if isinstance(error, SourceError):  # of the settings each run tells
                has_word = await _tell_of_end(services, seen, ended, parts_of(error))
    return Ended(await _messages(services, min(seen.ended, number - 1), max(ended, seen.ended)), has_word)


async def messages_again(services: Services) -> list[str]:
    """Those of the last reading that has ended: whoever read it may have been killed before they were sent."""
    ended = (await services.snapshots.look()).ended
    return await _messages(services, ended - 1, ended)


async def give_up_reading(services: Services, number: int) -> Ended:
    """Ends a reading whose message was moved to the poison queue, as failed."""
    seen, has_word = await services.snapshots.look(), False
    if seen.ended < number:
        try:
            async with _lease(services):
                now = services.clock.now()
                going_on = seen.begun >= number
                state = await services.snapshots.begin(seen, map_digest="", begun_at=now, go_on=going_on)
                if state:
                    await services.snapshots.fail(state, summary.poisoned(), now)
                    has_word = await _tell_of_end(services, seen, state.begun, summary.poisoned())
        except DomainBusy:
            return Ended([])
    return Ended(await _messages(services, min(seen.ended, number - 1), max(number, seen.begun)), has_word)


async def _tell_of_end(services: Services, seen: Readings, number: int, why: Parts = ()) -> bool:
    """Tells of a reading that has failed, or of the first one after that, once for all its domains.

    `why`: empty for a good one. Whether there is word to be sent. Never fails: the hourly timer tells of no end again,
    but the Sync Logs have it.
    """
    times = number - (seen.newest.number if seen.newest else 0)
    # Not every number is of a reading that has ended.
    if times > MOST_ALIKE if why else failure_of(seen, 0) is None:
        return False
    happening = Happening(
        event="run.failed" if why else "run.recovered",
        about=f"reading {number}",
        at=services.clock.now(),
        times=times if why else 1,
        details=why,
    )
    try:
        return await services.outbox.tell(happening)
    except Exception as error:
        event("reading.untold", logging.WARNING, number=number, error=error_text(error))
        return False


async def _messages(services: Services, before: int, ended: int) -> list[str]:
    """Those of the runs that waited for a reading up to `ended`, and one for a reading that others still wait for."""
    waiting = await services.snapshots.waiting(before)
    later = [one.number for one in waiting if one.number > ended]
    return [
        *(_message(one) for one in waiting if one.number <= ended),
        *([reading_message(max(later))] if later else ()),
    ]


def _message(waiting: Waiting) -> str:
    if waiting.domain == HOUR:
        return hour_message(waiting.number)
    return message(waiting.domain, waiting.run_id)


class _Both:
    """Stops work when the invocation must end, or may have lost the lease of the reading."""

    def __init__(self, stop: Stop, lease: Lease) -> None:
        self._stop = stop
        self._lease = lease

    async def check(self) -> None:
        await self._stop.check()
        self._lease.check()

    async def check_read(self) -> None:
        await self._stop.check_read()
        self._lease.check()

    async def sleep(self, seconds: float) -> None:
        await self._stop.sleep(seconds)


@asynccontextmanager
async def _lease(services: Services) -> AsyncIterator[Lease]:
    """Raises DomainBusy at once if another invocation reads."""
    at_once = replace(Times.of(services.settings.lease_seconds), patience=0.0)
    async with take_lease(services.storage, services.settings, READINGS, at_once) as held:
        yield held


def told_of(snapshot: Snapshot) -> SourceRead:
    return SourceRead(version=snapshot.number, begun_at=snapshot.begun_at, ended_at=snapshot.ended_at)
