"""The two processes that are compared: the app's worker and the plain script."""

import asyncio
import os

from benchmarks.measuring import Figures, Stopwatch, peak_mb
from benchmarks.people import DOMAIN


def sync_with_the_app(writes: int, window_seconds: float) -> Figures:
    """The hourly sync of one domain, from importing the app to the end of the run.

    The write quota is `writes` in `window_seconds`.
    """
    watch = Stopwatch()
    counts = asyncio.run(_sync_with_the_app(writes, window_seconds))
    return {**watch.figures(), "peak": peak_mb(), **counts}


def sync_with_the_plain_script() -> Figures:
    watch = Stopwatch()
    from benchmarks import plain_script

    done = asyncio.run(plain_script.sync(dict(os.environ), DOMAIN))
    return {**watch.figures(), "peak": peak_mb(), "added": done.created, "unchanged": done.unchanged}


async def _sync_with_the_app(writes: int, window_seconds: float) -> Figures:
    from function_app import services
    from shared.entra.write_quota import WriteQuota
    from shared.model.runs import Mode, Status, Trigger
    from shared.runs import invocation, lifecycle

    services.write_quota = WriteQuota(writes, window_seconds, clock=services.clock)
    await services.domains.change(DOMAIN, {"periodic_sync": True}, lifecycle.SCHEDULE)
    begun = lifecycle.new_run(services.clock, DOMAIN, Mode.SYNC, Trigger.SCHEDULE, lifecycle.SCHEDULE)
    # As the timer does: it takes part in a reading of the source that begins after this.
    read_after = (await services.snapshots.look()).begun
    await lifecycle.start(services, begun.model_copy(update={"read_after": read_after}))
    result = await invocation.perform(services, DOMAIN, begun.id)
    ended = await services.runs.get(DOMAIN, begun.id)
    await services.aclose()
    if result != invocation.Finished() or ended.status is not Status.SUCCEEDED:
        raise AssertionError(f"the run has not succeeded: {ended}")
    return {"added": ended.counts.add, "unchanged": ended.counts.unchanged}
