"""What the timer does each hour: it queues a run for every domain that is due, and deletes expired records.

Domains whose last whole run had nothing to do wait for the hour's reading first. Where it finds nothing changed, or
fails, they have a line in the Sync Logs in place of a run (see `equal.py`).

An error with one domain never stops the others. Storage is busiest at the full hour: what it refuses is retried within
the same invocation of the timer.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import TypeVar

from shared.errors import GraphError, RunActive, Unavailable
from shared.log import event
from shared.model.domains import DomainSettings, StoredSettings
from shared.model.pause import Pausable, Pause, pause_of, told_in
from shared.model.runs import Mode, Run, RunKind, Trigger
from shared.planning.equal import is_first_of_day
from shared.planning.surveyed import Terms
from shared.reports.logged import error_text
from shared.runs.equal import EqualHour, FailedHour, read_equal_hour
from shared.runs.lifecycle import SCHEDULE, new_run, start, take_up_abandoned
from shared.runs.messages import hour_message, message, reading_message
from shared.runs.sync_log import tell_finished_again
from shared.services import Services
from shared.store.hours import Settled
from shared.store.runs import Pointers
from shared.store.snapshots import HOUR, Waiting

T = TypeVar("T")

KEEP_TRYING_SECONDS = 600.0
TRY_AGAIN_SECONDS = 20.0
# The messages go out when the invocation ends, so runs wait for this long at most.
CLEAR_AWAY_SECONDS = 10.0
AT_ONCE = 16
# A removal that was seen longer ago may have been taken back since.
_RECENT = timedelta(hours=1)
_PURGED_AN_HOUR = 10
# In characters. Application Insights cuts a trace at 32,768.
_LONGEST_LIST = 16_000


@dataclass(frozen=True, slots=True)
class Due:
    """`queued`: domain → id of the run that is to go on. `messages`: what the caller sends for that."""

    queued: Mapping[str, str]
    messages: list[str]


async def tick(services: Services, *, past_due: bool) -> Due:
    """What is due now.

    Starts a sync, or the dry run of a watched one, for every domain that is due, and takes up abandoned runs. Skips
    domains that are busy or that the tenant no longer has. Raises AzureError if the settings can't be read.
    """
    hour = _Hour(services)
    await hour.pass_through(past_due=past_due)
    return Due(hour.queued, await hour.messages())


async def after_reading(services: Services, number: int, *, compare: bool = True) -> list[str]:
    """What `tick` left until the reading with this number had ended. Returns messages to send, like it.

    Idempotent: a domain that has had a line or a run with that reading gets no other one. Without `compare` each domain
    has a run: for a message that was moved to the poison queue.
    """
    if not compare:
        event("hour.poisoned", logging.ERROR, number=number)
    hour = _Hour(services)
    await hour.after_reading(number, compare=compare)
    return hour.own_messages()


class _Hour:
    def __init__(self, services: Services) -> None:
        self._services = services
        self._clock = services.clock
        self._now = services.clock.now()
        self._give_up_at = services.clock.monotonic() + KEEP_TRYING_SECONDS
        self._removed: frozenset[str] = frozenset()
        # The tenant's settings; None if one of them can't be read.
        self._terms: Terms | None = None
        self._tenant = Pausable()
        self._turns = asyncio.Semaphore(AT_ONCE)
        # A start that failed may have taken effect: another try is for the same run.
        self._new_runs: dict[str, Run] = {}
        self.queued: dict[str, str] = {}
        self._started: list[Waiting] = []
        # The number of the last reading that was begun before this hour; None where each run reads for itself.
        self._read_after: int | None = None
        # The domains that wait for the hour's reading, since they may have nothing to do.
        self._settled: dict[str, Settled] = {}
        self._equal: EqualHour | FailedHour | None = None
        self._lines: list[Settled] = []

    async def pass_through(self, *, past_due: bool) -> None:
        domains = await self._persist(self._services.domains.read_all)
        self._removed = await self._no_longer_in_the_tenant(domains)
        if any(one.shown()["periodic_sync"] for one in domains.values()):
            await self._read_terms()
            if self._services.settings.read == "mirror":
                self._read_after = (await self._persist(self._services.snapshots.look)).begun
                settled = await self._read_settled(domains)
                self._settled = {n: one for n, one in settled.items() if self._may_be_equal(one, domains[n])}
        await self._take_turns({name: one for name, one in domains.items() if name not in self._settled})
        await self._clear_away(domains)
        self._report(domains, past_due=past_due)

    async def after_reading(self, number: int, *, compare: bool) -> None:
        self._read_after = number - 1
        domains = await self._persist(self._services.domains.read_all)
        self._removed = await self._no_longer_in_the_tenant(domains)
        await self._read_terms()
        self._settled = await self._read_settled(domains)
        if compare and self._terms and self._settled:
            syncing = frozenset(name for name, one in domains.items() if one.shown()["periodic_sync"] is True)
            try:
                self._equal = await read_equal_hour(self._services, self._terms, syncing, number)
            except Exception as error:  # each has a run then
                _failed("", error)
        await self._take_turns({name: domains[name] for name in self._settled})
        # Without this the lines stand all the same, and the next hour has runs.
        await self._services.hours.keep(self._lines)

    async def _read_settled(self, domains: Collection[str]) -> dict[str, Settled]:
        """Whose last run had nothing to do, and who had neither a line nor a run with this hour's reading."""
        settled, before = await self._persist(self._services.hours.read_all), self._read_after or 0
        return {name: one for name, one in settled.items() if name in domains and one.reading <= before}

    def _may_be_equal(self, settled: Settled, stored: StoredSettings[DomainSettings]) -> bool:
        """Whether it is enough to see that nothing has changed for the domain."""
        if self._terms is None or stored.unreadable or settled.run.domain in self._removed:
            return False
        periodic = stored.complete().periodic_sync
        same_kind = (settled.run.kind is RunKind.WATCH) is (periodic == "watch")
        due = settled.due_at <= self._now or not periodic or not same_kind
        return not due and not self._pause(stored)

    async def _take_turns(self, waiting: Mapping[str, StoredSettings[DomainSettings]]) -> None:
        while waiting:
            done = await asyncio.gather(*(self._done(name, stored) for name, stored in waiting.items()))
            waiting = {
                name: waiting[name] for name, ended in zip(list(waiting), done, strict=True) if not ended
            }
            if waiting:
                await self._clock.sleep(TRY_AGAIN_SECONDS)

    async def messages(self) -> list[str]:
        """Those of the runs; new ones wait together for one reading, which has a message of its own."""
        waiting = list(self._started)
        if self._settled:
            waiting.append(Waiting(HOUR, "", (self._read_after or 0) + 1))
        elif self._read_after is None or len(waiting) < 2:
            waiting = []
        try:
            await self._services.snapshots.wait(waiting)
        except Exception as error:  # the first of them reads
            _failed("", error)
            return [
                *self.own_messages(),
                *{hour_message(one.number) for one in waiting if one.domain == HOUR},
            ]
        waits = {one.domain for one in waiting}
        return [*self.own_messages(waits), *{reading_message(one.number) for one in waiting}]

    def own_messages(self, but_for: Collection[str] = ()) -> list[str]:
        return [message(domain, run_id) for domain, run_id in self.queued.items() if domain not in but_for]

    async def _read_terms(self) -> None:
        self._tenant = (tenant := await self._persist(self._services.tenant_settings.read)).readable
        if tenant.unreadable:
            event("settings.unreadable", logging.ERROR, settings=tenant.unreadable)
        else:
            self._terms = self._services.settings.terms(tenant.complete())

    async def _done(self, domain: str, stored: StoredSettings[DomainSettings]) -> bool:
        """Whether the domain has had its turn; False if storage refused and there is time to try again."""
        async with self._turns:
            try:
                left = max(0.0, self._give_up_at - self._clock.monotonic())
                async with asyncio.timeout(left):
                    if run_id := await self._due(domain, stored):
                        self.queued[domain] = run_id
            except Exception as error:
                _failed(domain, error)
                return not _is_refusal_of_storage(error) or self._clock.monotonic() >= self._give_up_at
            return True

    async def _due(self, domain: str, stored: StoredSettings[DomainSettings]) -> str | None:
        """The run of this domain whose message is to be sent now: one whose message was lost, or a new one."""
        if await self._has_line(domain, stored):
            return None
        return await take_up_abandoned(self._services, domain, self._clock.now()) or await self._start(
            domain, stored
        )

    async def _has_line(self, domain: str, stored: StoredSettings[DomainSettings]) -> bool:
        """Whether the domain has a line in place of a run; it is written."""
        settled, equal = self._settled.get(domain), self._equal
        if not settled or not equal or not self._may_be_equal(settled, stored):
            return False
        line = await equal.add_line(settled, stored.complete())
        self._lines += [line] if line else []
        return line is not None

    async def _start(self, domain: str, stored: StoredSettings[DomainSettings]) -> str | None:
        """Starts the domain's run of this hour, if it is to have one."""
        if stored.unreadable:
            event("settings.unreadable", logging.ERROR, domain=domain, settings=stored.unreadable)
            return None
        terms, periodic = self._terms, stored.complete().periodic_sync
        if terms is None or not periodic or self._is_removed(domain):
            return None
        watched = periodic == "watch"
        pointers = await self._services.runs.read_pointers(domain)
        last = pointers.last_watch if watched else pointers.last_sync
        if last and self._had_its_hour(last):
            if not last.invocations:  # the instance that wrote the line may have died before it could tell
                await tell_finished_again(self._services, domain, last.id)
            return None
        if self._passed_over(domain, terms, stored, pointers, watched=watched):
            return None
        run = self._new_runs.setdefault(domain, self._new_run(domain, pointers, watched=watched))
        try:
            run = await start(self._services, run, terms=terms)
        except RunActive as error:
            event("timer.busy", domain=domain, runId=error.run_id)
            return None
        if self._read_after is not None:
            # Last: to another try of this hour, a domain that is not kept there has had its turn.
            await self._services.hours.forget(domain)
        self._started.append(Waiting(domain, run.id, (self._read_after or 0) + 1))
        return run.id

    def _new_run(self, domain: str, pointers: Pointers, *, watched: bool) -> Run:
        last = pointers.last_watch if watched else pointers.last_sync
        listed_at = pointers.listed_at or (last.created_at if last else None)
        run = new_run(self._clock, domain, Mode.DRY_RUN if watched else Mode.SYNC, Trigger.SCHEDULE, SCHEDULE)
        update = {
            "kind": RunKind.WATCH if watched else RunKind.WHOLE,
            "read_after": self._read_after,
            "listed": self._read_after is not None and is_first_of_day(domain, listed_at, self._now),
        }
        return run.model_copy(update=update)

    def _pause(self, stored: StoredSettings[DomainSettings]) -> Pause | None:
        return pause_of(self._now, (stored.readable, self._tenant))

    def _is_removed(self, domain: str) -> bool:
        if domain in self._removed:
            event("timer.removed", logging.WARNING, domain=domain)
        return domain in self._removed

    def _had_its_hour(self, last: Run) -> bool:
        """Whether the domain's last run, or line, used the reading of this hour or a newer one."""
        version = last.read.source.version if last.read.source else last.read.failed
        if self._read_after is None or version is None:
            return False
        ended_well = last.trigger is Trigger.SCHEDULE or last.status.good
        return ended_well and version > self._read_after

    def _passed_over(
        self,
        domain: str,
        terms: Terms,
        stored: StoredSettings[DomainSettings],
        pointers: Pointers,
        *,
        watched: bool,
    ) -> bool:
        """Whether no run is started although it is due, which is logged.

        The first run under a pause is started, and ends at once: that is how its Sync Logs tell of the pause.
        """
        pause = self._pause(stored)
        # A watch applies nothing, so nothing has to be reviewed before.
        if not watched and pointers.waits_for_review(terms.map_digest):
            event("timer.waitsForReview", logging.WARNING, domain=domain)
            return True
        if not pause:
            return False
        event("timer.paused", domain=domain, until=pause.until.isoformat(), reason=pause.reason)
        return pause.told in told_in(pointers.last_watch if watched else pointers.last_sync)

    async def _no_longer_in_the_tenant(self, domains: Mapping[str, object]) -> frozenset[str]:
        """The domains that the tenant no longer has; none if the tenant's list is unavailable or out of date."""
        try:
            tenant = await self._services.tenant_domains.get()
        except (GraphError, Unavailable):
            return frozenset()
        if self._now - tenant.as_of > _RECENT:
            return frozenset()
        return frozenset(domains.keys() - {one.name for one in tenant.value if not one.removed})

    async def _clear_away(self, domains: Mapping[str, object]) -> None:
        """Deletes expired records for as long as there is time; the next hours delete the rest."""
        runs, logs, decisions = self._services.runs, self._services.audit_logs, self._services.decisions
        # Of many domains some each hour: of 500 each has its turn within two days.
        step = 1 + len(domains) // _PURGED_AN_HOUR
        in_turn = sorted(domains)[int(self._now.timestamp() // 3600) % step :: step]
        # In another order each time: a domain with many old rows must not keep the same ones waiting.
        self._clock.chance.shuffle(in_turn)
        try:
            async with asyncio.timeout(CLEAR_AWAY_SECONDS):
                await asyncio.gather(
                    *(self._cleared(domain, partial(runs.purge, domain, self._now)) for domain in in_turn),
                    self._cleared("", partial(logs.delete_expired, self._now)),
                    self._cleared("", decisions.drop_lapsed),
                    self._cleared("", self._services.history.drop_expired),
                    self._cleared("", self._services.snapshots.purge),
                )
        except TimeoutError as error:
            _failed("", error)

    async def _cleared(self, domain: str, delete: Callable[[], Awaitable[None]]) -> None:
        async with self._turns:
            try:
                await delete()
            except Exception as error:  # the queued runs must still get their messages
                _failed(domain, error)

    async def _persist(self, read: Callable[[], Awaitable[T]]) -> T:
        while True:
            try:
                return await read()
            except Exception as error:
                if not _is_refusal_of_storage(error) or self._clock.monotonic() >= self._give_up_at:
                    raise
                _failed("", error)
                await self._clock.sleep(TRY_AGAIN_SECONDS)

    def _report(self, domains: Mapping[str, StoredSettings[DomainSettings]], *, past_due: bool) -> None:
        """Logs the domains with periodic sync or unreadable settings, and the queued ones.

        Watched and paused ones are only among the queued: from the others a good sync is expected.

        A long list takes several lines of the log.
        """
        looked_after = [
            domain
            for domain, stored in domains.items()
            if domain not in self._removed
            and not self._pause(stored)
            and (stored.unreadable or stored.complete().periodic_sync is True)
        ]
        named = list(dict.fromkeys((*looked_after, *self.queued)))
        for part in _parts(named):
            event(
                "timer.tick",
                at=self._now.isoformat(),
                next=self._services.settings.schedule.next_after(self._now).isoformat(),
                domains=[domain for domain in part if domain in set(looked_after)],
                queued=[domain for domain in part if domain in self.queued],
                pastDue=past_due,
                secretExpiresOn=self._services.settings.hennge_secret_expires_on,
            )


def _failed(domain: str, error: Exception) -> None:
    event("timer.failed", logging.ERROR, domain=domain, error=f"{type(error).__name__}: {error_text(error)}")


def _is_refusal_of_storage(error: Exception) -> bool:
    from azure.core.exceptions import AzureError

    return isinstance(error, AzureError)


def _parts(names: list[str]) -> Iterator[list[str]]:
    """The names in lists that each fit one line of the log; one empty list if there are no names."""
    part: list[str] = []
    for name in names:
        if part and sum(map(len, part)) + len(name) > _LONGEST_LIST // 2:
            yield part
            part = []
        part.append(name)
    yield part
