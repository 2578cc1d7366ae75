"""The proxy before Azurite: what the service does otherwise, and what goes wrong on demand."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from functools import partial

import httpx
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import (
    HttpResponseError,
    ResourceExistsError,
    ServiceRequestError,
)
from azure.data.tables import TableTransactionError
from azure.data.tables.aio import TableServiceClient
from azure.storage.blob.aio import BlobClient, BlobLeaseClient, BlobServiceClient
from azure.storage.queue.aio import QueueServiceClient

from tests.conftest import DELETION_SECONDS
from tests.support.stack import NO_CERTIFICATES, until
from tests.support.storage_control import StorageControl


@dataclass
class Account:
    """One storage account by its SDKs, none of which tries anything twice, and how it is made to go wrong."""

    blobs: BlobServiceClient
    tables: TableServiceClient
    queues: QueueServiceClient
    control: StorageControl


@pytest.fixture
async def account(storage_accounts: Iterator[str]) -> AsyncIterator[Account]:
    storage = next(storage_accounts)
    async with (
        BlobServiceClient.from_connection_string(storage, retry_total=0) as blobs,
        TableServiceClient.from_connection_string(storage, retry_total=0) as tables,
        QueueServiceClient.from_connection_string(storage, retry_total=0) as queues,
        httpx.AsyncClient(verify=NO_CERTIFICATES) as http,
    ):
        await blobs.create_container("box")
        await tables.create_table("Rows")
        yield Account(blobs, tables, queues, StorageControl(http, storage))


def code(error: HttpResponseError) -> str:
    found = getattr(error, "error_code", "")
    return str(getattr(found, "value", found))


async def test_an_upload_over_a_leased_blob_is_412_whatever_its_condition(account: Account) -> None:
    blob = account.blobs.get_blob_client("box", "b")
    await blob.upload_blob(b"")
    with pytest.raises(ResourceExistsError):
        await blob.upload_blob(b"", overwrite=False)

    lease = BlobLeaseClient(blob)
    await lease.acquire(15)

    for overwrite in (False, True):
        with pytest.raises(HttpResponseError) as refused:
            await blob.upload_blob(b"", overwrite=overwrite)
        assert (refused.value.status_code, code(refused.value)) == (412, "LeaseIdMissing")
    with pytest.raises(ResourceExistsError):
        await blob.upload_blob(b"", overwrite=False, lease=lease)


async def test_if_none_match_holds_for_other_writes_than_put_blob(account: Account) -> None:
    blob = account.blobs.get_blob_client("box", "b")
    await blob.create_append_blob()

    refusals = []
    for write in (
        blob.append_block(b"x", match_condition=MatchConditions.IfMissing),
        blob.set_blob_metadata({"a": "b"}, match_condition=MatchConditions.IfMissing),
        copy_if_missing(blob, blob.url),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await write
        refusals.append((refused.value.status_code, code(refused.value)))

    assert refusals == [(412, "ConditionNotMet"), (412, "ConditionNotMet"), (409, "BlobAlreadyExists")]
    assert (await blob.get_blob_properties()).size == 0


async def copy_if_missing(to: BlobClient, url: str) -> None:
    """With a header: the SDK takes no such condition here."""
    assert (await to.start_copy_from_url(url, headers={"If-None-Match": "*"}))["copy_status"] == "success"


async def test_a_copy_if_nothing_is_there_is_refused_for_a_lease_first(account: Account) -> None:
    blob, other = (account.blobs.get_blob_client("box", name) for name in ("b", "other"))
    await blob.upload_blob(b"x")
    await copy_if_missing(other, blob.url)
    await BlobLeaseClient(other).acquire(15)

    with pytest.raises(HttpResponseError) as refused:
        await copy_if_missing(other, blob.url)

    assert (refused.value.status_code, code(refused.value)) == (412, "LeaseIdMissing")


async def test_metadata_is_set_on_the_version_that_the_caller_knows(account: Account) -> None:
    blob = account.blobs.get_blob_client("box", "b")
    known = (await blob.upload_blob(b""))["etag"]
    if_unchanged = partial(blob.set_blob_metadata, etag=known, match_condition=MatchConditions.IfNotModified)
    await if_unchanged({"a": "b"})

    with pytest.raises(HttpResponseError) as refused:
        await if_unchanged({"a": "c"})

    assert (refused.value.status_code, code(refused.value)) == (412, "ConditionNotMet")
    assert (await blob.get_blob_properties()).metadata == {"a": "b"}


async def test_what_was_deleted_cannot_be_made_anew_for_a_while(account: Account) -> None:
    await account.queues.create_queue("line")
    begun = time.monotonic()
    await account.blobs.delete_container("box")
    await account.tables.delete_table("Rows")
    await account.queues.delete_queue("line")

    refusals = []
    for create in (
        account.blobs.create_container("box"),
        account.tables.create_table("Rows"),
        account.queues.create_queue("line"),
        account.tables.get_table_client("Rows").upsert_entity({"PartitionKey": "p", "RowKey": "r"}),
        account.tables.get_table_client("Rows").submit_transaction(
            [("upsert", {"PartitionKey": "p", "RowKey": "r"})]
        ),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await create
        refusals.append((refused.value.status_code, code(refused.value)))
    assert refusals == [
        (409, "ContainerBeingDeleted"),
        (409, "TableBeingDeleted"),
        (409, "QueueBeingDeleted"),
        (409, "TableBeingDeleted"),
        (409, "TableBeingDeleted"),
    ]

    async def made() -> bool:
        try:
            await account.blobs.create_container("box")
        except ResourceExistsError:
            return False
        return True

    await until(made)
    assert time.monotonic() - begun >= DELETION_SECONDS


async def test_empty_pages_lead_on_to_everything(account: Account) -> None:
    table, container = account.tables.get_table_client("Rows"), account.blobs.get_container_client("box")
    for n in range(5):
        await table.create_entity({"PartitionKey": "p", "RowKey": f"r{n}"})
        await container.upload_blob(f"b{n}", b"")
    await account.control.faults(
        {"kind": "emptyPage", "nth": [1, 2, 4], "service": "table"},
        {"kind": "emptyPage", "nth": [1, 2], "service": "blob"},
    )

    rows = [row["RowKey"] async for row in table.query_entities("PartitionKey eq 'p'", results_per_page=2)]
    names = [blob.name async for blob in container.list_blobs(results_per_page=2)]

    assert rows == [f"r{n}" for n in range(5)]
    assert names == [f"b{n}" for n in range(5)]
    assert await account.control.struck() == [3, 2]


@pytest.mark.parametrize("took_effect", [False, True])
async def test_refusals_are_worded_as_the_service_does_with_and_without_effect(
    account: Account, *, took_effect: bool
) -> None:
    blob, table = account.blobs.get_blob_client("box", "b"), account.tables.get_table_client("Rows")
    queue = account.queues.get_queue_client("line")
    rule = {"kind": "refuse", "tookEffect": took_effect}
    await account.control.faults(
        {**rule, "code": "ServerBusy", "operation": "PutBlob"},
        {**rule, "code": "OperationTimedOut", "operation": "MergeEntity"},
        {**rule, "code": "AuthorizationPermissionMismatch", "operation": "CreateQueue"},
        {**rule, "code": "ServerBusy", "inner": True},
    )

    refusals = []
    for write in (
        blob.upload_blob(b"x"),
        table.upsert_entity({"PartitionKey": "p", "RowKey": "alone"}),
        queue.create_queue(),
        table.submit_transaction([("create", {"PartitionKey": "p", "RowKey": "in a batch"})]),
    ):
        with pytest.raises(HttpResponseError) as refused:
            await write
        refusals.append((refused.value.status_code, code(refused.value)))
        inner = isinstance(refused.value, TableTransactionError)

    assert inner
    assert refusals == [
        (503, "ServerBusy"),
        (500, "OperationTimedOut"),
        (403, "AuthorizationPermissionMismatch"),
        (503, "ServerBusy"),
    ]
    await account.control.faults()
    there = [row["RowKey"] async for row in table.list_entities()]
    assert there == (["alone", "in a batch"] if took_effect else [])
    assert await blob.exists() is took_effect


async def given_up(account: Account, call: Awaitable[object]) -> None:
    """Makes a call whose caller is gone once the fault has struck it."""

    async def struck() -> bool:
        return await account.control.struck() == [1]

    asked = asyncio.ensure_future(call)
    await until(struck)
    assert asked.cancel()
    await asyncio.wait([asked])


@pytest.mark.parametrize("took_effect", [False, True])
async def test_connections_are_reset(account: Account, *, took_effect: bool) -> None:
    blob = account.blobs.get_blob_client("box", "b")
    await account.control.faults({"kind": "drop", "tookEffect": took_effect, "nth": [1, 2]})

    with pytest.raises(ServiceRequestError):
        await blob.upload_blob(b"x")

    assert await blob.exists() is took_effect


async def test_answers_are_kept_back(account: Account) -> None:
    done, undone = (account.blobs.get_blob_client("box", name) for name in ("done", "undone"))

    for blob in (done, undone):
        await account.control.faults({"kind": "hang", "tookEffect": blob is done, "count": 1})
        await given_up(account, blob.upload_blob(b"x"))

    await until(done.exists)
    assert not await undone.exists()


async def test_a_late_request_takes_effect_when_its_caller_is_gone(account: Account) -> None:
    blob = account.blobs.get_blob_client("box", "b")
    await account.control.faults({"kind": "delay", "ms": 600_000, "operation": "PutBlob"})

    await given_up(account, blob.upload_blob(b"x"))

    assert not await blob.exists()
    await account.control.faults()
    await until(blob.exists)


async def test_a_late_answer_comes_to_whoever_waits_for_it(account: Account) -> None:
    blob = account.blobs.get_blob_client("box", "b")
    late = {"kind": "delay", "ms": 600_000, "operation": "PutBlob", "tookEffect": True}
    await account.control.faults(late)

    asked = asyncio.ensure_future(blob.upload_blob(b"x"))
    await until(blob.exists)
    assert not asked.done()
    await account.control.faults()
    assert "etag" in await asked


async def test_every_operation_is_named_and_told_with_its_answer(account: Account) -> None:
    await account.control.forget()
    table = account.tables.get_table_client("Rows")
    await table.create_entity({"PartitionKey": "p", "RowKey": "r"})
    await table.submit_transaction(
        [("update", {"PartitionKey": "p", "RowKey": "r"}), ("create", {"PartitionKey": "p", "RowKey": "s"})]
    )
    blob = account.blobs.get_blob_client("box", "folder/b")
    await blob.create_append_blob()
    await blob.append_block(b"x")
    await BlobLeaseClient(blob).acquire(15)
    await account.queues.create_queue("line")
    await account.queues.get_queue_client("line").send_message("text")

    told = [(one.operation, one.resource, one.status) for one in await account.control.writes()]

    assert told == [
        ("InsertEntity", "Rows(p,r)", 201),
        ("EntityGroupTransaction", "Rows(PATCH r, POST s)", 202),
        ("PutBlob", "box/folder/b", 201),
        ("AppendBlock", "box/folder/b", 201),
        ("AcquireBlobLease", "box/folder/b", 201),
        ("CreateQueue", "line", 201),
        ("PutMessage", "line", 201),
    ]
