"""A run's result in a few sentences a person can act on. Pure."""

from shared.model.parts import Parts, say
from shared.model.runs import Counts, Mode, Run
from shared.planning.limits import Checks, verdict


def outcome(run: Run, checks: Checks) -> Parts:
    """What a finished run did, or would do, and its warnings."""
    counts, preview = run.counts, run.mode is Mode.DRY_RUN
    clauses = _would(counts) if preview else _did(counts)
    if counts.failed:
        clauses += say("run.wouldFail" if preview else "run.failed", count=counts.failed)
    if counts.doubtful:
        clauses += say("run.doubtful", count=counts.doubtful)
    if counts.skipped:
        clauses += say("run.skipped", count=counts.skipped)
    text = say("run.outcome", clauses=clauses)
    if preview and checks.exceeded:
        text += say("run.wouldBeCancelled", verdicts=checks.reasons)
    elif preview and checks.deletions.deletions:
        text += say("run.wouldGoAhead", verdicts=verdict(checks.deletions))
    if counts.failed or counts.doubtful:
        text += say("run.whyFailed")
    return text + run.warning_parts


def refused(run: Run, checks: Checks) -> Parts:
    """Why a limit cancelled the run, and what an administrator can do."""
    made, verdicts = _made(run.counts), checks.reasons
    text = say("run.refused", verdicts=verdicts)
    if made:
        text = say("run.refusedLate", made=made, verdicts=verdicts)
    advice = say("run.approveOrRaise") if checks.deletions.exceeded else say("run.raiseLimit")
    return text + advice + run.warning_parts


def cut_short(reason: Parts, run: Run) -> Parts:
    """Why a run ended early, and what that means for the people concerned."""
    made, failed = _made(run.counts), run.counts.failed
    text = reason
    if made:
        stand = "run.someUndone" if run.undoes else "run.someStand"
        text += say(stand, made=made, total=run.progress.total)
    else:
        text += say("run.nothingApplied")
    text += say("run.someFailed", failed=failed) if failed else ()
    return text + (say("run.someDoubtful", count=run.counts.doubtful) if run.counts.doubtful else ())


def poisoned() -> Parts:
    """A run whose invocations failed until the queue gave up on its message."""
    return say("run.poisoned")


def _would(counts: Counts) -> Parts:
    deeds = _some(
        (counts.add, say("deed.add", count=counts.add)),
        (counts.update, say("deed.update", count=counts.update)),
        (counts.rename, say("deed.rename", count=counts.rename)),
        (counts.restore, say("deed.restore", count=counts.restore)),
        (counts.delete, say("deed.delete", count=counts.delete)),
    )
    return say("run.would", deeds=deeds) if deeds else say("run.nothingToDo")


def _did(counts: Counts) -> Parts:
    deeds = _some(
        (counts.add, say("deed.added", count=counts.add)),
        (counts.update, say("deed.updated", count=counts.update)),
        (counts.rename, say("deed.renamed", count=counts.rename)),
        (counts.restore, say("deed.restored", count=counts.restore)),
        (counts.delete, say("deed.deleted", count=counts.delete)),
    )
    return say("run.did", deeds=deeds) if deeds else say("run.nothingChanged")


def _some(*deeds: tuple[int, Parts]) -> Parts:
    """The deeds whose count is not zero."""
    return tuple(part for count, parts in deeds if count for part in parts)


def _made(counts: Counts) -> int:
    return counts.add + counts.update + counts.rename + counts.restore + counts.delete
