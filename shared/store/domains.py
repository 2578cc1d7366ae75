"""Table `Domains`: what an administrator set for each domain that was ever touched, and who changed it.

One partition per domain: the row `settings`, and a row `change-…` for each change, newest first. They are written in
one transaction, so that no setting changes without its record. Changes of versions before this one stand in the table
`Changes`.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from pydantic import ValidationError

from shared.errors import PreconditionFailed
from shared.model.domains import DomainSettings, StoredSettings
from shared.model.records import Author
from shared.model.runs import newest_first
from shared.store.storage import DOMAINS, Storage, unchanged, update_if_unchanged, write_if

_ROW = "settings"
# What a domain has that was never touched.
NEVER_SET = StoredSettings({}, (), '"default"')


class Domains:
    """Settings by domain. An ETag is opaque text in quotes, as HTTP wants it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read_settings(self, domain: str) -> StoredSettings:
        """The domain's settings, defaults if it has none."""
        return await self.find(domain) or NEVER_SET

    async def find(self, domain: str) -> StoredSettings | None:
        """The same, or None for a domain that was never touched."""
        row = await self._row(domain)
        return None if row is None else _stored(row)

    async def read_all(self) -> dict[str, StoredSettings]:
        """Every domain that was ever touched."""
        table = await self._storage.open_table(DOMAINS)
        rows = table.query_entities("RowKey eq @row", parameters={"row": _ROW})
        return {str(row["PartitionKey"]): _stored(row) async for row in rows}

    async def remember(self, domain: str) -> None:
        """Makes sure that the domain has a row, so that the hourly sweep looks after its runs."""
        table = await self._storage.open_table(DOMAINS)
        await write_if(table.create_entity({"PartitionKey": domain, "RowKey": _ROW}))

    async def change(
        self, domain: str, changes: Mapping[str, Any], author: Author, if_match: str | None = None
    ) -> tuple[StoredSettings, StoredSettings]:
        """Sets some settings (by their Python names), and records who did; before and after.

        Raises PreconditionFailed if `if_match` names another version, or if others keep changing the row.
        """
        from azure.data.tables import TableTransactionError

        outdated = PreconditionFailed("settings.changedMeanwhile", domain=domain)
        clock = self._storage.clock
        table = await self._storage.open_table(DOMAINS)
        record = {
            "PartitionKey": domain,
            "RowKey": f"change-{newest_first(clock.now())}-{clock.token(4)}",
            "changedAt": clock.now(),
            "changedBy": author.name,
            "changedFrom": author.address,
        }

        async def write(row: Any) -> StoredSettings:
            before = _stored(row)
            if if_match not in (None, "*", before.etag):
                raise outdated
            after = {**_other_columns(row, changes), **dict(_columns(changes))}
            told = {"before": json.dumps(before.told()), "after": json.dumps(_stored(after).told())}
            known = {"mode": "replace", **unchanged(row.metadata["etag"])}
            try:
                await table.submit_transaction([("update", after, known), ("create", {**record, **told})])
            except TableTransactionError:
                # A try of this write whose answer was lost may have taken effect.
                if not await self._has(domain, str(record["RowKey"])):
                    raise
            return before

        await self.remember(domain)
        before = await update_if_unchanged(partial(self._row, domain), write, outdated)
        return before, await self.read_settings(domain)

    async def _row(self, domain: str) -> Any:
        return await self._entity(domain, _ROW)

    async def _has(self, domain: str, row_key: str) -> bool:
        return await self._entity(domain, row_key) is not None

    async def _entity(self, domain: str, row_key: str) -> Any:
        from azure.core.exceptions import ResourceNotFoundError

        table = await self._storage.open_table(DOMAINS)
        try:
            return await table.get_entity(domain, row_key)
        except ResourceNotFoundError:
            return None


def _columns(settings: Mapping[str, Any]) -> Iterator[tuple[str, bool | int | str]]:
    """One column a setting, those that are switched off left out; a limit with a unit is JSON."""
    for name, value in (
        DomainSettings.model_validate(dict(settings)).model_dump(include=set(settings)).items()
    ):
        if value is not None:
            yield name, value if isinstance(value, int) else json.dumps(value)


def _other_columns(row: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """What a change leaves alone, also what this version does not know or can't read."""
    return {name: value for name, value in row.items() if name not in changes}


def _stored(row: Mapping[str, Any]) -> StoredSettings:
    given: dict[str, object] = {}
    unreadable = []
    for name in DomainSettings.model_fields.keys() & row.keys():
        value = row[name]
        try:
            decoded = json.loads(value) if isinstance(value, str) else value
            given[name] = getattr(DomainSettings.model_validate({name: decoded}), name)
        except (ValidationError, ValueError):
            unreadable.append(name)
    return StoredSettings(given, tuple(sorted(unreadable)), _etag(row))


def _etag(row: Mapping[str, Any]) -> str:
    """Follows what is set, not when: a row made only for housekeeping has the ETag of no row at all."""
    if not any(name in row for name in DomainSettings.model_fields):
        return NEVER_SET.etag
    metadata = getattr(row, "metadata", {})
    return f'"{hashlib.sha256(str(metadata.get("etag")).encode()).hexdigest()[:16]}"'
