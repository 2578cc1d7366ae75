"""Requests at the edge: what Kestrel, the Functions host and App Service's front end make of them.

Each rule was seen on Microsoft's Functions host 4.1037 with Python worker 4.34.0, or is its source's.
"""

# ruff: noqa: ARG001 - a trigger's argument is there whether the function looks at it or not

import asyncio
import gzip
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

import azure.functions as func
import httpx
import pytest

from local.host import Host, serve
from tests.support.stack import NO_CERTIFICATES, Json

KEYS = {"LOCAL_FUNCTION_KEY": "host-key,other-key", "LOCAL_MASTER_KEY": "master"}
ANY = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
LONGEST_LINE = 8192
LARGEST_HEADERS = 32768


def app() -> func.FunctionApp:
    """`/api/show/…` answers what the function sees, `/api/guarded` and `/api/nothing` nothing much."""
    app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

    @app.route("show/{*rest}", methods=ANY)
    async def show(req: func.HttpRequest) -> func.HttpResponse:
        seen = {
            "method": req.method,
            "url": req.url,
            "rest": req.route_params.get("rest"),
            "headers": dict(req.headers),
            "body": req.get_body().decode("latin-1"),
        }
        return func.HttpResponse(json.dumps(seen))

    @app.route("guarded", auth_level=func.AuthLevel.FUNCTION)
    async def guarded(req: func.HttpRequest) -> str:
        return "in"

    @app.route("nothing")
    async def nothing(req: func.HttpRequest) -> func.HttpResponse:
        return func.HttpResponse(status_code=202)

    @app.timer_trigger("timer", "0 0 0 1 1 *")
    async def yearly(timer: func.TimerRequest) -> None: ...

    return app


@asynccontextmanager
async def running(environ: Mapping[str, str] = {}) -> AsyncIterator[tuple[Host, httpx.AsyncClient]]:
    async with (
        serve(app(), environ=environ, host_json={}) as host,
        httpx.AsyncClient(base_url=host.url, verify=NO_CERTIFICATES) as http,
    ):
        yield host, http


async def raw(host: Host, request: str | bytes) -> tuple[int, dict[str, str], bytes]:
    """Status, headers and body, as they come over the wire."""
    reader, writer = await asyncio.open_connection("127.0.0.1", urlsplit(host.url).port)
    writer.write(request.encode() if isinstance(request, str) else request)
    await writer.drain()
    async with asyncio.timeout(10):
        status, *lines = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
        headers = dict(line.split(": ", 1) for line in lines)
        body = b"" if headers.get("Content-Length") == "0" else await reader.read()
    writer.close()
    return int(status.split()[1]), headers, body


def get(target: str, *headers: str, method: str = "GET", version: str = "1.1") -> str:
    lines = [f"{method} {target} HTTP/{version}", "Host: x", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""])


class TestBodies:
    async def test_a_chunked_body_does_not_arrive(self) -> None:
        async def chunks() -> AsyncIterator[bytes]:
            yield b'{"dryRun": true}'

        async with running() as (_, http):
            seen: Json = (await http.post("/api/show/x", content=chunks())).json()

        assert (seen["body"], seen["headers"]["transfer-encoding"]) == ("", "chunked")

    async def test_a_compressed_body_arrives_as_it_is(self) -> None:
        body = gzip.compress(b"{}", mtime=0)
        async with running() as (_, http):
            answer = await http.post("/api/show/x", content=body, headers={"Content-Encoding": "gzip"})

        assert answer.json()["body"] == body.decode("latin-1")

    async def test_one_over_a_hundred_megabytes_is_an_empty_500(self) -> None:
        async with running() as (host, _):
            status, _, body = await raw(
                host, get("/api/show/x", f"Content-Length: {100 * 1024 * 1024 + 1}", method="POST")
            )

        assert (status, body) == (500, b"")

    async def test_a_client_that_waits_for_it_is_told_to_go_on(self) -> None:
        async with running() as (host, _):
            request = get("/api/show/x", "Content-Length: 2", "Expect: 100-continue", method="POST")
            status, _, rest = await raw(host, request + "{}")

        assert status == 100
        assert rest.startswith(b"HTTP/1.1 200 OK")


