"""The emulator on a loopback socket."""

import contextlib
from collections.abc import AsyncIterator, Mapping
from datetime import datetime
from email.utils import format_datetime

import orjson
from aiohttp import web

from local.entra.answering import PREFIX, answer
from local.entra.calls import Answer
from local.entra.control import control_routes
from local.entra.errors import ConnectionDropped
from local.entra.faults import Faults
from local.entra.seed import Seed, parse_seed
from local.entra.state import Entra


@contextlib.asynccontextmanager
async def running_entra(
    seed: Seed | Mapping[str, object] | None = None,
    *,
    port: int = 0,
    latency_ms: float = 0,
    clock_rate: float = 1,
) -> AsyncIterator[Entra]:
    """The emulator, listening on 127.0.0.1 until the block ends. Raises SeedError for an invalid seed."""
    entra = Entra(faults=Faults(latency_ms=latency_ms), clock_rate=clock_rate)
    entra.load(seed if isinstance(seed, Seed) else parse_seed(seed or {}))
    runner = web.AppRunner(_application(entra), access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        entra.url = f"http://127.0.0.1:{runner.addresses[0][1]}{PREFIX}"
        yield entra
    finally:
        await runner.cleanup()


def _application(entra: Entra) -> web.Application:
    async def graph(request: web.Request) -> web.StreamResponse:
        try:
            body = await request.read()
            found = await answer(entra, request.method, request.raw_path, request.headers, body)
            return _response(found, entra.clock.now() + entra.ahead)
        except ConnectionDropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    # `answer` checks the size of a body: a seed may be larger than what Graph accepts.
    application = web.Application(client_max_size=0)
    application.add_routes(control_routes(entra))
    application.router.add_route("*", "/{path:.*}", graph)
    return application


def _response(answer: Answer, time: datetime) -> web.Response:
    headers = {**answer.headers, "Date": format_datetime(time, usegmt=True)}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    return web.Response(
        status=answer.status,
        body=orjson.dumps(answer.body),
        headers={**headers, "Content-Type": "application/json;odata.metadata=minimal;charset=utf-8"},
    )
