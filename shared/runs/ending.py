"""The end of a sync that did not get to its last change: no write is left without its row in the audit log."""

from shared.model.changes import Action
from shared.model.results import Key, Result
from shared.model.runs import AuditLog, Counts, Mode, Progress, Run
from shared.reports.audit_csv import count
from shared.runs.doubts import settled_doubts
from shared.runs.recorder import Trail
from shared.services import Services
from shared.store.runs import Hold

LOOK_UP_SECONDS = 60.0
_COUNTED = ("add", "update", "rename", "restore", "delete", "skipped", "failed")


async def with_doubts_settled(services: Services, hold: Hold, run: Run) -> Run:
    """The run after what is in doubt was looked up, counted anew from its audit log; LeaseLost if taken over."""
    if run.mode is not Mode.SYNC or not await services.audit_logs.begun(run):
        return run
    trail = await Trail.open(services.storage, services.audit_logs, run, hold.invocation)
    directory = services.directory().within(LOOK_UP_SECONDS)
    await trail.record(await settled_doubts(trail.in_doubt, directory.graph))
    audit_log = AuditLog(expires_at=trail.expires_at, size_bytes=trail.size)
    return recounted(run, trail.results).model_copy(update={"audit_log": audit_log})


def recounted(run: Run, results: dict[Key, Result], left: int = 0) -> Run:
    """Counts and progress by the rows of the audit log: what an earlier invocation saved last may be less."""
    counts: Counts = run.counts.model_copy(update=dict.fromkeys(_COUNTED, 0))
    for (action, _), result in results.items():
        counts = count(counts, Action(action), result)
    done = sum(1 for result in results.values() if result.done)
    progress = Progress(done=done, total=max(run.progress.total, done + left))
    return run.model_copy(update={"counts": counts, "progress": progress})
