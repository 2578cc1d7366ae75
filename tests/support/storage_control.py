"""Reads the requests of one storage account and injects faults into them."""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

import httpx

from tests.support.stack import Json, Stack


@dataclass(frozen=True, slots=True)
class Asked:
    """One operation by its documented name; `status` is 0 if the connection was reset, -1 without an answer yet."""

    service: str
    operation: str
    resource: str
    status: int
    write: bool

    def __str__(self) -> str:
        return f"{self.operation} {self.resource}"


class StorageControl:
    """The control API of the proxy in front of Azurite, for the account of this connection string."""

    def __init__(self, http: httpx.AsyncClient, storage: str) -> None:
        found = re.search(r"BlobEndpoint=(\w+://[^/]+)/(\w+)", storage)
        assert found is not None
        self._url = f"{found[1]}/_emulator/{found[2]}"
        self._http = http

    async def faults(self, *rules: Json, **others: object) -> None:
        """Sets the faults, in the format of `local.azurite.faults`."""
        answer = await self._http.put(f"{self._url}/faults", json={"rules": rules, **others})
        assert answer.status_code == 204, answer.text

    async def struck(self) -> list[int]:
        """How often each rule has struck."""
        answer = await self._http.get(f"{self._url}/faults")
        return [int(count) for count in answer.json()["struck"]]

    async def writes(self) -> list[Asked]:
        """Every write, in order."""
        return [one for one in await self.operations() if one.write]

    async def operations(self) -> list[Asked]:
        """Every operation, in order."""
        answer = await self._http.get(f"{self._url}/requests")
        return [
            Asked(one["service"], one["name"], one["resource"], one["status"], one["write"])
            for one in answer.json()["requests"]
        ]

    async def forget(self) -> None:
        await self._http.delete(f"{self._url}/requests")


def storage_of(stack: Stack) -> StorageControl:
    return StorageControl(stack.http, stack.settings["AzureWebJobsStorage"])


def readable(content: bytes) -> str:
    """The text of a blob, also of one that the app keeps compressed."""
    head, streams = b"", content
    if content.startswith(b"users-snapshot "):
        format_, index, streams = content.split(b"\n", 2)
        head = format_ + index
    elif content.startswith(b"users-mirror "):
        head, _, streams = content.partition(b"\n")
    if head or content.startswith(b"\x78\x01"):
        content = b"\n".join((head, *_unzipped(streams)))
    return (gzip.decompress(content) if content.startswith(b"\x1f\x8b") else content).decode()


def _unzipped(streams: bytes) -> Iterator[bytes]:
    """What was compressed, one after the other."""
    while streams:
        part = zlib.decompressobj()
        yield part.decompress(streams)
        streams = part.unused_data
