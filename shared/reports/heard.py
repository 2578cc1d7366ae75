"""What the end of a run is worth telling, and what has been told so far. Pure."""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from shared.model.notifications import Event, Happening
from shared.model.parts import Parts, say
from shared.model.pause import told_in
from shared.model.runs import Counts, Mode, Run, RunKind, Status
from shared.model.told import Streak, Told
from shared.planning.limits import verdict
from shared.reports.quality import Quality
from shared.reports.summary import deeds

# A user who fails in one run may be well in the next.
FAILING_AFTER = timedelta(hours=24)
A_FEW = 5
# What a survey warns of where it can't see whom it must not touch.
_UNPROTECTED = frozenset(
    {
        "warning.deletedUnseen",
        "warning.nobodyDeleted",
        "warning.nobodyRenamed",
        "warning.purposesUntold",
        "warning.deletedUntold",
        "warning.rolesUnread",
    }
)
# Warnings with a count of people.
_OF_WARNINGS: Mapping[str, Event] = {
    "warning.holdsEnding": "hold.ending",
    "warning.leaversBlocked": "leaver.blocked",
    "warning.leaversDue": "leaver.due",
}


def heard(run: Run, quality: Quality, told: Told, now: datetime) -> tuple[list[Happening], Told]:
    """What to tell of a run that has ended, and what has been told then.

    A dry run that a person started tells nothing: that person is there to see it. Nor does a run that failed with the
    reading for all domains: that tells once for all of them.
    """
    if (run.mode is Mode.DRY_RUN and run.kind is not RunKind.WATCH) or run.read.failed:
        return [], told
    whole = run.status.good and not run.undoes and run.only is None
    works = whole and not _mostly_failed(run, quality)
    failing = {who: told.failing.get(who, now) for who in quality.failing} if whole else told.failing
    streaks = {} if works else dict(told.streaks)
    happenings: list[Happening] = []
    done = counted(run)
    for event, like, counts, text in _states(run, quality, failing, now):
        before = told.streaks.get(event)
        again = before and before.like == like
        streak = Streak(like=like, since=before.since, times=before.times + 1) if before and again else None
        streaks[event] = streak = streak or Streak(like=like, since=now)
        if streak.loud:
            happenings.append(_happening(run, event, now, counts, text, streak))
    clean = told.clean
    if works and {"run.failed", "run.cancelled"} & told.streaks.keys():
        happenings.append(_happening(run, "run.recovered", now, done, outcome(done)))
    if not clean and quality.good and run.status is Status.SUCCEEDED:
        clean = True
        happenings.append(_happening(run, "sync.firstClean", now, done, outcome(done)))
    if run.status is Status.CANCELLED:
        for part in told_in(run):  # without the reason, which may name people
            until = str(part.parameters["until"])
            happenings.append(_happening(run, "pause.started", now, {}, say("pause.until", until=until)))
    if any(part.code == "pause.ended" for part in run.warning_parts):
        happenings.append(_happening(run, "pause.ended", now))
    return happenings, Told(streaks=streaks, clean=clean, failing=failing)


def _states(
    run: Run, quality: Quality, failing: dict[str, datetime], now: datetime
) -> Iterator[tuple[Event, str, dict[str, int], Parts]]:
    """What may be so in one run after the other: the event, what makes it the same, counts and text."""
    if run.status is Status.FAILED:
        why = next((part.code for part in run.message_parts), "")
        yield "run.failed", why, counted(run), outcome(counted(run))
    elif _mostly_failed(run, quality):
        yield "run.failed", "mostly", counted(run), say("notify.mostlyFailed", failed=run.counts.failed)
    if run.status is Status.CANCELLED:
        reached = [check for check in run.limit_checks if check.exceeded]
        names, verdicts = (
            [check.name for check in reached],
            tuple(p for c in reached for p in c.verdict_parts),
        )
        counts = {check.name: check.amount for check in reached}
        if run.deletion_check and run.deletion_check.exceeded:
            names.append("deletions")
            counts["deletions"] = run.deletion_check.deletions
            verdicts = (*verdict(run.deletion_check), *verdicts)
        if names:
            yield "run.cancelled", ",".join(sorted(names)), counts, say("notify.limits", verdicts=verdicts)
    unprotected = sorted({part.code for part in run.warning_parts} & _UNPROTECTED)
    if unprotected or quality.not_deleted:
        yield "protection.off", ",".join(unprotected), {"notDeleted": quality.not_deleted}, ()
    for part in run.warning_parts:
        event = _OF_WARNINGS.get(part.code)
        if event and isinstance(count := part.parameters["count"], int):
            # Each block is word of somebody else; what is still ahead is the same an hour later.
            yield event, run.id if event == "leaver.blocked" else str(count), {"people": count}, ()
    if run.questions:
        yield "questions.open", str(run.questions), {"questions": run.questions}, ()
    if old := sorted(who for who, since in failing.items() if now - since >= FAILING_AFTER):
        like = hashlib.sha256(",".join(old).encode()).hexdigest()[:8]
        yield "people.failing", like, {"failing": len(old)}, ()


def _mostly_failed(run: Run, quality: Quality) -> bool:
    """A few people alone are no failed sync: of those, `people.failing` tells after a day."""
    return quality.mostly_failed and run.counts.failed > A_FEW


def outcome(counts: Mapping[str, int]) -> Parts:
    """A sentence of what was done to how many, and how many failed."""
    clauses = deeds(Counts(**counts))
    if failed := counts.get("failed"):
        clauses += say("run.failed", count=failed)
    return say("run.outcome", clauses=clauses)


def counted(run: Run) -> dict[str, int]:
    """What a run has done to how many, by names of `Counts`, where there are any."""
    named = ("add", "update", "rename", "restore", "block", "unblock", "delete", "skipped", "failed")
    return {name: count for name in named if (count := getattr(run.counts, name))}


def _happening(
    run: Run,
    event: Event,
    now: datetime,
    counts: dict[str, int] | None = None,
    text: Parts = (),
    streak: Streak | None = None,
) -> Happening:
    return Happening(
        event=event,
        domain=run.domain,
        about=run.id,
        at=now,
        run_id=run.id,
        counts=counts or {},
        times=streak.times if streak else 1,
        since=streak.since if streak and streak.times > 1 else None,
        text=text,
        details=run.message_parts,
    )
