"""A run's result in a few sentences a person can act on. Pure."""

from shared.model.parts import Parts, say
from shared.model.runs import Counts, Mode, Run
from shared.planning.limits import Checks, verdict


def outcome(run: Run, checks: Checks) -> Parts:
    """What a finished run did, or would do, and its warnings."""
    counts, preview = run.counts, run.mode is Mode.DRY_RUN
    clauses = deeds(counts, preview=preview)
    if counts.failed:
        clauses += say("run.wouldFail" if preview else "run.failed", count=counts.failed)
    if counts.doubtful:
        clauses += say("run.doubtful", count=counts.doubtful)
    if counts.skipped:
        clauses += say("run.skipped", count=counts.skipped)
    text = say("run.outcome", clauses=clauses)
    if run.what_if:
        text += say("run.whatIf", people=run.what_if.people)
    if preview and checks.exceeded:
        text += say("run.wouldBeCancelled", verdicts=checks.reasons)
    elif preview and checks.deletions.deletions:
        text += say("run.wouldGoAhead", verdicts=verdict(checks.deletions))
    if counts.failed or counts.doubtful:
        text += say("run.whyFailed")
    if run.questions and run.questions_since:
        text += say("run.questions", count=run.questions, since=run.questions_since.date().isoformat())
    return text + run.warning_parts


def refused(run: Run, checks: Checks) -> Parts:
    """Why a limit cancelled the run, and what an administrator can do."""
    made, verdicts = run.counts.made, checks.reasons
    text = say("run.refused", verdicts=verdicts)
    if made:
        text = say("run.refusedLate", made=made, verdicts=verdicts)
    return text + say("run.approveOrRaise", kinds=checks.kinds) + run.warning_parts


def cut_short(reason: Parts, run: Run) -> Parts:
    """Why a run ended early, and what that means for the people concerned."""
    made, total = run.counts.made, run.progress.total
    if not made:
        text = reason + say("run.nothingApplied")
    elif run.undoes:
        text = reason + say("run.someUndone", made=made, total=total)
    else:
        text = reason + say("run.someStand", made=made, total=total)
    if failed := run.counts.failed:
        text += say("run.someFailed", failed=failed)
    if doubtful := run.counts.doubtful:
        text += say("run.someDoubtful", count=doubtful)
    return text


def poisoned() -> Parts:
    """A run whose invocations failed until the queue gave up on its message."""
    return say("run.poisoned")


def deeds(counts: Counts, *, preview: bool = False) -> Parts:
    """What a run did, or would do, to how many people: a clause."""
    each = (
        (counts.add, say("deed.add" if preview else "deed.added", count=counts.add)),
        (counts.update, say("deed.update" if preview else "deed.updated", count=counts.update)),
        (counts.rename, say("deed.rename" if preview else "deed.renamed", count=counts.rename)),
        (counts.restore, say("deed.restore" if preview else "deed.restored", count=counts.restore)),
        (counts.block, say("deed.block" if preview else "deed.blocked", count=counts.block)),
        (counts.unblock, say("deed.unblock" if preview else "deed.unblocked", count=counts.unblock)),
        (counts.delete, say("deed.delete" if preview else "deed.deleted", count=counts.delete)),
    )
    if made := tuple(part for count, parts in each if count for part in parts):
        return say("run.would" if preview else "run.did", deeds=made)
    return say("run.nothingToDo" if preview else "run.nothingChanged")
