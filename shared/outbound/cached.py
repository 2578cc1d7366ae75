"""A value that is loaded once and remembered for a while; callers who come meanwhile share one load."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

from shared.clock import Clock

T = TypeVar("T")


class Remembered(Generic[T]):
    """Nothing is remembered of a load that fails."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._seconds = seconds
        self._loading = asyncio.Lock()
        self._value: T | None = None
        self._until = 0.0

    async def get(self, load: Callable[[], Awaitable[T]]) -> T:
        async with self._loading:
            if self._value is None or self._clock.monotonic() >= self._until:
                self._value = await load()
                self._until = self._clock.monotonic() + self._seconds
            return self._value
