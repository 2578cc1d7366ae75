"""The two quotas of one app in one tenant: writes, and resource units, which depend on the tenant's size.

Time runs `clock_rate` times faster for the quotas. `Retry-After` is in real seconds, because the client
waits in those: at a rate of 10, it is 15 for a bucket that needs 150 s to refill.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from time import monotonic

from local.entra import errors


@dataclass(frozen=True, slots=True)
class Limit:
    count: int
    seconds: float


WRITES = Limit(3_000, 150)


def resource_units(users: int) -> Limit:
    """The limit per app, in resource units, for a tenant with so many users."""
    if users < 50:
        return Limit(3_500, 10)
    return Limit(5_000 if users <= 500 else 8_000, 10)


@dataclass
class _Bucket:
    """A token bucket: full at first, then refilled at `limit.count / limit.seconds` per second."""

    limit: Limit
    now: Callable[[], float]
    level: float = 0
    filled_at: float = 0

    def __post_init__(self) -> None:
        self.level, self.filled_at = self.limit.count, self.now()

    def seconds_until(self, cost: int) -> float:
        moment, rate = self.now(), self.limit.count / self.limit.seconds
        self.level = min(self.limit.count, self.level + (moment - self.filled_at) * rate)
        self.filled_at = moment
        return max(0.0, (cost - self.level) / rate)


@dataclass
class Quota:
    """None turns a limit off. The default resource units are those of the smallest tenant."""

    writes: Limit | None = WRITES
    units: Limit | None = field(default_factory=lambda: resource_units(0))
    clock_rate: float = 1.0
    clock: Callable[[], float] = monotonic

    def __post_init__(self) -> None:
        self._writes = None if self.writes is None else _Bucket(self.writes, self._now)
        self._units = None if self.units is None else _Bucket(self.units, self._now)

    def _now(self) -> float:
        return self.clock() * self.clock_rate

    def charge(self, *, units: int, writes: int) -> None:
        """Raises GraphError 429 and charges nothing if either quota is used up."""
        limits: list[tuple[_Bucket | None, int, errors.ThrottleLimit]] = [
            (self._writes, writes, "Write"),
            (self._units, units, "ReadWrite"),
        ]
        costs = [(bucket, cost, limit) for bucket, cost, limit in limits if bucket and cost]
        waits = [(bucket.seconds_until(cost), limit) for bucket, cost, limit in costs]
        wait, limit = max(waits, default=(0.0, None))
        # A wait of less than a microsecond is a rounding error: the bucket was refilled just in time.
        if wait > 1e-6:
            raise errors.throttled(str(max(1, math.ceil(wait / self.clock_rate - 1e-6))), limit)
        for bucket, cost, _ in costs:
            bucket.level -= cost


def units_of(base: int, query: Mapping[str, str]) -> int:
    """A call's cost in resource units: less with $select or a small $top, more with $expand, never below 1."""
    top = query.get("$top", "")
    small_page = top.isdigit() and int(top) < 20
    return max(1, base - ("$select" in query) + ("$expand" in query) - small_page)
