"""An append blob with one writer: whoever opens it for a later invocation shuts every earlier one out.

Each append is conditional on the blob being as this writer left it. Opening changes the blob's metadata and so its
ETag: an invocation that was given up for dead is refused even if it wakes before its successor has written.
"""

import contextlib
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.errors import LeaseLost

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient

# An append block is at most 4 MiB in the versions of the service that are still in use.
BLOCK_SIZE = 4 * 1024 * 1024
_INVOCATION = "invocation"


class AppendedLog:
    """One invocation's pen. `size` is what stands in the blob, `created_at` when it was begun."""

    def __init__(
        self, blob: "BlobClient", invocation: int, etag: str, size: int, created_at: datetime
    ) -> None:
        self._blob = blob
        self._invocation = invocation
        self._etag = etag
        self.size = size
        self.created_at = created_at

    @classmethod
    async def open(
        cls, blob: "BlobClient", invocation: int, metadata: Mapping[str, str], content_settings: Any = None
    ) -> "AppendedLog":
        """Begins the blob or takes it over; LeaseLost if a later invocation has it already."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        with contextlib.suppress(ResourceExistsError, ResourceModifiedError):
            await blob.create_append_blob(
                content_settings=content_settings, match_condition=MatchConditions.IfMissing
            )
        for _ in range(5):
            found = await blob.get_blob_properties()
            if _writer(found) > invocation:
                break
            try:
                answer = await blob.set_blob_metadata(
                    {**metadata, _INVOCATION: str(invocation)},
                    etag=found.etag,
                    match_condition=MatchConditions.IfNotModified,
                )
            except ResourceModifiedError:
                continue
            return cls(blob, invocation, str(answer["etag"]), found.size, found.creation_time)
        raise LeaseLost("blob.takenOver", blob=blob.blob_name)

    async def append(self, records: Iterable[bytes]) -> None:
        """LeaseLost if another invocation has opened the blob. A record is never torn by a crash."""
        for block in _blocks(records):
            await self._append(block)

    async def read(self) -> bytes:
        return bytes(await (await self._blob.download_blob()).readall())

    async def _append(self, block: bytes) -> None:
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError

        try:
            answer = await self._blob.append_block(
                block, etag=self._etag, match_condition=MatchConditions.IfNotModified
            )
            self._etag = str(answer["etag"])
        except ResourceModifiedError as error:
            # The SDK tries a lost answer again, and then meets its own first try.
            found = await self._blob.get_blob_properties()
            if _writer(found) != self._invocation or not await self._ends_with(block, found.size):
                raise LeaseLost("blob.takenOver", blob=self._blob.blob_name) from error
            self._etag = found.etag
        self.size += len(block)

    async def _ends_with(self, block: bytes, size: int) -> bool:
        if size != self.size + len(block):
            return False
        return bytes(await (await self._blob.download_blob(self.size, len(block))).readall()) == block


def _writer(properties: Any) -> int:
    return int((properties.metadata or {}).get(_INVOCATION, 0))


def _blocks(records: Iterable[bytes]) -> Iterator[bytes]:
    """As many whole records a block as fit."""
    block = bytearray()
    for record in records:
        if block and len(block) + len(record) > BLOCK_SIZE:
            yield bytes(block)
            block.clear()
        block += record
    if block:
        yield bytes(block)
