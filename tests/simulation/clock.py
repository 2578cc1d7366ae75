"""The clock of one instance: virtual time, which its own clock may tell wrongly, and chance from a seed."""

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any, TypeVar

from shared.clock import Background, Clock, Ended, Work

T = TypeVar("T")
BEGINNING = datetime(2026, 4, 1, tzinfo=UTC)


def world_time(loop: asyncio.AbstractEventLoop) -> datetime:
    return BEGINNING + timedelta(seconds=loop.time())


def seconds(moment: str) -> float:
    """The time in seconds of the world."""
    return (datetime.fromisoformat(moment) - BEGINNING).total_seconds()


class VirtualClock(Clock):
    """`wrong_by`: how many seconds its time of day is ahead of the world's."""

    def __init__(self, loop: asyncio.AbstractEventLoop, seed: str, wrong_by: float = 0.0) -> None:
        self._loop = loop
        self._wrong_by = wrong_by
        self.chance = Random(seed)

    def now(self) -> datetime:
        return BEGINNING + timedelta(seconds=self._loop.time() + self._wrong_by)

    def monotonic(self) -> float:
        return self._loop.time()

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    async def in_thread(self, function: Callable[..., T], /, *args: Any) -> T:
        await asyncio.sleep(0)
        return function(*args)

    def in_background(self, work: Work, name: str) -> Background:
        return _Beside(work, name)


class _Beside(Ended):
    """Work in a task of the same loop: what is frozen or killed is a whole instance, its threads included."""

    def __init__(self, work: Work, name: str) -> None:
        self._ended = asyncio.Event()
        self._task = asyncio.create_task(work(self), name=name)

    async def wait(self, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return await self._ended.wait()
        except TimeoutError:
            return False

    async def end(self) -> None:
        self._ended.set()
        await asyncio.wait([self._task])
