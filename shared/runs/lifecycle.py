"""Starts runs, cancels them, and takes up or ends abandoned ones. `invocation.py` performs them."""

import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta

from pydantic import JsonValue

from shared.clock import Clock
from shared.errors import (
    DomainBusy,
    JournalGone,
    LeaseLost,
    NotPossible,
    RunNotFound,
    SettingsUnreadable,
    SyncError,
)
from shared.log import event
from shared.model.records import Author
from shared.model.runs import Approval, Mode, Run, RunKind, Status, Trigger, WhatIf, new_run_id
from shared.planning.surveyed import Terms
from shared.reports import summary
from shared.reports.logged import error_text, facts
from shared.runs.recovery import settle
from shared.runs.sync_log import SyncLog, tell_finished_again
from shared.services import Services
from shared.store.journal import Journal
from shared.store.leases import Times, is_held, take_lease

SCHEDULE = Author("schedule", "timer")


def new_run(
    clock: Clock,
    domain: str,
    mode: Mode,
    trigger: Trigger,
    author: Author,
    *,
    approval: Approval | None = None,
    undoes: str | None = None,
    disable_added: bool = False,
) -> Run:
    """A run that is to be started."""
    now = clock.now()
    return Run(
        id=new_run_id(now, clock.token(4)),
        domain=domain,
        mode=mode,
        trigger=trigger,
        requested_by=author.name,
        requested_from=author.address,
        created_at=now,
        approval=approval,
        undoes=undoes,
        disable_added=disable_added,
        kind=RunKind.UNDO if undoes else RunKind.WHOLE,
    )


def what_if(dry_run: Run, settings: Mapping[str, JsonValue]) -> Run:
    """The same dry run, but with these settings, by their names in the API, instead of those in force."""
    tried = WhatIf(settings=dict(settings))
    return dry_run.model_copy(update={"kind": RunKind.WHAT_IF, "what_if": tried})


async def start(services: Services, run: Run, only: Sequence[str] = (), terms: Terms | None = None) -> Run:
    """Writes a queued run. The caller sends its message.

    Raises RunActive if the domain has an active run, and NotPossible for a sync by a person under settings that have
    changed since the last good sync and that no dry run has shown since.
    `only`: the source ids or object ids of those whom it is for. `terms`: the settings in force, if they were read.
    Idempotent: if storage fails, the run may have been written all the same.
    """
    with suppress(SettingsUnreadable):  # the run itself ends for that reason, and says so
        terms = terms or await services.tenant_settings.read_terms()
        run = run.model_copy(update={"map_digest": terms.map_digest})
        await _require_dry_run(services, run)
    if services.settings.read == "mirror" and run.read_after is None and not run.undoes:
        run = run.model_copy(update={"read_after": (await services.snapshots.look()).begun})
    if run.trigger is not Trigger.SCHEDULE:  # the timer has the domain from its row
        await services.domains.remember(run.domain)
    if only:
        kind = run.kind if run.what_if else RunKind.ONLY
        run = run.model_copy(update={"only": len(only), "kind": kind})
        await services.approvals.write_chosen(run.domain, run.id, only)
    await services.runs.start(run)
    event("run.queued", **facts(run))
    return run


async def _require_dry_run(services: Services, run: Run) -> None:
    if run.mode is Mode.DRY_RUN or run.undoes or run.trigger is Trigger.SCHEDULE:
        return
    if (await services.runs.read_pointers(run.domain)).needs_dry_run(run.map_digest):
        raise NotPossible("run.needsDryRun", domain=run.domain)


async def start_undo(
    services: Services, domain: str, run_id: str, author: Author, *, dry_run: bool, disable_added: bool
) -> Run:
    """Starts the undo of a finished sync, or a dry run of that undo.

    Raises NotPossible if the run is not a finished sync, and JournalGone if its journal is gone, after 30 days.
    """
    sync = await services.runs.get(domain, run_id)
    if sync.mode is not Mode.SYNC or sync.status.active:
        raise NotPossible("undo.notASync", run=run_id)
    if not await Journal.exists(services.storage, domain, run_id):
        raise JournalGone("undo.journalGone", domain=domain, run=run_id)
    mode = Mode.DRY_RUN if dry_run else Mode.SYNC
    run = new_run(
        services.clock, domain, mode, Trigger.MANUAL, author, undoes=run_id, disable_added=disable_added
    )
    return await start(services, run)


