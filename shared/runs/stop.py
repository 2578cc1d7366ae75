"""When a run must stop: lease lost, cancelled, or time up. Asked before every batch and during every wait."""

from shared.clock import Clock
from shared.errors import TimeBudgetSpent
from shared.outbound.waiting import LOOK_EVERY, Guard
from shared.store.leases import Lease
from shared.store.runs import Hold, Runs


class RunGuard:
    """The `Guard` of one invocation of a run."""

    def __init__(self, lease: Lease, runs: Runs, hold: Hold, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._lease = lease
        self._runs = runs
        self._hold = hold
        self._ends_at = self._clock.monotonic() + seconds

    async def check(self) -> None:
        if self._clock.monotonic() >= self._ends_at:
            raise TimeBudgetSpent("run.timeIsUp")
        await self._runs.check(self._hold)
        self.check_lease()

    def check_lease(self) -> None:
        """At the very moment in which a batch goes out: whatever was awaited before may have taken long."""
        self._lease.check()

    async def sleep(self, seconds: float) -> None:
        await _sleep(self, self._clock, seconds)


class TimeLimit:
    """The `Guard` of looking at what a run leaves behind: nothing stops it but its own time."""

    def __init__(self, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._ends_at = self._clock.monotonic() + seconds

    async def check(self) -> None:
        if self._clock.monotonic() >= self._ends_at:
            raise TimeBudgetSpent("graph.tookTooLong")

    async def sleep(self, seconds: float) -> None:
        await _sleep(self, self._clock, seconds)


async def _sleep(guard: Guard, clock: Clock, seconds: float) -> None:
    ends_at = clock.monotonic() + seconds
    while (left := ends_at - clock.monotonic()) > 0:
        await clock.sleep(min(left, LOOK_EVERY))
        await guard.check()
