"""Table `Domains`: one row per domain that was ever touched, with what an administrator set."""

import hashlib
import json
from collections.abc import Mapping
from functools import partial
from typing import Any

from shared.errors import PreconditionFailed
from shared.model.domains import DomainSettings
from shared.store.storage import DOMAINS, Storage, unchanged, update_if_unchanged, write_if

_ROW = "settings"
_NEVER_SET = '"default"'


class Domains:
    """Settings by domain. An ETag is opaque text in quotes, as HTTP wants it."""

    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def settings(self, domain: str) -> tuple[DomainSettings, str]:
        """The domain's settings, defaults if it has none, and their ETag."""
        row = await self._row(domain)
        return _settings(row), _etag(row)

    async def all(self) -> dict[str, DomainSettings]:
        """Every domain that was ever touched."""
        table = await self._storage.table(DOMAINS)
        rows = table.query_entities("RowKey eq @row", parameters={"row": _ROW})
        return {str(row["PartitionKey"]): _settings(row) async for row in rows}

    async def remember(self, domain: str) -> None:
        """Makes sure that the domain has a row, so that the hourly sweep looks after its runs."""
        table = await self._storage.table(DOMAINS)
        await write_if(table.create_entity({"PartitionKey": domain, "RowKey": _ROW}))

    async def change(
        self, domain: str, changes: Mapping[str, Any], if_match: str | None = None
    ) -> tuple[DomainSettings, DomainSettings, str]:
        """Sets some settings (by their Python names); before, after and the new ETag.

        PreconditionFailed if `if_match` names another version, or somebody changed the row in between.
        """
        from azure.data.tables import UpdateMode

        outdated = PreconditionFailed(
            f"The settings of {domain} were changed by somebody else meanwhile: read them again, then change them."
        )
        table = await self._storage.table(DOMAINS)

        async def write(row: Any) -> tuple[DomainSettings, DomainSettings, str]:
            if if_match not in (None, "*", _etag(row)):
                raise outdated
            before = _settings(row)
            after = before.model_copy(update=dict(changes))
            columns = {"PartitionKey": domain, "RowKey": _ROW, **_columns(after)}
            await table.update_entity(columns, UpdateMode.REPLACE, **unchanged(row.metadata["etag"]))
            return before, after, _etag(await self._row(domain))

        await self.remember(domain)
        return await update_if_unchanged(partial(self._row, domain), write, outdated)

    async def _row(self, domain: str) -> Any:
        from azure.core.exceptions import ResourceNotFoundError

        table = await self._storage.table(DOMAINS)
        try:
            return await table.get_entity(domain, _ROW)
        except ResourceNotFoundError:
            return None


def _columns(settings: DomainSettings) -> dict[str, bool | int | str]:
    """One column a setting, those that are switched off left out; a limit with a unit is JSON."""
    values = settings.model_dump(exclude_none=True)
    return {name: value if isinstance(value, int) else json.dumps(value) for name, value in values.items()}


def _settings(row: Mapping[str, Any] | None) -> DomainSettings:
    given = {name: row[name] for name in DomainSettings.model_fields if row and name in row}
    return DomainSettings(**{n: json.loads(v) if isinstance(v, str) else v for n, v in given.items()})


def _etag(row: Any) -> str:
    """Follows what is set, not when: a row made only for housekeeping has the ETag of no row at all."""
    if row is None or not any(name in row for name in DomainSettings.model_fields):
        return _NEVER_SET
    return f'"{hashlib.sha256(str(row.metadata["etag"]).encode()).hexdigest()[:16]}"'
