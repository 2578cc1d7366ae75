"""Everything a trigger needs, built once from the settings; connections are made when first used."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Literal

from shared.clock import Clock
from shared.entra.client import GraphClient
from shared.entra.domains import Domains as EntraDomains
from shared.entra.domains import read_with_removed
from shared.entra.graph import Graph
from shared.entra.sdk import TokenSource, Transport, Wire
from shared.entra.tokens import AzureTokens, EmulatorTokens
from shared.entra.write_quota import WriteQuota
from shared.log import event
from shared.outbound.waiting import NoStop, Stop
from shared.reports.logged import error_text
from shared.settings import Settings
from shared.source import Opener
from shared.source.files import FileSource
from shared.source.reading import SharedReadings
from shared.source.stoppable import StoppableSource
from shared.store.account import Account, AzureAccount
from shared.store.administration import Administration
from shared.store.approvals import Approvals
from shared.store.audit_logs import AuditLogs
from shared.store.cached import Cached
from shared.store.changes import Changes
from shared.store.decisions import DecisionStore
from shared.store.domains import Domains
from shared.store.findings import Findings
from shared.store.history import History
from shared.store.hours import Hours
from shared.store.integrity import Integrity
from shared.store.known_people import KnownPeople
from shared.store.outbox import Outbox
from shared.store.pending import PendingCalls
from shared.store.questions import QuestionStore
from shared.store.runs import Runs
from shared.store.snapshots import Snapshots
from shared.store.storage import Storage
from shared.store.tenant_domains import TenantDomains
from shared.store.tenant_settings import TenantSettingsRow
from shared.store.write_slices import WriteSlices

if TYPE_CHECKING:
    import httpx

    from shared.outbound.receivers import Receivers

Check = Literal["ok", "failed", "timeout", "forbidden"]
# A deep health check answers within this. Callers within half a minute share one.
HEALTH_SECONDS = 30.0
# Of an invocation's time: as much of a reading is repeated if the invocation is killed.
STAGE_EVERY = 1 / 50
# Outside a run the look at the tenant's domains takes no longer.
DOMAINS_SECONDS = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Network:
    """What makes the connections to each of the other services: all that runs and requests do outside goes through.

    `access_control`: None for the source's own.
    """

    storage: Callable[[Settings], Account] = AzureAccount
    graph: Callable[[str, TokenSource, Clock], Wire] = Transport
    access_control: "Callable[[float, Clock], httpx.AsyncBaseTransport] | None" = None


class Services:
    """One per process and event loop: the write quota is only right if every run of the process shares it."""

    def __init__(
        self, settings: Settings, clock: Clock | None = None, network: Network | None = None
    ) -> None:
        self.clock = clock = clock or Clock()
        self.settings = settings
        self._network = network = network or Network()
        self.storage = Storage(settings, clock, network.storage)
        self.domains = Domains(self.storage)
        self.tenant_settings = TenantSettingsRow(self.storage, settings)
        self.changes = Changes(self.storage)
        self.integrity = Integrity(self.storage)
        self.runs = Runs(self.storage)
        self.snapshots = Snapshots(self.storage)
        self.hours = Hours(self.storage)
        self.readings = SharedReadings(
            self.snapshots,
            clock,
            lambda: self.open_source,
            settings.time_budget_seconds * STAGE_EVERY,
            event,
        )
        self.audit_logs = AuditLogs(self.storage)
        self.known_people = KnownPeople(self.storage)
        self.approvals = Approvals(self.storage)
        self.pending = PendingCalls(self.storage)
        self.questions = QuestionStore(self.storage)
        self.findings = Findings(self.storage)
        self.decisions = DecisionStore(self.storage)
        self.history = History(self.storage, settings.history_days, values=settings.history_values)
        self.administration = Administration(self.domains, self.decisions)
        self.outbox = Outbox(self.storage, self.tenant_settings)
        url = settings.graph_base_url
        self._tokens = EmulatorTokens() if url.startswith("http://") else AzureTokens(url, clock)
        self._graph_client = GraphClient(url, self._tokens, clock, network.graph)
        self.write_slices = WriteSlices(self.storage)
        self.write_quota = WriteQuota(clock=clock, share=self.write_slices)
        # Good enough to answer requests and to skip a domain. A run asks Graph itself.
        self.tenant_domains = Cached(
            "domains.unknown",
            lambda before: read_with_removed(self.graph(), before),
            clock,
            fresh=60,
            patience=DOMAINS_SECONDS,
            kept=TenantDomains(self.storage),
        )
        self.tenant = Cached(
            "tenant.unknown",
            lambda _: EntraDomains(self.graph()).read_tenant(),
            clock,
            fresh=3600,
            patience=DOMAINS_SECONDS,
        )
        self.deep_health = Cached("health.unknown", self._look, clock, fresh=30, patience=HEALTH_SECONDS + 5)

    async def _look(self, _: object) -> dict[str, Check]:
        """Tries storage, source and Graph with one small read each. The reason for a failure goes to the log only."""
        looks = {
            "storage": self._try_storage(),
            "source": self._try_source(),
            "graph": asyncio.wait_for(read_with_removed(self.graph(), None), DOMAINS_SECONDS),
        }
        return dict(zip(looks, await asyncio.gather(*map(_checked, looks, looks.values())), strict=True))

    async def _try_storage(self) -> None:
        """Tables and blobs: the identity has a role for each."""
        await self.domains.find("a small read")
        await self.known_people.check()

    async def _try_source(self) -> None:
        source = self.open_source((await self.tenant_settings.read_terms()).attribute_map)
        try:
            await source.check()
        finally:
            await source.aclose()

    @cached_property
    def receivers(self) -> "Receivers":
        """What notifications go through."""
        from shared.outbound.receivers import Receivers

        return Receivers(self.clock, loopback=self.settings.notify_loopback)

    def graph(self, stop: Stop | None = None, *, low_priority: bool = False) -> Graph:
        """Microsoft Graph, for one invocation, one request, or the lookup of doubts when a run ends.

        Without a stop signal nothing ends its requests. With `low_priority`, Graph throttles these requests before
        others.
        """
        stop, in_flight = stop or NoStop(self.clock), self.settings.batches_in_flight
        return Graph(self._graph_client, self.write_quota, stop, in_flight, low_priority=low_priority)

    @property
    def source(self) -> partial[StoppableSource]:
        """Makes the configured source for one invocation, of an attribute map and a stop signal."""
        return partial(StoppableSource, self.open_source)

    @property
    def open_source(self) -> Opener:
        """Opens the configured source; the caller closes it."""
        settings = self.settings
        if settings.source == "csv":
            from shared.source.csv import parse, records

            path = settings.csv_path or ""
            return lambda attribute_map: FileSource(
                "CSV_PATH", path, self.storage, parse, records, attribute_map
            )
        from shared.source.hennge import HenngeSource

        secret = settings.hennge_client_secret
        return lambda attribute_map: HenngeSource(
            token_url=settings.hennge_token_url,
            api_url=settings.hennge_api_url,
            client_id=settings.hennge_client_id or "",
            client_secret=secret.get_secret_value() if secret else "",
            attribute_map=attribute_map,
            clock=self.clock,
            connect=self._network.access_control,
        )

    async def aclose(self) -> None:
        await self.tenant_domains.aclose()
        await self.tenant.aclose()
        await self.deep_health.aclose()
        await self._graph_client.aclose()
        await self._tokens.aclose()
        await self.storage.aclose()


async def _checked(name: str, look: Awaitable[object]) -> Check:
    try:
        await asyncio.wait_for(look, HEALTH_SECONDS)
    except TimeoutError:
        result: Check = "timeout"
        why = f"no answer within {HEALTH_SECONDS:g} s"
    except Exception as error:
        # Graph's errors carry `status`, storage's `status_code`.
        forbidden = 403 in (getattr(error, "status", 0), getattr(error, "status_code", 0))
        result, why = "forbidden" if forbidden else "failed", f"{type(error).__name__}: {error_text(error)}"
    else:
        return "ok"
    event("health.failed", logging.WARNING, check=name, result=result, error=why)
    return result
