"""A run's result as one sentence a person can act on. Pure."""

from shared.checks import verdict
from shared.records import Counts, DeletionCheck, Mode, Progress

_PLANNED = ("add", "update", "rename", "restore", "delete")
_DONE = {"add": "added", "update": "updated", "rename": "renamed", "restore": "restored", "delete": "deleted"}


def outcome(mode: Mode, counts: Counts, check: DeletionCheck | None) -> str:
    """What a finished run did, or would do."""
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
    if mode is Mode.DRY_RUN and check and check.deletions:
        consequence = "would be cancelled" if check.exceeded else "would go ahead"
        sentence += f" {verdict(check)}: a sync {consequence}."
    if counts.failed:
        sentence += " The audit log says why for each."
    return sentence


def too_many_deletions(check: DeletionCheck, progress: Progress) -> str:
    done = (
        f"{progress.done} changes of an earlier invocation stand" if progress.done else "nothing was applied"
    )
    return (
        f"Cancelled, {done}: {verdict(check)} (Max Allowed Deletions). If these deletions are right, raise "
        "Max Allowed Deletions for this domain and sync again."
    )


def cut_short(reason: str, progress: Progress) -> str:
    """Why a run ended early, and what that means for the people concerned."""
    if progress.done:
        return f"{reason} {progress.done} of {progress.total} changes were made and stand; the next run does the rest."
    return f"{reason} Nothing was applied."


def stalled(invocations: int) -> str:
    return (
        f"Given up: {invocations} invocations in a row got nothing done. The next run starts afresh; if it ends the "
        "same way, look for run.interrupted and exceptions in the logs."
    )


def poisoned(progress: Progress) -> str:
    """A run whose invocations failed until the queue gave up on its message."""
    return cut_short(
        "Given up after five failed tries; the logs of the function perform_run say why.", progress
    )
