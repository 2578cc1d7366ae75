"""When a run must stop: lease lost, cancelled, or time up. Asked before every batch and during every wait."""

from shared.clock import Clock
from shared.errors import TimeBudgetSpent
from shared.outbound.waiting import LOOK_EVERY, Guard
from shared.store.leases import Lease
from shared.store.runs import Fence, Runs


class Deadline:
    """The stop signal that is up after some seconds. Raises `spent`."""

    def __init__(self, seconds: float, clock: Clock, spent: TimeBudgetSpent) -> None:
        self._clock = clock
        self._ends_at = clock.monotonic() + seconds
        self._spent = spent

    async def check(self) -> None:
        if self._clock.monotonic() >= self._ends_at:
            raise self._spent

    async def sleep(self, seconds: float) -> None:
        await _sleep(self, self._clock, seconds)


class RunStop:
    """The stop signal of one invocation of a run."""

    def __init__(self, lease: Lease, runs: Runs, fence: Fence, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._lease = lease
        self._runs = runs
        self._fence = fence
        self._budget = Deadline(seconds, clock, TimeBudgetSpent("run.timeIsUp"))

    async def check(self) -> None:
        """Raises TimeBudgetSpent, CancelRequested or LeaseLost."""
        await self._budget.check()
        await self._runs.check(self._fence)
        self.check_lease()

    def check_lease(self) -> None:
        """At the very moment in which a batch goes out: whatever was awaited before may have taken long."""
        self._lease.check()

    async def sleep(self, seconds: float) -> None:
        await _sleep(self, self._clock, seconds)


async def _sleep(stop: Guard, clock: Clock, seconds: float) -> None:
    ends_at = clock.monotonic() + seconds
    while (left := ends_at - clock.monotonic()) > 0:
        await clock.sleep(min(left, LOOK_EVERY))
        await stop.check()
