"""Tables `historyYYYYMM`, one a month: what was done to each person, for `HISTORY_DAYS`.

    RowKey {run id, newest first}.{digest of the first entry}
    entries  the outcomes of one batch, up to 20, as JSON
    n1a2b    true, a property for each name in them: by the digest of an object id, a Username or a UPN

So a batch is one row and one transaction, whoever it is about. For a person each of the few tables is asked once for
the rows with one property: storage looks at all rows of the month, 20 people in each, and answers with those of the
person and a few more, of which the digest begins alike. A partition for each person would take 20 transactions a batch,
a row for each person twenty times the work. Whole tables are dropped once all that is in them has expired; until then
entries that are older are not shown.

The recorder writes between the journal and the audit log: after a crash the journal says which outcomes have no row in
the audit log yet, and those are written here again first. They may come in other rows than before, so the same entry
is read once only. What an administrator does is written after it was done; a crash in between leaves it in `Changes`.
"""

import asyncio
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from pydantic import TypeAdapter

from shared.errors import PreconditionFailed
from shared.model.history import Entry, digest, entry_of
from shared.model.runs import Run, newest_first
from shared.store.attempts import keep_trying, or_none, tried_again, unchanged, update_if_unchanged
from shared.store.journal import Recorded
from shared.store.storage import Storage

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient

_TABLES = "history"
_PARTITION = "people"
# An entry has up to three names, and a row takes 252 properties.
_AT_ONCE = 20
# In characters: a property holds 32 K.
_LONGEST = 30_000
_ENTRIES = TypeAdapter(tuple[Entry, ...])


@dataclass(frozen=True, slots=True)
class _Row:
    table: "TableClient"
    key: str
    entries: tuple[Entry, ...]


