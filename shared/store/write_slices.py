"""Slices of the tenant's write quota, which its processes share: table `Runs`, one row in the partition `~quota`.

The row says when the quota is full again, once all that was taken is sent (GCRA, a token bucket as one moment). A
slice moves that moment on, on the condition that no other process has moved it since.

Where storage does not answer soon, a process goes on without a slice: Graph throttles what is too much, and nothing
is lost. Clocks that differ cost as much: waiting, or throttling.
"""

import asyncio
import logging
from datetime import datetime, timedelta
from typing import Any

from shared.log import event
from shared.store.attempts import or_none, unchanged, update_if_unchanged
from shared.store.storage import RUNS, Storage

_KEY = {"PartitionKey": "~quota", "RowKey": "writes"}
# Most seconds that a write waits for storage.
PATIENCE = 10.0
# All in seconds of the quota: so far ahead anybody may take it; a slice of one beyond; a wrong clock's work.
AHEAD, BEYOND, WRONG = 600.0, 10.0, 1800.0


class WriteSlices:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        # What this process has written last, and its ETag: if no other has written since, nothing needs to be read.
        self._known: tuple[datetime | None, str] | None = None
        self._alone = False

    async def take(self, seconds: float) -> tuple[float, float] | None:
        """Takes what refills in so many seconds, or less where much is taken.

        Returns how many seconds of it were taken before, and how many are now. None if storage did not answer.
        """
        known, self._known = self._known, None
        try:
            async with asyncio.timeout(PATIENCE):
                return await update_if_unchanged(
                    self._storage,
                    self._read,
                    lambda seen: self._write(seen, seconds),
                    TimeoutError("others keep taking"),
                    known,
                    crowded=True,
                )
        except Exception as error:
            if not self._alone:
                event("quota.notShared", logging.WARNING, error=f"{type(error).__name__}: {error}")
            self._alone = True
            return None

    async def _read(self) -> tuple[datetime | None, str]:
        """A row that can't be read is as none, but for its ETag."""
        table = await self._storage.open_table(RUNS)
        row = await or_none(table.get_entity(_KEY["PartitionKey"], _KEY["RowKey"]))
        if row is None:
            return None, ""
        found = row.get("fullAt")
        return found if isinstance(found, datetime) else None, str(row.metadata["etag"])

    async def _write(self, seen: tuple[datetime | None, str], seconds: float) -> tuple[float, float]:
        full_at, etag = seen
        now = self._storage.clock.now()
        before, taken = cut(full_at, now, seconds)
        moved = now + timedelta(seconds=before + taken)
        row: dict[str, Any] = {**_KEY, "fullAt": moved}
        operation: Any = ("update", row, {"mode": "replace", **unchanged(etag)}) if etag else ("create", row)
        table = await self._storage.open_table(RUNS)
        (written,) = await table.submit_transaction([operation])
        self._known, self._alone = (moved, str(written["etag"])), False
        return before, taken


def cut(full_at: datetime | None, now: datetime, seconds: float) -> tuple[float, float]:
    """How many seconds are taken, and how many of `seconds` may be."""
    before = max(0.0, (full_at - now).total_seconds()) if full_at else 0.0
    if before > WRONG:
        before = 0.0
    return before, min(seconds, max(BEYOND, AHEAD - before))
