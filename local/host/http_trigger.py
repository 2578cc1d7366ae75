"""HTTP triggers: finds the function for a path, checks the key, and makes the answer."""

import asyncio
import logging
from collections.abc import Iterable

from aiohttp import HttpVersion11, web
from multidict import CIMultiDict

from local.host.functions import DeclaredFunction
from local.host.http_request import BodyTooLarge, function_request
from local.host.http_server import empty
from local.host.invocation import Invoker
from local.host.keys import Keys, Level
from local.host.routes import Routes
from local.host.rpc import RpcHttp, TypedData

_log = logging.getLogger("local.host")


class HttpTriggers:
    """Every HTTP-triggered function of an app behind one handler."""

    def __init__(
        self,
        functions: Iterable[DeclaredFunction],
        invoker: Invoker,
        *,
        prefix: str,
        keys: Keys,
        limit: float,
    ) -> None:
        self.routes = Routes(functions, prefix)
        self._invoker = invoker
        self._keys = keys
        self._limit = limit

    async def handle(self, request: web.BaseRequest, path: str) -> web.Response | None:
        """Returns None if no function has that path and method."""
        found = self.routes.find(request.method, path)
        if found is None:
            return None
        function, parameters = found
        needed = Level[function.trigger.text("authLevel", "FUNCTION")]
        if self._keys.level(request) < needed:
            return empty(401)
        try:
            trigger = await function_request(request, path, parameters)
        except BodyTooLarge:
            return empty(500, close=True)
        invocation = self._invoker.start(function, trigger)
        finished, _ = await asyncio.wait([invocation], timeout=self._limit)
        if not finished:
            _log.error("%s did not answer within %.0f s", function.name, self._limit)
            return empty(504)
        if invocation.cancelled() or invocation.exception() is not None:
            return empty(500)
        return _answer(invocation.result(), request)


def _answer(result: TypedData | None, request: web.BaseRequest) -> web.Response:
    """From azure-functions-host, RawScriptResult.cs: every body is sent chunked."""
    http = result.http if result else None
    if http is None:
        text = (result.string if result else None) or ""
        http = RpcHttp(
            headers={"Content-Type": "text/plain; charset=utf-8"}, body=TypedData(bytes=text.encode())
        )
    headers: CIMultiDict[str] = CIMultiDict(http.headers)
    headers.popall("Content-Length", None)
    body = http.body.bytes or b""
    answer = web.Response(status=int(http.status_code), headers=headers, body=body)
    if body and request.version >= HttpVersion11:
        answer.enable_chunked_encoding()
    return answer
