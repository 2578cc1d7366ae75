"""A run's line in the Sync Logs while the run is performed: counts, estimated time left, and saving."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, TypedDict, Unpack

from shared.entra.workloads import Workload
from shared.log import event
from shared.model.changes import Action
from shared.model.notifications import Notification
from shared.model.parts import Parts
from shared.model.results import Key, Outcome, Result
from shared.model.runs import (
    AuditLog,
    Compared,
    Counts,
    DeletionCheck,
    LimitCheck,
    PreCheckSummary,
    Progress,
    Read,
    Run,
    Status,
    WhatIf,
)
from shared.model.told import Told
from shared.reports.audit_csv import count
from shared.reports.heard import heard
from shared.reports.logged import facts
from shared.reports.progress import eta_seconds
from shared.reports.quality import Quality, judge
from shared.runs.recorder import Recorder
from shared.services import Services
from shared.store.chain import Head, Mark
from shared.store.outbox import rows
from shared.store.runs import Fence

SAVE_EVERY = 2.0
_COUNTED = (
    "add",
    "update",
    "rename",
    "restore",
    "block",
    "unblock",
    "delete",
    "skipped",
    "failed",
    "doubtful",
)


class Fields(TypedDict, total=False):
    """The fields of a run that an invocation changes."""

    status: Status
    started_at: datetime | None
    finished_at: datetime
    counts: Counts
    progress: Progress
    deletion_check: DeletionCheck
    limit_checks: tuple[LimitCheck, ...]
    pre_check: PreCheckSummary
    questions: int
    questions_since: datetime | None
    shielded: int
    matches: dict[str, int]
    settings_digest: str
    map_digest: str
    plan_digest: str
    same_since: datetime | None
    left_digest: str
    left_since: datetime | None
    message_parts: Parts
    warning_parts: Parts
    invocations: int
    stalled_invocations: int
    audit_log: AuditLog
    terms: str
    read: Read
    what_if: WhatIf
    compared: Compared


class SyncLog:
    """The line that one invocation writes. `run` is the current state; the saved one may be two seconds older.

    Every method that saves raises LeaseLost if another invocation has taken over.
    """

    def __init__(self, services: Services, fence: Fence, run: Run) -> None:
        self._clock = services.clock
        self._runs = services.runs
        self._tenant_settings = services.tenant_settings
        self._quota = services.write_quota
        self._fence = fence
        self._saved_at = 0.0
        self._written = 0
        self._writing_since = 0.0
        self._failed: frozenset[str] = frozenset()
        self._unseen: frozenset[str] = frozenset()
        self._unchanged = 0
        # Who wants word of the run; None until the settings have been read.
        self.notifications: tuple[Notification, ...] | None = None
        # What notifications have told of the domain so far; None until its pointers have been read.
        self.told: Told | None = None
        # Whether the run's end has put messages into the outbox.
        self.has_messages = False
        # Of the domain's chain of finished runs, once this one is.
        self.head = Head()
        self.run = run

    async def begin(self) -> None:
        """Counts this invocation before it does anything, so that one that crashes at once is counted too."""
        run = self.run
        await self.save(
            status=Status.RUNNING,
            started_at=run.started_at or self._clock.now(),
            invocations=run.invocations + 1,
            stalled_invocations=run.stalled_invocations + 1,
        )
        event("run.started", **facts(self.run))

    async def wait(self) -> None:
        """Queues the run again: this invocation does not count, and a look at the run sends a lost message anew."""
        run = self.run
        await self.save(
            status=Status.QUEUED,
            invocations=run.invocations - 1,
            stalled_invocations=max(0, run.stalled_invocations - 1),
        )

    def note(self, **fields: Unpack[Fields]) -> None:
        self.run = self.run.model_copy(update=dict(fields))

    def warn(self, warnings: Parts) -> None:
        """Adds the warnings that the line does not have yet."""
        known = self.run.warning_parts
        self.note(warning_parts=known + tuple(one for one in warnings if one not in known))

    async def save(self, **fields: Unpack[Fields]) -> None:
        self.note(**fields)
        await self._runs.save(self._fence, self.run)
        self._saved_at = self._clock.monotonic()

    async def begin_writing(self, results: Mapping[Key, Result], left: int) -> None:
        """Counts again from the recorded results: the line that an earlier invocation saved last may be behind them.

        `left`: how many changes are still to be written.
        """
        known = self.run.progress.done
        self.recount(results, left)
        if self.run.progress.done > known:
            # A crashed invocation still made progress.
            self.note(stalled_invocations=1)
        await self.save()
        self._writing_since = self._clock.monotonic()

    def recount(self, results: Mapping[Key, Result], left: int = 0) -> None:
        """Sets counts and progress from the recorded results alone."""
        counts = self.run.counts.model_copy(update=dict.fromkeys(_COUNTED, 0))
        for (action, _), result in results.items():
            counts = count(counts, Action(action), result)
        done = sum(1 for result in results.values() if result.done)
        total = max(self.run.progress.total, done + left)
        self.note(counts=counts, progress=Progress(done=done, total=total))

    def take_over(self, recorder: Recorder) -> None:
        """Copies from the recorder what `finish` and `quality` need. Call after the last write to it."""
        self.note(audit_log=recorder.audit_log)
        self._failed, self._unseen = recorder.failed, frozenset(recorder.unseen)
        self._unchanged = sum(1 for result in recorder.results.values() if result is Result.UNCHANGED)

    def count(self, outcomes: Iterable[Outcome]) -> None:
        counts = self.run.counts
        for outcome in outcomes:
            foreseen = outcome.result is Result.PLANNED and outcome.error_code
            counts = count(counts, outcome.change.action, Result.FAILED if foreseen else outcome.result)
        self.note(counts=counts)

    async def report(self, outcomes: Sequence[Outcome]) -> None:
        """Counts outcomes that were just recorded. Saves the line at most once in two seconds."""
        self.count(outcomes)
        progress = self.run.progress
        written = [outcome for outcome in outcomes if outcome.result.done]
        done = progress.done + len(written)
        # A change that is certain to fail is never sent. It takes no time, so it is left out of the speed.
        self._written += sum(1 for outcome in written if outcome.change.obstacle is None)
        if done > progress.done:
            self.note(stalled_invocations=0)
        total = max(progress.total, done)
        self.note(
            progress=Progress(done=done, total=total, eta_seconds=self._eta_seconds(progress.total - done))
        )
        if self._clock.monotonic() - self._saved_at >= SAVE_EVERY:
            await self.save()

    async def finish(self, status: Status, message: Parts) -> None:
        progress = self.run.progress.model_copy(update={"eta_seconds": None})
        # Once, in the end: how many the plan itself left unchanged is not in the records.
        unchanged = self.run.counts.unchanged + self._unchanged
        self.note(
            status=status,
            message_parts=message,
            finished_at=self._clock.now(),
            progress=progress,
            counts=self.run.counts.model_copy(update={"unchanged": unchanged}),
        )
        messages, told = await self._word()
        self.head = await self._runs.finish(self._fence, self.run, self.quality.facts, messages, told)
        self.has_messages = bool(messages)

    async def _word(self) -> tuple[list[dict[str, Any]], Told | None]:
        """The messages that this end is worth, and what has been told then. Reads only what is not known yet."""
        wanted = self.notifications
        if wanted is None:
            wanted = (await self._tenant_settings.read()).readable.notifications or ()
        if not any(one.of(self.run.domain) for one in wanted):
            return [], None
        before = self.told or (await self._runs.read_pointers(self.run.domain)).told_so_far
        happenings, told = heard(self.run, self.quality, before, self._clock.now())
        messages = [row for one in happenings for row in rows(one, wanted)]
        return messages, None if told == before else told

    @property
    def quality(self) -> Quality:
        return judge(self.run, self._failed, len(self._unseen))

    def _eta_seconds(self, left: int) -> int | None:
        quota, elapsed = self._quota, self._clock.monotonic() - self._writing_since
        paused = quota.paused([Workload.DIRECTORY_WRITES])
        return eta_seconds(left, self._written, elapsed, quota.left, quota.per_second, paused)


def tell_finished(run: Run, quality: Mapping[str, Any], head: Mark) -> None:
    """Logs the end of a run, and the head of its domain's chain since then. The alerts rest on this line."""
    fields = {**facts(run), **quality, "undoes": run.undoes, "failedReading": run.read.failed}
    event("run.finished", **fields, durationSeconds=_seconds(run), head=str(head))


async def tell_finished_again(services: Services, domain: str, run_id: str) -> None:
    """Logs the end of a run that has ended, whose invocation may have failed before it could.

    It may be logged twice. The alerts ask whether a run ended in some way, not how often.
    """
    if finished := await services.runs.find_finished(domain, run_id):
        tell_finished(*finished)


def _seconds(run: Run) -> float | None:
    if run.started_at is None or run.finished_at is None:
        return None
    return round((run.finished_at - run.started_at).total_seconds(), 3)
