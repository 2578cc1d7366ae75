"""The row of which processes take slices of the write quota, in a real storage service that may be away."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest

from shared.clock import Clock
from shared.settings import Settings
from shared.store import write_slices
from shared.store.storage import RUNS, Storage
from shared.store.write_slices import WriteSlices
from tests.support.stack import NO_CERTIFICATES
from tests.support.storage_control import StorageControl

KEY = {"PartitionKey": "~quota", "RowKey": "writes"}
NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)


class SetClock(Clock):
    """Its time of day is `at`; how long requests take is real, and waits between tries are none."""

    at = NOW

    def now(self) -> datetime:
        return self.at

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(min(seconds, 0))


class Account:
    """One storage account, with as many processes as are asked for."""

    def __init__(self, connection_string: str, http: httpx.AsyncClient) -> None:
        environment = {"AzureWebJobsStorage": connection_string, "SOURCE": "csv", "CSV_PATH": "people.csv"}
        self.settings = Settings.from_environment(environment)
        self.control = StorageControl(http, connection_string)
        self.clock = SetClock()
        self.storages = [Storage(self.settings, self.clock)]

    async def process(self) -> WriteSlices:
        self.storages.append(Storage(self.settings, self.clock))
        await self.storages[-1].open_table(RUNS)
        return WriteSlices(self.storages[-1])

    async def asked(self) -> list[str]:
        """The operations since the last look."""
        found = [one.operation for one in await self.control.operations()]
        await self.control.forget()
        return found

    async def write(self, **row: Any) -> None:
        await (await self.storages[0].open_table(RUNS)).upsert_entity({**KEY, **row}, mode="replace")


@pytest.fixture(autouse=True)
def patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """On a slow machine storage answers late, which is not what is tested here."""
    monkeypatch.setattr(write_slices, "PATIENCE", 120.0)


@pytest.fixture
async def account(storage_accounts: Iterator[str]) -> AsyncIterator[Account]:
    async with httpx.AsyncClient(verify=NO_CERTIFICATES) as http:
        account = Account(next(storage_accounts), http)
        await account.storages[0].open_table(RUNS)
        yield account
        await account.control.faults()
        for storage in account.storages:
            await storage.aclose()


async def test_each_is_told_what_all_have_taken_before(account: Account) -> None:
    one, other = await account.process(), await account.process()

    assert await one.take(150) == (0, 150)
    assert await other.take(150) == (150, 150)
    account.clock.at += timedelta(seconds=200)
    assert await one.take(10) == (100, 10)
    account.clock.at += timedelta(seconds=300)
    assert await one.take(1) == (0, 1)


async def test_nothing_is_read_where_no_other_has_taken_any_since(account: Account) -> None:
    one, other = await account.process(), await account.process()
    await account.asked()

    await one.take(1)
    assert await account.asked() == ["GetEntity", "EntityGroupTransaction"]
    for _ in range(3):
        await one.take(1)
    assert await account.asked() == ["EntityGroupTransaction"] * 3

    await other.take(1)
    assert await account.asked() == ["GetEntity", "EntityGroupTransaction"]
    assert await one.take(1) == (5, 1)
    assert await account.asked() == ["EntityGroupTransaction", "GetEntity", "EntityGroupTransaction"]


async def test_none_is_lost_where_many_take_at_once(account: Account) -> None:
    processes = [await account.process() for _ in range(8)]

    taken = await asyncio.gather(*(process.take(7) for process in processes))

    assert sorted(one or (-1.0, 0.0) for one in taken) == [(7 * n, 7) for n in range(8)]


@pytest.mark.parametrize(
    "row", [{}, {"fullAt": "tomorrow"}, {"fullAt": 7}, {"fullAt": NOW + timedelta(days=1)}]
)
async def test_a_row_that_cannot_be_is_put_right(account: Account, row: dict[str, Any]) -> None:
    await account.write(**row)

    assert await (await account.process()).take(30) == (0, 30)
    assert await (await account.process()).take(30) == (30, 30)


async def test_a_row_that_somebody_has_deleted_is_made_anew(account: Account) -> None:
    process = await account.process()
    await process.take(30)
    await (await account.storages[0].open_table(RUNS)).delete_entity(KEY["PartitionKey"], KEY["RowKey"])

    assert await process.take(30) == (0, 30)


async def test_a_write_whose_answer_is_lost_counts_twice_at_most(account: Account) -> None:
    process = await account.process()
    await process.take(10)
    lost = {"operation": "EntityGroupTransaction", "kind": "drop", "tookEffect": True, "count": 1}
    await account.control.faults(lost)

    assert await process.take(10) == (20, 10)
    assert await account.control.struck() == [1]


@pytest.mark.parametrize("fault", [{"kind": "refuse"}, {"kind": "hang"}, {"kind": "drop"}], ids=str)
async def test_storage_that_does_not_answer_is_said_once_and_asked_again(
    account: Account,
    fault: dict[str, Any],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    process = await account.process()
    for failed_before in range(2):
        await account.control.faults({**fault, "service": "table"})
        with monkeypatch.context() as impatient:
            impatient.setattr(write_slices, "PATIENCE", 0.2)
            assert [await process.take(150) for _ in range(2)] == [None, None]
        assert caplog.text.count("quota.notShared") == failed_before + 1

        await account.control.faults()
        assert await process.take(1) is not None
