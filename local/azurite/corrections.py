"""Corrections of Azurite where it differs from the service without any fault.

- A write to a leased blob without the lease id gets 412 LeaseIdMissing, also with `If-None-Match: *` (Azurite#2637).
  Azurite checks the condition first and answers 409 BlobAlreadyExists.
- `If-None-Match: *` applies to every write of a blob's content or metadata, not only to Put Blob and Put Block List.
- A deleted container can't be created again for a while. A deleted table or queue refuses every operation meanwhile.
"""

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from local.azurite.errors import Code
from local.azurite.operations import Operation, Service

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties
    from azure.storage.blob.aio import BlobClient

DELETED: dict[str, Code] = {
    "DeleteContainer": "ContainerBeingDeleted",
    "DeleteTable": "TableBeingDeleted",
    "DeleteQueue": "QueueBeingDeleted",
}
NOT_IF_THERE = ("AppendBlock", "CopyBlob", "SetBlobMetadata")


class Deletions:
    """Containers, tables and queues that are being deleted, and until when."""

    def __init__(self) -> None:
        self._until: dict[tuple[Service, str, str], float] = {}

    def begin(self, operation: Operation, seconds: float) -> None:
        self._until[operation.service, operation.account, operation.container] = time.monotonic() + seconds

    def refused(self, operation: Operation) -> Code | None:
        """The error code if the operation's container, table or queue is being deleted.

        For a container, only its creation is refused.
        """
        place = operation.service, operation.account, operation.container
        if self._until.get(place, 0) <= time.monotonic():
            return None
        if operation.service == "blob":
            return "ContainerBeingDeleted" if operation.name == "CreateContainer" else None
        return "TableBeingDeleted" if operation.service == "table" else "QueueBeingDeleted"


async def refused_condition(
    operation: Operation, headers: Mapping[str, str], blob: "BlobClient"
) -> Code | None:
    """The error code of a write of NOT_IF_THERE with `If-None-Match: *` if the blob exists; Azurite would accept it."""
    there = await _properties(blob)
    if there is None:
        return None
    if there.lease.status == "locked" and "x-ms-lease-id" not in headers:
        return "LeaseIdMissing"
    return "BlobAlreadyExists" if operation.name == "CopyBlob" else "ConditionNotMet"


async def leased(headers: Mapping[str, str], blob: "BlobClient") -> bool:
    """After a 409 BlobAlreadyExists: whether the service would have refused for the lease first."""
    if "x-ms-lease-id" in headers:
        return False
    there = await _properties(blob)
    return there is not None and there.lease.status == "locked"


async def _properties(blob: "BlobClient") -> "BlobProperties | None":
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return await blob.get_blob_properties()
    except ResourceNotFoundError:
        return None
