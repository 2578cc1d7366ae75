"""Time, chance and threads: everything that differs from one execution to the next, as one object.

It belongs to `Services`, so that a process can hold two with different times. Nothing else in `shared/` asks the
machine for the time, a random number or a thread; a lint rule enforces that.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from random import Random, SystemRandom
from typing import Any, Protocol, TypeVar

T = TypeVar("T")
Chance = Random


class Ended(Protocol):
    """Tells background work whether it must end."""

    async def wait(self, seconds: float) -> bool:
        """True as soon as the work must end, False once that many seconds have passed."""
        ...


class Background(Protocol):
    async def end(self) -> None:
        """Tells the work to end, and waits until it has."""
        ...


Work = Callable[[Ended], Coroutine[Any, Any, None]]


class Clock:
    """The machine's own time, chance and threads. `chance` is cryptographically secure: good enough for passwords."""

    def __init__(self) -> None:
        self.chance: Chance = SystemRandom()

    def now(self) -> datetime:
        """The time of day, in UTC."""
        return datetime.now(UTC)

    def monotonic(self) -> float:
        """Seconds that never go back, for measuring how long something takes."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def in_thread(self, function: Callable[..., T], /, *args: Any) -> T:
        """The function's result, computed in a thread, so that the worker's other invocations go on meanwhile."""
        return await asyncio.to_thread(function, *args)

    def in_background(self, work: Work, name: str) -> Background:
        """Starts work in a thread with its own event loop, so that no CPU-bound step of this one can starve it."""
        return _Thread(work, name)

    def token(self, size: int) -> str:
        """That many random bytes, in hex."""
        return f"{self.chance.getrandbits(8 * size):0{2 * size}x}"

    def guid(self) -> str:
        return str(uuid.UUID(int=self.chance.getrandbits(128), version=4))


class _Thread:
    def __init__(self, work: Work, name: str) -> None:
        self._ended = threading.Event()
        self._thread = threading.Thread(target=lambda: asyncio.run(work(self)), name=name, daemon=True)
        self._thread.start()

    async def wait(self, seconds: float) -> bool:
        return await asyncio.to_thread(self._ended.wait, seconds)

    async def end(self) -> None:
        self._ended.set()
        await asyncio.to_thread(self._thread.join)
