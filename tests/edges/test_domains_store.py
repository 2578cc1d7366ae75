"""Settings that are changed while storage keeps its answers back."""

from collections.abc import AsyncIterator, Iterator
from typing import Any, cast

import pytest
from azure.core.exceptions import ServiceResponseTimeoutError
from azure.data.tables.aio import TableClient

from shared.clock import Clock
from shared.model.records import Author
from shared.settings import Settings
from shared.store.domains import Domains
from shared.store.storage import Storage

DOMAIN = "contoso.com"
AUTHOR = Author("somebody", "192.0.2.1")


class LateTable:
    """A table whose first change of settings is silent, and arrives before the nth read that follows."""

    def __init__(self, table: TableClient, before_read: int) -> None:
        self._table = table
        self._before_read = before_read
        self._late: list[Any] = []
        self.struck = False

    async def submit_transaction(self, operations: list[Any]) -> Any:
        if not self.struck and operations[0][0] == "update":
            self.struck = True
            self._late = operations
            raise ServiceResponseTimeoutError("silent")
        return await self._table.submit_transaction(operations)

    async def get_entity(self, partition: str, row: str) -> Any:
        if self._late:
            self._before_read -= 1
            if not self._before_read:
                await self._table.submit_transaction(self._late)
                self._late = []
        return await self._table.get_entity(partition, row)


class LateStorage:
    """What the settings need of a storage account; its table is late."""

    def __init__(self, storage: Storage, table: LateTable) -> None:
        self.clock = storage.clock
        self.forget_existing = storage.forget_existing
        self._table = table

    async def open_table(self, _name: str) -> LateTable:
        return self._table


@pytest.fixture
async def storage(storage_accounts: Iterator[str]) -> AsyncIterator[Storage]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield storage
    await storage.aclose()


@pytest.mark.parametrize("before_read", [1, 2], ids=["before the first look", "between two looks"])
@pytest.mark.parametrize("conditional", [True, False])
async def test_a_change_that_arrives_late_is_known_as_made(
    storage: Storage, before_read: int, *, conditional: bool
) -> None:
    await Domains(storage).change(DOMAIN, {"max_allowed_deletions": 20}, AUTHOR)
    seen = await Domains(storage).read_settings(DOMAIN)
    late = LateTable(await storage.open_table("Domains"), before_read)
    domains = Domains(cast("Storage", LateStorage(storage, late)))

    before, after = await domains.change(
        DOMAIN, {"max_allowed_deletions": 33}, AUTHOR, seen.etag if conditional else None
    )

    assert late.struck
    assert (before.given, after.given) == ({"max_allowed_deletions": 20}, {"max_allowed_deletions": 33})
    assert after == await Domains(storage).read_settings(DOMAIN)
    rows = [row async for row in (await storage.open_table("Domains")).list_entities() if "before" in row]
    assert len(rows) == 2
