"""One run, from lease to Sync Log.

    take → survey: read both sides, plan → check the limits
         → preview: write the audit log | refuse | apply: audit as it goes → finish

A run that is interrupted starts again and reads both sides again: every write is idempotent, and no stored plan can
be out of date.
"""

import logging
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from pydantic import JsonValue

from shared.entra.directory import Directory
from shared.errors import (
    CallerRefused,
    CancelRequested,
    DomainBusy,
    DomainNotFound,
    GraphError,
    JournalGone,
    LeaseLost,
    PreconditionFailed,
    ReadingAwaited,
    SettingsUnreadable,
    SourceError,
    Stalled,
    TimeBudgetSpent,
)
from shared.log import event
from shared.model.changes import Plan
from shared.model.domains import DomainSettings
from shared.model.leavers import Leaving
from shared.model.parts import Parts, parts_of, say
from shared.model.pause import Pausable, is_periodic, pause_of, told_in
from shared.model.people import People
from shared.model.questions import OpenQuestions
from shared.model.results import SHIELDED, Outcome, key
from shared.model.runs import AuditLog, Counts, EntraRead, Mode, Read, Run, RunKind, Status, Trigger
from shared.planning.deeds import NONE, Deeds, digest
from shared.planning.equal import left_digest
from shared.planning.limits import Checks, Trail, checked, leaving, noting
from shared.planning.only import chosen
from shared.planning.sides import Administration
from shared.planning.surveyed import Survey, Terms
from shared.planning.trying import trying
from shared.reports import summary
from shared.reports.audit_csv import header, render
from shared.reports.logged import error_text, facts
from shared.reports.pre_check import PreCheck
from shared.runs.apply import NO_ROOM, Sync
from shared.runs.approving import approved_dry_run, compared_with, read_approved
from shared.runs.equal import keep_settled
from shared.runs.inspection import pre_checked
from shared.runs.messages import RunMessage, message
from shared.runs.near import near_directory
from shared.runs.reading import ReadingFailed, SharedSource
from shared.runs.recorder import Recorder
from shared.runs.recovery import settle, take_up
from shared.runs.remembering import Remembering
from shared.runs.stop import RunStop
from shared.runs.survey import surveyor
from shared.runs.sync_log import SyncLog, tell_finished, tell_finished_again
from shared.runs.undo_survey import survey_undo
from shared.runs.what_if import Trying, compared
from shared.services import Services
from shared.store.leases import Lease, take_lease
from shared.store.runs import Fence, Pointers
from shared.store.snapshots import StoredMirror

STALLED_INVOCATIONS = 3
# After a longer pause it is not known whether the plan has been the same all the time.
WATCHED_AGAIN_WITHIN = timedelta(days=2)


@dataclass(frozen=True, slots=True)
class Finished:
    """The run has ended, in this invocation or in an earlier one (a message may be delivered twice).

    `has_messages`: there may be some in the outbox. The caller sends the queue a message for them, and those in `send`.
    """

    has_messages: bool = False
    send: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Continues:
    """The run goes on in another invocation. The caller sends its message again, and those in `send`."""

    reason: str
    send: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Waits:
    """A reading of the source will send the run's message. The caller sends only those in `send`."""

    send: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Busy:
    """Another live invocation holds the domain and has its own message. The caller sends none."""

    reason: str


Ended = Finished | Continues | Waits | Busy


def to_send(ended: Ended, order: RunMessage) -> list[str]:
    """The messages that the caller sends to the queue of runs."""
    own = [message(order.domain, order.run_id)] if isinstance(ended, Continues) else []
    return [*own, *(() if isinstance(ended, Busy) else ended.send)]


async def perform(services: Services, domain: str, run_id: str, *, redelivered: bool = False) -> Ended:
    """Performs a queued run, or continues one that was interrupted.

    `redelivered`: an invocation for the same message has failed. If it did so at its very end, the run has ended
    without a line in the log, which is made up for here.
    """
    try:
        async with take_lease(services.storage, services.settings, domain) as held:
            fence = await services.runs.take(domain, run_id)
            if fence is None:
                if redelivered:
                    await tell_finished_again(services, domain, run_id)
                return Finished(has_messages=redelivered)
            run = await services.runs.get(domain, run_id)
            return await Invocation(services, held, fence, run).perform()
    except (DomainBusy, LeaseLost) as error:
        event("run.interrupted", logging.WARNING, domain=domain, runId=run_id, message=error_text(error))
        return Continues(error_text(error)) if isinstance(error, LeaseLost) else Busy(error_text(error))


