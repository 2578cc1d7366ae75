"""The two processes that are compared: the app's worker and the plain script."""

import asyncio
import os
from collections import Counter, deque

from benchmarks.measuring import Figures, Stopwatch, peak_mb
from benchmarks.people import DOMAIN


def sync_with_the_app(writes: int, window_seconds: float, domain: str = DOMAIN) -> Figures:
    """The hourly sync of one domain, from importing the app to the end of the run.

    The write quota is `writes` in `window_seconds`.
    """
    watch = Stopwatch()
    counts = asyncio.run(_sync_with_the_app(writes, window_seconds, domain))
    return {**watch.figures(), "peak": peak_mb(), **counts}


def hour_with_the_app(domains: list[str]) -> Figures:
    """What the timer starts for these domains, until all messages that follow from it are done with."""
    watch = Stopwatch()
    asyncio.run(_hour_with_the_app(domains))
    return {**watch.figures(), "peak": peak_mb()}


def last_runs(domains: list[str]) -> Figures:
    """How the last hour of these domains was: lines and runs, and the changes that they made."""
    return asyncio.run(_last_runs(domains))


def sync_with_the_plain_script() -> Figures:
    watch = Stopwatch()
    from benchmarks import plain_script

    done = asyncio.run(plain_script.sync(dict(os.environ), DOMAIN))
    return {**watch.figures(), "peak": peak_mb(), "added": done.created, "unchanged": done.unchanged}


async def _sync_with_the_app(writes: int, window_seconds: float, domain: str) -> Figures:
    from function_app import services
    from shared.entra.write_quota import WriteQuota
    from shared.model.runs import Mode, Status, Trigger
    from shared.runs import invocation, lifecycle

    services.write_quota = WriteQuota(
        writes, window_seconds, clock=services.clock, share=services.write_slices
    )
    await services.domains.change(domain, {"periodic_sync": True}, lifecycle.SCHEDULE)
    begun = lifecycle.new_run(services.clock, domain, Mode.SYNC, Trigger.SCHEDULE, lifecycle.SCHEDULE)
    # As the timer does: it takes part in a reading of the source that begins after this.
    read_after = (await services.snapshots.look()).begun
    await lifecycle.start(services, begun.model_copy(update={"read_after": read_after}))
    result = await invocation.perform(services, domain, begun.id)
    ended = await services.runs.get(domain, begun.id)
    await services.aclose()
    if result != invocation.Finished() or ended.status is not Status.SUCCEEDED:
        raise AssertionError(f"the run has not succeeded: {ended}")
    return {"added": ended.counts.add, "unchanged": ended.counts.unchanged}


async def _hour_with_the_app(domains: list[str]) -> None:
    from function_app import services
    from shared.runs import hourly, lifecycle, orders

    known = await services.domains.read_all()
    for domain in domains:
        if domain not in known:
            await services.domains.change(domain, {"periodic_sync": True}, lifecycle.SCHEDULE)
    waiting = deque((await hourly.tick(services, past_due=False)).messages)
    while waiting:
        waiting.extend((await orders.perform(services, waiting.popleft().encode())).messages)
    await services.aclose()


async def _last_runs(domains: list[str]) -> Figures:
    from function_app import services

    found = Counter[str]()
    for domain in domains:
        run = (await services.runs.read_pointers(domain)).last_sync
        if run is None or not run.status.good:
            raise AssertionError(f"{domain} had no good hour: {run}")
        found["lines" if run.unchanged_since else "runs"] += 1
        found["changes"] += run.counts.made
    await services.aclose()
    return {name: float(found[name]) for name in ("lines", "runs", "changes")}
