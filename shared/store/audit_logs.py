"""Container `audit-logs`: the last dry run's log of each domain, and a log per sync, appended while it runs.

A lifecycle rule deletes both after a day; since it may act a day late, nothing older than 24 hours is served, and
the hourly sweep deletes it.
"""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from shared.errors import AuditLogGone, LeaseLost
from shared.model.runs import AUDIT_LOG_LIFETIME, Mode, Run
from shared.store.append_blob import AppendedLog
from shared.store.storage import AUDIT_LOGS, Storage

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient

LINK_LIFETIME = timedelta(minutes=60)
# A link's start lies in the past, for a storage service whose clock is behind.
CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    expires_at: datetime


class AuditLogs:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def dry_run_version(self, run: Run) -> str | None:
        """Which log stands in the place of this dry run's, None if there is none; for `write_dry_run`."""
        from azure.core.exceptions import ResourceNotFoundError

        try:
            return str((await (await self._blob(run)).get_blob_properties()).etag)
        except ResourceNotFoundError:
            return None

    async def write_dry_run(self, run: Run, content: bytes, version: str | None) -> datetime:
        """Puts the log in the place of that version; when it expires.

        LeaseLost if another has been written since: an invocation that was given up for dead may wake here.
        """
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceExistsError, ResourceModifiedError

        blob = await self._blob(run)
        known: dict[str, Any] = {}
        if version:
            known = {"etag": version, "match_condition": MatchConditions.IfNotModified}
        try:
            await blob.upload_blob(
                content,
                overwrite=version is not None,
                metadata={"runid": run.id},
                content_settings=_csv(run),
                **known,
            )
        except (ResourceExistsError, ResourceModifiedError) as error:
            raise LeaseLost("auditLog.overtaken", domain=run.domain) from error
        created: datetime = (await blob.get_blob_properties()).creation_time
        return created + AUDIT_LOG_LIFETIME

    async def open_sync(self, run: Run, invocation: int, header: bytes) -> AppendedLog:
        """The sync's log, begun with `header`, or the one that an earlier invocation left."""
        log = await AppendedLog.open(await self._blob(run), invocation, {"runid": run.id}, _csv(run))
        if log.size == 0:
            await log.append([header])
        return log

    async def begun(self, run: Run) -> bool:
        """Whether the run has begun a log."""
        return bool(await (await self._blob(run)).exists())

    async def link(self, run: Run, now: datetime) -> Link:
        """A read-only link to the run's log; AuditLogGone once it is expired or overwritten."""
        blob, end = await self._served(run, now)
        expires_at = min(now + LINK_LIFETIME, end).replace(microsecond=0)
        return Link(f"{blob.url}?{await self._signature(blob, now, expires_at)}", expires_at)

    async def read(self, run: Run, now: datetime) -> bytes:
        """The whole log; AuditLogGone as in `link`."""
        blob, _ = await self._served(run, now)
        return bytes(await (await blob.download_blob()).readall())

    async def delete_expired(self, now: datetime) -> None:
        """Deletes every log older than 24 hours."""
        from azure.core import MatchConditions
        from azure.core.exceptions import ResourceModifiedError, ResourceNotFoundError

        container = await self._storage.container(AUDIT_LOGS)
        async for blob in container.list_blobs():
            if now - blob.creation_time >= AUDIT_LOG_LIFETIME:
                # The lifecycle rule may have been first, and a dry run may have overwritten it meanwhile.
                with suppress(ResourceNotFoundError, ResourceModifiedError):
                    await container.delete_blob(
                        blob.name, etag=blob.etag, match_condition=MatchConditions.IfNotModified
                    )

    async def _served(self, run: Run, now: datetime) -> tuple["BlobClient", datetime]:
        """The blob if it holds this run's log and may still be shown, and when that ends."""
        from azure.core.exceptions import ResourceNotFoundError

        blob = await self._blob(run)
        try:
            properties = await blob.get_blob_properties()
        except ResourceNotFoundError:
            raise _gone(run) from None
        end = properties.creation_time + AUDIT_LOG_LIFETIME
        if properties.metadata.get("runid") != run.id or now >= end:
            raise _gone(run)
        return blob, end

    async def _blob(self, run: Run) -> "BlobClient":
        name = f"dry-run/{run.domain}.csv" if run.mode is Mode.DRY_RUN else f"sync/{run.domain}/{run.id}.csv"
        return (await self._storage.container(AUDIT_LOGS)).get_blob_client(name)

    async def _signature(self, blob: "BlobClient", now: datetime, expires_at: datetime) -> str:
        from azure.storage.blob import BlobSasPermissions, generate_blob_sas

        start = (now - CLOCK_SKEW).astimezone(UTC)
        key: dict[str, Any]
        if self._storage.by_identity:
            key = {
                "user_delegation_key": await self._storage.blobs.get_user_delegation_key(start, expires_at)
            }
        else:
            key = {"account_key": self._storage.blobs.credential.account_key}
        loopback = blob.url.startswith("http://")
        return str(
            generate_blob_sas(
                account_name=str(self._storage.blobs.account_name),
                container_name=blob.container_name,
                blob_name=blob.blob_name,
                permission=BlobSasPermissions(read=True),
                start=start,
                expiry=expires_at,
                protocol=None if loopback else "https",
                **key,
            )
        )


def _gone(run: Run) -> AuditLogGone:
    return AuditLogGone("auditLog.dryRunGone" if run.mode is Mode.DRY_RUN else "auditLog.gone")


def _csv(run: Run) -> Any:
    from azure.storage.blob import ContentSettings

    return ContentSettings(
        content_type="text/csv; charset=utf-8",
        content_disposition=f'attachment; filename="{run.domain}-{run.mode.value}-{run.id}.csv"',
        cache_control="no-store",
    )