async def take_up_abandoned(services: Services, domain: str, now: datetime) -> str | None:
    """The id of the active run if no invocation performs it. The caller sends its message again.

    Either the message was lost between the row and the queue, or the worker crashed. The platform redelivers a crashed
    worker's message too, but only after ten minutes.
    """
    idle = await services.runs.find_idle(domain, abandoned_after(services.settings.lease_seconds), now)
    if idle is None or await is_held(services.storage, domain):
        return None
    return idle.run_id if await services.runs.claim(idle) else None


def abandoned_after(lease_seconds: int) -> timedelta:
    """How long a run may go without a write: a worker that writes nothing for a whole lease crashed or never began."""
    return timedelta(seconds=lease_seconds)


async def give_up(services: Services, domain: str, run_id: str) -> bool:
    """Ends a run whose message was moved to the poison queue, unless another invocation performs the run.

    Whether messages may wait in the outbox then.

    Raises AzureError if storage fails, and LeaseLost if another invocation takes over. The run then stays as it is,
    and the message is redelivered. If all tries fail, the hourly timer takes the run up.
    """
    try:
        async with take_lease(services.storage, services.settings, domain):
            return await _end_given_up(services, domain, run_id)
    except DomainBusy as error:
        event("run.interrupted", logging.WARNING, domain=domain, runId=run_id, message=error_text(error))
        return False


async def _end_given_up(services: Services, domain: str, run_id: str) -> bool:
    from azure.core.exceptions import AzureError

    run = await services.runs.find(domain, run_id)
    if run is None:
        return False
    fence = await services.runs.take(domain, run_id)
    if fence is None:
        await tell_finished_again(services, domain, run_id)
        return True
    log = SyncLog(services, fence, run)
    try:
        await settle(services, fence, log)
    except (AzureError, LeaseLost):
        raise
    except Exception as error:  # this error may be why all five tries failed, and the run must end
        event("run.endsUnsettled", logging.ERROR, **facts(log.run), error=error_text(error))
    await log.finish(Status.FAILED, summary.cut_short(summary.poisoned(), log.run))
    event("run.poisoned", logging.ERROR, **facts(log.run))
    return log.has_messages


async def cancel(services: Services, domain: str, run_id: str, author: Author) -> Run:
    """Asks an active run to stop before its next write. Returns the run; if it is active, the caller sends its message.

    The first message may be lost, or the worker may have crashed: with a second message the run ends as soon as its
    lease is free. Does nothing to a run that has ended. Frees the domain of an active run that this version can't
    read, and raises NotPossible, because that run can't be told to stop.
    """
    run = await services.runs.find(domain, run_id)
    if run is None:
        raise await _freed(services, domain, run_id, author)
    if run.status.active and await services.runs.request_cancel(domain, run_id, author.name):
        event("run.cancelRequested", **facts(run), by=author.name, address=author.address)
    return await services.runs.get(domain, run_id)


async def _freed(services: Services, domain: str, run_id: str, author: Author) -> SyncError:
    """Frees the domain of an active run that can't be read, unless an invocation performs it. Returns what to say."""
    if (await services.runs.read_pointers(domain)).active != run_id:
        return RunNotFound("run.unknown", domain=domain, run=run_id)
    at_once = replace(Times.of(services.settings.lease_seconds), patience=0.0)
    try:
        async with take_lease(services.storage, services.settings, domain, at_once):
            await services.runs.free(domain, run_id)
    except DomainBusy:
        return NotPossible("run.unreadableAtWork", run=run_id)
    event("run.freed", logging.WARNING, domain=domain, runId=run_id, by=author.name, address=author.address)
    return NotPossible("run.unreadableFreed", domain=domain, run=run_id)
