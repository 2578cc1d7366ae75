"""An append blob with one writer: whoever opens it for a later invocation shuts every earlier one out.

Each append is conditional on the blob being as this writer left it. Opening changes the blob's metadata and so its
ETag: an invocation that was given up for dead is refused even if it wakes before its successor has written.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.errors import LeaseLost
from shared.store.storage import missing, unchanged, update_if_unchanged, write_if

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties
    from azure.storage.blob.aio import BlobClient

# An append block is at most 4 MiB in the versions of the service that are still in use.
BLOCK_SIZE = 4 * 1024 * 1024
_INVOCATION = "invocation"


class AppendedLog:
    """The writer that one invocation owns. `size` is what stands in the blob, `created_at` when it was begun."""

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
        lost = LeaseLost("blob.takenOver", blob=blob.blob_name)

        async def take_over(found: "BlobProperties") -> "AppendedLog":
            if _writer(found) > invocation:
                raise lost
            mine = {**metadata, _INVOCATION: str(invocation)}
            answer = await blob.set_blob_metadata(mine, **unchanged(found.etag))
            return cls(blob, invocation, str(answer["etag"]), found.size, found.creation_time)

        await write_if(blob.create_append_blob(content_settings=content_settings, **missing()))
        return await update_if_unchanged(blob.get_blob_properties, take_over, lost)

    async def append(self, records: Iterable[bytes]) -> None:
        """LeaseLost if another invocation has opened the blob. A record is never torn by a crash."""
        for block in _blocks(records):
            await self._append(block)

    async def read(self) -> bytes:
        return bytes(await (await self._blob.download_blob()).readall())

    async def _append(self, block: bytes) -> None:
        lost = LeaseLost("blob.takenOver", blob=self._blob.blob_name)

        async def look() -> tuple[str, bool]:
            """The blob's ETag, and whether the block is there: the SDK repeats a write whose answer was lost."""
            found = await self._blob.get_blob_properties()
            there = await self._ends_with(block, found.size)
            if _writer(found) != self._invocation or not (there or found.size == self.size):
                raise lost
            return found.etag, there

        async def write(seen: tuple[str, bool]) -> str:
            etag, there = seen
            return etag if there else str((await self._blob.append_block(block, **unchanged(etag)))["etag"])

        self._etag = await update_if_unchanged(look, write, lost, known=(self._etag, False))
        self.size += len(block)

    async def _ends_with(self, block: bytes, size: int) -> bool:
        if size != self.size + len(block):
            return False
        return bytes(await (await self._blob.download_blob(self.size, len(block))).readall()) == block


def _writer(properties: "BlobProperties") -> int:
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
