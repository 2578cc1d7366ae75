"""The write quota of one app in one tenant, shared by every run of the process.

Graph allows 3,000 writes per 150 s ("Microsoft Graph throttling limits", identity and access): 3,000 may go out
at once, and 20 more every second. That burst is spent first, and then exactly what refills. A `Retry-After` seen by
one request pauses all.
"""

from shared.clock import Clock

WRITES_PER_WINDOW = 3000
WINDOW_SECONDS = 150.0


class WriteQuota:
    """Counts what may still be sent. Belongs to one event loop; nothing in it awaits."""

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
        self._paused_until = 0.0

    @property
    def left(self) -> float:
        """Writes that may go out right now; negative when some are promised already."""
        self._refill()
        return self._tokens

    def wait_for(self, writes: int) -> float:
        """Seconds until that many writes may go out; 0 means now."""
        self._refill()
        refill = max(0.0, (min(writes, self._capacity) - self._tokens) / self.per_second)
        return max(refill, self._paused_until - self._clock.monotonic())

    def spend(self, writes: int) -> None:
        self._refill()
        self._tokens -= writes

    @property
    def paused(self) -> float:
        """Seconds until anything may go out again."""
        return max(0.0, self._paused_until - self._clock.monotonic())

    def pause(self, seconds: float, *, writes: bool = True) -> None:
        """Graph said stop: nothing goes out before that; and if it said so of writes, then only what refills."""
        self._refill()
        if writes:
            self._tokens = min(self._tokens, 0.0)
        until = self._clock.monotonic() + seconds
        self._paused_until = max(self._paused_until, until)

    def _refill(self) -> None:
        now = self._clock.monotonic()
        self._tokens = min(self._capacity, self._tokens + (now - self._counted_at) * self.per_second)
        self._counted_at = now
