"""The stop signal: asked before every request and during every wait, so that work stops between two requests."""

import asyncio
from collections.abc import Coroutine
from typing import Any, Protocol, TypeVar

from shared.clock import Clock
from shared.errors import TimeBudgetSpent

T = TypeVar("T")
LOOK_EVERY = 1.0


class Stop(Protocol):
    """When work must end."""

    async def check(self) -> None:
        """Returns if the next request may go out, raises RunStopped if not."""
        ...

    async def check_read(self) -> None:
        """The same for a request that only reads: it is enough to have asked within LOOK_EVERY seconds."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits; raises RunStopped at most a second or so after the work must end."""
        ...


class NoStop:
    """For reads outside a run: nothing stops them."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def check(self) -> None:
        return None

    check_read = check

    async def sleep(self, seconds: float) -> None:
        await self._clock.sleep(seconds)


class Deadline:
    """Stops work after `seconds`, by raising `spent`."""

    def __init__(self, seconds: float, clock: Clock, spent: TimeBudgetSpent) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + seconds
        self._spent = spent

    async def check(self) -> None:
        if self._clock.monotonic() >= self._ends_at:
            raise self._spent

    check_read = check

    async def sleep(self, seconds: float) -> None:
        await sleep_in_steps(seconds, self, self._clock)


async def sleep_in_steps(seconds: float, stop: Stop, clock: Clock) -> None:
    """Waits, and checks `stop` every second. Raises RunStopped if the work must end."""
    ends_at = clock.monotonic() + seconds
    while (left := ends_at - clock.monotonic()) > 0:
        await clock.sleep(min(left, LOOK_EVERY))
        await stop.check()


async def unless_stopped(work: Coroutine[Any, Any, T], stop: Stop) -> T:
    """The result of work that doesn't check `stop` itself. If it must end, cancels it and raises RunStopped."""
    task = asyncio.create_task(work)
    try:
        while not (await asyncio.wait({task}, timeout=LOOK_EVERY))[0]:
            await stop.check()
        return await task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
