"""An append blob with one writer: the latest invocation that opened it, and no earlier one."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from azure.core.pipeline.policies import SansIOHTTPPolicy
from azure.storage.blob.aio import BlobClient, BlobServiceClient

from shared.errors import LeaseLost
from shared.store.append_blob import BLOCK_SIZE, AppendedLog


class LosesAnswers(SansIOHTTPPolicy[Any, Any]):
    """Loses the answer to the next append, so that the SDK sends it once more."""

    def __init__(self) -> None:
        self.armed = False

    def on_response(self, request: Any, response: Any) -> None:
        if self.armed and "comp=appendblock" in request.http_request.url:
            self.armed = False
            response.http_response.status_code = 500


@pytest.fixture
def answers() -> LosesAnswers:
    return LosesAnswers()


@pytest.fixture
async def blob(storage_accounts: Iterator[str], answers: LosesAnswers) -> AsyncIterator[BlobClient]:
    service = BlobServiceClient.from_connection_string(
        next(storage_accounts), _additional_pipeline_policies=[answers], initial_backoff=0
    )
    async with service:
        container = await service.create_container("logs")
        yield container.get_blob_client("log")


async def test_what_is_appended_is_read_back(blob: BlobClient) -> None:
    log = await AppendedLog.open(blob, 1, {})

    await log.append([b"one,"])
    await log.append([b"two,", b"three"])

    assert await log.read() == b"one,two,three"
    assert log.size == 13


async def test_the_next_invocation_goes_on_where_the_last_one_ended(blob: BlobClient) -> None:
    await (await AppendedLog.open(blob, 1, {})).append([b"one,"])

    successor = await AppendedLog.open(blob, 2, {})
    await successor.append([b"two"])

    assert await successor.read() == b"one,two"


async def test_a_late_survivor_is_refused_before_its_successor_has_written_anything(blob: BlobClient) -> None:
    survivor = await AppendedLog.open(blob, 1, {})
    successor = await AppendedLog.open(blob, 2, {})

    with pytest.raises(LeaseLost):
        await survivor.append([b"late"])

    await successor.append([b"in time"])
    assert await successor.read() == b"in time"


async def test_a_late_survivor_cannot_open_what_its_successor_has_opened(blob: BlobClient) -> None:
    successor = await AppendedLog.open(blob, 2, {})

    with pytest.raises(LeaseLost):
        await AppendedLog.open(blob, 1, {})

    await successor.append([b"undisturbed"])


async def test_an_append_whose_answer_was_lost_is_not_made_twice(
    blob: BlobClient, answers: LosesAnswers
) -> None:
    log = await AppendedLog.open(blob, 1, {})
    await log.append([b"one,"])
    answers.armed = True

    await log.append([b"two,"])

    assert not answers.armed
    await log.append([b"three"])
    assert await log.read() == b"one,two,three"


async def test_an_append_outlives_a_change_of_metadata_by_somebody_else(blob: BlobClient) -> None:
    """Such as an administrator's, in a storage browser: the ETag is another, the content and its writer are not."""
    log = await AppendedLog.open(blob, 1, {})
    await log.append([b"one,"])
    properties = await blob.get_blob_properties()
    await blob.set_blob_metadata({**properties.metadata, "owner": "somebody"})

    await log.append([b"two,"])

    await log.append([b"three"])
    assert await log.read() == b"one,two,three"


async def test_an_append_behind_what_somebody_else_has_appended_is_refused(blob: BlobClient) -> None:
    log = await AppendedLog.open(blob, 1, {})
    await log.append([b"one,"])
    await blob.append_block(b"foreign")

    with pytest.raises(LeaseLost):
        await log.append([b"two,"])


async def test_a_lost_answer_of_a_late_survivor_is_no_leave_to_go_on(
    blob: BlobClient, answers: LosesAnswers
) -> None:
    survivor = await AppendedLog.open(blob, 1, {})
    await AppendedLog.open(blob, 2, {})
    answers.armed = True

    with pytest.raises(LeaseLost):
        await survivor.append([b"late"])


async def test_more_than_a_block_holds_goes_out_in_blocks_of_whole_records(blob: BlobClient) -> None:
    log = await AppendedLog.open(blob, 1, {})
    records = [bytes([65 + n]) * (BLOCK_SIZE // 3) for n in range(7)]

    await log.append(records)

    assert await log.read() == b"".join(records)
    assert (await blob.get_blob_properties()).append_blob_committed_block_count == 3


async def test_what_the_blob_says_of_itself_survives_a_change_of_hands(blob: BlobClient) -> None:
    first = await AppendedLog.open(blob, 1, {"runid": "r1"})

    second = await AppendedLog.open(blob, 2, {"runid": "r1"})

    assert (await blob.get_blob_properties()).metadata == {"runid": "r1", "invocation": "2"}
    assert second.created_at == first.created_at
