"""A transport whose answers are bounded in size and time, whatever the server does.

httpx limits the time between two bytes, not that of the whole answer, and it decompresses without a limit.
"""

import asyncio
import ssl
import zlib
from functools import cache

import httpx

from shared.clock import Clock
from shared.outbound.content_coding import ACCEPTED, BodyRefused, decoded, require_size
from shared.outbound.light import LightTransport

LARGEST_ANSWER = 64 * 1024 * 1024


class AnswerRefused(httpx.TransportError):
    """The message says what was answered, such as `answered more than 64 MB`."""


class BoundedTransport(httpx.AsyncBaseTransport):
    """Reads each answer to its end and decompresses it. Certificates are verified, redirects are not followed.

    Raises httpx.ReadTimeout after `seconds` for the whole answer, AnswerRefused for more than `largest` bytes (if it is
    not given, `LARGEST_ANSWER`) or for an unknown content coding, httpx.DecodingError for a damaged one.
    `light`: see `LightTransport`.
    """

    def __init__(
        self, seconds: float, clock: Clock, largest: int | None = None, *, light: bool = False
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._largest = largest or LARGEST_ANSWER
        trusted = _trusted()
        self._wire = LightTransport(trusted) if light else httpx.AsyncHTTPTransport(verify=trusted)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers["Accept-Encoding"] = ACCEPTED
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._wire.handle_async_request(request)
                try:
                    body = await self._body(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise httpx.ReadTimeout(f"no whole answer within {self._seconds:g} s", request=request) from None
        except BodyRefused as error:
            raise AnswerRefused(f"answered {error}", request=request) from error
        except zlib.error as error:
            raise httpx.DecodingError(str(error), request=request) from error
        headers = [(n, v) for n, v in answer.headers.raw if n.lower() not in _TRANSFER_HEADERS]
        return httpx.Response(answer.status_code, headers=headers, content=body, extensions=answer.extensions)

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _body(self, answer: httpx.Response) -> bytes:
        sent = bytearray()
        async for chunk in answer.aiter_raw():
            sent += chunk
            require_size(len(sent), self._largest)
        coding = answer.headers.get("Content-Encoding", "")
        if not coding:
            return bytes(sent)
        return await self._clock.in_thread(decoded, bytes(sent), coding, self._largest)


@cache
def _trusted() -> ssl.SSLContext:
    """The certificates that are trusted: reading them takes 25 ms, so once a process."""
    return httpx.create_ssl_context()


# They describe the body as it was sent, not the decompressed one.
_TRANSFER_HEADERS = (b"content-encoding", b"content-length", b"transfer-encoding")
