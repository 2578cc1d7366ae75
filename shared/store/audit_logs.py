"""Container `audit-logs`: the last dry run's log of each domain, and a log per sync, appended while it runs.

Beside a dry run's log stands its plan as data, which an approval reads: overwritten with it, and gone with it.
A lifecycle rule deletes everything after a day; since it may act a day late, nothing older than 24 hours is served,
and the hourly sweep deletes it.
"""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from shared.errors import AuditLogGone, LeaseLost
from shared.model.results import Outcome
from shared.model.runs import AUDIT_LOG_LIFETIME, Mode, Run
from shared.store.append_blob import AppendedLog
from shared.store.outcomes import change_document, outcome_document, read_change, read_outcome
from shared.store.storage import AUDIT_LOGS, Storage, unchanged, write_if

if TYPE_CHECKING:
    from azure.storage.blob import ContentSettings
    from azure.storage.blob.aio import BlobClient

LINK_LIFETIME = timedelta(minutes=60)
# A link's start lies in the past, for a storage service whose clock is behind.
CLOCK_SKEW = timedelta(minutes=15)


@dataclass(frozen=True, slots=True)
class Link:
    url: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class DryRunVersions:
    """The ETags of a domain's last dry run, None where nothing stands."""

    log: str | None = None
    plan: str | None = None


class AuditLogs:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read_dry_run_versions(self, run: Run) -> DryRunVersions:
        """What stands in the place of this dry run's log and plan; for `write_dry_run`."""
        return DryRunVersions(await _etag(await self._blob(run)), await _etag(await self._plan(run)))

    async def write_dry_run(
        self, run: Run, log: bytes, plan: Sequence[Outcome], versions: DryRunVersions
    ) -> datetime:
        """Puts log and plan in the place of those versions; when they expire.

        Raises LeaseLost if others have been written since: an invocation that was given up for dead may wake here.
        """
        blob = await self._blob(run)
        await _replace(blob, log, run, versions.log, _csv(run))
        lines = await self._storage.clock.in_thread(_plan_lines, plan)
        await _replace(await self._plan(run), lines, run, versions.plan)
        created: datetime = (await blob.get_blob_properties()).creation_time
        return created + AUDIT_LOG_LIFETIME

    async def read_plan(self, run: Run, now: datetime) -> list[Outcome] | None:
        """What a dry run planned; None if the previous version made it. Raises AuditLogGone as `make_link` does."""
        from azure.core.exceptions import ResourceNotFoundError

        await self._served(run, now)
        blob = await self._plan(run)
        try:
            found = await blob.download_blob()
        except ResourceNotFoundError:
            return None
        if found.properties.metadata.get("runid") != run.id:
            return None
        return await self._storage.clock.in_thread(_read_plan_lines, await found.readall())

    async def open_sync(self, run: Run, invocation: int, header: bytes) -> AppendedLog:
        """The sync's log, begun with `header`, or the one that an earlier invocation left."""
        log = await AppendedLog.open(await self._blob(run), invocation, {"runid": run.id}, _csv(run))
        if log.size == 0:
            await log.append([header])
        return log

    async def has_begun(self, run: Run) -> bool:
        """Whether the run has begun a log."""
        return bool(await (await self._blob(run)).exists())

    async def make_link(self, run: Run, now: datetime) -> Link:
        """A read-only link to the run's log; AuditLogGone once it is expired or overwritten."""
        blob, end = await self._served(run, now)
        expires_at = min(now + LINK_LIFETIME, end).replace(microsecond=0)
        return Link(f"{blob.url}?{await self._signature(blob, now, expires_at)}", expires_at)

    async def read(self, run: Run, now: datetime) -> bytes:
        """The whole log; AuditLogGone as in `make_link`."""
        blob, _ = await self._served(run, now)
        return bytes(await (await blob.download_blob()).readall())

    async def delete_expired(self, now: datetime) -> None:
        """Deletes every log and plan older than 24 hours."""
        container = await self._storage.open_container(AUDIT_LOGS)
        async for blob in container.list_blobs():
            if now - blob.creation_time >= AUDIT_LOG_LIFETIME:
                # The lifecycle rule may have been first, and a dry run may have overwritten it meanwhile.
                await write_if(container.delete_blob(blob.name, **unchanged(blob.etag)))

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
        return (await self._storage.open_container(AUDIT_LOGS)).get_blob_client(name)

    async def _plan(self, run: Run) -> "BlobClient":
        return (await self._storage.open_container(AUDIT_LOGS)).get_blob_client(f"dry-run/{run.domain}.jsonl")

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


async def _etag(blob: "BlobClient") -> str | None:
    from azure.core.exceptions import ResourceNotFoundError

    try:
        return str((await blob.get_blob_properties()).etag)
    except ResourceNotFoundError:
        return None


async def _replace(
    blob: "BlobClient",
    content: bytes,
    run: Run,
    version: str | None,
    settings: "ContentSettings | None" = None,
) -> None:
    upload = blob.upload_blob(
        content,
        overwrite=version is not None,
        metadata={"runid": run.id},
        content_settings=settings,
        **(unchanged(version) if version else {}),
    )
    if not await write_if(upload):
        raise LeaseLost("auditLog.overtaken", domain=run.domain)


def _plan_lines(plan: Sequence[Outcome]) -> bytes:
    """One JSON object a line: a change, and what is foreseen of it."""
    return b"".join(
        orjson.dumps({"change": change_document(one.change), **outcome_document(one)}) + b"\n" for one in plan
    )


def _read_plan_lines(content: bytes) -> list[Outcome]:
    lines = (orjson.loads(line) for line in io.BytesIO(content))
    return [read_outcome(line, read_change(line["change"])) for line in lines]


def _csv(run: Run) -> "ContentSettings":
    from azure.storage.blob import ContentSettings

    return ContentSettings(
        content_type="text/csv; charset=utf-8",
        content_disposition=f'attachment; filename="{run.domain}-{run.mode.value}-{run.id}.csv"',
        cache_control="no-store",
    )
