"""The whole state of an emulated tenant."""

from dataclasses import dataclass, field
from datetime import timedelta

from local.entra.delta_rounds import DeltaRounds
from local.entra.directory import Directory
from local.entra.faults import Faults
from local.entra.paging import Paging
from local.entra.quota import Quota
from local.entra.request_log import RequestLog
from local.entra.seed import Seed, build_directory
from shared.clock import Clock


@dataclass
class Entra:
    """`url` ends in `/v1.0`. `permissions` are those granted to the app; None means all.

    Calls with one of the bearer tokens in `expired_tokens` are answered 401. `ahead`: how far its clock, as the `Date`
    of each answer tells it, is before the machine's.
    """

    directory: Directory = field(default_factory=Directory)
    permissions: frozenset[str] | None = None
    quota: Quota = field(default_factory=Quota)
    faults: Faults = field(default_factory=Faults)
    requests: RequestLog = field(default_factory=RequestLog)
    paging: Paging = field(default_factory=Paging)
    delta: DeltaRounds = field(default_factory=DeltaRounds)
    expired_tokens: set[str] = field(default_factory=set)
    url: str = ""
    clock_rate: float = 1.0
    ahead: timedelta = timedelta(0)
    clock: Clock = field(default_factory=Clock)

    def may(self, *permissions: str) -> bool:
        """Whether at least one of the permissions was granted."""
        return self.permissions is None or not self.permissions.isdisjoint(permissions)

    def load(self, seed: Seed) -> None:
        """Replaces the tenant, its permissions, its limits, its links and, if the seed has any, its faults."""
        self.directory = build_directory(seed, self.clock)
        self.permissions = None if seed.permissions is None else frozenset(seed.permissions)
        writes, units = seed.limits_in_force()
        self.quota = Quota(writes, units, self.clock_rate, self.clock.monotonic)
        self.paging = Paging(self.clock.chance)
        self.delta = DeltaRounds(self.clock.chance)
        if seed.faults is not None:
            self.faults.load(seed.faults)
