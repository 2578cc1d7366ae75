"""A proxy in front of Azurite's three services that makes them answer as Azure Storage does.

`python -m local.azurite.service` listens on three loopback ports, forwards every request to Azurite, and corrects
where Azurite differs from the service (`corrections.py`). It injects faults on demand (`faults.py`), per account:

    PUT    /_emulator/{account}/faults     {"deletionSeconds": 2, "rules": [{"kind": "drop", "operation": "Put*"}]}
    GET    /_emulator/{account}/faults     {"struck": [1]}
    GET    /_emulator/{account}/requests   every operation in order, with its answer's status
    DELETE /_emulator/{account}/requests

A signature covers the account's path but not the host, so requests and links signed for the proxy are valid in Azurite.
"""

import argparse
import asyncio
import contextlib
import json
import signal
import socket
import ssl
import struct
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import ClientError, ClientSession, TCPConnector, web
from multidict import CIMultiDict, CIMultiDictProxy
from pydantic import ValidationError
from yarl import URL

from local.azurite import ACCOUNT_KEY
from local.azurite.corrections import DELETED, NOT_IF_THERE, Deletions, leased, refused_condition
from local.azurite.errors import Answer, Code, gateway_refusal, inner_refusal, refusal
from local.azurite.faults import Fault, FaultPlan
from local.azurite.operations import Operation, Service, operation
from local.azurite.pages import continued, empty_page

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient

SERVICES: Sequence[Service] = ("blob", "queue", "table")
_CONTROL = "/_emulator/"
_HOP_BY_HOP = ("connection", "content-length", "keep-alive", "transfer-encoding")
# Node closes an idle connection after five seconds.
_KEEP_ALIVE = 3.0
_LARGEST_LOG = 20_000


@dataclass
class Logged:
    """One operation and its status: 0 means the connection was reset, -1 that there is no answer yet."""

    asked: Operation
    status: int = -1


@dataclass
class Account:
    """The faults and the request log of one account."""

    faults: FaultPlan = field(default_factory=FaultPlan)
    asked: list[Logged] = field(default_factory=list)


class StorageService:
    """The proxy; `deletion_seconds` is how long a deleted resource can't be created again."""

    def __init__(
        self,
        upstream: Mapping[Service, str],
        session: ClientSession,
        deletion_seconds: float,
        certificate: Path | None,
    ) -> None:
        self._upstream = upstream
        self._session = session
        self._deletion_seconds = deletion_seconds
        self._certificate = certificate
        self._accounts: defaultdict[str, Account] = defaultdict(Account)
        self._deletions = Deletions()

    async def handle(self, service: Service, request: web.BaseRequest) -> web.StreamResponse:
        body = await request.content.read()
        if request.path.startswith(_CONTROL):
            return self._control(request, body)
        asked = operation(service, request.method, request.raw_path, request.headers, body)
        account = self._accounts[asked.account]
        logged = Logged(asked)
        if len(account.asked) < _LARGEST_LOG:
            account.asked.append(logged)
        fault = account.faults.struck(asked)
        if fault is None:
            answer: Answer | None = await self._answer(asked, request, body)
        elif fault.took_effect:
            answer = await self._answer(asked, request, body)
            answer = await _faulty(fault, asked, answer)
        elif fault.kind == "delay":
            await fault.wait_out()
            answer = await self._answer(asked, request, body)
        elif fault.kind == "emptyPage":
            answer = empty_page(asked, request.raw_path)
        else:
            answer = await _faulty(fault, asked, None)
        if answer is None:
            logged.status = 0
            return _reset(request)
        logged.status = answer.status
        return web.Response(status=answer.status, headers=answer.headers, body=answer.body)

    async def _answer(self, asked: Operation, request: web.BaseRequest, body: bytes) -> Answer | None:
        """The service's answer without any fault; None if Azurite does not answer."""
        if code := self._deletions.refused(asked) or await self._refused_condition(asked, request):
            return refusal(asked.service, code)
        answer = await self._pass_on(asked, request, body)
        if answer is None:
            return None
        if asked.name in DELETED and answer.status < 300:
            wanted = self._accounts[asked.account].faults.deletion_seconds
            self._deletions.begin(asked, self._deletion_seconds if wanted is None else wanted)
        if answer.headers.get("x-ms-error-code") == "BlobAlreadyExists":
            async with self._blob(asked) as blob:
                if await leased(request.headers, blob):
                    return refusal("blob", "LeaseIdMissing")
        return answer

    async def _refused_condition(self, asked: Operation, request: web.BaseRequest) -> Code | None:
        if asked.name not in NOT_IF_THERE or request.headers.get("If-None-Match") != "*":
            return None
        async with self._blob(asked) as blob:
            return await refused_condition(asked, request.headers, blob)

    def _blob(self, asked: Operation) -> "BlobClient":
        """A client for the blob in Azurite, for the proxy's own requests."""
        from azure.storage.blob.aio import BlobClient

        container, _, name = asked.resource.partition("/")
        url = f"{self._upstream['blob']}/{asked.account}"
        trust = str(self._certificate) if self._certificate else True
        return BlobClient(url, container, name, credential=ACCOUNT_KEY, connection_verify=trust)

    async def _pass_on(self, asked: Operation, request: web.BaseRequest, body: bytes) -> Answer | None:
        url = URL(self._upstream[asked.service] + continued(asked, request.raw_path), encoded=True)
        headers = _forwarded(request.headers)
        try:
            async with self._session.request(
                request.method, url, headers=headers, data=body or None, allow_redirects=False
            ) as response:
                content = await response.read()
                kept = _forwarded(response.headers)
                if request.method == "HEAD" and "Content-Length" in response.headers:
                    kept["Content-Length"] = response.headers["Content-Length"]
                return Answer(response.status, kept, content)
        except ClientError:
            return None

    def _control(self, request: web.BaseRequest, body: bytes) -> web.Response:
        name, _, what = request.path.removeprefix(_CONTROL).partition("/")
        account = self._accounts[name]
        if (request.method, what) == ("PUT", "faults"):
            try:
                plan = FaultPlan.model_validate_json(body)
            except ValidationError as error:
                return web.Response(status=400, text=str(error))
            account.faults.end()
            account.faults = plan
            return web.Response(status=204)
        if (request.method, what) == ("GET", "faults"):
            return web.json_response({"struck": [rule.struck for rule in account.faults.rules]})
        if (request.method, what) == ("GET", "requests"):
            return web.json_response(
                {"requests": [{**asdict(one.asked), "status": one.status} for one in account.asked]}
            )
        if (request.method, what) == ("DELETE", "requests"):
            account.asked.clear()
            return web.Response(status=204)
        return web.Response(status=404)


