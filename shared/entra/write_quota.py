"""The write quota of one app in one tenant, shared by every run of the process.

Graph allows 3,000 writes per 150 s ("Microsoft Graph throttling limits", identity and access). This is a token
bucket: a burst of 3,000 writes, then the 20 per second that refill it. A `Retry-After` to one request pauses all
requests to the same workload.
"""

from collections.abc import Iterable

from shared.clock import Clock
from shared.entra.workloads import Workload

WRITES_PER_WINDOW = 3000
WINDOW_SECONDS = 150.0


class WriteQuota:
    """A token bucket of writes, and the pauses of each workload. Belongs to one event loop; nothing in it awaits."""

    def __init__(
        self,
        writes: int = WRITES_PER_WINDOW,
        window_seconds: float = WINDOW_SECONDS,
        *,
        clock: Clock,
    ) -> None:
        self._capacity = float(writes)
        self.per_second = writes / window_seconds
        self._clock = clock
        self._tokens = self._capacity
        self._counted_at = clock.monotonic()
        self._paused_until: dict[Workload, float] = {}

    @property
    def left(self) -> float:
        """Writes that may be sent now; negative if more were spent than the bucket held."""
        self._refill()
        return self._tokens

    def wait_for(self, writes: int) -> float:
        """Seconds until that many writes may be sent; 0 means now."""
        self._refill()
        return max(0.0, (min(writes, self._capacity) - self._tokens) / self.per_second) if writes else 0.0

    def spend(self, writes: int) -> None:
        self._refill()
        self._tokens -= writes

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
        self._tokens = min(self._capacity, self._tokens + (now - self._counted_at) * self.per_second)
        self._counted_at = now
