"""An HTTP server that accepts and refuses requests as Kestrel does, with the limits of the Functions host."""

import asyncio
import logging

from aiohttp import web
from aiohttp.http_exceptions import HttpProcessingError
from aiohttp.http_parser import HttpRequestParserPy

# Kestrel's defaults (aspnetcore, KestrelServerLimits.cs). The first limits the request line with method and version.
_LONGEST_LINE = 8 * 1024
_LARGEST_HEADERS = 32 * 1024
_MOST_HEADERS = 100
# The parser's limit is higher, so that `refused` can answer a request that is too long.
_PARSED = 1024 * 1024

_log = logging.getLogger("local.host")


class HttpServer(web.Server):
    def __call__(self) -> web.RequestHandler:
        return _Connection(self)


class _Connection(web.RequestHandler):
    """The host does not decode Content-Encoding: bodies stay as sent.

    A request that has arrived whole is handled, also if the client resets the connection at once. Kestrel may drop it
    then: it does not read what arrived before a reset. So a caller without an answer can't know on either.
    """

    def __init__(self, server: web.Server) -> None:
        loop = asyncio.get_running_loop()
        super().__init__(server, loop=loop, access_log=None, auto_decompress=False)  # type: ignore[arg-type]
        # aiohttp's C parser accepts only known methods, and only in capitals.
        self._parser = HttpRequestParserPy(
            self,
            loop,
            max_line_size=_PARSED,
            max_field_size=_PARSED,
            max_headers=_PARSED,
            payload_exception=web.RequestPayloadError,
            auto_decompress=False,
        )

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        if not isinstance(exc, HttpProcessingError):
            _log.error("%s %s failed in the host: %s", request.method, request.path, message, exc_info=exc)
        return empty(status, close=True)


def refused(request: web.BaseRequest) -> web.Response | None:
    """Kestrel's answer if the request is too long, else None."""
    if len(request.method) + len(request.raw_path) + len("  HTTP/1.1\r\n") > _LONGEST_LINE:
        return empty(414, close=True)
    size = sum(len(name) + len(value) + len(": \r\n") for name, value in request.raw_headers)
    if size > _LARGEST_HEADERS or len(request.raw_headers) > _MOST_HEADERS:
        return empty(431, close=True)
    return None


def empty(status: int, *, close: bool = False, **headers: str) -> web.Response:
    """The host's own answers have no body."""
    answer = web.Response(
        status=status, headers={name.replace("_", "-"): text for name, text in headers.items()}
    )
    if close:
        answer.force_close()
    return answer
