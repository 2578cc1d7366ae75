"""The app's Graph client on a real socket to the strict emulator, with a clock that moves only in waits."""

import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field

from local.entra import Entra, running_entra
from local.entra.quota import Limit, Quota
from shared.clock import Clock
from shared.entra.client import GraphClient
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.tokens import EmulatorTokens
from shared.entra.write_quota import WriteQuota
from shared.errors import RunStopped
from shared.model.people import EntraUser
from tests.support.people import DOMAIN, INITIAL_DOMAIN, MAP

DOMAINS = [
    {"id": DOMAIN, "isDefault": True},
    {"id": "other.com"},
    {"id": "fed.example", "authenticationType": "Federated"},
    {"id": INITIAL_DOMAIN},
]


class TestClock(Clock):
    """A clock that moves only when something sleeps."""

    __test__ = False

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += seconds


@dataclass
class Patience:
    """A `Stop` that does not really sleep, records the seconds, and can stop the run before its nth request."""

    clock: TestClock
    before_request: int | None = None
    slept: list[float] = field(default_factory=list)
    checks: int = 0
    on_sleep: Callable[[], None] = lambda: None

    async def check(self) -> None:
        self.checks += 1
        if self.checks == self.before_request:
            raise RunStopped("Stopped by the test.")

    async def check_read(self) -> None:
        await self.check()

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.elapsed += seconds
        self.on_sleep()


@dataclass
class Connected:
    entra: Entra
    client: GraphClient
    clock: TestClock
    stop: Patience

    def graph(self, quota: WriteQuota | None = None, in_flight: int = 4) -> Graph:
        return Graph(self.client, quota or WriteQuota(clock=self.clock), self.stop, in_flight)

    @property
    def directory(self) -> Directory:
        return Directory(self.graph(), MAP)

    def limit_writes(self, count: int, seconds: float) -> None:
        """Limits the emulator's writes to `count` in `seconds`, by the same clock as everything else."""
        self.entra.quota = Quota(Limit(count, seconds), None, clock=self.clock.monotonic)


@contextlib.asynccontextmanager
async def connected(*users: EntraUser, **seed: object) -> AsyncIterator[Connected]:
    """Runs a tenant with these users; yields it with a client for it."""
    clock = TestClock()
    given = {"domains": DOMAINS, "users": [seeded(user) for user in users], "limits": None, **seed}
    async with running_entra(given) as entra:
        client = GraphClient(entra.url, EmulatorTokens(), clock)
        try:
            yield Connected(entra, client, clock, Patience(clock))
        finally:
            await client.aclose()


def seeded(user: EntraUser, **more: object) -> dict[str, object]:
    """An entry of the emulator's seed."""
    properties = {
        "id": user.object_id,
        "userPrincipalName": user.upn,
        "onPremisesImmutableId": user.immutable_id,
        "onPremisesSyncEnabled": user.kind == "onPremisesSynced" or None,
        "accountEnabled": user.enabled,
        "userType": "Guest" if user.kind == "guest" else "Member",
        **dict(zip(MAP.attributes, user.values, strict=True)),
        **more,
    }
    return {name: value for name, value in properties.items() if value is not None}
