"""One run, from lease to Sync Log.

    read both sides → plan → check → dry run: write the audit log; sync: apply, audit as it goes

A run that is cut off is simply started again from reading both sides: every write is safe to repeat, and there
is no plan on disk to go stale.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass, replace

from shared.errors import (
    CancelRequested,
    DomainBusy,
    DomainNotFound,
    GraphError,
    JournalGone,
    LeaseLost,
    SettingsUnreadable,
    SourceError,
    TimeBudgetSpent,
)
from shared.log import event
from shared.model.changes import Plan
from shared.model.parts import Parts, parts_of, say
from shared.model.results import Outcome, Result, key
from shared.model.runs import AuditLog, Counts, Mode, Progress, Run, Status
from shared.planning.limits import Checks, check_deletions, check_limits, released
from shared.planning.surveyed import Survey
from shared.reports import summary
from shared.reports.audit_csv import count, header, render
from shared.reports.logged import error_text, facts
from shared.reports.progress import eta_seconds
from shared.runs.apply import Sync
from shared.runs.ending import recounted, with_doubts_settled
from shared.runs.inspection import pre_checked
from shared.runs.recorder import Trail
from shared.runs.resuming import take_up
from shared.runs.stop import RunGuard
from shared.runs.survey import Surveyor
from shared.runs.undo_survey import survey_undo
from shared.services import Services
from shared.store.leases import lease
from shared.store.runs import Hold

SAVE_EVERY = 2.0
STALLED_INVOCATIONS = 3


@dataclass(frozen=True, slots=True)
class Finished:
    """The run has ended, in this invocation or before it: a message may come twice."""


@dataclass(frozen=True, slots=True)
class Continues:
    """The run goes on in another invocation, for which its message is sent again."""

    reason: str


@dataclass(frozen=True, slots=True)
class Busy:
    """Another invocation holds the domain, is alive and has a message of its own: none is sent."""

    reason: str


Ended = Finished | Continues | Busy


async def perform(services: Services, domain: str, run_id: str) -> Ended:
    """Performs a queued run, or goes on with one that was cut off."""
    try:
        async with lease(services.storage, services.settings, domain) as held:
            hold = await services.runs.take(domain, run_id)
            if hold is None:
                return Finished()
            guard = RunGuard(held, services.runs, hold, services.settings.time_budget_seconds, services.clock)
            invocation = Invocation(services, hold, await services.runs.get(domain, run_id), guard)
            return await invocation.perform()
    except (DomainBusy, LeaseLost) as error:
        event("run.interrupted", logging.WARNING, domain=domain, runId=run_id, message=error_text(error))
        return Continues(error_text(error)) if isinstance(error, LeaseLost) else Busy(error_text(error))


class Invocation:
    """What one invocation does for a run; `run` is the line of the Sync Logs as it stands."""

    def __init__(self, services: Services, hold: Hold, run: Run, guard: RunGuard) -> None:
        self._services = services
        self._clock = services.clock
        self._hold = hold
        self._guard = guard
        self._saved_at = 0.0
        self._written = 0
        self._writing_since = 0.0
        self.run = run

    async def perform(self) -> Ended:
        try:
            if self.run.stalled_invocations >= STALLED_INVOCATIONS:
                await self._end_early(Status.FAILED, summary.stalled(STALLED_INVOCATIONS))
                return Finished()
            await self._begin()
            await self._read_and_act()
        except TimeBudgetSpent as error:
            await self._save()
            event("run.continues", **facts(self.run), reason=error_text(error))
            return Continues(error_text(error))
        except CancelRequested as error:
            await self._end_early(Status.CANCELLED, parts_of(error))
        except (SourceError, GraphError, DomainNotFound, JournalGone, SettingsUnreadable) as error:
            await self._end_early(Status.FAILED, parts_of(error))
        return Finished()

    async def _begin(self) -> None:
        """Counts this invocation before it does anything: one that dies at once was one, too."""
        await self._save(
            status=Status.RUNNING,
            started_at=self.run.started_at or self._clock.now(),
            invocations=self.run.invocations + 1,
            stalled_invocations=self.run.stalled_invocations + 1,
        )
        event("run.started", **facts(self.run))

    async def _read_and_act(self) -> None:
        trail = await take_up(self._services, self._hold, self.run, self._guard)
        seen = await self._survey()
        checks = await self._check(seen.plan)
        if self.run.deletion_check is None or checks.exceeded:
            # A later invocation sees only what is left; the Sync Log keeps what the run set out to do.
            both = Counts(source=seen.plan.source, target=seen.plan.target, unchanged=seen.plan.unchanged)
            await self._save(
                warning_parts=seen.warnings,
                deletion_check=checks.deletions,
                limit_checks=checks.others,
                counts=both,
            )
        if self.run.mode is Mode.DRY_RUN:
            await self._preview(seen, checks)
        else:
            await self._sync(seen, checks, trail)

    async def _survey(self) -> Survey:
        run = self.run
        if run.undoes:
            return await survey_undo(self._services, run, run.undoes, self._guard)
        surveyor = Surveyor(self._services, run.domain, self._guard)
        seen = await surveyor.survey(predict=run.mode is Mode.DRY_RUN)
        if run.approval is None:
            return seen
        approval = run.approval
        note = say("leaver.approved", by=approval.approved_by, dryRun=approval.dry_run_id)
        return replace(seen, plan=released(seen.plan, await self._approved(), note))

    async def _check(self, plan: Plan) -> Checks:
        services, run = self._services, self.run
        settings = (await services.domains.settings(run.domain)).complete()
        deletions = check_deletions(plan, settings.max_allowed_deletions, await self._approved())
        if run.undoes:
            return Checks(deletions)
        before = (await services.runs.pointers(run.domain)).last_good_source
        return Checks(deletions, check_limits(plan, settings, before))

    async def _approved(self) -> frozenset[str]:
        approval = self.run.approval
        if approval is None:
            return frozenset()
        return await self._services.approvals.read(self.run.domain, approval.dry_run_id)

    async def _preview(self, seen: Survey, checks: Checks) -> None:
        if not self.run.undoes:
            found = await pre_checked(self._services, seen, self._guard)
            self._note(pre_check=found.summary)
        run, outcomes = self.run, [Outcome.planned(change) for change in seen.plan.changes]
        rows = await self._clock.in_thread(render, outcomes, run.id, run.domain, run.mode, self._clock.now())
        content = header() + rows
        version = await self._services.audit_logs.dry_run_version(self.run)
        await self._guard.check()
        self._count(outcomes)
        expires_at = await self._services.audit_logs.write_dry_run(self.run, content, version)
        self._note(audit_log=AuditLog(expires_at=expires_at, size_bytes=len(content)))
        message = summary.outcome(self.run, checks)
        await self._finish(Status.SUCCEEDED, message, wrote_dry_run_log=True)

    async def _sync(self, seen: Survey, checks: Checks, left_behind: Trail | None) -> None:
        services, invocation = self._services, self._hold.invocation
        trail = left_behind or await Trail.open(services.storage, services.audit_logs, self.run, invocation)
        left = sum(1 for change in seen.plan.writes if key(change) not in trail.results)
        known = self.run.progress.done
        self.run = recounted(self.run, trail.results, left)
        if self.run.progress.done > known:
            # What died before it could say so got something done all the same.
            self._note(stalled_invocations=1)
        await self._save()
        self._writing_since = self._clock.monotonic()
        sync = Sync(self._services, seen, trail, self._guard, self._report)
        try:
            if checks.exceeded:
                await sync.refuse()
            else:
                await sync.apply()
        finally:
            self._note(audit_log=AuditLog(expires_at=trail.expires_at, size_bytes=trail.size))
        if checks.exceeded:
            await self._finish(Status.CANCELLED, summary.refused(self.run, checks))
        else:
            failed = self.run.counts.failed
            status = Status.COMPLETED_WITH_ERRORS if failed else Status.SUCCEEDED
            await self._finish(status, summary.outcome(self.run, checks))

    def _count(self, outcomes: Sequence[Outcome]) -> None:
        counts = self.run.counts
        for outcome in outcomes:
            foreseen = outcome.result is Result.PLANNED and outcome.error_code
            counts = count(counts, outcome.change.action, Result.FAILED if foreseen else outcome.result)
        self._note(counts=counts)

    async def _report(self, outcomes: Sequence[Outcome]) -> None:
        """Counts what has been recorded; writes the Sync Log's line every two seconds at most."""
        self._count(outcomes)
        progress = self.run.progress
        written = [outcome for outcome in outcomes if outcome.result.done]
        done = progress.done + len(written)
        # What is known beforehand to fail takes no time, and says nothing of the speed.
        self._written += sum(1 for outcome in written if outcome.change.obstacle is None)
        if done > progress.done:
            self._note(stalled_invocations=0)
        gate = self._services.gate
        elapsed = self._clock.monotonic() - self._writing_since
        eta = eta_seconds(
            progress.total - done, self._written, elapsed, gate.left, gate.per_second, gate.paused
        )
        self._note(progress=Progress(done=done, total=max(progress.total, done), eta_seconds=eta))
        if self._clock.monotonic() - self._saved_at >= SAVE_EVERY:
            await self._save()

    def _note(self, **changes: object) -> None:
        self.run = self.run.model_copy(update=changes)

    async def _save(self, **changes: object) -> None:
        self._note(**changes)
        await self._services.runs.save(self._hold, self.run)
        self._saved_at = self._clock.monotonic()

    async def _end_early(self, status: Status, reason: Parts) -> None:
        """With what was under way settled: nothing that was written goes without its row."""
        self.run = await with_doubts_settled(self._services, self._hold, self.run)
        await self._finish(status, summary.cut_short(reason, self.run))

    async def _finish(self, status: Status, message: Parts, *, wrote_dry_run_log: bool = False) -> None:
        progress = self.run.progress.model_copy(update={"eta_seconds": None})
        self._note(status=status, message_parts=message, finished_at=self._clock.now(), progress=progress)
        await self._services.runs.finish(self._hold, self.run, wrote_dry_run_log=wrote_dry_run_log)
        event("run.finished", **facts(self.run), durationSeconds=_seconds(self.run))


def _seconds(run: Run) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return round((run.finished_at - run.started_at).total_seconds(), 3)
