"""The whole product on loopback: storage, both emulators and the functions host, over real sockets.

    async def test_…(start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("baba")])
        run = await stack.sync("contoso.com")

Each stack has its own storage account and emulators, so that tests are isolated. The emulators run in the test's event
loop, so that the test can inspect them; the host does too, unless the test wants to kill it.
"""

import asyncio
import contextlib
import csv
import importlib.util
import io
import json
import logging
import os
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from random import SystemRandom
from types import MappingProxyType, ModuleType
from typing import Any, Literal, Protocol, TypedDict, TypeVar, Unpack

import httpx
import pytest

from local.access_control import AccessControl, running_access_control
from local.access_control.seed import CLIENT_ID, CLIENT_SECRET
from local.entra import Entra, Fault, running_entra
from local.host import HostProcess, Limits, serve
from local.host.limits import PLATFORM
from local.host.log import reaches_the_log
from local.processes import REPOSITORY, inherited_environment
from shared.model.records import Author
from shared.model.runs import Mode, Run, Trigger
from shared.runs import lifecycle
from shared.services import Services
from shared.settings import Settings
from shared.store.storage import DOMAINS

CONTOSO = "contoso.com"
POLL_SECONDS = 0.03
# Shorter than in host.json, because tests wait for these.
HOST_SETTINGS = {
    "AzureFunctionsJobHost__extensions__queues__visibilityTimeout": "00:00:00",
    "AzureFunctionsJobHost__extensions__queues__maxPollingInterval": "00:00:00.2",
    # A test fires the timer itself: the full hour must not come in between.
    "AzureWebJobs.hourly_sync.Disabled": "true",
}
# Everything here speaks plain HTTP; loading certificates takes longer than most requests.
NO_CERTIFICATES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)

T = TypeVar("T")
Json = dict[str, Any]


def in_source(name: str, domain: str = CONTOSO, **fields: object) -> Json:
    """A user of Access Control, equal to `in_entra(name)` except for `fields`."""
    return {
        "username": name,
        "user_principal_name": f"{name}@{domain}",
        "display_name": f"{name.title()} 太郎",
        "given_name": "太郎",
        "family_name": name.title(),
        **fields,
    }


def in_entra(name: str, domain: str = CONTOSO, **properties: object) -> Json:
    """A user of Entra, equal to `in_source(name)` except for `properties`."""
    return {
        "userPrincipalName": f"{name}@{domain}",
        "displayName": f"{name.title()} 太郎",
        "givenName": "太郎",
        "surname": name.title(),
        **properties,
    }


async def until(
    look: Callable[[], Awaitable[T | None]], seconds: float = 30.0, poll: float = POLL_SECONDS
) -> T:
    """The first result of `look` that is neither None nor false. Raises TimeoutError after `seconds`."""
    async with asyncio.timeout(seconds):
        while True:
            if seen := await look():
                return seen
            await asyncio.sleep(poll)


@dataclass
class Product:
    """A client for a running product's HTTP API."""

    http: httpx.AsyncClient

    def connect(self, host: HostProcess) -> None:
        """Uses this host, which the test has started, from now on."""
        self.http.base_url = httpx.URL(host.url)

    async def get(self, path: str, **headers: str) -> httpx.Response:
        """GET of a path below /api; does not follow redirects."""
        return await self.http.get(f"/api/{path}", headers=headers)

    async def post(self, path: str, body: object = None, **headers: str) -> httpx.Response:
        return await self.http.post(f"/api/{path}", json=body if body is not None else {}, headers=headers)

    async def patch(self, path: str, body: object, **headers: str) -> httpx.Response:
        return await self.http.patch(f"/api/{path}", json=body, headers=headers)

    async def dry_run(self, domain: str = CONTOSO) -> Run:
        """Starts a dry run and waits for its end."""
        return await self.finished(await self.start("dry-run", domain))

    async def sync(self, domain: str = CONTOSO, seconds: float = 60.0) -> Run:
        """Starts a sync as Sync Now does and waits for its end."""
        return await self.finished(await self.start("sync", domain), seconds)

    async def start(self, kind: str, domain: str = CONTOSO) -> Run:
        """Starts a run and returns it as queued; `kind` is "dry-run", "sync" or "pre-check"."""
        answer = await self.post(f"domains/{domain}/{kind}")
        if answer.status_code == 503:
            # On a busy machine Graph's first answer takes longer than a caller waits for it: as told, once more.
            await asyncio.sleep(float(answer.headers["Retry-After"]))
            answer = await self.post(f"domains/{domain}/{kind}")
        assert answer.status_code == 202, answer.text
        return Run.model_validate(answer.json())

    async def pre_check(self, domain: str = CONTOSO) -> Json:
        """What a new look at the domain finds."""
        await self.finished(await self.start("pre-check", domain))
        answer = await self.get(f"domains/{domain}/pre-check")
        assert answer.status_code == 200, answer.text
        found: Json = answer.json()
        return found

    async def looked(self, path: str) -> httpx.Response:
        """GET of a page that may have to wait for a reading, as the console asks for it."""

        async def answered() -> httpx.Response | None:
            answer = await self.get(path)
            return None if answer.status_code == 503 and answer.headers["Retry-After"] == "2" else answer

        return await until(answered)

    async def run(self, run: Run) -> Run:
        """The same run as its Sync Log reads now."""
        answer = await self.get(f"domains/{run.domain}/runs/{run.id}")
        assert answer.status_code == 200, answer.text
        return Run.model_validate(answer.json())

    async def runs(self, domain: str = CONTOSO) -> list[Run]:
        """The Sync Logs, newest first."""
        answer = await self.get(f"domains/{domain}/runs")
        return [Run.model_validate(item) for item in answer.json()["runs"]]

    async def finished(self, run: Run, seconds: float = 60.0, poll: float = POLL_SECONDS) -> Run:
        async def ended() -> Run | None:
            now = await self.run(run)
            return None if now.status.active else now

        return await until(ended, seconds, poll)

    async def set(self, domain: str = CONTOSO, **settings: object) -> None:
        """Changes settings of a domain; `settings` have their names in the API."""
        answer = await self.patch(f"domains/{domain}", settings)
        assert answer.status_code == 200, answer.text

    async def audit_log(self, run: Run) -> list[dict[str, str]]:
        """The rows of a run's audit log, downloaded through its link."""
        text = (await self.audit_log_bytes(run)).decode("utf-8-sig")
        return list(csv.DictReader(io.StringIO(text, newline="")))

    async def audit_log_bytes(self, run: Run) -> bytes:
        answer = await self.get(f"domains/{run.domain}/runs/{run.id}/audit-log")
        assert answer.status_code == 302, answer.text
        log = await self.http.get(answer.headers["Location"])
        assert log.status_code == 200, log.text
        return log.content


