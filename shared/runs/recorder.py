"""What a sync leaves behind while it runs: its audit log for people, its journal for the program.

Before a batch goes out the journal says what is intended; when its answers are in, the audit log says how each
ended. Whatever stands in the first and not in the second is in doubt after a crash.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.clock import Clock
from shared.model.changes import Action, Change
from shared.model.results import Key, Outcome, Result, key
from shared.model.runs import AUDIT_LOG_LIFETIME, Mode, Run
from shared.reports.audit_csv import header, read_back, render
from shared.store.append_blob import AppendedLog
from shared.store.audit_logs import AuditLogs
from shared.store.journal import Journal
from shared.store.storage import Storage


class Trail:
    """One invocation's pen; a second one's writes are refused with LeaseLost."""

    def __init__(self, run: Run, log: AppendedLog, journal: Journal, clock: Clock) -> None:
        self._clock = clock
        self._run = run
        self._log = log
        self._journal = journal
        self._doubts: list[Change] = []
        self.results: dict[Key, Result] = {}
        self.created: dict[str, str] = {}
        """Source id → object id of everybody whom this sync has created so far."""

    @classmethod
    async def open(cls, storage: Storage, audit_logs: AuditLogs, run: Run, invocation: int) -> "Trail":
        """Begins the trail, or takes up the one that was left; LeaseLost if a later invocation has it."""
        # Both are taken over before either is read: what is read then is all there will ever be.
        log = await audit_logs.open_sync(run, invocation, header())
        journal = await Journal.open(storage, run.domain, run.id, invocation)
        trail = cls(run, log, journal, storage.clock)
        await trail._take_up()
        return trail

    @property
    def in_doubt(self) -> list[Change]:
        """What an earlier invocation intended, and of which nobody has recorded how it ended."""
        return [change for change in self._doubts if key(change) not in self.results]

    @property
    def expires_at(self) -> datetime:
        return self._log.created_at + AUDIT_LOG_LIFETIME

    @property
    def size(self) -> int:
        return self._log.size

    async def intend(self, changes: Sequence[Change]) -> None:
        await self._journal.intend(changes)

    async def withdraw(self, changes: Sequence[Change]) -> None:
        """Takes back the intent of what is known not to have been done."""
        await self._journal.withdraw(changes)

    async def record(self, outcomes: Sequence[Outcome]) -> None:
        """The people's log first: a crash between the two leaves a doubt, never a write without a row."""
        run, now = self._run, self._clock.now()
        await self._log.append(render([one], run.id, run.domain, Mode.SYNC, now) for one in outcomes)
        for outcome in outcomes:
            self._note(outcome.change, outcome.result, outcome.object_id)
        await self._journal.record([(o.change, o.result, o.object_id) for o in outcomes])

    async def _take_up(self) -> None:
        left = await self._log.read()
        journal = await self._journal.read()
        # In a thread: after 100,000 changes this takes seconds.
        self.results, object_ids = await self._clock.in_thread(read_back, left)
        self._doubts = [change for k, change in journal.intents.items() if k not in self.results]
        # A crash between the two: the people's log knows how it ended, an undo will ask the journal.
        missing = []
        for k, change in journal.intents.items():
            if k in self.results:
                object_id = change.object_id or object_ids.get(k)
                self._note(change, self.results[k], object_id)
                if k not in journal.outcomes:
                    missing.append((change, self.results[k], object_id))
        await self._journal.record(missing)

    def _note(self, change: Change, result: Result, object_id: str | None) -> None:
        self.results[key(change)] = result
        if change.action is Action.ADD and result is Result.SUCCEEDED and change.source_id and object_id:
            self.created[change.source_id] = object_id
