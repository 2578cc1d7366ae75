"""Runs are started, asked to stop and looked after; `run.py` performs them."""

import logging
from datetime import UTC, datetime, timedelta

from shared import report
from shared.errors import RunActive
from shared.log import event, facts
from shared.records import Mode, Run, Status, Trigger, new_run_id
from shared.services import Services

# A row without a message: the process died between writing the one and sending the other.
LOST_AFTER = timedelta(minutes=10)


async def start(services: Services, domain: str, mode: Mode, trigger: Trigger, who: str) -> Run:
    """Writes a queued run, whose message the caller sends; RunActive if the domain has an active one."""
    now = datetime.now(UTC)
    run = Run(id=new_run_id(now), domain=domain, mode=mode, trigger=trigger, requested_by=who, created_at=now)
    await services.domains.remember(domain)
    await services.runs.start(run)
    event("run.queued", **facts(run))
    return run


async def hourly(services: Services, *, past_due: bool) -> list[tuple[str, str]]:
    """What the timer does: (domain, run id) of every run whose message is to be sent.

    Starts a sync for every domain with periodic sync on, passes over a domain that is busy, takes up runs whose
    message was lost, and clears away what has outlived its time.
    """
    now = datetime.now(UTC)
    queued: list[tuple[str, str]] = []
    domains = await services.domains.all()
    for domain, settings in domains.items():
        if lost := await services.runs.idle(domain, LOST_AFTER, now):
            queued.append((domain, lost))
        elif settings.periodic_sync:
            try:
                run = await start(services, domain, Mode.SYNC, Trigger.SCHEDULE, "schedule")
                queued.append((domain, run.id))
            except RunActive as error:
                event("timer.busy", domain=domain, runId=error.run_id)
        await services.runs.purge(domain, now)
    await services.audit_logs.delete_expired(now)
    periodic = [domain for domain, settings in domains.items() if settings.periodic_sync]
    event("timer.tick", domains=periodic, queued=[domain for domain, _ in queued], pastDue=past_due)
    return queued


async def give_up(services: Services, domain: str, run_id: str) -> None:
    """Ends a run whose message the queue has given up on."""
    hold = await services.runs.take(domain, run_id)
    if hold is None:
        return
    run = await services.runs.get(domain, run_id)
    run = run.model_copy(
        update={
            "status": Status.FAILED,
            "message": report.poisoned(run.progress),
            "finished_at": datetime.now(UTC),
        }
    )
    await services.runs.finish(hold, run)
    event("run.poisoned", logging.ERROR, **facts(run))


async def cancel(services: Services, domain: str, run_id: str, who: str) -> Run:
    """Asks the run to stop before its next write; a run that has ended already is left as it is."""
    run = await services.runs.get(domain, run_id)
    if run.status.active and await services.runs.request_cancel(domain, run_id, who):
        event("run.cancelRequested", **facts(run), by=who)
    return await services.runs.get(domain, run_id)
