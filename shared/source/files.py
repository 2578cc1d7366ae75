"""A source that is one file, on the app's disk or in its storage account."""

from collections.abc import Callable
from pathlib import Path

from shared.errors import SourceError
from shared.model.people import SourceUser
from shared.planning.mapping import AttributeMap
from shared.store.storage import Storage

Parse = Callable[[bytes, str, AttributeMap], list[SourceUser]]


class FileSource:
    """Everybody in the file that `setting` names, or in the blob, as `blob:container/name`.

    `parse` takes its content, its name for errors, and the attribute map.
    """

    def __init__(
        self, setting: str, path: str, storage: Storage, parse: Parse, attribute_map: AttributeMap
    ) -> None:
        self._setting = setting
        self._path = path
        self._storage = storage
        self._parse = parse
        self._attribute_map = attribute_map

    async def users(self) -> list[SourceUser]:
        content = await self._read()
        # Off the event loop: a large file takes a second.
        return await self._storage.clock.in_thread(self._parse, content, self._path, self._attribute_map)

    async def check(self) -> None:
        await self.users()

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def _read(self) -> bytes:
        from azure.core.exceptions import AzureError

        try:
            if self._path.startswith("blob:"):
                return await self._read_blob()
            return await self._storage.clock.in_thread(Path(self._path).read_bytes)
        except OSError as error:
            raise self._unreadable(error.strerror) from error
        except (AzureError, ValueError) as error:
            raise self._unreadable(type(error).__name__) from error

    async def _read_blob(self) -> bytes:
        container, _, name = self._path.removeprefix("blob:").partition("/")
        blob = self._storage.blobs.get_blob_client(container, name)
        return bytes(await (await blob.download_blob()).readall())

    def _unreadable(self, why: str | None) -> SourceError:
        return SourceError(f"{self._setting} {self._path} can't be read: {why}.")
