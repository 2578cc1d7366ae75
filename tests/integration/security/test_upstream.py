"""What goes out to Microsoft Graph and Access Control: to the configured host, over verified TLS, bounded."""

import asyncio
import contextlib
import gzip
import json
import ssl
import threading
import tracemalloc
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from aiohttp import web

from local.azurite.certificate import write_certificate
from shared.clock import Clock
from shared.entra import graph, sdk, sending
from shared.entra.batch import Request
from shared.entra.client import GraphClient
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.tokens import AzureTokens, EmulatorTokens
from shared.entra.write_quota import WriteQuota
from shared.errors import GraphError, SourceError
from shared.model.people import People
from shared.outbound import bounded, paging
from shared.outbound.content_coding import decoded
from shared.outbound.waiting import NoStop
from shared.planning.mapping import AttributeMap
from shared.settings import Settings, SettingsError
from shared.source import hennge
from shared.source.hennge import HenngeSource
from tests.support.errors import english, raises
from tests.support.stack import in_source

MAP = AttributeMap.of({})
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]
TOKEN = {"access_token": "the-token", "expires_in": 3600}


class Server:
    """Answers every call alike, but for Access Control's token; and remembers who sent a credential."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.url = ""
        self.calls: list[str] = []
        self.credentials: list[str] = []

    async def handle(self, request: web.Request) -> web.StreamResponse:
        self.calls.append(request.path_qs)
        if credential := request.headers.get("Authorization"):
            self.credentials.append(credential)
        return web.json_response(TOKEN) if request.path == "/token" else await self._answer(request)


@contextlib.asynccontextmanager
async def serving(answer: Answer, certificate: Path | None = None) -> AsyncIterator[Server]:
    server, application = Server(answer), web.Application()
    application.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
    await runner.setup()
    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    try:
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
        server.url = f"http{'s' if certificate else ''}://127.0.0.1:{runner.addresses[0][1]}"
        yield server
    finally:
        await runner.cleanup()


def always(body: object, status: int = 200, **headers: str) -> Answer:
    async def answer(_: web.Request) -> web.Response:
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return web.Response(status=status, body=content, headers=headers)

    return answer


def coded(body: bytes, coding: str = "gzip") -> Answer:
    return always(body, 200, **{"Content-Encoding": coding})


@contextlib.asynccontextmanager
async def directory_of(server: Server) -> AsyncIterator[Directory]:
    clock = Clock()
    client = GraphClient(f"{server.url}/v1.0", EmulatorTokens(), clock)
    try:
        yield Directory(Graph(client, WriteQuota(clock=clock), NoStop(clock), in_flight=1), MAP)
    finally:
        await client.aclose()


async def read_graph(server: Server) -> None:
    """Lists users; raises what goes wrong."""
    async with directory_of(server) as directory:
        await directory.read_users("contoso.com")


async def read_access_control(server: Server) -> None:
    source = HenngeSource(
        token_url=f"{server.url}/token", api_url=server.url, client_id="id", client_secret="secret",
        attribute_map=MAP,
        clock=Clock(),
    )  # fmt: skip
    try:
        await source.read(People())
    finally:
        await source.aclose()


BOTH = pytest.mark.parametrize(
    ("read", "error"), [(read_graph, GraphError), (read_access_control, SourceError)]
)
Read = Callable[[Server], Awaitable[None]]


@pytest.fixture(autouse=True)
def once(monkeypatch: pytest.MonkeyPatch) -> None:
    """How often a failed call is tried again is not what these are about."""
    monkeypatch.setattr(graph, "READ_TRIES", 1)
    monkeypatch.setattr(hennge, "TRIES", 1)


@BOTH
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_takes_no_token_to_another_host(
    read: Read, error: type[Exception], status: int
) -> None:
    async with serving(always({})) as other, serving(always({}, status, Location=f"{other.url}/x")) as server:
        with pytest.raises(error):
            await read(server)

    assert server.credentials
    assert other.calls == []


async def test_a_redirected_token_request_takes_no_secret_to_another_host() -> None:
    async with (
        serving(always(TOKEN)) as other,
        serving(always({}, 307, Location=f"{other.url}/token")) as server,
    ):
        source = HenngeSource(
            token_url=f"{server.url}/oauth", api_url=server.url, client_id="id", client_secret="secret",
            attribute_map=MAP,
            clock=Clock(),
        )  # fmt: skip
        with raises(SourceError, match="POST token answered 307"):
            await source.read(People())
        await source.aclose()

    assert other.calls == []


@BOTH
async def test_a_certificate_that_nobody_vouches_for_is_refused(
    read: Read, error: type[Exception], tmp_path: Path
) -> None:
    async with serving(always({}), write_certificate(tmp_path)) as server:
        with raises(error, match="ConnectError"):
            await read(server)

    assert server.calls == []


@pytest.mark.parametrize(
    "link",
    [
        "https://evil.example/v1.0/users?$skiptoken=x",
        "{origin}@evil.example/v1.0/users",
        "{origin}.evil.example/v1.0/users",
        "//evil.example/v1.0/users",
        "users?$skiptoken=x",
        "file:///etc/passwd",
    ],
)
async def test_a_next_page_on_another_host_is_not_followed(link: str) -> None:
    async def answer(request: web.Request) -> web.Response:
        if "evil" in request.path:
            return web.json_response({"value": []})
        next_link = link.replace("{origin}", f"http://{request.host}")
        return web.json_response({"value": [], "@odata.count": 0, "@odata.nextLink": next_link})

    async with serving(answer) as server:
        if link.startswith("//"):
            # Taken for a path on the same host, never for another one.
            await read_graph(server)
            assert server.calls[-1] == "/v1.0//evil.example/v1.0/users"
        else:
            with raises(GraphError, match="is not followed"):
                await read_graph(server)
            assert len(server.calls) == 1


async def test_a_cursor_is_never_taken_for_an_address() -> None:
    async with serving(always({})) as other:

        async def answer(request: web.Request) -> web.Response:
            first = "cursor" not in request.query
            body = {"items": [{**in_source("aoki" if first else "baba"), "status": "enabled"}]}
            return web.json_response({**body, "cursor": f"{other.url}/users"} if first else body)

        async with serving(answer) as server:
            await read_access_control(server)

    assert server.calls[-1].startswith("/users?cursor=http")
    assert other.calls == []


@BOTH
@pytest.mark.parametrize("compressed", [False, True])
async def test_an_endless_answer_is_cut_off(
    monkeypatch: pytest.MonkeyPatch, read: Read, error: type[Exception], compressed: bool
) -> None:
    monkeypatch.setattr(bounded, "LARGEST_ANSWER", 1024 * 1024)
    sent = 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        endless = web.StreamResponse(headers={"Content-Encoding": "gzip"} if compressed else {})
        await endless.prepare(request)
        block = gzip.compress(b" " * 50_000_000) if compressed else b" " * 65536
        with contextlib.suppress(ConnectionError):
            for _ in range(1000):
                await endless.write(block)
                sent += len(block)
        return endless

    async with serving(answer) as server:
        with raises(error, match="answered more than 1 MB"):
            await read(server)

    assert sent < 20_000_000


@contextlib.contextmanager
def allocates_at_most(size: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < size
    finally:
        tracemalloc.stop()


def zipped_zeros(size: int) -> bytes:
    """Made piece by piece, so that they are large only for who unpacks them."""
    stream = zlib.compressobj(9, wbits=zlib.MAX_WBITS | 16)
    return b"".join(stream.compress(bytes(1 << 20)) for _ in range(size >> 20)) + stream.flush()


@BOTH
async def test_a_small_answer_never_becomes_a_large_one(
    monkeypatch: pytest.MonkeyPatch, read: Read, error: type[Exception]
) -> None:
    monkeypatch.setattr(bounded, "LARGEST_ANSWER", 1024 * 1024)
    answer = coded(zipped_zeros(200 << 20))

    async with serving(answer) as server:
        await refused(server, read, error, "answered more than 1 MB")
        with allocates_at_most(20 << 20):
            await refused(server, read, error, "answered more than 1 MB")


@BOTH
async def test_the_event_loop_unpacks_nothing_itself(
    monkeypatch: pytest.MonkeyPatch, read: Read, error: type[Exception]
) -> None:
    threads: list[threading.Thread] = []

    def noted(body: bytes, coding: str, limit: int) -> bytes:
        threads.append(threading.current_thread())
        return decoded(body, coding, limit)

    monkeypatch.setattr(bounded, "decoded", noted)
    async with serving(coded(gzip.compress(b"{}"))) as server:
        await refused(server, read, error, "without")

    assert threads
    assert threading.current_thread() not in threads


async def refused(server: Server, read: Read, error: type[Exception], said: str) -> None:
    with raises(error, match=said):
        await read(server)


@BOTH
@pytest.mark.parametrize("coding", ["gzip, gzip", "br", "zstd", "deflate", "identity, gzip", "nonsense"])
async def test_no_content_coding_but_one_gzip_is_read(
    read: Read, error: type[Exception], coding: str
) -> None:
    twice = gzip.compress(gzip.compress(b"{}"))

    async with serving(coded(twice, coding)) as server:
        await refused(server, read, error, f"answered the content coding '{coding}'")


@BOTH
async def test_gzip_alone_is_asked_for(read: Read, error: type[Exception]) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.headers["Accept-Encoding"])
        return web.json_response({})

    async with serving(answer) as server:
        await refused(server, read, error, "without")
    assert asked == ["gzip"]


@BOTH
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(gzip.compress(b"[]")[:-4], id="cut off"),
        pytest.param(gzip.compress(b"[") + gzip.compress(b"]"), id="two in a row"),
        pytest.param(gzip.compress(b"[]") + b"x", id="something behind"),
    ],
)
async def test_gzip_that_does_not_end_with_the_answer_is_damaged(
    read: Read, error: type[Exception], body: bytes
) -> None:
    async with serving(coded(body)) as server:
        await refused(server, read, error, "DecodingError")


def listing(next_one: Callable[[int], str], users: int) -> Answer:
    """Answers both services with pages that never end; `next_one` gives a page's link to the next."""
    page = 0

    async def answer(request: web.Request) -> web.Response:
        nonlocal page
        page += 1
        names = [f"user{page}x{number}" for number in range(users)]
        return web.json_response(
            {
                "items": [in_source(name) for name in names],
                "value": [{"id": name, "userPrincipalName": f"{name}@contoso.com"} for name in names],
                "cursor": next_one(page),
                "@odata.count": 1,
                "@odata.nextLink": f"http://{request.host}/users?{next_one(page)}",
            }
        )

    return answer


