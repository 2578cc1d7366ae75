"""The write quota of one app in one tenant, shared by every run of the process, and by all processes.

Graph allows 3,000 writes per 150 s ("Microsoft Graph throttling limits", identity and access). This is a token
bucket: a burst of 3,000 writes, then the 20 per second that refill it. A process takes slices of the tenant's bucket,
and sends as if its own held as much as that did then. A `Retry-After` to one request pauses all requests to the same
workload.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from math import inf
from typing import Protocol

from shared.clock import Clock
from shared.entra.workloads import Workload

WRITES_PER_WINDOW = 3000
WINDOW_SECONDS = 150.0
# So many writes of small runs go ahead of the slices that others have taken, in each window, of each process; they
# wait no longer than this many seconds.
FEW, FEW_WAIT = 100, 10.0
# By how many writes the quota is taken for emptier where others have taken some of it.
LATER = 20


class Share(Protocol):
    async def take(self, seconds: float) -> tuple[float, float] | None:
        """Takes of the tenant's quota what refills in so many seconds, or less.

        Returns how many seconds of it were taken before, and how many are now. None: it is not known.
        """
        ...


@dataclass(slots=True)
class Expected:
    """Writes that belong together, such as a run's: how many in all, and still to be sent, as far as is known."""

    total: int = 0
    left: int = 0


class WriteQuota:
    """A token bucket of writes, and the pauses of each workload. Belongs to one event loop; only `take` awaits.

    Without a `share` it is this process's alone.
    """

    def __init__(
        self,
        writes: int = WRITES_PER_WINDOW,
        window_seconds: float = WINDOW_SECONDS,
        *,
        clock: Clock,
        share: Share | None = None,
    ) -> None:
        self._capacity = float(writes)
        self.per_second = writes / window_seconds
        self._clock = clock
        self._tokens = self._capacity
        self._few = float(FEW)
        self._share = share
        # Writes that the slices taken so far still allow.
        self._granted = 0.0 if share else inf
        self._taking = asyncio.Lock()
        self._counted_at = clock.monotonic()
        self._paused_until: dict[Workload, float] = {}

    @property
    def left(self) -> float:
        """Writes that may be sent now; negative if more were spent than the bucket held."""
        self._refill()
        return self._tokens

    @property
    def granted(self) -> bool:
        """Whether writes may be sent without taking another slice."""
        self._refill()
        return self._granted > 0

    async def take(self, writes: int) -> None:
        """Takes a slice of so many writes, most of them a window's, unless another run has done so meanwhile."""
        async with self._taking:
            if self._share is None or self.granted:
                return
            wanted = min(writes, self._capacity) - self._granted
            taken = await self._share.take(wanted / self.per_second)
            self._refill()
            if taken is None:
                self._granted = self._capacity
                return
            before, seconds = taken
            # A little later than where others have just taken some: of theirs, not all has reached Graph by then.
            others = before * self.per_second + (LATER if before else 0)
            self._tokens = min(self._tokens, self._capacity - others + self._granted)
            self._granted += seconds * self.per_second

    def wait_for(self, writes: int, of: float = inf) -> float:
        """Seconds until that many writes may be sent; 0 means now. `of`: how many all belong together."""
        self._refill()
        wait = max(0.0, (min(writes, self._capacity) - self._tokens) / self.per_second) if writes else 0.0
        if wait <= FEW_WAIT or of > FEW:
            return wait
        return min(wait, max(0.0, (writes - self._few) * self._capacity / FEW / self.per_second))

    def spend(self, writes: int) -> None:
        self._refill()
        if self._tokens < writes:
            self._few -= writes
        self._tokens -= writes
        self._granted -= writes

    def paused(self, workloads: Iterable[Workload]) -> float:
        """Seconds until requests to all of these workloads may be sent again; 0 means now."""
        now = self._clock.monotonic()
        return max((self._paused_until.get(one, now) - now for one in workloads), default=0.0)

    def pause(self, seconds: float, workloads: Iterable[Workload], *, drained: bool) -> None:
        """Graph asked to wait: no request to these workloads for `seconds`. `drained`: also empties the write quota."""
        self._refill()
        if drained:
            self._tokens = min(self._tokens, 0.0)
        until = self._clock.monotonic() + seconds
        for one in workloads:
            self._paused_until[one] = max(self._paused_until.get(one, until), until)

    def _refill(self) -> None:
        now = self._clock.monotonic()
        refilled = (now - self._counted_at) * self.per_second
        # The tenant's bucket is not filled beyond its size either: others take what is not sent in time.
        if (over := self._tokens + refilled - self._capacity) > 0:
            self._granted = max(0.0, self._granted - over)
        self._tokens = min(self._capacity, self._tokens + refilled)
        self._few = min(FEW, self._few + refilled * FEW / self._capacity)
        self._counted_at = now
