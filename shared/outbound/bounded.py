"""A transport whose answers are bounded in size and time, whatever the server does.

httpx bounds the time between two bytes, not the whole answer; and a small compressed answer can hold a large one.
"""

import asyncio

import httpx

LARGEST_ANSWER = 64 * 1024 * 1024


class AnswerTooLarge(httpx.TransportError):
    """The message names the bound."""


class BoundedTransport(httpx.AsyncBaseTransport):
    """Reads each answer to its end, decompressed; certificates are verified, and redirects are not followed."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._wire = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        try:
            async with asyncio.timeout(self._seconds):
                answer = await self._wire.handle_async_request(request)
                try:
                    return await self._read(answer)
                finally:
                    await answer.aclose()
        except TimeoutError:
            raise httpx.ReadTimeout(f"no whole answer within {self._seconds:g} s", request=request) from None

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def _read(self, answer: httpx.Response) -> httpx.Response:
        body = bytearray()
        async for chunk in answer.aiter_bytes():
            body += chunk
            if len(body) > LARGEST_ANSWER:
                raise AnswerTooLarge(f"answered more than {LARGEST_ANSWER >> 20} MB")
        headers = [(n, v) for n, v in answer.headers.raw if n.lower() not in _OF_THE_WIRE]
        return httpx.Response(
            answer.status_code, headers=headers, content=bytes(body), extensions=answer.extensions
        )


# They describe the body as it was sent, not as it is now.
_OF_THE_WIRE = (b"content-encoding", b"content-length", b"transfer-encoding")
