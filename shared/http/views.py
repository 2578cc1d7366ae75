"""What callers see: a domain with its settings and runs, a run with the state of its audit log."""

from datetime import datetime

from shared.entra.domains import TenantDomain
from shared.model.domains import Domain, DomainSettings
from shared.model.runs import Mode, Run
from shared.services import Services
from shared.store.runs import Pointers
from shared.words import said


def run_view(run: Run, dry_run_log: str | None, now: datetime) -> Run:
    """The run, and whether its audit log can still be had: a dry run's only until the next one's."""
    log = run.audit_log
    kept = log.expires_at is not None and now < log.expires_at
    available = kept and (run.mode is Mode.SYNC or dry_run_log == run.id)
    return _in_english(run.model_copy(update={"audit_log": log.model_copy(update={"available": available})}))


def _in_english(run: Run) -> Run:
    """The run with each of its texts beside its parts."""
    checks, pre_check = run.limit_checks, run.pre_check
    update: dict[str, object] = {
        "message": said(run.message_parts),
        "warnings": tuple(said((warning,)) for warning in run.warning_parts),
        "limit_checks": tuple(
            check.model_copy(update={"verdict": said(check.verdict_parts) or check.verdict})
            for check in checks
        ),
    }
    if pre_check:
        notice = said(pre_check.notice_parts) or pre_check.notice
        update["pre_check"] = pre_check.model_copy(update={"notice": notice})
    return run.model_copy(update=update)


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
