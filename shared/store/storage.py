"""The app's storage account: by connection string in development, by identity in Azure."""

from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.clock import Clock
from shared.settings import Settings
from shared.store.attempts import error_code, keep_trying
from shared.store.forbidden import tell_forbidden

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient, TableServiceClient
    from azure.storage.blob.aio import BlobServiceClient, ContainerClient

DOMAINS, RUNS = "Domains", "Runs"
AUDIT_LOGS, LOCKS, LINKS, JOURNAL, TENANT = "audit-logs", "locks", "links", "journal", "tenant"

# The blobs' SDK retries by itself, with jitter, for half a minute. With its defaults it would first wait 15 s.
_BLOB_RETRIES: dict[str, Any] = {
    **dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 5),
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
}
# The tables' SDK does not retry: see attempts.py.
_TABLE_RETRIES: dict[str, Any] = {"retry_total": 0}
_ALREADY_THERE = ("ContainerAlreadyExists", "TableAlreadyExists")


class Storage:
    """Clients for one event loop, made when first used. Tables and containers are created if missing."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.clock = clock
        self._settings = settings
        self._credential: Any = None
        self._tables: TableServiceClient | None = None
        self._blobs: BlobServiceClient | None = None
        self._existing: set[str] = set()
        # Making one takes as long as a request to storage.
        self._opened: dict[str, TableClient] = {}
        # A socket that hangs must not outlast a lease: the tables' SDK would wait five minutes. No proxy is looked for
        # in the environment, as for Graph and the source: aiohttp would ask a thread for it at every request.
        common = {
            "connection_timeout": 10,
            "read_timeout": settings.storage_timeout_seconds,
            "use_env_settings": False,
        }
        self._blob_options: dict[str, Any] = {
            **_BLOB_RETRIES,
            **common,
            "raw_response_hook": tell_forbidden("blob"),
        }
        self._table_options: dict[str, Any] = {
            **_TABLE_RETRIES,
            **common,
            "raw_response_hook": tell_forbidden("table"),
        }

    @property
    def by_identity(self) -> bool:
        return self._settings.storage is None

    @property
    def blobs(self) -> "BlobServiceClient":
        if self._blobs is None:
            from azure.storage.blob.aio import BlobServiceClient

            if self._settings.storage:
                secret = self._settings.storage.get_secret_value()
                self._blobs = BlobServiceClient.from_connection_string(secret, **self._blob_options)
            else:
                url = self._settings.storage_blob_url or self._endpoint("blob")
                self._blobs = BlobServiceClient(url, credential=self._identity(), **self._blob_options)
        return self._blobs

    @property
    def tables(self) -> "TableServiceClient":
        if self._tables is None:
            from azure.data.tables.aio import TableServiceClient

            if self._settings.storage:
                secret = self._settings.storage.get_secret_value()
                self._tables = TableServiceClient.from_connection_string(secret, **self._table_options)
            else:
                url = self._settings.storage_table_url or self._endpoint("table")
                self._tables = TableServiceClient(
                    endpoint=url, credential=self._identity(), **self._table_options
                )
        return self._tables

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
        for client in (self._tables, self._blobs, self._credential):
            if client is not None:
                await client.close()

    def _endpoint(self, service: str) -> str:
        return f"https://{self._settings.storage_account}.{service}.core.windows.net"

    def _identity(self) -> Any:
        if self._credential is None:
            from azure.identity.aio import DefaultAzureCredential, ManagedIdentityCredential

            client_id = self._settings.storage_client_id
            self._credential = (
                ManagedIdentityCredential(client_id=client_id)
                if self._settings.storage_credential == "managedidentity"
                else DefaultAzureCredential()
            )
        return self._credential


async def _create(create: Callable[[str], Awaitable[object]], name: str) -> None:
    try:
        await create(name)
    except Exception as error:
        if error_code(error) not in _ALREADY_THERE:
            raise
