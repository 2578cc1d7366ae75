"""The app's tables and containers, in its storage account."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.settings import Settings
from shared.store.account import Account, AzureAccount
from shared.store.attempts import error_code, keep_trying

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient, TableServiceClient
    from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient, ContainerClient

DOMAINS, RUNS = "Domains", "Runs"
AUDIT_LOGS, LOCKS, LINKS, JOURNAL, TENANT = "audit-logs", "locks", "links", "journal", "tenant"
SNAPSHOTS = "snapshots"

_ALREADY_THERE = ("ContainerAlreadyExists", "TableAlreadyExists")


class Storage:
    """For one event loop. Tables and containers are created if missing."""

    def __init__(
        self, settings: Settings, clock: Clock, connect: Callable[[Settings], Account] = AzureAccount
    ) -> None:
        self.clock = clock
        self._settings = settings
        self._connect = connect
        self._account = connect(settings)
        self._existing: set[str] = set()
        # Making one takes as long as a request to storage.
        self._opened: dict[str, TableClient] = {}

    def apart(self) -> "Storage":
        """The same storage by connections of its own, for another event loop; the caller closes them."""
        return Storage(self._settings, self.clock, self._connect)

    @property
    def by_identity(self) -> bool:
        return self._account.by_identity

    @property
    def blobs(self) -> "BlobServiceClient":
        return self._account.blobs

    @property
    def tables(self) -> "TableServiceClient":
        return self._account.tables

    def lease(self, container: str, blob: str, lease_id: str) -> "BlobLeaseClient":
        return self._account.lease(container, blob, lease_id)

    async def open_table(self, name: str) -> "TableClient":
        await self._make(name, self.tables.create_table)
        if name not in self._opened:
            self._opened[name] = self.tables.get_table_client(name)
        return self._opened[name]

    async def open_container(self, name: str) -> "ContainerClient":
        await self._make(name, self.blobs.create_container)
        return self.blobs.get_container_client(name)

    def forget_existing(self) -> None:
        """One was found missing: from now on all are created again, if missing, when they are opened."""
        self._existing.clear()

    async def _make(self, name: str, create: Callable[[str], Awaitable[object]]) -> None:
        if name not in self._existing:
            await keep_trying(self, partial(_create, create, name))
            self._existing.add(name)

    async def aclose(self) -> None:
        await self._account.aclose()


async def _create(create: Callable[[str], Awaitable[object]], name: str) -> None:
    try:
        await create(name)
    except Exception as error:
        if error_code(error) not in _ALREADY_THERE:
            raise