class TestClientsThatGo:
    async def test_one_that_resets_does_not_stop_the_function(self) -> None:
        started, release, finished = asyncio.Event(), asyncio.Event(), asyncio.Event()
        slow = func.FunctionApp()

        @slow.route("slow")
        async def wait(req: func.HttpRequest) -> str:
            started.set()
            await release.wait()
            finished.set()
            return ""

        async with serve(slow, environ={}, host_json={}) as host:
            _, writer = await asyncio.open_connection("127.0.0.1", urlsplit(host.url).port)
            writer.write(get("/api/slow").encode())
            await asyncio.wait_for(started.wait(), 10)
            writer.transport.abort()
            release.set()
            await asyncio.wait_for(finished.wait(), 10)


class TestAnswers:
    @pytest.mark.parametrize(
        ("version", "framing"),
        [("1.1", {"Transfer-Encoding": "chunked"}), ("1.0", {"Content-Length"})],
    )
    async def test_one_with_a_body_goes_out_chunked(
        self, version: str, framing: set[str] | dict[str, str]
    ) -> None:
        async with running() as (host, _):
            _, headers, _ = await raw(host, get("/api/show/x", version=version))

        assert {"Transfer-Encoding", "Content-Length"} & headers.keys() == set(framing)

    async def test_one_without_a_body_has_the_length_nought(self) -> None:
        async with running() as (host, _):
            status, headers, body = await raw(host, get("/api/nothing"))

        assert (status, headers["Content-Length"], body) == (202, "0", b"")

    @pytest.mark.parametrize(
        ("environ", "status", "kind"),
        [
            ({}, 200, "text/html; charset=utf-8"),
            ({"AzureWebJobsDisableHomepage": "True"}, 204, None),
        ],
    )
    async def test_the_root_is_microsofts_page_unless_it_is_switched_off(
        self, environ: dict[str, str], status: int, kind: str | None
    ) -> None:
        async with running(environ) as (_, http):
            answer = await http.get("/")

        assert (answer.status_code, answer.headers.get("Content-Type")) == (status, kind)
        assert bool(answer.text) is (status == 200)


class TestKeys:
    @pytest.mark.parametrize(
        ("query", "headers", "status"),
        [
            ("", {}, 401),
            ("?code=host-key", {}, 200),
            ("?code=other-key", {}, 200),
            ("?code=master", {}, 200),
            ("?Code=host-key", {}, 401),
            ("?code=wrong", {"x-functions-key": "host-key"}, 200),
            ("?code=host-key", {"x-functions-key": "wrong"}, 401),
            ("?code=host-key", {"x-functions-key": ""}, 401),
            ("?code=", {}, 401),
            ("?code=host-key,other-key", {}, 401),
            ("", {"x-functions-key": "ключ".encode()}, 401),
        ],
    )
    @pytest.mark.parametrize("method", ["GET", "HEAD"])
    async def test_any_key_of_the_host_opens_a_function_and_a_header_wins(
        self, method: str, query: str, headers: dict[str, str], status: int
    ) -> None:
        async with running(KEYS) as (_, http):
            answer = await http.request(method, f"/api/guarded{query}", headers=headers)

        assert answer.status_code == status
        assert answer.text == ("in" if status == 200 and method == "GET" else "")

    @pytest.mark.parametrize(
        ("key", "body", "status"),
        [
            ("", b"{}", 401),
            ("wrong", b"{}", 401),
            ("host-key", b"{}", 403),
            ("master", None, 415),
            ("master", b"", 400),
            ("master", b"[]", 400),
            ("master", b"{}", 202),
        ],
    )
    async def test_the_admin_api_takes_the_master_key_and_a_json_body(
        self, key: str, body: bytes | None, status: int
    ) -> None:
        headers = {"Content-Type": "application/json"} if body is not None else {}
        async with running(KEYS) as (_, http):
            answer = await http.post(
                "/admin/functions/yearly", content=body, headers={**headers, "x-functions-key": key}
            )
            state = await http.get("/admin/host/status", headers={"x-functions-key": key})

        assert (answer.status_code, answer.text) == (status, "")
        assert answer.headers.get("WWW-Authenticate") == ("Bearer" if status == 401 else None)
        assert state.status_code == (status if status in (401, 403) else 200)

    async def test_a_function_that_is_not_there_is_not_found(self) -> None:
        async with running() as (_, http):
            assert (await http.post("/admin/functions/nobody", json={})).status_code == 404
            assert (await http.get("/admin/functions/yearly")).status_code == 404


