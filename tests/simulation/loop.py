"""An event loop on virtual time: when nothing can run, the clock goes to the next timer.

Each handle belongs to the instance of the app in whose context it was made, or to the world. What belongs to a killed
instance never runs again: no `except` and no `finally` of it. What belongs to a frozen one runs when it thaws.
"""

import asyncio
import heapq
from collections import deque
from collections.abc import Awaitable, Coroutine
from contextvars import Context, ContextVar, copy_context
from typing import Any, TypeVar
from weakref import WeakSet

T = TypeVar("T")


class Stuck(Exception):
    """Nothing can run and no timer is left: everything waits for something that never comes."""


class Owner:
    """Whose tasks these are: one instance of the app."""

    def __init__(self) -> None:
        self.dead = False
        self.frozen = False
        self.held_back: list[asyncio.Handle] = []
        self.tasks: WeakSet[asyncio.Task[Any]] = WeakSet()
        self.death: asyncio.Future[None] = asyncio.get_running_loop().create_future()


OWNER: ContextVar[Owner | None] = ContextVar("owner", default=None)


class VirtualLoop(asyncio.BaseEventLoop):
    """`time()` is in seconds since the world began. `graves`: what was killed, kept so that nothing closes it."""

    _ready: deque[asyncio.Handle]
    _scheduled: list[asyncio.TimerHandle]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self.graves: list[object] = []
        self.set_task_factory(_owned)

    def time(self) -> float:
        return self._now

    def after(self, seconds: float) -> Awaitable[None]:
        """Ends then. `asyncio.sleep` asks the system something on Python 3.11, which is slow before every operation."""
        future = self.create_future()
        self.call_at(self._now + seconds, _end, future)
        return future

    def kill(self, owner: Owner) -> None:
        owner.dead = True
        owner.death.set_result(None)
        # Without a strong reference they would be closed, and closing runs what must not run.
        self.graves += [*owner.tasks, owner]

    def thaw(self, owner: Owner) -> None:
        owner.frozen = False
        self._ready.extend(owner.held_back)
        owner.held_back.clear()

    def start(self, work: Coroutine[Any, Any, T], owner: Owner | None = None) -> "asyncio.Task[T]":
        """A task of this instance, or of the world."""
        return self.create_task(work, context=_context_of(owner))

    def _run_once(self) -> None:
        """One turn of `run_forever`."""
        ready, scheduled = self._ready, self._scheduled
        while not ready:
            if not scheduled:
                raise Stuck
            self._now = max(self._now, scheduled[0].when())
            self._take_due(ready, scheduled)
        self._take_due(ready, scheduled)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            owner = _context(handle).get(OWNER)
            if owner is not None and owner.dead:
                self.graves.append(handle)
            elif owner is not None and owner.frozen:
                owner.held_back.append(handle)
            else:
                handle._run()

    def _take_due(self, ready: deque[asyncio.Handle], scheduled: list[asyncio.TimerHandle]) -> None:
        while scheduled and scheduled[0].when() <= self._now:
            handle = heapq.heappop(scheduled)
            handle._scheduled = False  # type: ignore[attr-defined]  # as BaseEventLoop does
            ready.append(handle)

    def _write_to_self(self) -> None:
        """Nobody wakes this loop from another thread."""


def _end(future: "asyncio.Future[None]") -> None:
    if not future.done():
        future.set_result(None)


def of_the_world() -> Context:
    """A context whose callbacks run whatever becomes of the instance that asks for them."""
    return _context_of(None)


def _context_of(owner: Owner | None) -> Context:
    context = copy_context()
    context.run(OWNER.set, owner)
    return context


def _context(handle: asyncio.Handle) -> Context:
    context: Context = handle._context  # type: ignore[attr-defined]  # which the type stubs don't have
    return context


def _owned(
    loop: asyncio.AbstractEventLoop, work: Any, *, context: Context | None = None, **more: Any
) -> "asyncio.Task[Any]":
    context = context or copy_context()
    task: asyncio.Task[Any] = asyncio.Task(work, loop=loop, context=context, **more)
    if owner := context.get(OWNER):
        owner.tasks.add(task)
    return task
