"""Table `Domains`: the settings of each domain that ever had a setting or a run, and who changed them.

One partition per domain: the row `settings`, and a row `change-…` for each change, newest first. They are written in
one transaction, so that no setting changes without its record. Changes made with earlier versions of the app are in
the table `Changes`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from shared.errors import PreconditionFailed
from shared.model.domains import DomainSettings, StoredSettings
from shared.model.records import Author
from shared.model.runs import newest_first
from shared.store.attempts import tried_again, unchanged, update_if_unchanged, write_if
from shared.store.storage import DOMAINS, Storage

_ROW = "settings"
# The settings of a domain that has no row.
NEVER_SET = StoredSettings({}, (), '"default"')


class Domains:
    """Settings by domain. An ETag is opaque text in quotes, as HTTP wants it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read_settings(self, domain: str) -> StoredSettings:
        """The domain's settings; the defaults if it has no row."""
        return await self.find(domain) or NEVER_SET

    async def find(self, domain: str) -> StoredSettings | None:
        """The domain's settings; None if it has no row."""
        row = await self._row(domain)
        return None if row is None else _stored(row)

    @tried_again
    async def read_all(self) -> dict[str, StoredSettings]:
        """Domain → settings, for every domain that has a row."""
        table = await self._storage.open_table(DOMAINS)
        rows = table.query_entities("RowKey eq @row", parameters={"row": _ROW})
        return {str(row["PartitionKey"]): _stored(row) async for row in rows}

    @tried_again
    async def remember(self, domain: str) -> None:
        """Makes sure that the domain has a row, so that the hourly sweep looks after its runs."""
        table = await self._storage.open_table(DOMAINS)
        # As a transaction: for a single row the SDK does not say why it was refused.
        row = {"PartitionKey": domain, "RowKey": _ROW}
        await write_if(table.submit_transaction([("create", row)]))

    async def change(
        self, domain: str, changes: Mapping[str, Any], author: Author, if_match: str | None = None
    ) -> tuple[StoredSettings, StoredSettings]:
        """Sets some settings (by their Python names) and records who did. Returns all settings before and after.

        Raises PreconditionFailed if `if_match` names another version, or if others keep changing the row.
        """
        outdated = PreconditionFailed("settings.changedMeanwhile", domain=domain)
        clock = self._storage.clock
        record = {
            "PartitionKey": domain,
            "RowKey": f"change-{newest_first(clock.now())}-{clock.token(4)}",
            "changedAt": clock.now(),
            "changedBy": author.name,
            "changedFrom": author.address,
        }

        before = NEVER_SET

        async def look() -> tuple[Any, bool]:
            """The row, and whether an earlier try has made the change already.

            The row is read first: a try that arrives in between is known by its record, and one that arrives
            later changes the row's ETag.
            """
            await self.remember(domain)
            row = await self._row(domain)
            return row, await self._entity(domain, str(record["RowKey"])) is not None

        async def write(seen: tuple[Any, bool]) -> None:
            nonlocal before
            row, made = seen
            if made:
                return
            before = _stored(row)
            if if_match not in (None, "*", before.etag):
                raise outdated
            after = {**_other_columns(row, changes), **dict(_columns(changes))}
            told = {"before": json.dumps(before.told()), "after": json.dumps(_stored(after).told())}
            known = {"mode": "replace", **unchanged(row.metadata["etag"])}
            table = await self._storage.open_table(DOMAINS)
            await table.submit_transaction([("update", after, known), ("create", {**record, **told})])

        await self.remember(domain)
        first = await self._row(domain), False
        await update_if_unchanged(self._storage, look, write, outdated, known=first)
        return before, await self.read_settings(domain)

    async def _row(self, domain: str) -> Any:
        return await self._entity(domain, _ROW)

    @tried_again
    async def _entity(self, domain: str, row_key: str) -> Any:
        from azure.core.exceptions import ResourceNotFoundError

        table = await self._storage.open_table(DOMAINS)
        try:
            return await table.get_entity(domain, row_key)
        except ResourceNotFoundError:
            return None


def _columns(settings: Mapping[str, Any]) -> Iterator[tuple[str, bool | int | str]]:
    """One column per setting. A limit is JSON: `null` if it is off, which a limit without a column need not be."""
    for name, value in (
        DomainSettings.model_validate(dict(settings)).model_dump(include=set(settings)).items()
    ):
        yield name, value if isinstance(value, int) else json.dumps(value)


def _other_columns(row: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """The columns that a change leaves alone, also those that this version does not know or can't read."""
    return {name: value for name, value in row.items() if name not in changes}


def _stored(row: Mapping[str, Any]) -> StoredSettings:
    given: dict[str, object] = {}
    unreadable = []
    for name in DomainSettings.model_fields.keys() & row.keys():
        value = row[name]
        try:
            decoded = json.loads(value) if isinstance(value, str) else value
            given[name] = getattr(DomainSettings.model_validate({name: decoded}), name)
        except (ValidationError, ValueError, RecursionError):
            unreadable.append(name)
    return StoredSettings(given, tuple(sorted(unreadable)), _etag(row))


def _etag(row: Mapping[str, Any]) -> str:
    """The ETag of the settings. A row without any setting (see `remember`) has the same ETag as no row."""
    if not any(name in row for name in DomainSettings.model_fields):
        return NEVER_SET.etag
    metadata = getattr(row, "metadata", {})
    return f'"{hashlib.sha256(str(metadata.get("etag")).encode()).hexdigest()[:16]}"'
