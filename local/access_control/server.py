"""The emulator on a loopback socket."""

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncIterator, Mapping

import orjson
from aiohttp import web

from local.access_control.control import control_routes
from local.access_control.cursors import Cursors
from local.access_control.faults import Call, Fault, Faults, Kind
from local.access_control.request_log import LoggedCall, RequestLog
from local.access_control.seed import Seed, build_users, parse_seed
from local.access_control.tokens import TokenRefusedError, Tokens
from local.access_control.users import Users

_VERSION = "/20230822"
_PATHS: dict[str, tuple[Call, str]] = {
    "/oauth/token": ("token", "POST"),
    f"{_VERSION}/users": ("users", "GET"),
    f"{_VERSION}/users/download/csv": ("csv", "GET"),
}
_LARGEST_SEED = 512 * 1024 * 1024
_HTML = b"<!doctype html><title>Maintenance</title><p>The service is under maintenance."


class AccessControl:
    """A running emulator; `url` goes into HENNGE_API_URL, `token_url` into HENNGE_TOKEN_URL."""

    def __init__(self, seed: Seed) -> None:
        self.faults = Faults()
        self.requests = RequestLog()
        self.address = ""
        self.load(seed)

    @property
    def url(self) -> str:
        return self.address + _VERSION

    @property
    def token_url(self) -> str:
        return f"{self.address}/oauth/token"

    def load(self, seed: Seed) -> None:
        """Replaces everything except the log; tokens and cursors issued before become invalid."""
        self.users: Users = build_users(seed.users)
        self.settings = seed
        self.tokens = Tokens(seed.clients, seed.token_lifetime)
        self.faults.load(seed.faults.model_copy(deep=True))
        self._cursors = Cursors()

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Answers any call of the API: faults first, then the API's rules."""
        call, method = _PATHS.get(request.path, ("any", ""))
        place = self._cursors.read(request.query.get("cursor")) if call == "users" else (0, 0)
        page = place[1] if place else 0
        await asyncio.sleep(self.faults.plan.latency_ms / 1_000)
        faults = {} if call == "any" else self.faults.struck(call, page)
        if delay := faults.get("delay"):
            await delay.wait_out()
        if "drop" in faults:
            self._log(request, page, 0)
            return _dropped(request)
        if call == "any":
            answer = _error(404, "not_found", f"nothing is at {request.path}")
        elif request.method != method:
            answer = _error(405, "method_not_allowed", f"{request.path} takes {method}")
        else:
            answer = _faulty(faults) or await self._answer(request, call, place, faults)
        self._log(request, page, answer.status)
        if "cutOff" in faults and isinstance(answer.body, bytes):
            return await _cut_off(request, answer.body)
        return answer

    async def _answer(
        self, request: web.Request, call: Call, place: tuple[int, int] | None, faults: Mapping[Kind, Fault]
    ) -> web.Response:
        if call == "token":
            return await self._token(request)
        authorization = request.headers.get("Authorization", "")
        if "expireToken" in faults:
            self.tokens.expire(authorization)
        if not self.tokens.accepts(authorization, self.faults.plan.token_expires_after_calls):
            refusal = _error(401, "unauthorized", "the access token is missing, unknown or expired")
            refusal.headers["WWW-Authenticate"] = 'Bearer error="invalid_token"'
            return refusal
        # Only this parameter is documented, so a client that sends another one gets an error.
        if unknown := sorted(request.query.keys() - ({"cursor"} if call == "users" else set())):
            return _error(400, "invalid_request", f"unknown parameter {', '.join(unknown)}")
        if call == "csv":
            content = self.users.csv(self.settings.csv_encoding, self.settings.csv_delimiter)
            return web.Response(body=content, headers={"Content-Type": "text/csv"})
        if place is None:
            return _error(400, "invalid_cursor", "the cursor is not one of this service's")
        return self._page(request, place, faults)

    async def _token(self, request: web.Request) -> web.Response:
        try:
            token = self.tokens.issue(request.headers, await request.read())
        except TokenRefusedError as refused:
            refusal = _error(refused.status, refused.error, str(refused))
            if refused.status == 401:
                refusal.headers["WWW-Authenticate"] = 'Basic realm="Access Control"'
            return refusal
        answer = _json({"access_token": token, "token_type": "Bearer", "expires_in": self.tokens.lifetime})
        answer.headers["Cache-Control"] = "no-store"
        return answer

    def _page(
        self, request: web.Request, place: tuple[int, int], faults: Mapping[Kind, Fault]
    ) -> web.Response:
        serial, page = place
        people, last = self.users.page(serial, self.settings.page_size)
        body: dict[str, object] = {"items": [user.item(self.settings.keys) for user in people]}
        if last is not None:
            body["cursor"] = self._cursors.give(last, page + 1)
        if "repeatCursor" in faults:
            body["cursor"] = request.query.get("cursor") or self._cursors.give(0, 1)
        if "endsEarly" in faults or "emptyList" in faults:
            body.pop("cursor", None)
        if "emptyList" in faults:
            body["items"] = []
        if "invalidJson" in faults:
            return web.Response(body=orjson.dumps(body)[:-2], content_type="application/json")
        return _json(body)

    def _log(self, request: web.Request, page: int, status: int) -> None:
        self.requests.calls.append(LoggedCall(request.method, request.path, page, status, time.time()))


@contextlib.asynccontextmanager
async def running_access_control(
    seed: Seed | Mapping[str, object] | None = None, *, port: int = 0
) -> AsyncIterator[AccessControl]:
    """Runs the emulator on 127.0.0.1 until the block ends. Raises SeedError for an invalid seed."""
    access_control = AccessControl(seed if isinstance(seed, Seed) else parse_seed(seed or {}))
    application = web.Application(client_max_size=_LARGEST_SEED)
    application.add_routes(control_routes(access_control))
    application.router.add_route("*", "/{path:.*}", access_control.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", port).start()
        access_control.address = f"http://127.0.0.1:{runner.addresses[0][1]}"
        yield access_control
    finally:
        await runner.cleanup()


def _faulty(faults: Mapping[Kind, Fault]) -> web.Response | None:
    """The answer of a fault that does not depend on the real answer."""
    if fault := faults.get("status"):
        answer = _error(fault.status, "fault", "as ordered")
        if fault.retry_after is not None:
            answer.headers["Retry-After"] = str(fault.retry_after)
        return answer
    if fault := faults.get("redirect"):
        return web.Response(status=302, headers={"Location": fault.to})
    if "notJson" in faults:
        return web.Response(body=_HTML, content_type="text/html")
    return None


def _dropped(request: web.Request) -> web.Response:
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


async def _cut_off(request: web.Request, body: bytes) -> web.StreamResponse:
    answer = web.StreamResponse(headers={"Content-Type": "application/json"})
    answer.content_length = len(body)
    await answer.prepare(request)
    await answer.write(body[: len(body) // 2])
    if request.transport is not None:
        request.transport.close()
    return answer


def _error(status: int, error: str, description: str) -> web.Response:
    return _json({"error": error, "error_description": description}, status)


def _json(body: Mapping[str, object], status: int = 200) -> web.Response:
    try:
        content = orjson.dumps(body)
    except orjson.JSONEncodeError:
        # Half of a pair of surrogates, which JSON can only spell.
        content = json.dumps(body).encode()
    return web.Response(status=status, body=content, content_type="application/json")
