"""A receiver of notifications: a real HTTP server on loopback."""

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from tests.support.stack import Json, until


@dataclass(frozen=True)
class Received:
    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> Json:
        found: Json = orjson.loads(self.body)
        return found


@dataclass
class Receiver:
    """Answers with `status`, once `open` is set. `received`: every request that came, answered or not."""

    url: str = ""
    status: int = 204
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    open: asyncio.Event = field(default_factory=asyncio.Event)
    received: list[Received] = field(default_factory=list)

    @property
    def types(self) -> list[str]:
        return [one.event["type"] for one in self.received]

    @property
    def ids(self) -> list[str]:
        return [one.headers["webhook-id"] for one in self.received]

    async def got(self, count: int) -> None:
        async def enough() -> bool:
            return len(self.received) >= count

        await until(enough)


@contextlib.asynccontextmanager
async def receiving(tls: ssl.SSLContext | None = None) -> AsyncIterator[Receiver]:
    receiver = Receiver()
    receiver.open.set()

    async def take(request: web.Request) -> web.Response:
        receiver.received.append(Received(dict(request.headers), await request.read()))
        await receiver.open.wait()
        return web.Response(status=receiver.status, headers=receiver.headers, body=receiver.body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", take)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=tls).start()
        port = runner.addresses[0][1]
        receiver.url = f"{'https' if tls else 'http'}://127.0.0.1:{port}/hooks/a-long-secret"
        yield receiver
    finally:
        receiver.open.set()
        await runner.cleanup()
