"""Optimistic concurrency, on rows and blobs of a real storage service."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from azure.core.exceptions import HttpResponseError
from azure.data.tables.aio import TableClient

from shared.clock import Clock
from shared.errors import PreconditionFailed
from shared.settings import Settings
from shared.store.attempts import ROUNDS, missing, unchanged, update_if_unchanged, write_if
from shared.store.storage import DOMAINS, LINKS, Storage

ROW = {"PartitionKey": "contoso.com", "RowKey": "counter"}
EXHAUSTED = PreconditionFailed("Others keep writing.")


@pytest.fixture
async def storage(storage_accounts: Iterator[str]) -> AsyncIterator[Storage]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield storage
    await storage.aclose()


@pytest.fixture
async def table(storage: Storage) -> TableClient:
    table = await storage.open_table(DOMAINS)
    await table.create_entity({**ROW, "count": 0})
    return table


class Counter:
    """Counts in a row, while others write to it: as many times as `rivals` says, each before one of our writes."""

    def __init__(self, table: TableClient, rivals: int = 0) -> None:
        self.table = table
        self.rivals = rivals
        self.rounds = 0

    async def read(self) -> Any:
        return await self.table.get_entity(ROW["PartitionKey"], ROW["RowKey"])

    async def write(self, row: Any) -> int:
        self.rounds += 1
        if self.rounds <= self.rivals:
            await self.table.update_entity({**ROW, "count": row["count"] + 10})
        count = int(row["count"]) + 1
        await self.table.update_entity({**ROW, "count": count}, **unchanged(row.metadata["etag"]))
        return count


@pytest.mark.parametrize("rivals", range(ROUNDS))
async def test_a_row_that_others_change_is_read_and_written_anew(
    table: TableClient, storage: Storage, rivals: int
) -> None:
    counter = Counter(table, rivals)

    assert await update_if_unchanged(storage, counter.read, counter.write, EXHAUSTED) == 10 * rivals + 1

    assert (await counter.read())["count"] == 10 * rivals + 1


async def test_what_others_never_leave_alone_is_given_up(table: TableClient, storage: Storage) -> None:
    counter = Counter(table, rivals=100)

    with pytest.raises(PreconditionFailed, match="Others keep writing"):
        await update_if_unchanged(storage, counter.read, counter.write, EXHAUSTED)

    assert (await counter.read())["count"] == 10 * ROUNDS


async def test_what_is_known_is_tried_before_anything_is_read(table: TableClient, storage: Storage) -> None:
    counter = Counter(table)
    known = await counter.read()

    async def read() -> Any:
        raise AssertionError("there is no need to")

    assert await update_if_unchanged(storage, read, counter.write, EXHAUSTED, known) == 1


async def test_a_write_that_is_refused_for_another_reason_is_not_repeated(
    table: TableClient, storage: Storage
) -> None:
    counter = Counter(table)

    async def write(_row: Any) -> None:
        counter.rounds += 1
        await table.update_entity({**ROW, "text": "x" * 40_000}, **unchanged("*"))

    with pytest.raises(HttpResponseError):
        await update_if_unchanged(storage, counter.read, write, EXHAUSTED)
    with pytest.raises(HttpResponseError):
        await write_if(write(None))

    assert counter.rounds == 2


async def test_one_conditional_write_says_whether_it_was_made(table: TableClient, storage: Storage) -> None:
    blob = (await storage.open_container(LINKS)).get_blob_client("contoso.com")
    row = await table.get_entity(ROW["PartitionKey"], ROW["RowKey"])
    first = unchanged(str(row.metadata["etag"]))

    assert [await write_if(table.update_entity({**ROW, "count": 1}, **first)) for _ in range(2)] == [
        True,
        False,
    ]
    assert [await write_if(table.create_entity({**ROW, "RowKey": "new"})) for _ in range(2)] == [True, False]
    assert [await write_if(blob.create_append_blob(**missing())) for _ in range(2)] == [True, False]
    etag = (await blob.get_blob_properties()).etag
    assert [await write_if(blob.delete_blob(**unchanged(str(etag)))) for _ in range(2)] == [True, False]