class Invocation:
    """One invocation of a run, which holds the domain's lease and the run's fence."""

    def __init__(self, services: Services, held: Lease, fence: Fence, run: Run) -> None:
        budget = services.settings.time_budget_seconds
        self._services = services
        self._clock = services.clock
        self._fence = fence
        self._stop = RunStop(held, services.runs, fence, budget, services.clock)
        self._graph = services.graph(self._stop, low_priority=run.trigger is Trigger.SCHEDULE)
        self._directory: Directory
        self._terms: Terms
        self._tenant: Pausable
        # What counts, where other settings are tried.
        self._in_force: Terms
        self._pointers = Pointers()
        self._tried: Mapping[str, JsonValue] = {}
        self._administration: Administration = services.administration
        self._source = SharedSource(services, run, self._stop)
        self._mirror: StoredMirror | None = None
        # Of the domain, as the limits were checked with them.
        self._settings: DomainSettings
        self._log = SyncLog(services, fence, run)

    async def perform(self) -> Ended:
        """Performs the run until it ends, the time budget is spent, or it waits for a reading of the source.

        Raises LeaseLost if another invocation may hold the domain by now.
        """
        try:
            left_behind = await self._take()
            await self._read_settings()
            await self._heed_earlier_runs()
            if await self._ended_by_settings(left_behind):
                return await self._finished()
            if self._log.run.kind is RunKind.CHECK:
                await self._look()
                return await self._finished()
            approved = await read_approved(self._services, self._log.run, self._terms)
            seen = await self._survey(approved)
            checks = await self._check(seen, approved, left_behind)
            if self._log.run.trigger is Trigger.SCHEDULE:  # reading may have taken long
                self._tenant = (await self._services.tenant_settings.read()).readable
                if await self._ended_by_settings(left_behind):
                    return await self._finished()
            if self._log.run.mode is Mode.DRY_RUN:
                await self._preview(seen, checks)
            elif checks.exceeded:
                await self._refuse(seen, checks, left_behind)
            else:
                await self._apply(self._leaving(seen, checks, approved), checks, left_behind)
        except ReadingAwaited as error:
            await self._log.wait()
            event("run.continues", **facts(self._log.run), reason=error_text(error))
            return Waits(await self._messages())
        except TimeBudgetSpent as error:
            if self._source.got_on:
                self._log.note(stalled_invocations=0)
            await self._log.save()
            event("run.continues", **facts(self._log.run), reason=error_text(error))
            return Continues(error_text(error), await self._messages())
        except ReadingFailed as error:
            self._log.note(read=Read(failed=error.number))
            await self._end_early(Status.FAILED, error.why)
        except (CancelRequested, PreconditionFailed) as error:
            # The latter: settings have changed since the dry run that was approved.
            await self._end_early(Status.CANCELLED, parts_of(error))
        except (
            SourceError,
            GraphError,
            CallerRefused,
            DomainNotFound,
            JournalGone,
            SettingsUnreadable,
            Stalled,
        ) as error:
            await self._end_early(Status.FAILED, parts_of(error))
        return await self._finished()

    async def _finished(self) -> Finished:
        return Finished(has_messages=self._log.has_messages, send=await self._messages())

    async def _messages(self) -> tuple[str, ...]:
        """For others, from what was read here or was left unread."""
        await self._source.hand_over()
        return tuple(self._source.messages)

    async def _take(self) -> Recorder | None:
        """Begins this invocation. Returns the records that an earlier one left, or None.

        Raises Stalled if too many invocations in a row made no progress.
        """
        if self._log.run.stalled_invocations >= STALLED_INVOCATIONS:
            raise Stalled("run.stalled", invocations=STALLED_INVOCATIONS)
        await self._log.begin()
        return await take_up(self._services, self._fence, self._log.run, self._graph)

    async def _read_settings(self) -> None:
        """The tenant's settings, for all that this invocation does.

        Raises CancelRequested if others were in force when the run began: what it was to do under those is not what an
        administrator has seen, and the next run begins under the new ones.
        """
        services, run = self._services, self._log.run
        stored, of_domain = await services.tenant_settings.read(), None
        if run.what_if:
            of_domain = await services.domains.read_settings(run.domain)
            update = {"tenant_etag": stored.etag, "domain_etag": of_domain.etag}
            self._log.note(what_if=run.what_if.model_copy(update=update))
            self._tried = run.what_if.settings
        self._tenant = stored.readable
        self._log.notifications = stored.readable.notifications or ()
        self._in_force = services.settings.terms(stored.complete())
        self._terms = services.settings.terms(trying(stored.complete(), self._tried))
        if of_domain:
            tried = trying(of_domain.complete(), self._tried)
            self._administration = Trying(services.administration, run.domain, tried)
        digest = self._terms.digest()
        if self._log.run.terms not in ("", digest):
            raise CancelRequested("run.settingsChanged")
        self._log.note(terms=digest)
        self._source.read_with(self._terms.attribute_map, self._in_force.attribute_map)
        self._directory = Directory(self._graph, self._terms.attribute_map)

    async def _heed_earlier_runs(self) -> None:
        """Raises CancelRequested for a sync under a changed map that no person has started after a dry run under it."""
        run, now = self._log.run, self._terms.map_digest
        if run.undoes:
            return
        earlier = self._pointers = await self._services.runs.read_pointers(run.domain)
        self._log.told = earlier.told_so_far
        by_a_person = run.trigger is Trigger.MANUAL and run.map_digest == now
        waits = earlier.needs_dry_run if by_a_person else earlier.waits_for_review
        if run.mode is Mode.SYNC and waits(now):
            raise CancelRequested("run.waitsForReview")
        last = earlier.last_watch
        if run.kind is RunKind.WATCH and last and run.created_at - last.created_at < WATCHED_AGAIN_WITHIN:
            # Also if this one fails: that it could not look does not make the plan another one.
            self._log.note(plan_digest=last.plan_digest, same_since=last.same_since)
        # If it ends well, this map was previewed or synchronised, not the one at the time of the click.
        self._log.note(map_digest=now)

    async def _ended_by_settings(self, left_behind: Recorder | None) -> bool:
        """Ends a periodic run under a pause, and a periodic sync of a domain that has none any more; neither if it has
        begun to write: to settle what an earlier run left in doubt is not that. Any other run warns of the pause.

        The first run after it says that it has ended.
        """
        services, run = self._services, self._log.run
        stored = await services.domains.read_settings(run.domain)
        begun = left_behind is not None and bool(left_behind.made)
        by_the_hour = run.trigger is Trigger.SCHEDULE and run.mode is Mode.SYNC and not begun
        if by_the_hour and not stored.unreadable and stored.readable.periodic_sync is not True:
            await self._end_early(Status.CANCELLED, say("run.noLongerPeriodic"))
            return True
        pause = pause_of(self._clock.now(), (stored.readable, self._tenant))
        if pause is None:
            watched = run.kind is RunKind.WATCH
            earlier = self._pointers.last_watch if watched else self._pointers.last_sync
            if is_periodic(run) and told_in(earlier):
                self._log.warn(say("pause.ended"))
            return False
        if run.trigger is Trigger.MANUAL or begun:
            self._log.warn((pause.told,))
            return False
        event("run.paused", **facts(run))
        await self._end_early(Status.CANCELLED, (pause.told,))
        return True

    async def _survey(self, approved: Deeds) -> Survey:
        run = self._log.run
        if run.undoes:
            return await survey_undo(self._services, run, run.undoes, self._directory, self._terms)
        seen, entra = await self._survey_both_sides(approved)
        self._log.note(read=Read(source=self._source.read, entra=entra))
        if run.only is not None:
            people = await self._services.approvals.read_chosen(run)
            seen = await self._clock.in_thread(chosen, seen, people)
        if run.approval is None:
            return seen
        by, dry_run_id = run.approval.approved_by, run.approval.dry_run_id
        note = (
            say("leaver.approved", by=by, dryRun=dry_run_id) if dry_run_id else say("leaver.ordered", by=by)
        )
        seen = replace(seen, plan=await self._clock.in_thread(noting, seen.plan, approved, note))
        # A doubt ends only with a dry run that told the administrator of it, and of who is left alone for that.
        dry_run = await approved_dry_run(self._services, run.domain, run.approval)
        told = dry_run and any(part in dry_run.warning_parts for part in seen.memory.doubt)
        return replace(seen, reviewed=run.approval.reviewed and bool(told))

    async def _survey_both_sides(self, approved: Deeds) -> tuple[Survey, EntraRead | None]:
        services, run, terms = self._services, self._log.run, self._terms
        self._mirror = mirror = await self._source.read_mirror()
        near = None
        if mirror:
            near = await near_directory(services, self._graph, terms.attribute_map, run.domain, mirror)
        directory = near or self._directory
        looking = surveyor(
            services, run.domain, directory, terms, self._stop, self._administration, self._source
        )
        survey = partial(looking.survey, predict=run.mode is Mode.DRY_RUN, approved=approved)
        if mirror is None or near is None:
            seen, told = await survey(), self._graph.told
            return seen, EntraRead(as_of=told, live=True) if told else None
        remembers = run.mode is Mode.SYNC or run.kind is RunKind.WATCH
        seen, was_wrong = await near.survey(survey, listed=run.listed, remembers=remembers)
        if was_wrong:
            await services.snapshots.doubt(mirror)
        self._directory.not_selectable = near.not_selectable
        return seen, near.read

    async def _check(self, seen: Survey, approved: Deeds, left_behind: Recorder | None) -> Checks:
        """Decides for the run as a whole: a later invocation's plan has only what is left."""
        services, run, plan = self._services, self._log.run, seen.plan
        stored = await services.domains.read_settings(run.domain)
        settings = self._settings = trying(stored.complete(), self._tried)
        trail, counts = Trail(), run.counts
        if run.deletion_check is None:
            counts = Counts(source=plan.source, target=plan.target, unchanged=plan.unchanged)
        elif left_behind is not None:
            trail = Trail(left_behind.made, run.deletion_check.target)
        basis = None if run.undoes else seen.basis(self._pointers.last_good_source)
        checks = await self._clock.in_thread(checked, plan, settings, basis, trail, approved)
        if not run.undoes and run.kind is not RunKind.WHAT_IF:
            await self._keep_questions(plan)
        self._note_left(plan)
        self._log.warn(seen.warnings + checks.told)
        await self._log.save(
            deletion_check=checks.deletions, limit_checks=checks.all_but_deletions, counts=counts
        )
        return checks

    def _note_left(self, plan: Plan) -> None:
        run = self._log.run
        earlier = self._pointers.last_watch if run.kind is RunKind.WATCH else self._pointers.last_sync
        left = left_digest(plan)
        same = earlier if earlier and earlier.left_digest == left else run
        self._log.note(left_digest=left, left_since=(same.left_since or run.created_at) if left else None)

    async def _keep_questions(self, plan: Plan) -> None:
        run = self._log.run
        asked = OpenQuestions(run_id=run.id, questions=plan.questions, offered=plan.offered)
        # People answer what a run of theirs, or a sync, has asked.
        kept = run.kind is not RunKind.WATCH
        asked = await self._services.questions.replace(run.domain, asked, kept=kept)
        self._log.note(
            questions=len(asked.questions),
            questions_since=min((one.since for one in asked.questions if one.since), default=None),
            shielded=sum(1 for one in plan.changes if one.obstacle and one.obstacle.code == SHIELDED),
            matches=dict(plan.matches),
        )

    async def _preview(self, seen: Survey, checks: Checks) -> None:
        """Writes what a sync would do: the audit log for people, and the plan as data."""
        run, logs = self._log.run, self._services.audit_logs
        if run.what_if:
            compare = compared(self._services, seen, run.what_if, self._in_force, self._graph, self._stop)
            self._log.note(what_if=await compare)
        if run.kind is RunKind.WATCH:
            await self._watch(seen)
        if not run.undoes:
            await self._pre_check(seen)
            leaving = Leaving(seen.lookups.staging.terms, ask_unlinked=seen.lookups.ask_unlinked)
            self._log.note(settings_digest=seen.terms.digest(**leaving.facts))
        planned = [Outcome.planned(change) for change in seen.plan.changes]
        language = self._services.settings.language
        rows = await self._clock.in_thread(
            render, planned, run.id, run.domain, run.mode, self._clock.now(), language
        )
        content = header() + rows
        versions = await logs.read_dry_run_versions(run)
        await self._stop.check()
        self._log.count(planned)
        expires_at = await logs.write_dry_run(run, content, planned, versions)
        self._log.note(audit_log=AuditLog(expires_at=expires_at, size_bytes=len(content)))
        await self._finish(Status.SUCCEEDED, summary.outcome(self._log.run, checks))
        await keep_settled(self._services, self._log, seen, self._settings, self._source)

    async def _look(self) -> None:
        """A pre-check alone. Where the source can't be read it has Entra's side, and says why."""
        services, run, unread = self._services, self._log.run, Parts()
        try:
            seen, entra = await self._survey_both_sides(NONE)
            self._log.note(read=Read(source=self._source.read, entra=entra))
        except (SourceError, ReadingFailed) as error:
            unread = error.why if isinstance(error, ReadingFailed) else parts_of(error)
            looking = surveyor(services, run.domain, self._directory, self._terms, self._stop)
            seen = await looking.survey(predict=True, people=People())
        found = await self._pre_check(seen, unread)
        await self._finish(Status.SUCCEEDED, say("run.checked", count=len(found.objects)) + unread)

    async def _pre_check(self, seen: Survey, unread: Parts = ()) -> PreCheck:
        """What is found on the domain. It is kept, unless other settings were tried, or for a few people."""
        run = self._log.run
        found = (await pre_checked(self._directory, seen, self._clock.now())).noting(unread)
        self._log.note(pre_check=found.summary)
        if run.kind in (RunKind.WHOLE, RunKind.WATCH, RunKind.CHECK):
            kept = found.model_copy(update={"run_id": run.id})
            await self._services.findings.replace(run.domain, kept.model_dump_json(by_alias=True).encode())
        return found

    async def _watch(self, seen: Survey) -> None:
        """Remembers who is who, so that the first sync knows everybody, and since when the plan has been this one."""
        await Remembering(self._services, self._directory, seen, self._stop).write()
        plan = await self._clock.in_thread(digest, seen.plan.changes)
        same = plan == self._log.run.plan_digest
        since = self._log.run.same_since if same else self._log.run.created_at
        self._log.note(plan_digest=plan, same_since=since)

    async def _refuse(self, seen: Survey, checks: Checks, left_behind: Recorder | None) -> None:
        async with self._writing(seen, left_behind) as sync:
            await sync.refuse()
        await self._finish(Status.CANCELLED, summary.refused(self._log.run, checks))

    def _leaving(self, seen: Survey, checks: Checks, approved: Deeds) -> Survey:
        """The survey without the deletions that somebody who approved others by name has not approved.

        Where more are due at once than the limit lets a sync delete, without these.
        """
        approval = self._log.run.approval
        if approval and approval.named:
            return replace(seen, plan=leaving(seen.plan, approved))
        if checks.due and checks.due.exceeded:
            return replace(seen, plan=leaving(seen.plan, approved, ("due",)))
        return seen

    async def _apply(self, seen: Survey, checks: Checks, left_behind: Recorder | None) -> None:
        if any(change.of_leaver for change in seen.plan.writes):
            await self._source.planned()
        async with self._writing(seen, left_behind) as sync:
            await sync.apply()
        run = self._log.run
        if run.approval and (found := await compared_with(self._services, run, run.approval, seen.only)):
            self._log.note(compared=found)
            run = self._log.run
        bad = run.counts.failed or run.counts.doubtful or run.questions
        partly = bad or NO_ROOM in run.warning_parts
        status = Status.COMPLETED_WITH_ERRORS if partly else Status.SUCCEEDED
        await self._finish(status, summary.outcome(run, checks))
        await keep_settled(self._services, self._log, seen, self._settings, self._source)

    @asynccontextmanager
    async def _writing(self, seen: Survey, left_behind: Recorder | None) -> AsyncIterator[Sync]:
        recorder = left_behind or await Recorder.open(self._services, self._log.run, self._fence.invocation)
        left = sum(1 for change in seen.plan.writes if key(change) not in recorder.results)
        await self._log.begin_writing(recorder.results, left)
        sync = Sync(
            self._services, self._directory, self._source, seen, recorder, self._stop, self._log.report
        )
        try:
            yield sync
        finally:
            self._log.take_over(recorder)
            self._log.warn(sync.warnings)
            if sync.surprised and self._mirror:
                await self._services.snapshots.doubt(self._mirror)

    async def _end_early(self, status: Status, reason: Parts) -> None:
        """Settles the changes in doubt, so that every write has its row, and ends the run."""
        await settle(self._services, self._fence, self._log)
        await self._finish(status, summary.cut_short(reason, self._log.run))

    async def _finish(self, status: Status, message: Parts) -> None:
        await self._log.finish(status, message)
        tell_finished(self._log.run, self._log.quality.facts, self._log.head.mark)
