"""When a run must stop: lease lost, cancelled, or deadline reached. Checked before every batch and in every wait.

Storage is asked before every batch that writes, and at most once a second before those that only read.
"""

from math import inf

from shared.clock import Clock
from shared.errors import TimeBudgetSpent
from shared.outbound.waiting import LOOK_EVERY, Deadline, sleep_in_steps
from shared.store.leases import Lease
from shared.store.runs import Fence, Runs


class RunStop:
    """The `Stop` of one invocation of a run."""

    def __init__(self, lease: Lease, runs: Runs, fence: Fence, seconds: float, clock: Clock) -> None:
        self._clock = clock
        self._lease = lease
        self._runs = runs
        self._fence = fence
        self._budget = Deadline(seconds, clock, TimeBudgetSpent("run.timeIsUp"))
        self._asked_at = -inf

    async def check(self) -> None:
        """Raises TimeBudgetSpent, CancelRequested or LeaseLost."""
        await self._budget.check()
        now = self._clock.monotonic()
        await self._runs.check(self._fence)
        self._asked_at = now
        self.check_lease()

    async def check_read(self) -> None:
        if self._clock.monotonic() - self._asked_at >= LOOK_EVERY:
            await self.check()
        else:
            await self._budget.check()
            self.check_lease()

    def check_lease(self) -> None:
        """Raises LeaseLost. Called right before a batch is sent: an await before that may have taken long."""
        self._lease.check()

    async def sleep(self, seconds: float) -> None:
        await sleep_in_steps(seconds, self, self._clock)