class TestPathsAndMethods:
    @pytest.mark.parametrize(
        ("target", "rest", "url"),
        [
            ("/api/show/a/../b/./c", "b/c", "/api/show/b/c"),
            ("/api/other/%2e%2e/show/x", "x", "/api/show/x"),
            ("/API/Show/a//b?q=1", "a//b", "/API/Show/a//b?q=1"),
            ("/api/show/a%2fb%2Fc", "a%2fb%2Fc", "/api/show/a%2fb%2Fc"),
            ("/api/show/%FF", "%FF", "/api/show/%FF"),
            ("/api/show/%e4%be%8b%20", "例 ", "/api/show/%E4%BE%8B%20"),
            ("http://other/api/show/x", "x", "/api/show/x"),
        ],
    )
    async def test_a_path_is_resolved_before_it_is_routed(self, target: str, rest: str, url: str) -> None:
        async with running() as (_, http):
            answer = await http.request("GET", "/", extensions={"target": target.encode()})

        assert answer.status_code == 200
        assert (
            answer.json()["rest"],
            urlsplit(answer.json()["url"])._replace(scheme="", netloc="").geturl(),
        ) == (
            rest,
            url,
        )

    @pytest.mark.parametrize(
        ("target", "status"),
        [("/api//show/x", 404), ("//api/show/x", 404), ("/api/show/%00", 400), ("/elsewhere", 404)],
    )
    async def test_what_has_no_function_is_answered_with_nothing(self, target: str, status: int) -> None:
        async with running() as (host, _):
            answer = await raw(host, get(target))

        assert (answer[0], answer[2]) == (status, b"")

    @pytest.mark.parametrize(
        ("method", "status"), [("get", 200), ("pAtCh", 200), ("BREW", 404), ("x-y", 404)]
    )
    async def test_a_method_is_taken_in_any_case_and_an_unknown_one_not_found(
        self, method: str, status: int
    ) -> None:
        async with running() as (host, _):
            assert (await raw(host, get("/api/show/x", method=method)))[0] == status

    async def test_what_is_no_http_is_an_empty_400(self) -> None:
        async with running() as (host, _):
            status, _, body = await raw(host, "nonsense\r\n\r\n")

        assert (status, body) == (400, b"")


class TestLimits:
    @pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 414)])
    async def test_a_request_line_has_eight_kilobytes(self, over: int, status: int) -> None:
        target = "/api/show/x?q="
        target += "a" * (LONGEST_LINE + over - len(f"GET {target} HTTP/1.1\r\n"))
        async with running() as (host, _):
            assert (await raw(host, get(target)))[0] == status

    @pytest.mark.parametrize(("over", "status"), [(0, 200), (1, 431)])
    async def test_headers_have_thirty_two_kilobytes(self, over: int, status: int) -> None:
        others = len("Host: x\r\nConnection: close\r\nX: \r\n")
        async with running() as (host, _):
            answer = await raw(host, get("/api/show/x", "X: " + "a" * (LARGEST_HEADERS + over - others)))

        assert answer[0] == status

    @pytest.mark.parametrize(("count", "status"), [(100, 200), (101, 431)])
    async def test_there_are_a_hundred_headers_at_most(self, count: int, status: int) -> None:
        async with running() as (host, _):
            answer = await raw(host, get("/api/show/x", *(f"X-{n}: y" for n in range(count - 2))))

        assert answer[0] == status


@pytest.mark.parametrize(
    ("sent", "before"), [({}, ""), ({"X-Forwarded-For": "10.9.9.9, 1.1.1.1"}, "10.9.9.9, 1.1.1.1, ")]
)
async def test_the_front_end_adds_the_callers_address_with_its_port(
    sent: dict[str, str], before: str
) -> None:
    async with running() as (_, http):
        seen = (await http.get("/api/show/x", headers=sent)).json()["headers"]["x-forwarded-for"]

    address, _, port = seen.removeprefix(before).partition(":")
    assert seen.startswith(before)
    assert address == "127.0.0.1"
    assert port.isdecimal()