@dataclass
class Stack(Product):
    """A running product that a test can inspect. `services` are the test's own, on the host's storage."""

    settings: dict[str, str]
    entra: Entra
    access_control: AccessControl
    services: Services
    events: "Events"

    async def finished(self, run: Run, seconds: float = 60.0, poll: float = 10 * POLL_SECONDS) -> Run:
        """Looks again as soon as the log says that a run has ended: a host of its own process is not heard here."""
        async with asyncio.timeout(seconds):
            while True:
                self.events.run_ended.clear()
                now = await self.run(run)
                if not now.status.active:
                    return now
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self.events.run_ended.wait(), poll)

    async def readings(self) -> int:
        """The version of the last reading that was begun: what a page shows `after` it is as things are now."""
        return (await self.services.snapshots.look()).begun

    async def start_without_message(self, domain: str = CONTOSO) -> Run:
        """A sync whose process died after writing the run's row and before sending the message."""
        author = Author("somebody", "127.0.0.1")
        run = lifecycle.new_run(self.services.clock, domain, Mode.SYNC, Trigger.MANUAL, author)
        return await lifecycle.start(self.services, run)

    async def tick(self) -> Json:
        """Fires the hourly timer; returns the event that it logs at its end."""
        ticks = len(self.events.named("timer.tick"))
        answer = await self.http.post("/admin/functions/hourly_sync", json={})
        assert answer.status_code == 202

        async def done() -> Json | None:
            seen = self.events.named("timer.tick")
            return seen[-1] if len(seen) > ticks else None

        return await until(done)

    async def hour(self, *domains: str) -> list[Run]:
        """Fires the timer; what the hour adds to the Sync Logs of each domain: a run, once it has ended, or a line."""
        domains = domains or (CONTOSO,)
        before = [await self.runs(domain) for domain in domains]
        await self.tick()

        async def added(domain: str, runs: list[Run]) -> Run | None:
            known = {one.id for one in runs}
            return next((one for one in await self.runs(domain) if one.id not in known), None)

        found = [await until(partial(added, *one)) for one in zip(domains, before, strict=True)]
        return [await self.finished(run) for run in found]

    def hold_up(self, **calls: object) -> Fault:
        """Holds Graph's answers to these calls, by default the lists of users, until `let_go`."""
        fault = Fault.model_validate({"kind": "delay", "ms": 600_000, "path": "/users", **calls})
        self.entra.faults.add(fault)
        return fault

    def let_go(self) -> None:
        self.entra.faults.clear()

    async def written(self, count: int) -> None:
        """Waits until `count` writes have reached Graph."""

        async def enough() -> bool:
            return len(self.writes()) >= count

        await until(enough)

    async def changes(self) -> list[Json]:
        """The records of changed settings and decisions, newest first."""
        table = await self.services.storage.open_table(DOMAINS)
        rows = table.query_entities("RowKey ge 'change-' and RowKey lt 'change.'")
        return [dict(row) async for row in rows]

    def users(self, domain: str = CONTOSO) -> dict[str, Json]:
        """Entra's active users of a domain by UPN, read from the emulator directly, not through Graph."""
        return {user.upn: dict(user.properties) for user in self.entra.directory.users_of(domain)}

    def writes(self) -> list[str]:
        """Every write that reached Graph, also those inside a `$batch`, as "METHOD url"."""
        calls = self.entra.requests.calls
        return [
            f"{call.method} {call.url}" for call in calls if call.method != "GET" and call.path != "/$batch"
        ]