async def read_domains(server: Server) -> None:
    async with directory_of(server) as directory:
        await directory.read_domains()


LISTINGS = pytest.mark.parametrize(
    ("read", "error"),
    [(read_graph, GraphError), (read_domains, GraphError), (read_access_control, SourceError)],
)


@LISTINGS
@pytest.mark.parametrize(("users", "pages"), [(0, 7), (2, 5)])
async def test_a_listing_that_never_ends_is_given_up(
    monkeypatch: pytest.MonkeyPatch, read: Read, error: type[Exception], users: int, pages: int
) -> None:
    monkeypatch.setattr(paging, "MOST_PAGES", 6)
    monkeypatch.setattr(paging, "MOST_ITEMS", 9)

    async with serving(listing(str, users)) as server:
        await refused(server, read, error, f"lists without an end: {pages} pages with {pages * users} items")
        assert len([call for call in server.calls if call != "/token"]) == pages


@LISTINGS
async def test_a_listing_that_goes_in_a_circle_is_given_up(read: Read, error: type[Exception]) -> None:
    async with serving(listing(lambda page: str(page % 3), users=0)) as server:
        await refused(server, read, error, "of page 4 a second time; the list is not complete")


@BOTH
async def test_an_answer_that_drips_for_ever_is_given_up(
    monkeypatch: pytest.MonkeyPatch, read: Read, error: type[Exception]
) -> None:
    # Each byte comes in time; only the whole never does.
    monkeypatch.setattr(sdk, "WHOLE_ANSWER_SECONDS", 0.5)
    monkeypatch.setattr(hennge, "WHOLE_ANSWER_SECONDS", 0.5)

    async def answer(request: web.Request) -> web.StreamResponse:
        dripping = web.StreamResponse()
        await dripping.prepare(request)
        with contextlib.suppress(ConnectionError):
            for _ in range(600):
                await dripping.write(b" ")
                await asyncio.sleep(0.05)
        return dripping

    async with serving(answer) as server:
        with raises(error, match="ReadTimeout"):
            await read(server)


