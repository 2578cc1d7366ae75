"""An append blob with one writer, fenced: opening it for a later invocation shuts out every earlier one.

Each append is conditional on the ETag of this writer's last write. Opening creates the blob, or changes its metadata
and so its ETag: a stale invocation is refused, even if it wakes before its successor has written.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from shared.errors import LeaseLost
from shared.store.attempts import answer_if, keep_trying, missing, unchanged, update_if_unchanged
from shared.store.storage import Storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties
    from azure.storage.blob.aio import BlobClient

# An append block is at most 4 MiB in the versions of the service that are still in use.
BLOCK_SIZE = 4 * 1024 * 1024
_INVOCATION = "invocation"
# The SDK reads up to this size in one request. A larger read takes several, and fails at an append in between.
_READ_AT_ONCE = 32 * 1024 * 1024


class AppendedLog:
    """The writer that one invocation owns; fenced. `size`: the blob's bytes. `created_at`: when it was created."""

    def __init__(
        self,
        storage: Storage,
        blob: "BlobClient",
        invocation: int,
        etag: str,
        size: int,
        created_at: datetime,
    ) -> None:
        self._storage = storage
        self._blob = blob
        self._invocation = invocation
        self._etag = etag
        self.size = size
        self.created_at = created_at

    @classmethod
    async def open(
        cls,
        storage: Storage,
        container: str,
        name: str,
        invocation: int,
        metadata: Mapping[str, str],
        content_settings: Any = None,
    ) -> "AppendedLog":
        """Creates the blob or takes it over. Raises LeaseLost if a later invocation has it already."""
        lost = LeaseLost("blob.takenOver", blob=name)
        mine = {**metadata, _INVOCATION: str(invocation)}

        async def begin() -> tuple["BlobClient", dict[str, Any] | None]:
            """The answer if this made the blob, and None if it was there: another's, or by a try that nobody heard."""
            blob = (await storage.open_container(container)).get_blob_client(name)
            new = {"metadata": mine, "content_settings": content_settings, **missing()}
            return blob, await answer_if(blob.create_append_blob(**new))

        async def take_over(found: "BlobProperties") -> "AppendedLog":
            if _writer(found) > invocation:
                raise lost
            answer = await blob.set_blob_metadata(mine, **unchanged(found.etag))
            return cls(storage, blob, invocation, str(answer["etag"]), found.size, found.creation_time)

        blob, made = await keep_trying(storage, begin)
        if made:
            return cls(storage, blob, invocation, str(made["etag"]), 0, made["last_modified"])
        return await update_if_unchanged(storage, blob.get_blob_properties, take_over, lost)

    async def append(self, records: Iterable[bytes]) -> None:
        """Appends whole records: a crash never leaves part of one.

        Raises LeaseLost if another invocation has opened the blob.
        """
        for block in _blocks(records):
            await self._append(block)

    async def read(self) -> bytes:
        return await keep_trying(self._storage, lambda: read_up_to(self._blob, self.size))

    async def _append(self, block: bytes) -> None:
        lost = LeaseLost("blob.takenOver", blob=self._blob.blob_name)

        async def look() -> tuple[str, bool]:
            """The blob's ETag, and whether an earlier try has written the block already."""
            found = await self._blob.get_blob_properties()
            there = await self._ends_with(block, found.size)
            if _writer(found) != self._invocation or not (there or found.size == self.size):
                raise lost
            return found.etag, there

        async def write(seen: tuple[str, bool]) -> str:
            etag, there = seen
            return etag if there else str((await self._blob.append_block(block, **unchanged(etag)))["etag"])

        self._etag = await update_if_unchanged(self._storage, look, write, lost, known=(self._etag, False))
        self.size += len(block)

    async def _ends_with(self, block: bytes, size: int) -> bool:
        if size != self.size + len(block):
            return False
        return bytes(await (await self._blob.download_blob(self.size, len(block))).readall()) == block


async def read_up_to(blob: "BlobClient", size: int) -> bytes:
    """The first `size` bytes of an append blob, which may grow meanwhile."""
    content = bytearray()
    while len(content) < size:
        length = min(size - len(content), _READ_AT_ONCE)
        content += await (await blob.download_blob(len(content), length)).readall()
    return bytes(content)


def _writer(properties: "BlobProperties") -> int:
    return int((properties.metadata or {}).get(_INVOCATION, 0))


def _blocks(records: Iterable[bytes]) -> Iterator[bytes]:
    """Blocks with as many whole records as fit into `BLOCK_SIZE`."""
    block = bytearray()
    for record in records:
        if block and len(block) + len(record) > BLOCK_SIZE:
            yield bytes(block)
            block.clear()
        block += record
    if block:
        yield bytes(block)
