"""HTTP triggers: the request a function sees, the answer a caller sees."""

import asyncio
import hmac
import logging
from collections.abc import Iterable, Mapping

import azure.functions as func
from aiohttp import web
from azure.functions.http import HttpRequest
from multidict import CIMultiDict, MultiMapping

from local.host.functions import DeclaredFunction
from local.host.invocation import Invoker
from local.host.routes import Routes

_log = logging.getLogger("local.host")

# The platform's load balancer gives up after 230 s on every plan; the function goes on regardless.
PLATFORM_LIMIT = 230.0


class HttpTriggers:
    """Every HTTP-triggered function of an app behind one handler.

    `key` is the function key and the master key in one; without it no key is asked for, as with
    `func start`.
    """

    def __init__(
        self,
        functions: Iterable[DeclaredFunction],
        invoker: Invoker,
        *,
        prefix: str,
        key: str | None,
        limit: float,
    ) -> None:
        self.routes = Routes(functions, prefix)
        self._invoker = invoker
        self._key = key
        self._limit = limit

    async def handle(self, request: web.Request) -> web.Response:
        found = self.routes.find(request.method, request.rel_url.raw_path)
        if found is None:
            return web.Response(status=404)
        function, parameters = found
        if function.trigger.text("authLevel", "FUNCTION") != "ANONYMOUS" and not self.has_key(request):
            return web.Response(status=401)
        invocation = self._invoker.start(function, await _function_request(request, parameters))
        finished, _ = await asyncio.wait([invocation], timeout=self._limit)
        if not finished:
            _log.error("%s did not answer within %.0f s", function.name, self._limit)
            return web.Response(status=504)
        if invocation.cancelled() or invocation.exception() is not None:
            return web.Response(status=500)
        return _answer(invocation.result())

    def has_key(self, request: web.Request) -> bool:
        if not self._key:
            return True
        given = request.headers.get("x-functions-key") or request.query.get("code") or ""
        return hmac.compare_digest(given.encode(), self._key.encode())


async def _function_request(request: web.Request, parameters: Mapping[str, str]) -> HttpRequest:
    """As the host hands it to the Python worker: header names in lower case, repeated headers and
    query parameters joined by commas, empty query parameters left out, the body always bytes."""
    query = {name: value for name, value in _joined(request.query).items() if value}
    headers = {name.lower(): value for name, value in _joined(request.headers).items()}
    return HttpRequest(
        method=request.method,
        url=str(request.url),
        headers=headers,
        params=query,
        route_params=parameters,
        body_type="bytes",
        body=await request.read(),
    )


def _joined(values: MultiMapping[str]) -> dict[str, str]:
    return {name: ",".join(values.getall(name)) for name in values}


def _answer(result: object) -> web.Response:
    if result is None:
        return web.Response(status=204)
    if isinstance(result, str):
        return web.Response(text=result)
    if not isinstance(result, func.HttpResponse):
        _log.error("An HTTP function returned %s instead of an HttpResponse", type(result).__name__)
        return web.Response(status=500)
    headers: CIMultiDict[str] = CIMultiDict(result.headers.items())
    headers.popall("Content-Length", None)
    if "Content-Type" not in headers:
        charset = f"; charset={result.charset}" if result.mimetype.startswith("text/") else ""
        headers["Content-Type"] = result.mimetype + charset
    return web.Response(status=result.status_code, headers=headers, body=result.get_body())
