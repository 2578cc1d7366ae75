"""Everything a trigger needs, built once from the settings; connections are made when first used."""

from shared.clock import Clock
from shared.entra.client import GraphClient
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.tokens import AzureTokens, EmulatorTokens
from shared.entra.write_quota import WriteQuota
from shared.model.domains import TenantDomain
from shared.outbound.cached import Remembered
from shared.outbound.waiting import NoStop, Stop
from shared.settings import Settings
from shared.source import OpenSource
from shared.source.files import FileSource
from shared.source.stoppable import StoppableSource
from shared.store.approvals import Approvals
from shared.store.audit_logs import AuditLogs
from shared.store.changes import Changes
from shared.store.domains import Domains
from shared.store.links import Links
from shared.store.runs import Runs
from shared.store.storage import Storage


class Services:
    """One per process and event loop: the write quota is only right if every run of the process shares it."""

    def __init__(self, settings: Settings, clock: Clock | None = None) -> None:
        self.clock = clock = clock or Clock()
        self.settings = settings
        self.storage = Storage(settings, clock)
        self.domains = Domains(self.storage)
        self.runs = Runs(self.storage)
        self.audit_logs = AuditLogs(self.storage)
        self.links = Links(self.storage)
        self.approvals = Approvals(self.storage)
        self.changes = Changes(self.storage)
        url = settings.graph_base_url
        self._tokens = EmulatorTokens() if url.startswith("http://") else AzureTokens(url, clock)
        self._graph_client = GraphClient(url, self._tokens, clock)
        self.write_quota = WriteQuota(clock=clock)
        self.deep_health: Remembered[dict[str, str]] = Remembered(seconds=30, clock=clock)
        self._tenant_domains: Remembered[list[TenantDomain]] = Remembered(seconds=60, clock=clock)

    async def tenant_domains(self) -> list[TenantDomain]:
        """The tenant's verified domains, as of a minute ago at most: good for answering, not for a run."""
        return await self._tenant_domains.get(self.directory().read_domains)

    def directory(self, stop: Stop | None = None) -> Directory:
        """Entra, for one invocation, request or closing look; without a stop signal nothing ends its requests."""
        stop = stop or NoStop(self.clock)
        graph = Graph(self._graph_client, self.write_quota, stop, self.settings.batches_in_flight)
        return Directory(graph, self.settings.attribute_map)

    def source(self, stop: Stop) -> StoppableSource:
        """The configured source, for one invocation."""
        return StoppableSource(self.open_source, stop)

    def open_source(self) -> OpenSource:
        """The configured source; the caller closes it."""
        settings = self.settings
        if settings.source == "csv":
            from shared.source.csv import parse

            path = settings.csv_path or ""
            return FileSource("CSV_PATH", path, self.storage, parse, settings.attribute_map)
        from shared.source.hennge import HenngeSource

        secret = settings.hennge_client_secret
        return HenngeSource(
            token_url=settings.hennge_token_url,
            api_url=settings.hennge_api_url,
            client_id=settings.hennge_client_id or "",
            client_secret=secret.get_secret_value() if secret else "",
            attribute_map=settings.attribute_map,
            clock=self.clock,
        )

    async def aclose(self) -> None:
        await self._graph_client.aclose()
        await self._tokens.aclose()
        await self.storage.aclose()
