"""The app's storage account: by connection string on a desk, by identity in Azure.

Rows and blobs that several may write are written by optimistic concurrency: on the condition that nothing has
changed since they were read. That condition, and what follows when it does not hold, stand here alone.
"""

import contextlib
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any, TypeVar

from shared.clock import Clock
from shared.errors import SyncError
from shared.settings import Settings

if TYPE_CHECKING:
    from azure.data.tables.aio import TableClient, TableServiceClient
    from azure.storage.blob.aio import BlobServiceClient, ContainerClient

DOMAINS, RUNS = "Domains", "Runs"
AUDIT_LOGS, LOCKS, LINKS, JOURNAL, TENANT = "audit-logs", "locks", "links", "journal", "tenant"

Seen = TypeVar("Seen")
Written = TypeVar("Written")

# How often a row or blob is read and written anew when others keep changing it.
ROUNDS = 5
# What the services say where a condition did not hold: it is not as it was read, or it is there already.
_REFUSED = frozenset(
    {
        "UpdateConditionNotSatisfied",
        "ConditionNotMet",
        "ResourceNotFound",
        "BlobNotFound",
        "EntityAlreadyExists",
        "BlobAlreadyExists",
    }
)

# A storage service that is away for a moment is back within half a minute. The SDKs' own would have a run wait
# 15 s before the first retry of a blob, and minutes for a table: longer than its lease lasts.
_RETRIES: dict[str, Any] = dict.fromkeys(("retry_total", "retry_connect", "retry_read", "retry_status"), 5)
_RETRIES |= {"connection_timeout": 10}
_BLOB_RETRIES = {**_RETRIES, "initial_backoff": 1, "increment_base": 2, "random_jitter_range": 1}
_TABLE_RETRIES = {**_RETRIES, "retry_backoff_factor": 1}


def error_code(error: Exception) -> str:
    """The service's own word for what is wrong; the SDKs set it without declaring it, some as an enum."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def unchanged(etag: str) -> dict[str, Any]:
    """The condition that a row or blob still has this ETag, as the SDKs take it."""
    from azure.core import MatchConditions

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def missing() -> dict[str, Any]:
    """The condition that a blob is not there yet, as the SDK takes it."""
    from azure.core import MatchConditions

    return {"match_condition": MatchConditions.IfMissing}


async def write_if(conditional: Awaitable[object]) -> bool:
    """Makes one conditional write; False if its condition did not hold."""
    try:
        await conditional
    except Exception as error:
        if _is_refused(error):
            return False
        raise
    return True


async def update_if_unchanged(
    read: Callable[[], Awaitable[Seen]],
    write: Callable[[Seen], Awaitable[Written]],
    exhausted: SyncError,
    known: Seen | None = None,
) -> Written:
    """What `write` answers, whose condition is that nothing has changed since `read`; both again if it has.

    `known` is what was read before: it is tried first. `read` and `write` may raise whatever ends the attempt.
    Raises `exhausted` if others keep writing.
    """
    seen = await read() if known is None else known
    for _ in range(ROUNDS):
        try:
            return await write(seen)
        except Exception as error:
            if not _is_refused(error):
                raise
        seen = await read()
    raise exhausted


def _is_refused(error: Exception) -> bool:
    """By the code, which the tables' SDK has for a transaction alone; for a row it has an exception of its own."""
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

    code = error_code(error)
    rows = ResourceExistsError | ResourceModifiedError | ResourceNotFoundError
    return code in _REFUSED if code else isinstance(error, rows)


class Storage:
    """Clients of one event loop, connected when first used; tables and containers are made if missing."""

    def __init__(self, settings: Settings, clock: Clock) -> None:
        self.clock = clock
        self._settings = settings
        self._credential: Any = None
        self._tables: TableServiceClient | None = None
        self._blobs: BlobServiceClient | None = None
        self._existing: set[str] = set()
        # A socket that hangs must not outlast a lease: the tables' SDK would wait five minutes.
        self._waits: dict[str, Any] = {"read_timeout": settings.storage_timeout_seconds}

    @property
    def by_identity(self) -> bool:
        return self._settings.storage is None

    @property
    def blobs(self) -> "BlobServiceClient":
        if self._blobs is None:
            from azure.storage.blob.aio import BlobServiceClient

            if self._settings.storage:
                secret = self._settings.storage.get_secret_value()
                self._blobs = BlobServiceClient.from_connection_string(secret, **_BLOB_RETRIES, **self._waits)
            else:
                url = self._settings.storage_blob_url or self._endpoint("blob")
                self._blobs = BlobServiceClient(
                    url, credential=self._identity(), **_BLOB_RETRIES, **self._waits
                )
        return self._blobs

    @property
    def tables(self) -> "TableServiceClient":
        if self._tables is None:
            from azure.data.tables.aio import TableServiceClient

            if self._settings.storage:
                secret = self._settings.storage.get_secret_value()
                self._tables = TableServiceClient.from_connection_string(
                    secret, **_TABLE_RETRIES, **self._waits
                )
            else:
                url = self._settings.storage_table_url or self._endpoint("table")
                self._tables = TableServiceClient(
                    endpoint=url, credential=self._identity(), **_TABLE_RETRIES, **self._waits
                )
        return self._tables

    async def open_table(self, name: str) -> "TableClient":
        if name not in self._existing:
            await self.tables.create_table_if_not_exists(name)
            self._existing.add(name)
        return self.tables.get_table_client(name)

    async def open_container(self, name: str) -> "ContainerClient":
        from azure.core.exceptions import ResourceExistsError

        container = self.blobs.get_container_client(name)
        if name not in self._existing:
            with contextlib.suppress(ResourceExistsError):
                await container.create_container()
            self._existing.add(name)
        return container

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