class History:
    """`days`: 0 keeps nothing. `values`: whether the values of attributes are kept, too."""

    def __init__(self, storage: Storage, days: int, *, values: bool) -> None:
        self._storage = storage
        self._days = days
        self._values = values

    async def record(self, run: Run, recorded: Iterable[Recorded]) -> None:
        """Keeps what a run did; the same outcomes again are no further entries."""
        entries = (entry_of(run, one.outcome, one.time, values=self._values) for one in recorded)
        await self.note([one for one in entries if one])

    async def note(self, entries: Sequence[Entry]) -> None:
        """Keeps entries, 20 in a transaction."""
        by_table: dict[str, list[Entry]] = {}
        for one in entries if self._days else ():
            by_table.setdefault(_table_of(one.at), []).append(one)
        for name, some in by_table.items():
            for start in range(0, len(some), _AT_ONCE):
                await self._write(name, [self._row(few) for few in _fitting(some[start : start + _AT_ONCE])])

    async def read(self, names: Collection[str]) -> list[Entry]:
        """What was done to the person with these ids or names, newest first."""
        rows, ids = await self._find(names)
        since = self._since
        theirs = [one for row in rows for one in row.entries if one.ids & ids and one.at > since]
        theirs.sort(key=lambda one: one.at)
        return list({one.key: one for one in theirs}.values())[::-1]

    async def erase(self, names: Collection[str]) -> None:
        """Deletes every entry about that person. Raises PreconditionFailed if others keep changing the same rows."""
        rows, ids = await self._find(names)
        for one in rows:
            if any(entry.ids & ids for entry in one.entries):
                await self._erase_from(one, ids)

    @tried_again
    async def drop_expired(self) -> None:
        """Drops the tables all of whose entries are too old to be shown; all of them where nothing is kept."""
        for name in await self._tables():
            if not self._days or _end_of(name) <= self._since:
                await self._storage.tables.delete_table(name)

    @property
    def _since(self) -> datetime:
        return self._storage.clock.now() - timedelta(days=self._days)

    def _row(self, entries: Sequence[Entry]) -> dict[str, Any]:
        first = entries[0]
        order = first.run_id or f"{newest_first(first.at)}-{self._storage.clock.token(4)}"
        return _content(f"{order}.{digest('/'.join(map(str, first.key)))}", entries)

    async def _find(self, names: Collection[str]) -> tuple[list[_Row], set[str]]:
        """The rows with entries of that person, among others; and the ids by which they are that person's.

        A name leads to entries, and an entry to the other id of its person. A UPN that somebody else has or had leads
        to them only if it is what was asked for.
        """
        tables = [self._storage.tables.get_table_client(name) for name in await self._tables()]
        asked, wanted = set[str](), {name.strip().lower() for name in names}
        ids, rows = set(wanted), dict[tuple[str, str], _Row]()
        while wanted:
            looks = (self._with_name(table, name) for table in tables for name in wanted)
            found = [row for some in await asyncio.gather(*looks) for row in some]
            rows |= {(one.table.table_name, one.key): one for one in found}
            asked |= wanted
            ids |= {id_ for row in found for one in row.entries if one.names & wanted for id_ in one.ids}
            wanted = ids - asked
        return list(rows.values()), ids

    async def _with_name(self, table: "TableClient", name: str) -> list[_Row]:
        async def look() -> list[_Row]:
            rows = table.query_entities(
                f"PartitionKey eq @partition and {_property(name)} eq true",
                parameters={"partition": _PARTITION},
                select=["RowKey", "entries"],
            )
            return [_Row(table, row["RowKey"], _ENTRIES.validate_json(row["entries"])) async for row in rows]

        return await keep_trying(self._storage, look)

    async def _erase_from(self, row: _Row, ids: set[str]) -> None:
        async def look() -> Any:
            return await or_none(row.table.get_entity(_PARTITION, row.key))

        async def write(stored: Any) -> None:
            entries = _ENTRIES.validate_json(stored["entries"]) if stored else ()
            others = [one for one in entries if not one.ids & ids]
            if len(others) == len(entries):
                return
            left, known = _content(row.key, others), unchanged(stored.metadata["etag"])
            kept = ("update", left, {"mode": "replace", **known})
            await row.table.submit_transaction([kept if others else ("delete", left, known)])

        exhausted = PreconditionFailed("history.changedMeanwhile")
        await update_if_unchanged(self._storage, look, write, exhausted)

    @tried_again
    async def _tables(self) -> list[str]:
        between = f"TableName ge '{_TABLES}' and TableName lt '{_TABLES}:'"
        return [one.name async for one in self._storage.tables.query_tables(between)]

    async def _write(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        async def write() -> None:
            table = await self._storage.open_table(name)
            await table.submit_transaction([("upsert", row, {"mode": "replace"}) for row in rows])

        await keep_trying(self._storage, write)


def _fitting(entries: Sequence[Entry]) -> Iterator[Sequence[Entry]]:
    """The entries in parts that each fit into a row; without its values, one that fits into none."""
    if len(_ENTRIES.dump_json(tuple(entries), by_alias=True).decode()) <= _LONGEST:
        yield entries
    elif len(entries) > 1:
        middle = len(entries) // 2
        yield from _fitting(entries[:middle])
        yield from _fitting(entries[middle:])
    else:
        yield [entries[0].model_copy(update={"values": None})]


def _content(key: str, entries: Sequence[Entry]) -> dict[str, Any]:
    document = _ENTRIES.dump_json(tuple(entries), by_alias=True).decode()
    named = {_property(name): True for one in entries for name in one.names}
    return {"PartitionKey": _PARTITION, "RowKey": key, "entries": document, **named}


def _property(name: str) -> str:
    return f"n{digest(name)[:4]}"


def _table_of(at: datetime) -> str:
    return f"{_TABLES}{at:%Y%m}"


def _end_of(name: str) -> datetime:
    """The first moment after the table's month."""
    first = datetime.strptime(f"{name.removeprefix(_TABLES)}+0000", "%Y%m%z")
    return (first + timedelta(days=31)).replace(day=1)
