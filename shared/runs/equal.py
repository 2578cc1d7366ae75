"""Hours in which nothing has changed for a domain: they have a line in the Sync Logs, and no run.

Whatever is unknown or in doubt is no such hour: the domain then has a run. But where the source could not be read for
all domains, no run could do more than say so: that is a line, too.
"""

import logging
from dataclasses import replace
from datetime import UTC
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Any

from shared.log import event
from shared.model.domains import DomainSettings
from shared.model.packed import SnapshotDamaged
from shared.model.parts import say
from shared.model.runs import (
    AuditLog,
    Counts,
    EntraRead,
    Progress,
    Read,
    SourceRead,
    Status,
    Trigger,
    new_run_id,
)
from shared.planning.equal import Ground, due_at, is_alone, is_settled
from shared.planning.mirror import facts_digest
from shared.planning.surveyed import Survey, Terms
from shared.reports.logged import error_text
from shared.reports.quality import judge
from shared.runs.lifecycle import SCHEDULE
from shared.runs.mirroring import load_mirror
from shared.runs.reading import FRESH, SharedSource, failure_of, is_fresh, told_of
from shared.runs.sync_log import SyncLog, tell_finished
from shared.services import Services
from shared.store.hours import Settled
from shared.store.snapshots import Failure


async def keep_settled(
    services: Services, log: SyncLog, seen: Survey, settings: DomainSettings, source: SharedSource
) -> None:
    """Keeps what a finished run has found, if the next one would do nothing either. Never fails: the run has ended."""
    try:
        settled = await _settled(services, log, seen, settings, source)
        await services.hours.keep([settled] if settled else [])
    except Exception as error:
        event("hours.unkept", logging.WARNING, domain=log.run.domain, error=error_text(error))


async def _settled(
    services: Services, log: SyncLog, seen: Survey, settings: DomainSettings, source: SharedSource
) -> Settled | None:
    run = log.run
    if not is_settled(run, seen) or source.read is None or source.digests is None or not log.head.etag:
        return None
    stored = await source.read_mirror()
    mirror = await load_mirror(services, stored) if stored else None
    if mirror is None:
        return None
    ground = Ground(
        code=_code(),
        terms=seen.terms,
        decisions=seen.decisions,
        syncing=seen.lookups.territory.syncing,
        people=source.digests,
        users=mirror.digests,
        facts=facts_digest(mirror.facts),
        memory=seen.memory.version,
    )
    alone = is_alone(seen.plan)
    return Settled(
        run=run,
        quality=log.quality.facts,
        ground=ground.digest(run.domain, settings, alone=alone),
        alone=alone,
        reading=source.read.version,
        due_at=due_at(run, seen),
        head=log.head,
    )


class EqualHour:
    """What a reading has found, to be held against the last whole run of each domain."""

    def __init__(self, services: Services, ground: Ground, source: SourceRead, entra: EntraRead) -> None:
        self._services = services
        self._ground = ground
        self._source = source
        self._entra = entra

    async def add_line(self, settled: Settled, settings: DomainSettings) -> Settled | None:
        """Writes the domain's line, if nothing has changed; None for a domain that needs a run."""
        run = settled.run
        if self._ground.digest(run.domain, settings, alone=settled.alone) != settled.ground:
            return None
        since = f"{run.created_at.astimezone(UTC):%Y-%m-%d %H:%M}"
        stands = run.message_parts if run.counts.failed or run.questions or run.warning_parts else ()
        update = {
            "unchanged_since": run.created_at,
            "message_parts": say("run.unchanged", since=since) + stands,
            "read": Read(source=self._source, entra=self._entra),
        }
        return await _added(self._services, settled, update, settled.quality, self._source.version)


class FailedHour:
    """A reading that has failed: what each run would say that waited for it."""

    def __init__(self, services: Services, terms: Terms, failed: Failure) -> None:
        self._services = services
        self._terms = terms
        self._failed = failed

    async def add_line(self, settled: Settled, _settings: DomainSettings) -> Settled | None:
        """Writes the domain's line; None for a domain whose last run was under another map."""
        if settled.run.map_digest != self._terms.map_digest:
            return None
        update = {
            "status": Status.FAILED,
            "message_parts": self._failed.why + say("run.nothingApplied"),
            "read": Read(failed=self._failed.number),
            "counts": Counts(),
            "deletion_check": None,
            "limit_checks": (),
            "questions": 0,
            "questions_since": None,
            "shielded": 0,
            "matches": {},
            "pre_check": None,
            "warning_parts": (),
        }
        quality = judge(settled.run.model_copy(update=update), (), 0).facts
        return await _added(self._services, settled, update, quality, self._failed.number)


async def _added(
    services: Services, settled: Settled, update: dict[str, Any], quality: dict[str, Any], reading: int
) -> Settled | None:
    """Writes the line that differs so from the domain's last run; None if a run has begun or ended since."""
    now = services.clock.now()
    fields = {
        "id": new_run_id(now, services.clock.token(4)),
        "trigger": Trigger.SCHEDULE,
        "requested_by": SCHEDULE.name,
        "requested_from": SCHEDULE.address,
        "created_at": now,
        "started_at": now,
        "finished_at": now,
        "progress": Progress(),
        "invocations": 0,
        "audit_log": AuditLog(),
        "listed": False,
    }
    line = settled.run.model_copy(update=fields | update)
    head = await services.runs.add_equal(line, quality, settled.head)
    if head is None:
        return None
    tell_finished(line, quality, head.mark)
    return replace(settled, head=head, reading=reading)


async def read_equal_hour(
    services: Services, terms: Terms, syncing: frozenset[str], number: int
) -> EqualHour | FailedHour | None:
    """What the reading with this number, or a later one, has found of both sides; None if that is not known."""
    seen = await services.snapshots.look()
    if (failed := failure_of(seen, number - 1)) and failed.age <= FRESH:
        return FailedHour(services, terms, failed)
    newest, stored, read_with = seen.newest, seen.mirror, terms.attribute_map
    if newest is None or stored is None or stored.number != newest.number or not is_fresh(newest, number - 1):
        return None
    mirror = await load_mirror(services, stored)
    try:
        people = await services.readings.digests(newest)
    except SnapshotDamaged:
        return None
    same_map = newest.map == services.readings.digest(read_with)
    if mirror is None or mirror.facts.told is None or not same_map:
        return None
    ground = Ground(
        code=_code(),
        terms=terms,
        decisions=await services.administration.read_decisions(),
        syncing=syncing,
        people=people,
        users=mirror.digests,
        facts=facts_digest(mirror.facts),
        memory=await services.known_people.version(),
    )
    return EqualHour(services, ground, told_of(newest), EntraRead(as_of=mirror.facts.told, live=False))


@cache
def _code() -> str:
    """A digest of the app's code: another version may plan otherwise."""
    files = sorted(Path(__file__).parents[1].rglob("*.py"))
    return sha256(b"".join(map(Path.read_bytes, files))).hexdigest()[:16]
