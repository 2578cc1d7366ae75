"""The write-ahead recorder of a sync: the journal is what the app reads, the audit log its rendering for people.

Before a batch is sent, the intents are written to the journal. After its answers, the outcomes are written to the
journal first, then to the history of their people, and then their rows to the audit log. After a crash, an intent
without an outcome is in doubt. An outcome whose row would begin at or after the end of the audit log has no row yet,
and may be missing in the history.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.clock import Clock
from shared.entra.unheard import Unheard
from shared.model.changes import Action, Change, as_one
from shared.model.parts import Language
from shared.model.results import IN_DOUBT, Key, Outcome, Result, key
from shared.model.runs import AUDIT_LOG_LIFETIME, AuditLog, Mode, Run
from shared.planning.sign_in import marked
from shared.reports.audit_csv import header, render
from shared.services import Services
from shared.store.append_blob import AppendedLog
from shared.store.history import History
from shared.store.journal import Journal, JournalContent, Recorded
from shared.store.previous_version import read_ended

# How many outcomes have their rows in memory at a time.
_AT_ONCE = 5_000


class Recorder:
    """The recorder that one invocation owns. Once a later invocation fences it off, its writes raise LeaseLost.

    `results`: the result of every change that has ended, also in earlier invocations. `created`: source id → object id
    of every user that the run has created. `back`: object id → source id, if any, of whom it has restored, or perhaps.
    `marks`: source id → what memory is to know of the account's sign-in state
    (see `planning/sign_in.py`). `staged`: object id → what was done to a leaver, or to somebody who is back. `unseen`:
    the users that were not deleted because a lookup, or a second read of the source, was not possible, as in a change's
    `Key`.
    """

    def __init__(
        self, run: Run, log: AppendedLog, journal: Journal, history: History, clock: Clock, language: Language
    ) -> None:
        self._clock = clock
        self._language = language
        self._run = run
        self._log = log
        self._journal = journal
        self._history = history
        self._intended: dict[Key, Change] = {}
        self.results: dict[Key, Result] = {}
        self.created: dict[str, str] = {}
        self.back: dict[str, str | None] = {}
        self.marks: dict[str, str] = {}
        self.staged: dict[str, Change] = {}
        self.unseen: set[str] = set()
        self._carried: dict[Key, Unheard] = {}
        self._begun: dict[Key, Change] = {}
        self._sent_here: set[Key] = set()

    @classmethod
    async def open(cls, services: Services, run: Run, invocation: int) -> "Recorder":
        """Creates a run's journal and audit log, or takes them over and appends the rows that are missing.

        Raises LeaseLost if a later invocation has them.
        """
        # Both are taken over before either is read: then no earlier invocation can append any more.
        log = await services.audit_logs.open_sync(run, invocation, header())
        began = log.size <= len(header())
        journal = await Journal.open(services.storage, run.domain, run.id, invocation, begins=began)
        clock, language = services.clock, services.settings.language
        recorder = cls(run, log, journal, services.history, clock, language)
        await recorder._take_over()
        return recorder

    @property
    def in_doubt(self) -> list[Change]:
        """Changes that were intended and have no outcome: it is not known whether they took effect."""
        intended = {**{k: look.change for k, look in self._carried.items()}, **self._intended}
        return [change for known, change in intended.items() if known not in self.results]

    @property
    def made(self) -> tuple[Change, ...]:
        """The changes of this run, not of earlier ones, that took effect or may have."""
        intended = self._intended.items()
        return tuple(
            change for k, change in intended if self.results.get(k, Result.SUCCEEDED) is Result.SUCCEEDED
        )

    @property
    def told(self) -> frozenset[str]:
        """Of whom this run has a row of its own, or one that leaves the doubt of an earlier run open."""
        closed = {k for k, r in self.results.items() if self._is_carried(k) and r is not Result.IN_DOUBT}
        return frozenset(person for _, person in self.results.keys() - closed)

    @property
    def undoes(self) -> bool:
        return self._run.undoes is not None

    @property
    def failed(self) -> frozenset[str]:
        """The users for whom a change failed, or is in doubt, as in a change's `Key`."""
        bad = (Result.FAILED, Result.IN_DOUBT)
        return frozenset(person for (_, person), result in self.results.items() if result in bad)

    @property
    def audit_log(self) -> AuditLog:
        return AuditLog(expires_at=self._log.created_at + AUDIT_LOG_LIFETIME, size_bytes=self._log.size)

    @property
    def since(self) -> datetime:
        """When the first of the writes in doubt may have been sent."""
        return min((self._run.created_at, *(look.since for look in self._carried.values())))

    def carry(self, left: Iterable[Unheard]) -> None:
        """Takes over what an earlier run left in doubt."""
        self._carried = {key(look.change): look for look in left}

    def unheard(self, change: Change) -> Unheard:
        """What is to be looked up of a change in doubt, from before the first invocation that sent it."""
        carried = self._carried.get(key(change))
        if carried and self._is_carried(key(change)):
            return carried
        since = carried.since if carried else self._run.created_at
        return Unheard.of(as_one(self._begun.get(key(change)), change), since)

    def _is_carried(self, known: Key) -> bool:
        return known in self._carried and known not in self._intended

    async def intend(self, changes: Sequence[Change]) -> None:
        known = {key(change) for change in changes}
        await self._journal.intend(changes, known & self._sent_here)
        self._sent_here |= known
        self._intended.update((key(change), change) for change in changes)

    async def revoke(self, changes: Sequence[Change]) -> None:
        """Removes the intents of changes that certainly had no effect."""
        await self._journal.revoke(changes)
        self._forget(changes)

    async def replace(self, changes: Sequence[Change]) -> None:
        """Removes those of changes that were begun: others of the same users go on with them, and have the rows."""
        await self._journal.replace(changes)
        self._forget(changes)

    def _forget(self, changes: Sequence[Change]) -> None:
        for change in changes:
            self._intended.pop(key(change), None)
            self._carried.pop(key(change), None)

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        for start in range(0, len(outcomes), _AT_ONCE):
            await self._record(outcomes[start : start + _AT_ONCE])

    async def _record(self, outcomes: Sequence[Outcome]) -> None:
        """Writes the journal first: after a crash between the two, the missing rows are known and can be appended."""
        time, position = self._clock.now(), self._log.size
        recorded, rows = [], []
        for outcome in outcomes:
            sent = self._sent(outcome.change, time) if outcome.error_code == IN_DOUBT else None
            recorded.append(Recorded(outcome=outcome, time=time, position=position, sent=sent))
            rows.append(self._row(outcome, time))
            position += len(rows[-1])
        await self._journal.record(recorded, self._intended)
        self._note(outcomes)
        await self._history.record(self._run, recorded)
        await self._log.append(rows)

    def _sent(self, change: Change, now: datetime) -> tuple[datetime, datetime]:
        look = self.unheard(change)
        return look.since, look.until or now

    async def _take_over(self) -> None:
        journal = await self._journal.read()
        self._intended, self._begun = journal.intents, journal.begun
        if not journal.complete and self._log.size > len(header()):
            await self._read_rows(journal)
        self._note(journal.outcomes.values())
        missing = [one for one in journal.recorded if one.position >= self._log.size]
        await self._history.record(self._run, missing)
        await self._log.append([self._row(one.outcome, one.time) for one in missing])

    async def _read_rows(self, journal: JournalContent) -> None:
        """Takes over what the previous version left. It wrote rows first, and some outcomes only as rows.

        Removable with the reader of its audit logs.
        """
        # In a thread: after 100,000 changes this takes seconds.
        rows = await self._clock.in_thread(read_ended, await self._log.read())
        unrecorded: list[Outcome] = []
        for (action, cell), (result, object_id) in rows.items():
            known = journal.named(action, cell)
            self.results[known] = result
            change = journal.intents.get(known)
            if change and known not in journal.outcomes:
                account = change.object_id or object_id or None
                unrecorded.append(Outcome(change=change, result=result, object_id=account))
        # An undo reads only the journal. The rows exist already: position 0 says so.
        now = self._clock.now()
        await self._journal.record(
            [Recorded(outcome=outcome, time=now, position=0) for outcome in unrecorded], self._intended
        )
        self._note(unrecorded)

    def _note(self, outcomes: Iterable[Outcome]) -> None:
        for outcome in outcomes:
            change = outcome.change
            self.results[key(change)] = outcome.result
            if outcome.unseen:
                self.unseen.add(key(change)[1])
            if outcome.succeeded:
                self.marks |= marked(change)
                if change.object_id and (change.stage or change.action is Action.UNBLOCK):
                    self.staged[change.object_id] = change
            if outcome.may_be_back and change.object_id:
                self.back[change.object_id] = change.source_id
            added = change.action is Action.ADD and outcome.succeeded
            if added and change.source_id and outcome.object_id:
                self.created[change.source_id] = outcome.object_id

    def _row(self, outcome: Outcome, time: datetime) -> bytes:
        return render([outcome], self._run.id, self._run.domain, Mode.SYNC, time, self._language)
