"""Who changed what: rows `change-…` of table `Domains`, of a domain or of the tenant, newest first.

Each is written in one transaction with what it records, by `settings_rows.py` and `decisions.py`; one about a leaver
before it, since that is kept in the tenant's memory of people. Those of a partition are a chain, whose head is in the
transaction, too: see `chain.py`.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from shared.clock import Clock
from shared.errors import NotPossible
from shared.log import event
from shared.model.records import Author, Recorded
from shared.model.runs import newest_first
from shared.store.attempts import or_none, tried_again, update_if_unchanged
from shared.store.chain import HEAD, Head, Mark, linked
from shared.store.covered import covered_change
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


def chained(
    partition: str, records: Sequence[Mapping[str, Any]], head: Head
) -> tuple[list[tuple[Any, ...]], Mark]:
    """The operations that add these records to the partition's chain, and its head then."""
    mark, operations = head.mark, list[tuple[Any, ...]]()
    # By their keys, as the chain is read.
    for record in sorted(records, key=lambda one: str(one["RowKey"]), reverse=True):
        row, mark = linked(record, mark, covered_change)
        operations.append(("create", row))
    return [*operations, head.moved_to(partition, mark)], mark


def tell_recorded(partition: str, mark: Mark) -> None:
    """Logs the head of the partition's chain: only one that is kept elsewhere proves anything."""
    event("change.recorded", partition=partition, head=str(mark))


class Changes:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def record(
        self, partition: str, author: Author, before: Mapping[str, object], after: Mapping[str, object]
    ) -> None:
        """Of what is kept elsewhere than in a row of this table."""
        row = change_row(self._storage.clock, partition, author)
        row |= {"before": orjson.dumps(before).decode(), "after": orjson.dumps(after).decode()}

        async def read() -> tuple[bool, Head]:
            """Whether an earlier try has written it already, and the head, which is read first: one that comes in
            between is seen, or changes the head."""
            head = await self._entity(partition, HEAD)
            return await self._entity(partition, row["RowKey"]) is not None, Head.of(head)

        async def write(seen: tuple[bool, Head]) -> None:
            written, head = seen
            if not written:
                operations, mark = chained(partition, [row], head)
                await (await self._storage.open_table(DOMAINS)).submit_transaction(operations)
                tell_recorded(partition, mark)

        busy = NotPossible("change.busy", place=partition)
        await update_if_unchanged(self._storage, read, write, busy, crowded=True)

    @tried_again
    async def _entity(self, partition: str, row_key: str) -> Any:
        table = await self._storage.open_table(DOMAINS)
        return await or_none(table.get_entity(partition, row_key))

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
