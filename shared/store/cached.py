"""A cached value of another service, returned within a bounded time: fresh, or as it was last known."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, Protocol, TypeVar

from shared.clock import Clock
from shared.errors import GraphError, SyncError, Unavailable
from shared.log import event

T = TypeVar("T")

# How long a load may go on in the background, long after its callers have stopped waiting.
LONGEST_LOAD = 60.0
# In seconds. Reading the stored value must leave time for a load.
_RECALL_SECONDS = 2.0
# A value that has not changed is stored again once a day, to renew its time.
_KEEP_AGAIN = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Known(Generic[T]):
    value: T
    as_of: datetime


class Kept(Protocol[T]):
    """Storage in which a value outlives the process."""

    async def read(self) -> Known[T] | None: ...

    async def write(self, known: Known[T]) -> None: ...


class Cached(Generic[T]):
    """One value, loaded by `load`, which gets the last known value.

    `unknown` is the code of the sentence for a value that was never known. `fresh`, `patience` and `rest` are seconds.

    Concurrent callers share one load. After a load that failed, or that took longer than `patience`, no caller waits
    for another one for `rest` seconds.
    """

    def __init__(
        self,
        unknown: str,
        load: Callable[[T | None], Awaitable[T]],
        clock: Clock,
        *,
        fresh: float,
        patience: float,
        rest: float = 15.0,
        kept: Kept[T] | None = None,
    ) -> None:
        self._unknown = unknown
        self._load = load
        self._clock = clock
        self._fresh = fresh
        self._patience = patience
        self._rest = rest
        self._kept = kept
        self._known: Known[T] | None = None
        self._stored: Known[T] | None = None
        self._fresh_until = self._resting_until = clock.monotonic()
        self._loading: asyncio.Task[None] | None = None
        self._error: Exception | None = None

    async def get(self) -> Known[T]:
        """The value and its time, after `patience` seconds at most.

        Raises Unavailable if it was never known, GraphError if it was never known and Graph forbids reading it (403).
        """
        now = self._clock.monotonic
        if now() >= self._fresh_until and now() >= self._resting_until:
            if self._loading is None:
                self._loading = asyncio.create_task(self._reload())
            await asyncio.wait({self._loading}, timeout=self._patience)
            if now() >= self._fresh_until:
                self._resting_until = now() + self._rest
        if self._known is None:
            if isinstance(self._error, GraphError) and self._error.status == 403:
                raise self._error  # waiting does not help: a permission is missing
            wait = max(1, round(self._resting_until - now()))
            raise Unavailable(self._unknown, retry_after=wait, because=self._why)
        return self._known

    @property
    def _why(self) -> SyncError:
        if self._error is None or isinstance(self._error, TimeoutError):
            return SyncError("unavailable.noAnswer")
        if isinstance(self._error, SyncError):
            return self._error
        return SyncError("unavailable.failed", error=str(self._error) or type(self._error).__name__)

    async def aclose(self) -> None:
        if self._loading is not None:
            self._loading.cancel()
            await asyncio.gather(self._loading, return_exceptions=True)

    async def _reload(self) -> None:
        try:
            await self._recall()
            async with asyncio.timeout(LONGEST_LOAD):
                value = await self._load(self._known.value if self._known else None)
            self._known = Known(value, self._clock.now())
            self._fresh_until = self._clock.monotonic() + self._fresh
            await self._keep(self._known)
        except Exception as error:
            self._error = error
        finally:
            self._loading = None

    async def _recall(self) -> None:
        if self._kept is None or self._known is not None:
            return
        with suppress(Exception):  # if it can't be read, it is loaded, as if it had never been stored
            async with asyncio.timeout(_RECALL_SECONDS):
                self._known = self._stored = await self._kept.read()

    async def _keep(self, known: Known[T]) -> None:
        """Stores the value if it has changed, or if a day has passed."""
        if self._kept is None:
            return
        stored = self._stored
        if stored and stored.value == known.value and known.as_of - stored.as_of < _KEEP_AGAIN:
            return
        try:
            await self._kept.write(known)
            self._stored = known
        except Exception as error:  # the value is known anyway; the next load tries to store it again
            event("cache.notKept", logging.WARNING, code=self._unknown, error=str(error))