async def _faulty(fault: Fault, asked: Operation, answer: Answer | None) -> Answer | None:
    """What the caller gets; None means a reset connection. `handle` does delays before the effect."""
    if fault.kind == "hang":
        await asyncio.Event().wait()
    if fault.kind == "delay":
        await fault.wait_out()
        return answer
    if fault.kind == "refuse":
        return _refused(fault, asked)
    return None


def _refused(fault: Fault, asked: Operation) -> Answer:
    if fault.status:
        return gateway_refusal(fault.status)
    return inner_refusal(fault.code) if fault.inner else refusal(asked.service, fault.code)


def _forwarded(headers: CIMultiDictProxy[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in _HOP_BY_HOP)


def _reset(request: web.BaseRequest) -> web.StreamResponse:
    """Resets the connection instead of closing it."""
    if request.transport is not None:
        connection: socket.socket = request.transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        request.transport.abort()
    return web.Response()


@contextlib.asynccontextmanager
async def running_service(
    upstream: Mapping[Service, str],
    ports: Mapping[Service, int],
    *,
    deletion_seconds: float,
    certificate: Path | None = None,
) -> AsyncIterator[dict[Service, int]]:
    """Listens until the block ends; yields the ports, with a free one for each that is 0."""
    trust = serving = None
    if certificate:
        trust = ssl.create_default_context(cafile=str(certificate))
        serving = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        serving.load_cert_chain(certificate, certificate.with_suffix(".key"))
    connector = TCPConnector(limit=0, keepalive_timeout=_KEEP_ALIVE, ssl=trust or True)
    async with contextlib.AsyncExitStack() as ending:
        session = await ending.enter_async_context(
            ClientSession(
                connector=connector,
                auto_decompress=False,
                skip_auto_headers=("Accept", "Accept-Encoding", "Content-Type", "User-Agent"),
            )
        )
        proxy = StorageService(upstream, session, deletion_seconds, certificate)
        listening: dict[Service, int] = {}
        for service in SERVICES:

            async def handle(request: web.BaseRequest, service: Service = service) -> web.StreamResponse:
                return await proxy.handle(service, request)

            runner = web.ServerRunner(web.Server(handle, access_log=None), shutdown_timeout=0.1)
            await runner.setup()
            ending.push_async_callback(runner.cleanup)
            await web.TCPSite(runner, "127.0.0.1", ports[service], ssl_context=serving).start()
            listening[service] = runner.addresses[0][1]
        yield listening


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    async with running_service(
        dict(zip(SERVICES, arguments.upstream, strict=True)),
        dict(zip(SERVICES, arguments.ports, strict=True)),
        deletion_seconds=arguments.deletion_seconds,
        certificate=arguments.certificate,
    ) as ports:
        print(json.dumps(ports), flush=True)
        await stopped.wait()


def main() -> None:
    parser = argparse.ArgumentParser(
        "local.azurite.service", description="A proxy that makes Azurite strict."
    )
    parser.add_argument("--upstream", nargs=3, required=True, help="Azurite's blob, queue and table address")
    parser.add_argument(
        "--ports", nargs=3, type=int, default=(0, 0, 0), help="to listen on; 0 takes a free one"
    )
    parser.add_argument("--deletion-seconds", type=float, required=True)
    parser.add_argument("--certificate", type=Path, help="serve TLS under it; its key lies beside it")
    asyncio.run(_serve(parser.parse_args()))


if __name__ == "__main__":
    main()
