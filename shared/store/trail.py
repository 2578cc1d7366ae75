"""What a sync leaves behind while it runs: its audit log for people, its journal for the program.

Before a batch goes out the journal says what is intended; when its answers are in, the audit log says how each
ended. Whatever stands in the first and not in the second is in doubt after a crash.
"""

from collections.abc import Sequence
from datetime import datetime

from shared.audit import Entry, Key, Result, header, key, render, settled
from shared.model import Change
from shared.records import Mode, Run
from shared.store.audit_logs import AppendedLog, AuditLogs
from shared.store.journal import Journal
from shared.store.storage import Storage


class Trail:
    """One invocation's pen; a second one's writes are refused with LeaseLost."""

    def __init__(self, run: Run, log: AppendedLog, expires_at: datetime, journal: Journal) -> None:
        self._run = run
        self.expires_at = expires_at
        self._log = log
        self._journal = journal
        self.settled: dict[Key, Result] = {}
        self.in_doubt: list[Change] = []

    @classmethod
    async def open(cls, storage: Storage, audit_logs: AuditLogs, run: Run) -> "Trail":
        """Begins the trail, or takes up the one that an earlier invocation left."""
        log, expires_at = await audit_logs.open_sync(run, header())
        trail = cls(run, log, expires_at, await Journal.open(storage, run.domain, run.id))
        if run.invocations > 1:
            trail.settled = settled(await log.read())
            trail.in_doubt = [
                change
                for k, change in (await trail._journal.read()).intents.items()
                if k not in trail.settled
            ]
        return trail

    @property
    def size(self) -> int:
        return self._log.size

    async def intend(self, changes: Sequence[Change]) -> None:
        await self._journal.intend(changes)

    async def record(self, entries: Sequence[Entry]) -> None:
        """The people's log first: a crash between the two leaves a doubt, never a write without a row."""
        if not entries:
            return
        await self._log.append(render(entries, self._run.id, self._run.domain, Mode.SYNC))
        self.settled.update((key(entry.change), entry.result) for entry in entries)
        await self._journal.record([(e.change, e.result, e.object_id) for e in entries])
