"""Azure Blob storage in memory, with as much of the SDK's clients as the app uses. Strict: an unknown option is an
error."""

import asyncio
import base64
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from random import Random
from types import SimpleNamespace
from typing import Any, TypeVar

from azure.core import MatchConditions

from tests.simulation.faults import Faults
from tests.simulation.gate import Gate, History
from tests.simulation.loop import Owner, VirtualLoop
from tests.simulation.storage_errors import storage_error
from tests.simulation.tables import Tables, TableService, through

T = TypeVar("T")
_LARGEST_BLOCK = 4 * 1024 * 1024


@dataclass(slots=True)
class Blob:
    content: bytes
    etag: str
    created: datetime
    modified: datetime
    appends: bool = False
    metadata: dict[str, str] = field(default_factory=dict)
    settings: Any = None
    lease_id: str = ""
    lease_seconds: int = 0
    lease_ends: datetime | None = None
    lease_etag: str = ""

    def is_leased(self, now: datetime) -> bool:
        return bool(self.lease_id and self.lease_ends and now < self.lease_ends)


@dataclass
class Blobs:
    """Every container by name, and in it every blob."""

    now: Callable[[], datetime]
    by_container: dict[str, dict[str, Blob]] = field(default_factory=dict)
    _writes: int = 0

    def go_back(self, place: str) -> None:
        """The newest blob of a place gets the content of the one before: restored from a backup."""
        *_, before, newest = self._at(place, 2)
        newest.content = before.content

    def cut(self, place: str) -> None:
        """The newest blob of a place loses the second half of its content."""
        *_, newest = self._at(place, 1)
        newest.content = newest.content[: len(newest.content) // 2]

    def _at(self, place: str, least: int) -> list[Blob]:
        """The blobs of a container whose names begin so, in the order of their making. KeyError for fewer."""
        container, _, prefix = place.partition("/")
        there = [b for name, b in self.by_container.get(container, {}).items() if name.startswith(prefix)]
        if len(there) < least:
            raise KeyError(place)
        return sorted(there, key=lambda one: one.created)

    def load(
        self, container: str, name: str, content: bytes, at: datetime, metadata: Mapping[str, str], *,
        appends: bool,
    ) -> None:  # fmt: skip
        """A blob that was there before."""
        blob = Blob(content, self.next_etag(), at, at, appends, dict(metadata))
        self.by_container.setdefault(container, {})[name] = blob

    def create_container(self, name: str) -> None:
        if name in self.by_container:
            raise storage_error(409, "ContainerAlreadyExists")
        self.by_container[name] = {}

    def names(self, container: str) -> list[str]:
        return sorted(self._in(container))

    def find(self, container: str, name: str) -> Blob | None:
        return self._in(container).get(name)

    def get(self, container: str, name: str) -> Blob:
        found = self.find(container, name)
        if found is None:
            raise storage_error(404, "BlobNotFound")
        return found

    def put(self, container: str, name: str, blob: Blob, condition: Mapping[str, Any]) -> Blob:
        before = self.find(container, name)
        self._check_lease(before)
        _check(before, condition)
        self._in(container)[name] = blob
        return blob

    def made(self, content: bytes, **more: Any) -> Blob:
        now = self.now()
        return Blob(content=content, etag=self.next_etag(), created=now, modified=now, **more)

    def delete(self, container: str, name: str, condition: Mapping[str, Any]) -> None:
        self._held_to(container, name, condition)
        del self._in(container)[name]

    def append(self, container: str, name: str, block: bytes, condition: Mapping[str, Any]) -> str:
        found = self.get(container, name)
        if not found.appends:
            raise storage_error(409, "InvalidBlobType")
        self._check_lease(found)
        _check(found, condition)
        if not 0 < len(block) <= _LARGEST_BLOCK:
            raise storage_error(413, "RequestBodyTooLarge")
        found.content += block
        found.etag, found.modified = self.next_etag(), self.now()
        return found.etag

    def set_metadata(
        self, container: str, name: str, metadata: Mapping[str, str], condition: Mapping[str, Any]
    ) -> str:
        found = self._held_to(container, name, condition)
        found.metadata, found.etag, found.modified = dict(metadata), self.next_etag(), self.now()
        return found.etag

    def acquire(self, container: str, name: str, lease_id: str, seconds: int) -> None:
        found, now = self.get(container, name), self.now()
        if found.is_leased(now) and found.lease_id != lease_id:
            raise storage_error(409, "LeaseAlreadyPresent")
        found.lease_id, found.lease_seconds, found.lease_etag = lease_id, seconds, found.etag
        found.lease_ends = now + timedelta(seconds=seconds)

    def renew(self, container: str, name: str, lease_id: str) -> None:
        """Also after the lease has ended, unless another has taken it or the blob has changed."""
        found, now = self.get(container, name), self.now()
        if found.lease_id != lease_id or not (found.is_leased(now) or found.lease_etag == found.etag):
            raise storage_error(409, "LeaseIdMismatchWithLeaseOperation")
        found.lease_ends = now + timedelta(seconds=found.lease_seconds)

    def release(self, container: str, name: str, lease_id: str) -> None:
        found = self.get(container, name)
        if found.lease_id != lease_id:
            raise storage_error(409, "LeaseIdMismatchWithLeaseOperation")
        found.lease_id = ""

    def next_etag(self) -> str:
        self._writes += 1
        return f'"0x{self._writes:X}"'

    def _held_to(self, container: str, name: str, condition: Mapping[str, Any]) -> Blob:
        """The blob, if the condition holds: that of a version does not hold where there is no blob."""
        found = self.find(container, name)
        self._check_lease(found)
        _check(found, condition)
        return self.get(container, name)

    def _check_lease(self, found: Blob | None) -> None:
        """A write names the lease, and the service looks at that before any condition (Azurite#2637)."""
        if found and found.is_leased(self.now()):
            raise storage_error(412, "LeaseIdMissing")

    def _in(self, container: str) -> dict[str, Blob]:
        if container not in self.by_container:
            raise storage_error(404, "ContainerNotFound")
        return self.by_container[container]


def _check(before: Blob | None, condition: Mapping[str, Any]) -> None:
    match, etag = condition.get("match_condition"), condition.get("etag")
    if unknown := condition.keys() - {"match_condition", "etag"}:
        raise TypeError(f"unknown {unknown}")
    if match is MatchConditions.IfMissing:
        if before:
            raise storage_error(409, "BlobAlreadyExists")
    elif match is MatchConditions.IfNotModified:
        if before is None or before.etag != etag:
            raise storage_error(412, "ConditionNotMet")
    elif match is not None:
        raise TypeError(f"unknown {match}")


class BlobClient:
    """The SDK's BlobClient, as far as it goes here."""

    def __init__(self, blobs: Blobs, gate: Gate, container: str, name: str) -> None:
        self._blobs = blobs
        self._gate = gate
        self.container_name = container
        self.blob_name = name
        self.url = f"https://simulated.blob.core.windows.net/{container}/{name}"

    async def exists(self) -> bool:
        return await self._through("exists", lambda: self._blobs.find(*self._place) is not None)

    async def get_blob_properties(self) -> SimpleNamespace:
        return await self._through("properties", lambda: self._properties(self._blobs.get(*self._place)))

    async def upload_blob(
        self,
        data: bytes,
        *,
        overwrite: bool = False,
        metadata: Mapping[str, str] | None = None,
        content_settings: Any = None,
        **condition: Any,
    ) -> dict[str, Any]:
        if not overwrite:
            condition = {"match_condition": MatchConditions.IfMissing}

        def effect() -> dict[str, Any]:
            made = self._blobs.made(bytes(data), metadata=dict(metadata or {}), settings=content_settings)
            return {"etag": self._blobs.put(*self._place, made, condition).etag}

        return await self._through("upload", effect)

    async def create_append_blob(
        self,
        *,
        metadata: Mapping[str, str] | None = None,
        content_settings: Any = None,
        **condition: Any,
    ) -> dict[str, Any]:
        def effect() -> dict[str, Any]:
            made = self._blobs.made(
                b"", appends=True, metadata=dict(metadata or {}), settings=content_settings
            )
            self._blobs.put(*self._place, made, condition)
            return {"etag": made.etag, "last_modified": made.modified}

        return await self._through("create", effect)

    async def append_block(self, data: bytes, **condition: Any) -> dict[str, Any]:
        return await self._through(
            "append",
            lambda: {"etag": self._blobs.append(*self._place, bytes(data), condition)},
            f" {len(data)}",
        )

    async def set_blob_metadata(self, metadata: Mapping[str, str], **condition: Any) -> dict[str, Any]:
        return await self._through(
            "metadata", lambda: {"etag": self._blobs.set_metadata(*self._place, metadata, condition)}
        )

    async def download_blob(
        self, offset: int | None = None, length: int | None = None, *, decompress: bool = True
    ) -> "Download":
        def effect() -> Download:
            found = self._blobs.get(*self._place)
            start = offset or 0
            if offset is not None and start >= len(found.content):
                raise storage_error(416, "InvalidRange")
            end = None if length is None else start + length
            return Download(found.content[start:end], self._properties(found))

        if decompress not in (True, False):
            raise TypeError("decompress")
        return await self._through(f"download {offset or 0}", effect)

    async def delete_blob(self, **condition: Any) -> None:
        await self._through("delete", lambda: self._blobs.delete(*self._place, condition))

    @property
    def _place(self) -> tuple[str, str]:
        return self.container_name, self.blob_name

    def _properties(self, found: Blob) -> SimpleNamespace:
        leased = "leased" if found.is_leased(self._blobs.now()) else "available"
        return SimpleNamespace(
            name=self.blob_name,
            size=len(found.content),
            etag=found.etag,
            creation_time=found.created,
            last_modified=found.modified,
            metadata=dict(found.metadata),
            content_settings=found.settings or SimpleNamespace(content_encoding=None),
            lease=SimpleNamespace(state=leased),
        )

    async def _through(self, what: str, effect: Callable[[], T], how: str = "") -> T:
        what = f"{what} {self.container_name}/{self.blob_name}{how}"
        return await through(self._gate, "blob", what, effect)


class Download:
    """What of a blob was asked for, as it was when it was asked for."""

    def __init__(self, content: bytes, properties: SimpleNamespace) -> None:
        self._content = content
        self.properties = properties
        self.size = len(content)

    async def readall(self) -> bytes:
        return self._content


class Lease:
    """The SDK's BlobLeaseClient, as far as it goes here. Options of a request's time and tries mean nothing."""

    def __init__(self, blobs: Blobs, gate: Gate, container: str, blob: str, lease_id: str) -> None:
        self._blobs = blobs
        self._gate = gate
        self._place = container, blob
        self._lease_id = lease_id

    async def acquire(self, lease_duration: int) -> None:
        await self._through(
            "acquire", lambda: self._blobs.acquire(*self._place, self._lease_id, lease_duration)
        )

    async def renew(self, **_times: Any) -> None:
        await self._through("renew", lambda: self._blobs.renew(*self._place, self._lease_id))

    async def release(self, **_times: Any) -> None:
        await self._through("release", lambda: self._blobs.release(*self._place, self._lease_id))

    async def _through(self, what: str, effect: Callable[[], None]) -> None:
        await through(self._gate, "blob", f"{what} {'/'.join(self._place)} {self._lease_id[:8]}", effect)


class Container:
    """The SDK's ContainerClient, as far as it goes here."""

    def __init__(self, blobs: Blobs, gate: Gate, name: str) -> None:
        self._blobs = blobs
        self._gate = gate
        self._name = name

    def get_blob_client(self, blob: str) -> BlobClient:
        return BlobClient(self._blobs, self._gate, self._name, blob)

    async def upload_blob(self, name: str, data: bytes, **options: Any) -> dict[str, Any]:
        return await self.get_blob_client(name).upload_blob(data, **options)

    async def download_blob(self, blob: str, **options: Any) -> Download:
        return await self.get_blob_client(blob).download_blob(**options)

    async def delete_blob(self, blob: str, **condition: Any) -> None:
        await self.get_blob_client(blob).delete_blob(**condition)

    async def list_blob_names(self, *, name_starts_with: str = "") -> AsyncIterator[str]:
        async for found in self.list_blobs(name_starts_with=name_starts_with):
            yield found.name

    async def list_blobs(self, *, name_starts_with: str = "") -> AsyncIterator[SimpleNamespace]:
        def effect() -> list[SimpleNamespace]:
            names = [one for one in self._blobs.names(self._name) if one.startswith(name_starts_with)]
            every = [self.get_blob_client(one)._properties(self._blobs.get(self._name, one)) for one in names]
            for one in every:
                one.etag = one.etag.strip('"')  # as a listing has it
            return every

        found = await through(self._gate, "blob", f"list {self._name}", effect)
        for one in found:
            yield one


class BlobService:
    """The SDK's BlobServiceClient, as far as it goes here."""

    account_name = "simulated"
    credential = SimpleNamespace(account_key=base64.b64encode(b"no key").decode())

    def __init__(self, blobs: Blobs, gate: Gate) -> None:
        self._blobs = blobs
        self._gate = gate

    async def create_container(self, name: str) -> None:
        await through(self._gate, "blob", f"create {name}", lambda: self._blobs.create_container(name))

    def get_container_client(self, container: str) -> Container:
        return Container(self._blobs, self._gate, container)

    def get_blob_client(self, container: str, blob: str) -> BlobClient:
        return BlobClient(self._blobs, self._gate, container, blob)


class SimulatedAccount:
    """The storage account as one instance reaches it."""

    by_identity = False

    def __init__(self, tables: Tables, blobs: Blobs, gate: Gate) -> None:
        self.tables = TableService(tables, gate)
        self.blobs = BlobService(blobs, gate)
        self._blobs = blobs
        self._gate = gate

    def lease(self, container: str, blob: str, lease_id: str) -> Lease:
        return Lease(self._blobs, self._gate, container, blob, lease_id)

    async def aclose(self) -> None:
        """No connection is open."""


class _MachineTime(VirtualLoop):
    """Nothing runs on it, and so nothing would wake who waits for its time."""

    def after(self, seconds: float) -> Awaitable[None]:
        return asyncio.sleep(seconds)


def account_alone() -> SimulatedAccount:
    """One that nothing strikes, by the clock of the machine."""

    def now() -> datetime:
        return datetime.now(UTC)

    loop = _MachineTime()
    gate = Gate(loop, History(loop), Faults(()), Owner(), "one", Random(0))
    return SimulatedAccount(Tables(now), Blobs(now), gate)