@BOTH
async def test_a_broken_compression_is_an_error_like_any_other(read: Read, error: type[Exception]) -> None:
    async with serving(coded(b"not gzip")) as server:
        with raises(error, match="DecodingError"):
            await read(server)


USER = {"id": "1", "userPrincipalName": "aoki@contoso.com"}


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "count"),
        ({"value": []}, "count"),
        ({"@odata.count": "1", "value": []}, "count"),
        ({"@odata.count": 1}, "value"),
        ({"@odata.count": 1, "value": {"id": "1"}}, "value"),
        ({"@odata.count": 1, "value": ["aoki"]}, "value"),
        ({"@odata.count": 1, "value": [{}]}, "without userPrincipalName"),
        ({"@odata.count": 1, "value": [{**USER, "id": 1}]}, "without id"),
        ({"@odata.count": 1, "value": [{**USER, "userPrincipalName": None}]}, "without userPrincipalName"),
        ({"@odata.count": 1, "value": [{**USER, "displayName": {"ja": "青木"}}]}, "display name"),
        ({"@odata.count": 1, "value": [{**USER, "onPremisesImmutableId": ["x"]}]}, "immutable ID"),
        ({"@odata.count": 1, "value": [USER], "@odata.nextLink": {"url": "x"}}, "@odata.nextLink"),
    ],
)
async def test_users_of_another_shape_are_an_error_that_names_the_field(body: object, named: str) -> None:
    async with serving(always(body)) as server:
        with pytest.raises(GraphError) as raised:
            await read_graph(server)

    assert named in english(raised.value)


