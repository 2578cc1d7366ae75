"""An append blob with one writer: the latest invocation that opened it, and no earlier one."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from azure.storage.blob.aio import BlobClient

from shared.clock import Clock
from shared.errors import LeaseLost
from shared.settings import Settings
from shared.store import append_blob
from shared.store.append_blob import BLOCK_SIZE, AppendedLog, read_up_to
from shared.store.storage import Storage
from tests.support.stack import Json
from tests.support.storage_control import StorageControl

CONTAINER, NAME = "logs", "log"


@pytest.fixture
def account(storage_accounts: Iterator[str]) -> str:
    return next(storage_accounts)


@pytest.fixture
async def storage(account: str) -> AsyncIterator[Storage]:
    environment = {"AzureWebJobsStorage": account, "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield storage
    await storage.aclose()


@pytest.fixture
async def control(account: str) -> AsyncIterator[StorageControl]:
    async with httpx.AsyncClient() as http:
        yield StorageControl(http, account)


@pytest.fixture
async def blob(storage: Storage) -> BlobClient:
    return (await storage.open_container(CONTAINER)).get_blob_client(NAME)


async def opened(storage: Storage, invocation: int, **metadata: str) -> AppendedLog:
    return await AppendedLog.open(storage, CONTAINER, NAME, invocation, metadata)


async def test_what_is_appended_is_read_back(storage: Storage) -> None:
    log = await opened(storage, 1)

    await log.append([b"one,"])
    await log.append([b"two,", b"three"])

    assert await log.read() == b"one,two,three"
    assert log.size == 13


async def test_a_new_one_is_made_in_one_request_with_all_that_is_to_be_known_of_it(
    storage: Storage, control: StorageControl, blob: BlobClient
) -> None:
    log = await opened(storage, 3, owner="somebody")

    found = await blob.get_blob_properties()
    assert [one.operation for one in await control.writes()] == ["CreateContainer", "PutBlob"]
    assert found.metadata == {"owner": "somebody", "invocation": "3"}
    assert (log.size, log.created_at) == (0, found.creation_time)


@pytest.mark.parametrize("effective", [True, False])
async def test_one_whose_creation_nobody_heard_of_is_this_writers(
    storage: Storage, control: StorageControl, effective: bool
) -> None:
    await control.faults({"kind": "drop", "operation": "PutBlob", "tookEffect": effective, "nth": 1})

    log = await opened(storage, 1)

    assert any(await control.struck())
    await log.append([b"one"])
    assert await log.read() == b"one"


async def test_the_next_invocation_goes_on_where_the_last_one_ended(storage: Storage) -> None:
    await (await opened(storage, 1)).append([b"one,"])

    successor = await opened(storage, 2)
    await successor.append([b"two"])

    assert await successor.read() == b"one,two"


async def test_a_late_survivor_is_refused_before_its_successor_has_written_anything(storage: Storage) -> None:
    survivor = await opened(storage, 1)
    successor = await opened(storage, 2)

    with pytest.raises(LeaseLost):
        await survivor.append([b"late"])

    await successor.append([b"in time"])
    assert await successor.read() == b"in time"


async def test_a_late_survivor_cannot_open_what_its_successor_has_opened(storage: Storage) -> None:
    successor = await opened(storage, 2)

    with pytest.raises(LeaseLost):
        await opened(storage, 1)

    await successor.append([b"undisturbed"])


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "drop", "tookEffect": True, "nth": [1, 2]},
        {"kind": "refuse", "code": "OperationTimedOut", "tookEffect": True, "nth": 1},
        {"kind": "refuse", "code": "BlobModifiedWhileReading", "nth": [1, 2]},
        {"kind": "refuse", "code": "BlobModifiedWhileReading", "tookEffect": True, "nth": 1},
        {"kind": "refuse", "code": "ConditionNotMet", "nth": 1},
        *(
            {"kind": "refuse", "status": status, "tookEffect": True, "nth": 1}
            for status in (408, 429, 502, 504)
        ),
    ],
    ids=lambda fault: "-".join(map(str, fault.values())),
)
async def test_an_append_that_is_not_answered_for_good_is_made_once(
    storage: Storage, control: StorageControl, fault: Json
) -> None:
    log = await opened(storage, 1)
    await log.append([b"one,"])
    await control.faults({**fault, "operation": "AppendBlock"})

    await log.append([b"two,"])

    assert any(await control.struck())
    await control.faults()
    await log.append([b"three"])
    assert await log.read() == b"one,two,three"


async def test_an_append_outlives_a_change_of_metadata_by_somebody_else(
    storage: Storage, blob: BlobClient
) -> None:
    """Such as an administrator's, in a storage browser: the ETag is another, the content and its writer are not."""
    log = await opened(storage, 1)
    await log.append([b"one,"])
    properties = await blob.get_blob_properties()
    await blob.set_blob_metadata({**properties.metadata, "owner": "somebody"})

    await log.append([b"two,"])

    await log.append([b"three"])
    assert await log.read() == b"one,two,three"


async def test_an_append_behind_what_somebody_else_has_appended_is_refused(
    storage: Storage, blob: BlobClient
) -> None:
    log = await opened(storage, 1)
    await log.append([b"one,"])
    await blob.append_block(b"foreign")

    with pytest.raises(LeaseLost):
        await log.append([b"two,"])


@pytest.mark.parametrize("code", ["BlobModifiedWhileReading", "ConditionNotMet"])
async def test_a_log_is_taken_over_although_its_metadata_is_refused_for_a_while(
    storage: Storage, control: StorageControl, code: str
) -> None:
    await (await opened(storage, 1)).append([b"one,"])
    await control.faults({"kind": "refuse", "code": code, "count": 2, "operation": "SetBlobMetadata"})

    successor = await opened(storage, 2)

    assert await control.struck() == [2]
    await successor.append([b"two"])
    assert await successor.read() == b"one,two"


async def test_a_log_that_grows_while_it_is_read_is_read_to_where_it_began(
    storage: Storage, blob: BlobClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(append_blob, "_READ_AT_ONCE", 3)
    log = await opened(storage, 1)
    await log.append([b"one,"])
    size = log.size
    await log.append([b"two,"])

    assert await read_up_to(blob, size) == b"one,"
    assert await log.read() == b"one,two,"


async def test_a_lost_answer_of_a_late_survivor_is_no_leave_to_go_on(
    storage: Storage, control: StorageControl
) -> None:
    survivor = await opened(storage, 1)
    await opened(storage, 2)
    await control.faults({"kind": "drop", "tookEffect": True, "operation": "AppendBlock", "nth": [1, 2]})

    with pytest.raises(LeaseLost):
        await survivor.append([b"late"])


async def test_more_than_a_block_holds_goes_out_in_blocks_of_whole_records(
    storage: Storage, blob: BlobClient
) -> None:
    log = await opened(storage, 1)
    records = [bytes([65 + n]) * (BLOCK_SIZE // 3) for n in range(7)]

    await log.append(records)

    assert await log.read() == b"".join(records)
    assert (await blob.get_blob_properties()).append_blob_committed_block_count == 3


async def test_what_the_blob_says_of_itself_survives_a_change_of_hands(
    storage: Storage, blob: BlobClient
) -> None:
    first = await opened(storage, 1, runid="r1")

    second = await opened(storage, 2, runid="r1")

    assert (await blob.get_blob_properties()).metadata == {"runid": "r1", "invocation": "2"}
    assert second.created_at == first.created_at
