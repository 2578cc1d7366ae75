"""Container `audit-logs`: the last dry run's log of each domain, and a log per sync, appended while it runs.

A dry run's plan is kept beside its log as data, for approvals. It is overwritten and deleted with the log.
A lifecycle rule deletes everything after a day; since it may act a day late, nothing older than 24 hours is served,
and the hourly sweep deletes it.
"""

import io
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import orjson

from shared.errors import AuditLogGone, JournalGone, LeaseLost
from shared.model.results import Outcome
from shared.model.runs import AUDIT_LOG_LIFETIME, Mode, Run, RunKind, Status
from shared.store.append_blob import AppendedLog, read_up_to
from shared.store.attempts import or_none, tried_again, unchanged, update_if_unchanged, write_if
from shared.store.journal import Journal
from shared.store.outcomes import change_document, outcome_document, read_change, read_outcome
from shared.store.storage import AUDIT_LOGS, Storage

if TYPE_CHECKING:
    from azure.storage.blob import BlobProperties, ContentSettings
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
    """The ETags of the two blobs of a domain's last dry run, None for a blob that does not exist."""

    log: str | None = None
    plan: str | None = None


class AuditLogs:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read_dry_run_versions(self, run: Run) -> DryRunVersions:
        """The versions that this dry run's log and plan will replace; for `write_dry_run`."""
        log, plan = await _properties(await self._blob(run)), await _properties(await self._plan(run))
        return DryRunVersions(log.etag if log else None, plan.etag if plan else None)

    async def write_dry_run(
        self, run: Run, log: bytes, plan: Sequence[Outcome], versions: DryRunVersions
    ) -> datetime:
        """Replaces those versions with this log and plan. Returns when they expire.

        Raises LeaseLost if other versions have been written since: a stale invocation may wake up here.
        """
        await self._replace(self._blob, log, run, versions.log, _csv(run))
        lines = await self._storage.clock.in_thread(_plan_lines, plan)
        await self._replace(self._plan, lines, run, versions.plan)
        created: datetime = (await (await self._blob(run)).get_blob_properties()).creation_time
        return created + AUDIT_LOG_LIFETIME

    @tried_again
    async def read_plan(self, run: Run, now: datetime) -> list[Outcome] | None:
        """What a dry run planned; None if the app's previous version made it.

        Raises AuditLogGone as `make_link` does.
        """
        await self._served(run, now)
        found = await or_none((await self._plan(run)).download_blob())
        if found is None or found.properties.metadata.get("runid") != run.id:
            return None
        return await self._storage.clock.in_thread(_read_plan_lines, await found.readall())

    @tried_again
    async def read_outcomes(self, run: Run, now: datetime) -> list[Outcome]:
        """What the run's log says, as data: one outcome for each person.

        Raises AuditLogGone as `make_link` does, and if the app's previous version made the run.
        """
        if run.mode is Mode.DRY_RUN:
            plan = await self.read_plan(run, now)
            if plan is None:
                raise AuditLogGone("people.earlierVersion")
            return plan
        await self._served(run, now)
        try:
            journal = await Journal.read_finished(self._storage, run.domain, run.id)
        except JournalGone:
            raise AuditLogGone("people.earlierVersion") from None
        if journal.outcomes and not journal.complete:
            raise AuditLogGone("people.earlierVersion")
        return list(journal.outcomes.values())

    async def open_sync(self, run: Run, invocation: int, header: bytes) -> AppendedLog:
        """The sync's log: a new one that begins with `header`, or the one that an earlier invocation left.

        Raises LeaseLost if a later invocation has it already.
        """
        metadata = {"runid": run.id}
        log = await AppendedLog.open(self._storage, AUDIT_LOGS, _name(run), invocation, metadata, _csv(run))
        if log.size == 0:
            await log.append([header])
        return log

    @tried_again
    async def has_begun(self, run: Run) -> bool:
        """Whether the run's log exists."""
        return bool(await (await self._blob(run)).exists())

    @tried_again
    async def make_link(self, run: Run, now: datetime, name: str | None = None) -> Link:
        """A read-only link to the run's log, under its own name or another. Raises AuditLogGone once that is expired
        or overwritten."""
        blob, properties = await self._served(run, now)
        end = properties.creation_time + AUDIT_LOG_LIFETIME
        expires_at = min(now + LINK_LIFETIME, end).replace(microsecond=0)
        return Link(f"{blob.url}?{await self._signature(blob, now, expires_at, name)}", expires_at)

    @tried_again
    async def read(self, run: Run, now: datetime) -> bytes:
        """The whole log, as CSV. Raises AuditLogGone as `make_link` does."""
        blob, properties = await self._served(run, now)
        if run.mode is Mode.SYNC:  # it may still be appending
            return await read_up_to(blob, properties.size)
        return bytes(await (await blob.download_blob()).readall())

    @tried_again
    async def delete_expired(self, now: datetime) -> None:
        """Deletes every log and plan older than 24 hours."""
        container = await self._storage.open_container(AUDIT_LOGS)
        async for blob in container.list_blobs():
            if now - blob.creation_time >= AUDIT_LOG_LIFETIME:
                # The lifecycle rule may have been first, and a dry run may have overwritten it meanwhile.
                # A listing's ETags have no quotes, and conditions want them (azure-storage-node#586, azure-cli#5682).
                etag = '"' + blob.etag.strip('"') + '"'
                await write_if(container.delete_blob(blob.name, **unchanged(etag)))

    async def _served(self, run: Run, now: datetime) -> tuple["BlobClient", "BlobProperties"]:
        """The blob with this run's log. Raises AuditLogGone if that is expired or overwritten."""
        blob = await self._blob(run)
        properties = await _properties(blob)
        if properties is None:
            raise _gone(run, now)
        end = properties.creation_time + AUDIT_LOG_LIFETIME
        if properties.metadata.get("runid") != run.id or now >= end:
            raise _gone(run, now)
        return blob, properties

    async def _replace(
        self,
        open_blob: Callable[[Run], Awaitable["BlobClient"]],
        content: bytes,
        run: Run,
        version: str | None,
        settings: "ContentSettings | None" = None,
    ) -> None:
        """Replaces that version of a dry run's blob; None: creates it. Raises LeaseLost as `write_dry_run` does."""
        # Identifies this upload if its answer is lost.
        mark = self._storage.clock.token(8)

        async def look() -> tuple[str | None, str]:
            found = await _properties(await open_blob(run))
            return (found.etag, found.metadata.get("upload", "")) if found else (None, "")

        async def write(seen: tuple[str | None, str]) -> None:
            etag, uploaded = seen
            if uploaded == mark:
                return
            if etag != version:
                raise lost
            await (await open_blob(run)).upload_blob(
                content,
                overwrite=version is not None,
                metadata={"runid": run.id, "upload": mark},
                content_settings=settings,
                **(unchanged(version) if version else {}),
            )

        lost = LeaseLost("auditLog.overtaken", domain=run.domain)
        await update_if_unchanged(self._storage, look, write, lost, known=(version, ""))

    async def _blob(self, run: Run) -> "BlobClient":
        return (await self._storage.open_container(AUDIT_LOGS)).get_blob_client(_name(run))

    async def _plan(self, run: Run) -> "BlobClient":
        return (await self._storage.open_container(AUDIT_LOGS)).get_blob_client(f"{_dry_run(run)}.jsonl")

    async def _signature(
        self, blob: "BlobClient", now: datetime, expires_at: datetime, name: str | None
    ) -> str:
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
                content_disposition=_attached(name) if name else None,
                **key,
            )
        )