@pytest.mark.parametrize("body", [{"value": [{"id": None, "isVerified": True}]}, {"value": 1}, {}])
async def test_domains_of_another_shape_are_an_error(body: object) -> None:
    async with serving(always(body)) as server:
        with pytest.raises(GraphError):
            await read_domains(server)


@pytest.mark.parametrize(
    "error", ["denied", None, [], {"message": None}, {"code": 1, "details": "x"}, {"details": [1]}]
)
async def test_an_error_of_another_shape_is_still_an_error(error: object) -> None:
    async with serving(always({"error": error}, 403)) as server:
        with pytest.raises(GraphError) as raised:
            await read_graph(server)

    assert raised.value.status == 403


@pytest.mark.parametrize(
    "responses", ["x", None, [1], [{"id": "0"}], [{"id": "0", "status": "200"}], {"0": {"status": 200}}]
)
async def test_a_batch_of_another_shape_is_no_answer_and_no_success(
    monkeypatch: pytest.MonkeyPatch, responses: object
) -> None:
    monkeypatch.setattr(sending, "TRIES", 1)
    deletion = [Request(method="DELETE", path="/users/1", subject=None)]
    async with serving(always({"responses": responses})) as server, directory_of(server) as directory:
        answers = [pair async for pairs in directory.graph.send(deletion) for pair in pairs]

    assert [(answer.status, answer.error.code) for _, answer in answers] == [(0, "NoAnswer")]


@pytest.mark.parametrize(
    ("body", "named"),
    [
        ([], "an object"),
        ({}, "items"),
        ({"items": {}}, "items"),
        ({"items": ["aoki"]}, "a user was expected"),
        ({"items": [{"name": "aoki"}]}, "username"),
        ({"items": [], "cursor": 1}, "cursor"),
        ({"items": [], "nextCursor": "b"}, "nextcursor"),
        ({"items": [], "next_page": 2, "cursor": None}, "nextpage"),
        ({"items": [], "next": "/users?cursor=b", "cursor": ""}, "next"),
        ({"items": [], "Has More": True}, "hasmore"),
        ({"items": [], "Cursor": "b", "cursor": None}, "cursor"),
        ({"items": [], "paging": {"next": {"href": "/users"}, "size": 10}}, "paging.next"),
    ],
)
async def test_a_page_of_another_shape_is_an_error_that_names_the_field(body: object, named: str) -> None:
    async with serving(always(body)) as server:
        with pytest.raises(SourceError) as raised:
            await read_access_control(server)

    assert named in english(raised.value)


@pytest.mark.parametrize(
    "last", [{"hasMore": False}, {"nextCursor": None, "next": ""}, {"total": 1, "page": {"next": None}}]
)
async def test_a_last_page_that_says_that_it_is_the_last_ends_the_list(last: dict[str, object]) -> None:
    people = [in_source("aoki", status="enabled")]
    async with serving(always({"access_token": "t", "items": people, **last})) as server:
        await read_access_control(server)

    assert server.calls == ["/token", "/users"]


@pytest.mark.parametrize("name", ["GRAPH_BASE_URL", "HENNGE_TOKEN_URL", "HENNGE_API_URL"])
@pytest.mark.parametrize(
    ("url", "taken"),
    [
        ("https://graph.example/v1.0", True),
        ("http://127.0.0.1:8080/v1.0", True),
        ("http://localhost:8080", True),
        ("http://[::1]:8080", True),
        ("http://graph.example/v1.0", False),
        ("http://127.0.0.1.evil.example", False),
        ("http://localhost.evil.example", False),
        ("http://127.0.0.1@evil.example", False),
        ("ftp://127.0.0.1", False),
        ("//graph.example", False),
    ],
)
def test_plain_http_is_for_this_machine_only(name: str, url: str, taken: bool) -> None:
    environment = {
        "AzureWebJobsStorage": "x", "HENNGE_CLIENT_ID": "x", "HENNGE_CLIENT_SECRET": "x", name: url,
    }  # fmt: skip
    if taken:
        assert Settings.from_environment(environment)
    else:
        with pytest.raises(SettingsError, match=name):
            Settings.from_environment(environment)


def test_a_token_for_graph_is_asked_for_its_own_host_only() -> None:
    tokens = AzureTokens("https://microsoftgraph.chinacloudapi.cn/v1.0", Clock())

    assert tokens._scope == "https://microsoftgraph.chinacloudapi.cn/.default"
