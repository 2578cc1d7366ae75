"""What each domain's last whole run found, if another one would do nothing: table `Runs`, partition `~hours`.

One row a domain, so that the timer reads all with one query; it deletes that of a domain for which it has started a
run. A row may be out of date, so nothing is written by it alone: `head` is the head of the domain's chain of finished
runs as that run left it, with an ETag that no longer holds once a run has begun.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import orjson
from pydantic import ValidationError

from shared.model.runs import Run
from shared.store.attempts import tried_again
from shared.store.chain import Head, mark_of
from shared.store.run_rows import from_row, to_row
from shared.store.storage import RUNS, Storage

_HOURS = "~hours"
# A transaction takes 4 MiB, and a run's document up to 64 KiB.
_AT_ONCE = 25


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """A whole run that had nothing to do. `quality`: as `Runs.finish` keeps it.

    `ground`: the digest of what its plan rests on, `alone` as `Ground.digest` takes it. `reading`: the last one of
    which the domain has a line or this run. `due_at`: when another run is due in any case.
    """

    run: Run
    quality: dict[str, Any]
    ground: str
    alone: bool
    reading: int
    due_at: datetime
    head: Head


class Hours:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read_all(self) -> dict[str, Settled]:
        """By domain. What can't be read is left out: such a domain has a run."""
        table = await self._storage.open_table(RUNS)
        rows = table.query_entities("PartitionKey eq @hours", parameters={"hours": _HOURS})
        found = {str(row["RowKey"]): _settled(row) async for row in rows}
        return {domain: one for domain, one in found.items() if one}

    @tried_again
    async def keep(self, settled: Sequence[Settled]) -> None:
        table = await self._storage.open_table(RUNS)
        for begin in range(0, len(settled), _AT_ONCE):
            rows = map(_row, settled[begin : begin + _AT_ONCE])
            await table.submit_transaction([("upsert", row, {"mode": "replace"}) for row in rows])

    @tried_again
    async def forget(self, domain: str) -> None:
        table = await self._storage.open_table(RUNS)
        await table.delete_entity(_HOURS, domain)


def _row(one: Settled) -> dict[str, Any]:
    return {
        "PartitionKey": _HOURS,
        "RowKey": one.run.domain,
        "run": to_row(one.run)["run"],
        "quality": orjson.dumps(one.quality).decode(),
        "ground": one.ground,
        "alone": one.alone,
        "reading": one.reading,
        "dueAt": one.due_at,
        "mark": str(one.head.mark),
        "etag": one.head.etag,
    }


def _settled(row: Any) -> Settled | None:
    mark = mark_of(row.get("mark"))
    try:
        return mark and Settled(
            run=from_row(row),
            quality=orjson.loads(row["quality"]),
            ground=row["ground"],
            alone=row["alone"],
            reading=row["reading"],
            due_at=row["dueAt"],
            head=Head(mark, row["etag"]),
        )
    except (KeyError, ValidationError, ValueError):
        return None
