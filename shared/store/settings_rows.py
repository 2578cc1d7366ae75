"""Rows of table `Domains` that hold settings, and who changed them.

One partition per domain, and one for the tenant: a row of settings, and a row `change-…` for each change, newest first.
They are written in one transaction, with the head of the changes' chain, so that no setting changes without its record.
"""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Generic, TypeVar

from pydantic import ValidationError

from shared.errors import PreconditionFailed
from shared.model.domains import StoredSettings
from shared.model.notifications import STORED
from shared.model.records import Author, Record
from shared.store.attempts import or_none, tried_again, unchanged, update_if_unchanged, write_if
from shared.store.chain import HEAD, Head
from shared.store.changes import chained, change_row, tell_recorded
from shared.store.storage import DOMAINS, Storage

S = TypeVar("S", bound=Record)
_NEVER_SET = '"default"'


class SettingsRows(Generic[S]):
    """Settings of one kind, by partition. An ETag is opaque text in quotes, as HTTP wants it."""

    def __init__(self, storage: Storage, kind: type[S], row_key: str) -> None:
        self._storage = storage
        self._kind = kind
        self._row_key = row_key
        # What a partition without a row has.
        self.never_set = StoredSettings(kind, {}, (), _NEVER_SET)

    async def read_settings(self, partition: str) -> StoredSettings[S]:
        """What is set there; nothing if there is no row."""
        return await self.find(partition) or self.never_set

    async def find(self, partition: str) -> StoredSettings[S] | None:
        """What is set there; None if there is no row."""
        row = await self._row(partition)
        return None if row is None else self._stored(row)

    @tried_again
    async def read_all(self) -> dict[str, StoredSettings[S]]:
        """By partition, for every one that has a row."""
        table = await self._storage.open_table(DOMAINS)
        rows = table.query_entities("RowKey eq @row", parameters={"row": self._row_key})
        return {str(row["PartitionKey"]): self._stored(row) async for row in rows}

    @tried_again
    async def remember(self, partition: str) -> None:
        """Makes sure that there is a row: for a domain, so that the hourly sweep looks after its runs."""
        table = await self._storage.open_table(DOMAINS)
        # As a transaction: for a single row the SDK does not say why it was refused.
        row = {"PartitionKey": partition, "RowKey": self._row_key}
        await write_if(table.submit_transaction([("create", row)]))

    async def _change(
        self,
        partition: str,
        changes: Mapping[str, Any],
        author: Author,
        if_match: str | None,
        outdated: PreconditionFailed,
        completed: Callable[[S], Mapping[str, Any]] | None = None,
    ) -> tuple[StoredSettings[S], StoredSettings[S]]:
        """Sets some settings (by their Python names) and records who did. Returns all settings before and after.

        `completed` gives the changes where they depend on what is stored.
        Raises `outdated` if `if_match` names another version, or if others keep changing the row.
        """
        record = change_row(self._storage.clock, partition, author)
        before = self.never_set

        async def look() -> tuple[Any, Head, bool]:
            """The row, the chain's head, and whether an earlier try has made the change already.

            The row is read first: a try that arrives in between is known by its record, and one that arrives
            later changes the row's ETag.
            """
            await self.remember(partition)
            row = await self._row(partition)
            head = Head.of(await self._entity(partition, HEAD))
            return row, head, await self._entity(partition, str(record["RowKey"])) is not None

        async def write(seen: tuple[Any, Head, bool]) -> None:
            nonlocal before
            row, head, made = seen
            if made:
                return
            before = self._stored(row)
            if if_match not in (None, "*", before.etag):
                raise outdated
            wanted = completed(before.readable) if completed else changes
            after = {**_other_columns(row, changes), **dict(self._columns(wanted))}
            told = {"before": json.dumps(before.told()), "after": json.dumps(self._stored(after).told())}
            known = {"mode": "replace", **unchanged(row.metadata["etag"])}
            recorded, mark = chained(partition, [{**record, **told}], head)
            table = await self._storage.open_table(DOMAINS)
            await table.submit_transaction([("update", after, known), *recorded])
            tell_recorded(partition, mark)

        await self.remember(partition)
        first = await self._row(partition), Head.of(await self._entity(partition, HEAD)), False
        await update_if_unchanged(self._storage, look, write, outdated, known=first)
        return before, await self.read_settings(partition)

    async def _row(self, partition: str) -> Any:
        return await self._entity(partition, self._row_key)

    @tried_again
    async def _entity(self, partition: str, row_key: str) -> Any:
        table = await self._storage.open_table(DOMAINS)
        return await or_none(table.get_entity(partition, row_key))

    def _columns(self, settings: Mapping[str, Any]) -> Iterator[tuple[str, bool | int | str]]:
        """One column per setting. All but numbers and booleans are JSON.

        A setting that is `null` has a column, too: that of a domain's limit is not the same as none.
        """
        validated = self._kind.model_validate(dict(settings))
        for name, value in validated.model_dump(include=set(settings), context=STORED).items():
            yield name, value if isinstance(value, int) else json.dumps(value)

    def _stored(self, row: Mapping[str, Any]) -> StoredSettings[S]:
        given: dict[str, object] = {}
        unreadable = []
        for name in self._kind.model_fields.keys() & row.keys():
            value = row[name]
            try:
                decoded = json.loads(value) if isinstance(value, str) else value
                given[name] = getattr(self._kind.model_validate({name: decoded}), name)
            except (ValidationError, ValueError, RecursionError):
                unreadable.append(name)
        return StoredSettings(self._kind, given, tuple(sorted(unreadable)), self._etag(row))

    def _etag(self, row: Mapping[str, Any]) -> str:
        """The ETag of the settings. A row without any setting (see `remember`) has the same ETag as no row."""
        if not any(name in row for name in self._kind.model_fields):
            return _NEVER_SET
        metadata = getattr(row, "metadata", {})
        return f'"{hashlib.sha256(str(metadata.get("etag")).encode()).hexdigest()[:16]}"'


def _other_columns(row: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a change leaves alone, also those that this version does not know or can't read."""
    return {name: value for name, value in row.items() if name not in changes}
