"""What callers see: a domain with its settings and runs, a run with the state of its audit log."""

from datetime import datetime

from shared.model.domains import Domain, DomainSettings, TenantDomain
from shared.model.runs import Mode, Run
from shared.services import Services
from shared.store.runs import Pointers


def run_view(run: Run, dry_run_log: str | None, now: datetime) -> Run:
    """The run, and whether its audit log can still be had: a dry run's only until the next one's."""
    log = run.audit_log
    kept = log.expires_at is not None and now < log.expires_at
    available = kept and (run.mode is Mode.SYNC or dry_run_log == run.id)
    return run.model_copy(update={"audit_log": log.model_copy(update={"available": available})})


async def domain_view(services: Services, domain: TenantDomain, settings: DomainSettings) -> Domain:
    now = services.clock.now()
    pointers = await services.runs.pointers(domain.name)
    active = await services.runs.get(domain.name, pointers.active) if pointers.active else None
    return Domain(
        name=domain.name,
        authentication_type=domain.authentication_type,
        next_run_at=services.settings.schedule.next_after(now) if settings.periodic_sync else None,
        active_run=_view(active, pointers, now),
        last_dry_run=_view(pointers.last_dry_run, pointers, now),
        last_sync=_view(pointers.last_sync, pointers, now),
        **dict(settings),
    )


def _view(run: Run | None, pointers: Pointers, now: datetime) -> Run | None:
    return run_view(run, pointers.dry_run_log, now) if run else None
