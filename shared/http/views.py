"""What callers see: a domain with its settings and runs, a run with the state of its audit log."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic.alias_generators import to_camel

from shared.model.domain_names import own_script
from shared.model.domains import Domain, DomainSettings, StoredSettings, TenantDomain
from shared.model.pause import Pausable, pause_of
from shared.model.runs import Mode, Run
from shared.services import Services
from shared.words import said


def run_view(run: Run, dry_run_log: str | None, now: datetime) -> Run:
    """The run, and whether its audit log is still available: a dry run's log lasts until the next one's."""
    log = run.audit_log
    kept = log.expires_at is not None and now < log.expires_at
    available = kept and (run.mode is Mode.SYNC or run.is_apart or dry_run_log == run.id)
    return _in_english(run.model_copy(update={"audit_log": log.model_copy(update={"available": available})}))


def _in_english(run: Run) -> Run:
    """The run with the English text beside each of its parts."""
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


@dataclass(frozen=True, slots=True)
class Common:
    """The tenant's settings in so far as a domain shows them. `map_digest`: of the map in force, None if unreadable."""

    settings: Pausable
    map_digest: str | None


async def domain_view(
    services: Services,
    name: str,
    settings: StoredSettings[DomainSettings],
    tenant: Sequence[TenantDomain] | None,
    as_of: datetime | None,
    common: Common,
) -> Domain:
    """The domain with its settings and runs.

    `tenant` are the tenant's domains at `as_of`, both None while Graph has never answered. A domain that is not listed
    has been removed.
    """
    now, map_digest = services.clock.now(), common.map_digest
    pause = pause_of(now, (settings.readable, common.settings))
    listed = next((one for one in tenant if one.name == name), None) if tenant else None
    removed = listed.removed if listed else tenant is not None
    pointers = await services.runs.read_pointers(name)
    active = await services.runs.find(name, pointers.active) if pointers.active else None
    in_force = {"paused_until": pause and pause.until, "pause_reason": pause and pause.reason}
    shown = settings.shown() | in_force
    watched = shown["periodic_sync"] == "watch"
    waits = map_digest is not None and pointers.waits_for_review(map_digest) and not watched
    hindered = settings.unreadable or removed or waits or map_digest is None
    due = shown["periodic_sync"] and not hindered
    # A tick at the very end of a pause is not in it.
    until = max(now, pause.until - timedelta(microseconds=1)) if pause else now
    fields = dict(
        name=name,
        authentication_type=listed.authentication_type if listed else None,
        own_script=own_script(name),
        is_default=listed is not None and listed.default and not removed,
        removed=removed,
        as_of=as_of,
        next_run_at=services.settings.schedule.next_after(until) if due else None,
        active_run=_view(active, pointers.dry_run_log, now),
        last_dry_run=_view(pointers.last_dry_run, pointers.dry_run_log, now),
        last_sync=_view(pointers.last_sync, pointers.dry_run_log, now),
        last_watch=_view(pointers.last_watch, pointers.dry_run_log, now),
        waiting_for_review=waits,
        unreadable=tuple(map(to_camel, settings.unreadable)),
        **shown,
    )
    return Domain.model_validate(fields)


def _view(run: Run | None, dry_run_log: str | None, now: datetime) -> Run | None:
    return run_view(run, dry_run_log, now) if run else None
