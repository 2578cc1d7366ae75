"""Access Control's API in memory, over the emulator's own users: tokens, pages of users, and what goes wrong."""

from urllib.parse import parse_qsl

import httpx
import orjson

from local.access_control.users import Keys, Users
from tests.simulation.clock import VirtualClock
from tests.simulation.gate import Gate, NoAnswer, Struck

TOKEN_URL = "http://127.0.0.1:9/oauth/token"
API_URL = "http://127.0.0.1:9/20230822"
CLIENT, SECRET = "simulated-client", "simulated-secret-of-access-control"
_LIFETIME = 3600.0


class AccessControl:
    """`users` is edited by the scenario. `keys`: how the JSON spells its fields.

    `begun` and `ended`: when a first page was asked for, and when one that looks like the last; `short`: which
    only looked so.
    """

    def __init__(self, clock: VirtualClock, page_size: int, keys: Keys) -> None:
        self.users = Users()
        self.begun: list[float] = []
        self.ended: list[float] = []
        self.short: list[float] = []
        self._clock = clock
        self._page_size = page_size
        self._keys = keys
        self._tokens: dict[str, float] = {}

    def answer(self, request: httpx.Request) -> httpx.Response:
        if request.url.path == "/oauth/token" and request.method == "POST":
            return self._token(request)
        if request.url.path != "/20230822/users" or request.method != "GET":
            return httpx.Response(404, json={"error": "not_found"})
        token = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self._tokens.get(token, 0.0) <= self._clock.monotonic():
            return httpx.Response(401, json={"error": "unauthorized"})
        return self._page(dict(parse_qsl(request.url.query.decode())).get("cursor"))

    def now(self) -> float:
        return self._clock.monotonic()

    def expire_tokens(self) -> None:
        self._tokens.clear()

    def _token(self, request: httpx.Request) -> httpx.Response:
        expected = httpx.BasicAuth(CLIENT, SECRET)
        signed = next(expected.auth_flow(httpx.Request("POST", TOKEN_URL))).headers["Authorization"]
        form = dict(parse_qsl(request.content.decode()))
        if request.headers.get("Authorization") != signed or form != {"grant_type": "client_credentials"}:
            return httpx.Response(401, json={"error": "invalid_client"})
        token = self._clock.token(16)
        self._tokens[token] = self._clock.monotonic() + _LIFETIME
        return httpx.Response(200, json={"access_token": token, "expires_in": _LIFETIME})

    def _page(self, cursor: str | None) -> httpx.Response:
        people, last = self.users.page(int(cursor or 0), self._page_size)
        if cursor is None:
            self.begun.append(self.now())
        if last is None:
            self.ended.append(self.now())
        body: dict[str, object] = {"items": [user.item(self._keys) for user in people]}
        if last is not None:
            body["cursor"] = str(last)
        return httpx.Response(200, content=orjson.dumps(body))


class SimulatedTransport(httpx.AsyncBaseTransport):
    """Access Control as one instance reaches it."""

    def __init__(self, access_control: AccessControl, gate: Gate) -> None:
        self._access_control = access_control
        self._gate = gate

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await request.aread()
        what = f"{request.method} {request.url.raw_path.decode()}"
        try:
            return await self._gate.through("source", what, lambda: self._access_control.answer(request))
        except NoAnswer as error:
            raise httpx.ReadTimeout(str(error), request=request) from None
        except Struck as struck:
            return self._refusal(struck, request)

    def _refusal(self, struck: Struck, request: httpx.Request) -> httpx.Response:
        match struck.fault.kind:
            case "expired":
                self._access_control.expire_tokens()
                return self._access_control.answer(request)
            case "cutOff":
                whole = self._access_control.answer(request)
                return httpx.Response(whole.status_code, content=whole.content[: len(whole.content) // 2])
            case "empty":
                self._access_control.ended.append(self._access_control.now())
                self._access_control.short.append(self._access_control.now())
                return httpx.Response(200, json={"items": []})
            case "throttled":
                return httpx.Response(429, headers={"Retry-After": str(int(struck.fault.seconds))})
        return httpx.Response(503)
