"""A run's result as one sentence a person can act on. Pure."""

from shared.model.runs import Counts, Mode, Run
from shared.planning.limits import Checks, verdict

_PLANNED = ("add", "update", "rename", "restore", "delete")
_DONE = {"add": "added", "update": "updated", "rename": "renamed", "restore": "restored", "delete": "deleted"}


def outcome(run: Run, checks: Checks) -> str:
    """What a finished run did, or would do, and what kept it from seeing everything."""
    mode, counts = run.mode, run.counts
    if mode is Mode.DRY_RUN:
        deeds = [f"{verb} {n}" for verb in _PLANNED if (n := getattr(counts, verb))]
        sentence = f"Would {', '.join(deeds)}" if deeds else "Nothing to do"
        failed = f"; {counts.failed} would fail" if counts.failed else ""
    else:
        deeds = [f"{_DONE[verb]} {n}" for verb in _PLANNED if (n := getattr(counts, verb))]
        sentence = ", ".join(deeds).capitalize() if deeds else "Nothing changed"
        failed = f"; {counts.failed} failed" if counts.failed else ""
    skipped = f"; {counts.skipped} left alone" if counts.skipped else ""
    sentence = f"{sentence}{failed}{skipped}."
    if mode is Mode.DRY_RUN and checks.exceeded:
        sentence += f" {'; '.join(checks.reasons)}: a sync would be cancelled."
    elif mode is Mode.DRY_RUN and checks.deletions.deletions:
        sentence += f" {verdict(checks.deletions)}: a sync would go ahead."
    if counts.failed:
        sentence += " The audit log says why for each."
    return " ".join((sentence, *run.warnings))


def refused(run: Run, checks: Checks) -> str:
    made = _made(run.counts)
    done = f"{made} changes of an earlier invocation stand" if made else "nothing was applied"
    advice = "raise the limit"
    if checks.deletions.exceeded:
        advice = "approve the deletions of a dry run, or raise Max Allowed Deletions"
    verdicts = "; ".join(checks.reasons)
    sentence = f"Cancelled, {done}: {verdicts}. If these changes are right, {advice}, and sync again."
    return " ".join((sentence, *run.warnings))


def cut_short(reason: str, run: Run) -> str:
    """Why a run ended early, and what that means for the people concerned."""
    made, failed = _made(run.counts), run.counts.failed
    failures = f" {failed} failed: the audit log says why for each." if failed else ""
    if made:
        stand = f"{made} of {run.progress.total} changes were made and stand; the next run does the rest."
        return f"{reason} {stand}{failures}"
    return f"{reason} Nothing was applied.{failures}"


def stalled(invocations: int) -> str:
    return (
        f"Given up: {invocations} invocations in a row got nothing done. If the next run ends the same way, look for "
        "run.continues, run.interrupted and exceptions in the logs."
    )


def memory_lost(domain: str) -> str:
    return (
        f"What earlier syncs remembered of {domain} is gone from the container links. Without it somebody who was "
        "renamed looks like somebody to delete, so nobody is deleted. Restore the container, or look at the deletions "
        "of a dry run and approve them."
    )


def poisoned() -> str:
    """A run whose invocations failed until the queue gave up on its message."""
    return "Given up after five failed tries; the logs of the function perform_run say why."


def _made(counts: Counts) -> int:
    return sum(int(getattr(counts, deed)) for deed in _PLANNED)
