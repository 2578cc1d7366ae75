"""Clients of the app's storage account: by connection string in development, by identity in Azure."""

from typing import TYPE_CHECKING, Any, Protocol

from shared.settings import Settings
from shared.store.forbidden import tell_forbidden

if TYPE_CHECKING:
    from azure.data.tables.aio import TableServiceClient
    from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient

# The blobs' SDK retries by itself, with jitter, for half a minute. With its defaults it would first wait 15 s.
_BLOB_RETRIES: dict[str, Any] = {
    **dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 5),
    "initial_backoff": 1,
    "increment_base": 2,
    "random_jitter_range": 1,
}
# The tables' SDK does not retry: see attempts.py.
_TABLE_RETRIES: dict[str, Any] = {"retry_total": 0}


class Account(Protocol):
    """Every operation on storage goes through these clients. They belong to one event loop."""

    @property
    def by_identity(self) -> bool: ...

    @property
    def tables(self) -> "TableServiceClient": ...

    @property
    def blobs(self) -> "BlobServiceClient": ...

    def lease(self, container: str, blob: str, lease_id: str) -> "BlobLeaseClient": ...

    async def aclose(self) -> None: ...


class AzureAccount:
    """The SDKs' clients, made when first used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._credential: Any = None
        self._tables: TableServiceClient | None = None
        self._blobs: BlobServiceClient | None = None
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

    def lease(self, container: str, blob: str, lease_id: str) -> "BlobLeaseClient":
        from azure.storage.blob.aio import BlobLeaseClient

        return BlobLeaseClient(self.blobs.get_blob_client(container, blob), lease_id=lease_id)

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
