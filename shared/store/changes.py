"""Who changed what: rows `change-…` of table `Domains`, of a domain or of the tenant, newest first.

Each is written in one transaction with what it records, by `settings_rows.py` and `decisions.py`; one about a leaver
before it, since that is kept in the tenant's memory of people.
"""

from collections.abc import Mapping
from typing import Any

import orjson

from shared.clock import Clock
from shared.model.records import Author, Recorded
from shared.model.runs import newest_first
from shared.store.attempts import tried_again
from shared.store.storage import DOMAINS, Storage

# No domain's name begins like this.
TENANT = "~tenant"
_PREFIX = "change-"


def change_row(clock: Clock, partition: str, author: Author) -> dict[str, Any]:
    """The row of a change that `author` makes now, without what was before and after."""
    return {
        "PartitionKey": partition,
        "RowKey": f"{_PREFIX}{newest_first(clock.now())}-{clock.token(4)}",
        "changedAt": clock.now(),
        "changedBy": author.name,
        "changedFrom": author.address,
    }


class Changes:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def record(
        self, partition: str, author: Author, before: Mapping[str, object], after: Mapping[str, object]
    ) -> None:
        """Of what is kept elsewhere than in a row of this table."""
        row = change_row(self._storage.clock, partition, author)
        await self._write(
            {**row, "before": orjson.dumps(before).decode(), "after": orjson.dumps(after).decode()}
        )

    @tried_again
    async def _write(self, row: Mapping[str, Any]) -> None:
        await (await self._storage.open_table(DOMAINS)).upsert_entity(row)

    @tried_again
    async def read_page(self, domain: str, limit: int, after: str) -> tuple[list[Recorded], str | None]:
        """Up to `limit` changes of the tenant and of this domain (empty for none), newest first, after the one with
        that id; and the last one's id, if there are more."""
        table = await self._storage.open_table(DOMAINS)
        found: list[Recorded] = []
        for partition in filter(None, (domain, TENANT)):
            here: list[Recorded] = []
            async for row in table.query_entities(
                "PartitionKey eq @partition and RowKey gt @after and RowKey lt 'change.'",
                parameters={"partition": partition, "after": f"{_PREFIX}{after}"},
                results_per_page=limit + 1,
            ):
                here.append(_recorded(row))
                if len(here) > limit:
                    break
            found += here
        # An id begins with its time, and sorts newest first.
        found.sort(key=lambda one: one.id)
        return found[:limit], found[limit - 1].id if len(found) > limit else None


def _recorded(row: Any) -> Recorded:
    before, after = (orjson.loads(row[name]) if row.get(name) else None for name in ("before", "after"))
    return Recorded(
        id=str(row["RowKey"]).removeprefix(_PREFIX),
        domain=None if row["PartitionKey"] == TENANT else row["PartitionKey"],
        at=row["changedAt"],
        by=row["changedBy"],
        address=row.get("changedFrom", ""),
        before=before,
        after=after,
    )
