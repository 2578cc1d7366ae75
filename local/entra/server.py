"""The emulator on a loopback socket."""

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime
from email.utils import format_datetime

import orjson
from aiohttp import web

from local.entra.batch import perform_batch
from local.entra.calls import Answer, Call
from local.entra.control import control_routes
from local.entra.dispatch import dispatch, finish, require_token
from local.entra.errors import ConnectionDropped, GraphError, bad_request, method_not_allowed
from local.entra.faults import Faults
from local.entra.seed import Seed, parse_seed
from local.entra.state import Entra

_PREFIX = "/v1.0"
# Microsoft's SDKs for Python are built on Kiota, and add this.
_SDK = "kiota-python/"
_LARGEST_BODY = 4 * 1024 * 1024


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
        entra.url = f"http://127.0.0.1:{runner.addresses[0][1]}{_PREFIX}"
        yield entra
    finally:
        await runner.cleanup()


def _application(entra: Entra) -> web.Application:
    async def graph(request: web.Request) -> web.StreamResponse:
        try:
            return _response(await _answer(entra, request), datetime.now(UTC) + entra.ahead)
        except ConnectionDropped:
            if request.transport is not None:
                request.transport.abort()
            return web.Response()

    # `_with_body` checks the size of a body: a seed may be larger than what Graph accepts.
    application = web.Application(client_max_size=0)
    application.add_routes(control_routes(entra))
    application.router.add_route("*", "/{path:.*}", graph)
    return application


async def _answer(entra: Entra, request: web.Request) -> Answer:
    raw_path, _, query_string = request.raw_path.partition("?")
    call = Call(
        method=request.method,
        path=raw_path.removeprefix(_PREFIX) or "/",
        query_string=query_string,
        headers={name.lower(): value for name, value in request.headers.items()},
        sdk=_SDK in request.headers.get("User-Agent", ""),
    )
    await asyncio.sleep(entra.faults.latency())
    try:
        _refuse_stranger(entra, call, raw_path)
        call = _with_body(call, await request.read())
    except GraphError as refusal:
        return finish(entra, call, "(refused)", str(uuid.uuid4()), refusal)
    if call.plain_path == "/$batch":
        return await perform_batch(entra, call)
    return await dispatch(entra, call)


def _refuse_stranger(entra: Entra, call: Call, raw_path: str) -> None:
    if not raw_path.startswith(f"{_PREFIX}/"):
        raise GraphError(404, "ResourceNotFound", f"Nothing is here but {_PREFIX} and /_emulator.")
    require_token(entra, call)
    if call.plain_path == "/$batch" and call.method != "POST":
        raise method_not_allowed()


def _with_body(call: Call, raw: bytes) -> Call:
    if not raw:
        return call
    if len(raw) > _LARGEST_BODY:
        raise GraphError(413, "RequestEntityTooLarge", "The request is larger than 4 MB.")
    media_type = call.headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != "application/json":
        raise bad_request(
            "Write requests (excluding DELETE) must contain the Content-Type header declaration."
        )
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        raise GraphError(
            400,
            "BadRequest",
            "Unable to read JSON request payload. Please ensure Content-Type header is set and "
            "payload is of valid JSON format.",
        ) from None
    return replace(call, body=body)


def _response(answer: Answer, time: datetime) -> web.Response:
    headers = {**answer.headers, "Date": format_datetime(time, usegmt=True)}
    if answer.body is None:
        return web.Response(status=answer.status, headers=headers)
    return web.Response(
        status=answer.status,
        body=orjson.dumps(answer.body),
        headers={**headers, "Content-Type": "application/json;odata.metadata=minimal;charset=utf-8"},
    )
