"""The two quotas of one app in one tenant: writes, and resource units by size of the tenant.

Time runs `clock_rate` times faster for the quotas. The client waits in real seconds, so that is what
`Retry-After` is in: at a rate of 10, a bucket that is full again after 150 s says 15.
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
    """The limit of a tenant with so many users, per app."""
    if users < 50:
        return Limit(3_500, 10)
    return Limit(5_000 if users <= 500 else 8_000, 10)


@dataclass
class _Bucket:
    """Full at first, refilled evenly: at once what the limit allows, then limit / seconds."""

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
    """None for a limit turns it off; resource units follow the tenant's size unless given."""

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
        """Raises 429 and charges nothing when either quota is used up."""
        limits: list[tuple[_Bucket | None, int, errors.ThrottleLimit]] = [
            (self._writes, writes, "Write"),
            (self._units, units, "ReadWrite"),
        ]
        costs = [(bucket, cost, limit) for bucket, cost, limit in limits if bucket and cost]
        waits = [(bucket.seconds_until(cost), limit) for bucket, cost, limit in costs]
        wait, limit = max(waits, default=(0.0, None))
        # Below a microsecond of wait is what rounding leaves of a bucket refilled exactly in time.
        if wait > 1e-6:
            raise errors.throttled(str(max(1, math.ceil(wait / self.clock_rate - 1e-6))), limit)
        for bucket, cost, _ in costs:
            bucket.level -= cost


def units_of(base: int, query: Mapping[str, str]) -> int:
    """A call's cost: less with $select or a small $top, more with $expand, never below 1."""
    top = query.get("$top", "")
    small_page = top.isdigit() and int(top) < 20
    return max(1, base - ("$select" in query) + ("$expand" in query) - small_page)
