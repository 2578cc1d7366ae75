"""A proxy that records the requests and answers between the app and a service."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from aiohttp import ClientSession, web

_HOP_BY_HOP = {
    "host",
    "content-length",
    "transfer-encoding",
    "content-encoding",
    "accept-encoding",
    "connection",
}


@dataclass
class Wiretap:
    """The record. `origin` is the proxy's URL; bodies are text, and only requests keep their headers."""

    origin: str = ""
    sent: list[str] = field(default_factory=list)
    answered: list[str] = field(default_factory=list)
    headers: list[dict[str, str]] = field(default_factory=list)

    def url_of(self, url: str) -> str:
        """The same URL through the proxy."""
        return self.origin + urlsplit(url).path


@contextlib.asynccontextmanager
async def tapped(url: str) -> AsyncIterator[Wiretap]:
    """Runs a proxy in front of the service at this URL until the block ends."""
    parts, tap = urlsplit(url), Wiretap()

    async with ClientSession(auto_decompress=True) as session:

        async def pass_on(request: web.Request) -> web.Response:
            body = await request.read()
            headers = {n: v for n, v in request.headers.items() if n.lower() not in _HOP_BY_HOP}
            tap.headers.append(dict(request.headers))
            tap.sent.append(body.decode())
            there = f"{parts.scheme}://{parts.netloc}{request.raw_path}"
            async with session.request(
                request.method, there, headers=headers, data=body, allow_redirects=False
            ) as answer:
                content = await answer.read()
                tap.answered.append(content.decode())
                kept = {n: v for n, v in answer.headers.items() if n.lower() not in _HOP_BY_HOP}
                return web.Response(status=answer.status, headers=kept, body=content)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", pass_on)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            tap.origin = f"http://127.0.0.1:{runner.addresses[0][1]}"
            yield tap
        finally:
            await runner.cleanup()
