"""What a sync leaves behind while it runs: its audit log for people, its journal for the program.

Before a batch goes out the journal says what is intended; when its answers are in, the audit log says how each
ended. Whatever stands in the first and not in the second is in doubt after a crash.
"""

from collections.abc import Sequence
from datetime import UTC, datetime

from shared.audit import Entry, Key, Result, header, key, object_ids, render, results_in
from shared.model import Change
from shared.records import AUDIT_LOG_LIFETIME, Mode, Run
from shared.store.appended_log import AppendedLog
from shared.store.audit_logs import AuditLogs
from shared.store.journal import Journal
from shared.store.storage import Storage


class Trail:
    """One invocation's pen; a second one's writes are refused with LeaseLost."""

    def __init__(self, run: Run, log: AppendedLog, journal: Journal) -> None:
        self._run = run
        self._log = log
        self._journal = journal
        self.results: dict[Key, Result] = {}
        self.in_doubt: list[Change] = []

    @classmethod
    async def open(cls, storage: Storage, audit_logs: AuditLogs, run: Run, invocation: int) -> "Trail":
        """Begins the trail, or takes up the one that was left; LeaseLost if a later invocation has it."""
        # Both are taken over before either is read: what is read then is all there will ever be.
        log = await audit_logs.open_sync(run, invocation, header())
        journal = await Journal.open(storage, run.domain, run.id, invocation)
        trail = cls(run, log, journal)
        await trail._take_up()
        return trail

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

    async def record(self, entries: Sequence[Entry]) -> None:
        """The people's log first: a crash between the two leaves a doubt, never a write without a row."""
        run, now = self._run, datetime.now(UTC)
        await self._log.append(render([entry], run.id, run.domain, Mode.SYNC, now) for entry in entries)
        self.results.update((key(entry.change), entry.result) for entry in entries)
        await self._journal.record([(e.change, e.result, e.object_id) for e in entries])

    async def _take_up(self) -> None:
        left = await self._log.read()
        journal = await self._journal.read()
        self.results = results_in(left)
        self.in_doubt = [change for k, change in journal.intents.items() if k not in self.results]
        # A crash between the two: the people's log knows how it ended, an undo will ask the journal.
        created = object_ids(left)
        await self._journal.record(
            [
                (change, self.results[k], change.object_id or created.get(k))
                for k, change in journal.intents.items()
                if k in self.results and k not in journal.outcomes
            ]
        )
