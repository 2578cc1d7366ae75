"""Permission to go on: asked before every batch, so that a run stops between two batches and nowhere else."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from shared.clock import Clock

T = TypeVar("T")
LOOK_EVERY = 1.0


class Guard(Protocol):
    async def check(self) -> None:
        """Returns if the next batch may go out, raises RunStopped if not."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits, but no longer than it takes to notice that the run must stop."""
        ...


class Unguarded:
    """For reads outside a run: nothing stops them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def check(self) -> None:
        return None

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


async def guarded(work: Coroutine[Any, Any, T], guard: Guard) -> T:
    """The result of work that asks no guard itself; it ends with RunStopped when the guard says so."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_EVERY))[0]:
            await guard.check()
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