def _name(run: Run) -> str:
    return f"{_dry_run(run)}.csv" if run.mode is Mode.DRY_RUN else f"sync/{run.domain}/{run.id}.csv"


def _dry_run(run: Run) -> str:
    """A dry run overwrites the one before; one that does not stand for its domain overwrites nothing."""
    return f"{run.kind}/{run.domain}/{run.id}" if run.is_apart else f"dry-run/{run.domain}"


def _gone(run: Run, now: datetime) -> AuditLogGone:
    if run.status.active:
        return AuditLogGone("auditLog.notYet", run=run.id)
    unlisted = run.kind is RunKind.CHECK or run.status in (Status.FAILED, Status.CANCELLED)
    if not run.counts.made and unlisted and _is_recent(run, now):
        return AuditLogGone("auditLog.none", run=run.id)
    return AuditLogGone("auditLog.dryRunGone" if run.mode is Mode.DRY_RUN else "auditLog.gone")


def _is_recent(run: Run, now: datetime) -> bool:
    return now - run.created_at < AUDIT_LOG_LIFETIME


async def _properties(blob: "BlobClient") -> "BlobProperties | None":
    return await or_none(blob.get_blob_properties())


def _plan_lines(plan: Sequence[Outcome]) -> bytes:
    """One JSON object a line: a change and its foreseen outcome."""
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
        content_disposition=_attached(f"{run.domain}-{run.mode.value}-{run.id}.csv"),
        cache_control="no-store",
    )


def _attached(name: str) -> str:
    return f'attachment; filename="{name}"'
