"""An event loop on virtual time: when nothing can run, the clock goes to the next timer.

Each handle belongs to the instance of the app in whose context it was made, or to the world. What belongs to a killed
instance never runs again: no `except` and no `finally` of it. What belongs to a frozen one runs when it thaws.
"""

import asyncio
import heapq
import inspect
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import Context, ContextVar, copy_context
from itertools import count
from typing import Any, TypeVar, TypeVarTuple, Unpack
from weakref import WeakSet

T = TypeVar("T")
Ts = TypeVarTuple("Ts")


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
    """`time()` is in seconds since the world began. `graves`: what was killed, kept so that nothing closes it.

    Timers are tuples, which Python compares without a call: when, a number that grows, what to call, and with what.
    """

    _ready: deque[asyncio.Handle]
    _check_closed: Callable[[], None]

    def __init__(self) -> None:
        super().__init__()
        self._now = 0.0
        self._timers: list[tuple[float, int, Callable[[Any], object], object]] = []
        self._numbers = count()
        self.graves: list[object] = []
        self.set_task_factory(_owned)

    def time(self) -> float:
        return self._now

    def after(self, seconds: float) -> Awaitable[None]:
        """Ends then. `asyncio.sleep` asks the system something on Python 3.11, which is slow before every operation."""
        future: asyncio.Future[None] = asyncio.Future(loop=self)
        # Its end wakes a task, and whether that may run is asked then.
        heapq.heappush(self._timers, (self._now + seconds, next(self._numbers), _end, future))
        return future

    def call_soon(
        self,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.Handle:
        self._check_closed()  # what the last collection closes would come to life again
        handle = asyncio.Handle(callback, args, self, context)
        self._ready.append(handle)
        return handle

    def call_at(
        self,
        when: float,
        callback: Callable[[Unpack[Ts]], object],
        *args: *Ts,
        context: Context | None = None,
    ) -> asyncio.TimerHandle:
        handle = asyncio.TimerHandle(when, callback, args, self, context)
        heapq.heappush(self._timers, (when, next(self._numbers), self._ready.append, handle))
        return handle

    def kill(self, owner: Owner) -> None:
        owner.dead = True
        owner.death.set_result(None)
        # Without a strong reference they would be closed, and closing runs what must not run.
        self.graves += [*owner.tasks, owner]

    def forget(self) -> None:
        """Lets go of whatever was still to run."""
        for task in asyncio.all_tasks(self):
            work = task.get_coro()
            if isinstance(work, Coroutine) and inspect.getcoroutinestate(work) == inspect.CORO_CREATED:
                work.close()  # else Python warns that nobody awaited it
        self.graves.clear()
        self._ready.clear()
        self._timers.clear()

    def thaw(self, owner: Owner) -> None:
        owner.frozen = False
        self._ready.extend(owner.held_back)
        owner.held_back.clear()

    def start(self, work: Coroutine[Any, Any, T], owner: Owner | None = None) -> "asyncio.Task[T]":
        """A task of this instance, or of the world."""
        return self.create_task(work, context=_context_of(owner))

    def _run_once(self) -> None:
        """One turn of `run_forever`."""
        ready, timers = self._ready, self._timers
        if not ready:
            if not timers:
                raise Stuck
            self._now = max(self._now, timers[0][0])
        while timers and timers[0][0] <= self._now:
            _, _, call, what = heapq.heappop(timers)
            call(what)
        for _ in range(len(ready)):
            handle = ready.popleft()
            if handle.cancelled():
                continue
            owner = _context(handle).get(OWNER)
            if owner is None or not (owner.dead or owner.frozen):
                handle._run()
            elif owner.dead:
                self.graves.append(handle)
            else:
                owner.held_back.append(handle)

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
