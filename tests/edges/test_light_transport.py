"""aiohttp under httpx: its errors are httpx's."""

import asyncio
import socket
import ssl

import httpx
import pytest

from shared.outbound.light import LightTransport

SECONDS = httpx.Timeout(0.2)


async def _get(url: str) -> None:
    async with httpx.AsyncClient(transport=LightTransport(ssl.create_default_context())) as http:
        await http.get(url, timeout=SECONDS)


async def test_a_server_that_accepts_and_never_answers_is_a_read_that_took_too_long() -> None:
    server = await asyncio.start_server(lambda *_: asyncio.sleep(0), "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]

        with pytest.raises(httpx.ReadTimeout):
            await _get(f"http://127.0.0.1:{port}/")


async def test_a_server_that_accepts_nobody_any_more_is_a_connection_that_took_too_long() -> None:
    with socket.socket() as full, socket.socket() as first, socket.socket() as second:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # The queue of connections that wait to be accepted has room for one beside the one that is looked at.
        for one in (first, second):
            one.setblocking(False)
            one.connect_ex(full.getsockname())

        with pytest.raises(httpx.ConnectTimeout):
            await _get(f"http://127.0.0.1:{full.getsockname()[1]}/")


async def test_a_server_that_is_not_there_is_an_error_of_the_connection() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(httpx.ConnectError):
            await _get(f"http://127.0.0.1:{taken.getsockname()[1]}/")
