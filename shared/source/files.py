"""A source that is one file, on the app's disk or in its storage account."""

import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from shared.clock import Clock
from shared.errors import SourceError
from shared.model.people import People
from shared.outbound.content_coding import BodyRefused, decoded, require_size
from shared.planning.mapping import AttributeMap
from shared.source import Stages, T

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient, BlobServiceClient

# About 300,000 users (Entra's quota for a tenant), with all columns of Access Control's export.
LARGEST_FILE = 128 * 1024 * 1024
LARGEST_LOOK = 1024 * 1024

Parse = Callable[[bytes, str, AttributeMap], People]
Records = Callable[[bytes, str], Iterator[tuple[int, Mapping[str, object]]]]


class Storage(Protocol):
    """The app's storage account, as far as a file may lie in it."""

    @property
    def clock(self) -> Clock: ...

    @property
    def blobs(self) -> "BlobServiceClient": ...


class FileSource:
    """The users in the file at `path`, or in the blob if that is `blob:container/name`.

    `setting` is the app setting that `path` comes from, for errors. `parse` takes the file's content, its name for
    errors, and the attribute map; `records` gives its records as they are.
    """

    def __init__(
        self,
        setting: str,
        path: str,
        storage: Storage,
        parse: Parse,
        records: Records,
        attribute_map: AttributeMap,
    ) -> None:
        self._setting = setting
        self._path = path
        self._storage = storage
        self._parse = parse
        self._records = records
        self._attribute_map = attribute_map

    async def read(self, people: T, _stages: Stages | None = None, /) -> T:
        content = await self._read()
        # Off the event loop: a large file takes a second.
        return await self._storage.clock.in_thread(self._take, content, people)

    def _take(self, content: bytes, people: T) -> T:
        found = self._parse(content, self._path, self._attribute_map)
        for user in found:
            people.append(user)
        people.fitting, people.fields = found.fitting, found.fields
        return people

    async def describe(self, add: Callable[[object], None]) -> None:
        content = await self._read()
        await self._storage.clock.in_thread(self._describe, content, add)

    def _describe(self, content: bytes, add: Callable[[object], None]) -> None:
        for _, record in self._records(content, self._path):
            add(record)

    async def check(self) -> None:
        """Reads a file of at most 1 MB, and only looks for a larger one: anybody may ask for a health check."""
        with self._errors():
            size = await self._size()
        if size <= LARGEST_LOOK:
            await self.read(People())

    async def aclose(self) -> None:
        """Nothing is kept open."""

    async def _read(self) -> bytes:
        with self._errors():
            if self._is_blob:
                return await self._read_blob()
            return await self._storage.clock.in_thread(_read_file, Path(self._path))

    async def _size(self) -> int:
        if self._is_blob:
            return int((await self._blob().get_blob_properties()).size)
        return (await self._storage.clock.in_thread(Path(self._path).stat)).st_size

    @contextmanager
    def _errors(self) -> Iterator[None]:
        """Raises SourceError for whatever keeps the file from being read."""
        from azure.core.exceptions import AzureError

        try:
            yield
        except OSError as error:
            raise self._unreadable(error.strerror) from error
        except BodyRefused as error:
            raise self._unreadable(str(error)) from error
        except zlib.error as error:
            raise self._unreadable(f"damaged gzip, {error}") from error
        except (AzureError, ValueError) as error:
            raise self._unreadable(type(error).__name__) from error

    async def _read_blob(self) -> bytes:
        # By default the SDK decompresses by the blob's Content-Encoding, without a limit.
        download = await self._blob().download_blob(decompress=False)
        require_size(download.size, LARGEST_FILE)
        content = bytes(await download.readall())
        coding = download.properties.content_settings.content_encoding or ""
        return await self._storage.clock.in_thread(decoded, content, coding, LARGEST_FILE)

    @property
    def _is_blob(self) -> bool:
        return self._path.startswith("blob:")

    def _blob(self) -> "BlobClient":
        container, _, name = self._path.removeprefix("blob:").partition("/")
        return self._storage.blobs.get_blob_client(container, name)

    def _unreadable(self, why: str | None) -> SourceError:
        return SourceError("source.unreadable", setting=self._setting, path=self._path, why=str(why))


def _read_file(path: Path) -> bytes:
    with path.open("rb") as file:
        content = file.read(LARGEST_FILE + 1)
    require_size(len(content), LARGEST_FILE)
    return content