class ShortWaits(SystemRandom):
    """Chance that draws the shortest wait there is: a backoff with full jitter may be over at once."""

    def uniform(self, a: float, b: float) -> float:
        return min(a, b)


class StackOptions(TypedDict, total=False):
    """The options of `running_stack` beside its storage account."""

    source: Sequence[Json]
    entra: Sequence[Json]
    domains: Sequence[Json]
    tenant: Mapping[str, object]
    access_control: Mapping[str, object]
    settings: Mapping[str, str]
    host: Limits | Literal[False]


class StartStack(Protocol):
    """The fixture `start_stack`."""

    def __call__(self, **options: Unpack[StackOptions]) -> Awaitable[Stack]: ...


@contextlib.asynccontextmanager
async def running_stack(
    storage: str,
    *,
    source: Sequence[Json] = (),
    entra: Sequence[Json] = (),
    domains: Sequence[Json] = ({"id": CONTOSO, "isDefault": True},),
    tenant: Mapping[str, object] = MappingProxyType({}),
    access_control: Mapping[str, object] = MappingProxyType({}),
    settings: Mapping[str, str] = MappingProxyType({}),
    host: Limits | Literal[False] = PLATFORM,
) -> AsyncIterator[Stack]:
    """Runs a stack on the storage account of that connection string until the block ends.

    `tenant` and `access_control` are further entries of the emulators' seeds, `settings` are further settings of the
    app. `host` are the limits of the host; without one the test starts `HostProcess(stack.settings)` itself and calls
    `stack.connect(host)`.
    """
    async with contextlib.AsyncExitStack() as ending:
        graph = await ending.enter_async_context(
            running_entra({"domains": list(domains), "users": list(entra), **tenant})
        )
        hac = await ending.enter_async_context(
            running_access_control({"users": list(source), **access_control})
        )
        all_settings = {
            "AzureWebJobsStorage": storage,
            "GRAPH_BASE_URL": graph.url,
            "HENNGE_TOKEN_URL": hac.token_url,
            "HENNGE_API_URL": hac.url,
            "HENNGE_CLIENT_ID": CLIENT_ID,
            "HENNGE_CLIENT_SECRET": CLIENT_SECRET,
            **HOST_SETTINGS,
            **settings,
        }
        services = Services(Settings.from_environment(all_settings))
        ending.push_async_callback(services.aclose)
        http = await ending.enter_async_context(httpx.AsyncClient(verify=NO_CERTIFICATES, timeout=30))
        events = ending.enter_context(captured_events())
        if host:
            app = load_app(all_settings)
            app.services.clock.chance = ShortWaits()
            ending.push_async_callback(app.services.aclose)
            running = await ending.enter_async_context(
                serve(app, environ=all_settings, limits=host, drain=0.2)
            )
            http.base_url = httpx.URL(running.url)
        yield Stack(http, all_settings, graph, hac, services, events)


def load_app(settings: Mapping[str, str]) -> ModuleType:
    """function_app.py, imported again with exactly these settings."""
    spec = importlib.util.spec_from_file_location("function_app", REPOSITORY / "function_app.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as environment:
        for name in os.environ.keys() - inherited_environment().keys():
            environment.delenv(name)
        for name, value in settings.items():
            environment.setenv(name, value)
        spec.loader.exec_module(module)
    return module


class Events(logging.Handler):
    """The app's structured log as Azure keeps it; only for a host in this process."""

    def __init__(self) -> None:
        super().__init__(logging.INFO)
        self.addFilter(reaches_the_log)
        self.seen: list[Json] = []
        self.run_ended = asyncio.Event()

    def emit(self, record: logging.LogRecord) -> None:
        with contextlib.suppress(ValueError):  # a stack trace is no event
            self.seen.append(json.loads(record.getMessage()))
            if self.seen[-1]["event"] == "run.finished":
                self.run_ended.set()

    def named(self, name: str) -> list[Json]:
        return [event for event in self.seen if event["event"] == name]


@contextlib.contextmanager
def captured_events() -> Iterator[Events]:
    logger, events = logging.getLogger("sync"), Events()
    level = logger.level
    logger.setLevel(logging.INFO)
    logger.addHandler(events)
    try:
        yield events
    finally:
        logger.removeHandler(events)
        logger.setLevel(level)
