"""The check of a deployed app, run against the local host: with function keys, and with sign-in in front."""

import asyncio
import contextlib
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from aiohttp import ClientSession, web

from local.host import HostProcess
from local.processes import REPOSITORY
from tests.support.callers import HEADER, IN_FRONT, signed_in
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source
from tools.smoke import Smoke, SmokeError, expect_bounded

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]

STRANGERS = "callers without a key or token are refused"
DRY_RUN = "a dry run completes"
LINK = ["the audit log's link works", "the link is for one blob, and ends"]
TIMER = "the hourly timer runs"
TOKEN = {"Authorization": "Bearer token"}
SIGN_IN = "https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize?response_type=code"


@pytest.fixture
async def stack(start_stack: StartStack) -> Stack:
    """Everything but the host."""
    return await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")], host=False)


@contextlib.asynccontextmanager
async def listening(answer: Answer) -> AsyncIterator[str]:
    """A server on loopback that answers everything so."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        yield f"http://127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def without_admin(host: str) -> AsyncIterator[str]:
    """A host whose functions that no request starts are unknown, as on Flex Consumption before triggers are in step."""
    async with ClientSession() as session:

        async def answer(request: web.Request) -> web.StreamResponse:
            if request.path.startswith("/admin/"):
                return web.Response(status=404)
            headers = {n: v for n, v in request.headers.items() if n != "Host"}
            async with session.request(
                request.method, host + request.path_qs, headers=headers, data=await request.read()
            ) as reply:
                kept = {n: v for n, v in reply.headers.items() if n in ("Content-Type", "Location")}
                return web.Response(status=reply.status, headers=kept, body=await reply.read())

        async with listening(answer) as url:
            yield url


@contextlib.asynccontextmanager
async def signing_in(host: str, stranger: tuple[int, str]) -> AsyncIterator[str]:
    """App Service authentication as infra/sign-in.bicep sets it up, before a host.

    Health is for everybody; `stranger` are status and Location of the answer to whoever brings no token.
    """
    async with ClientSession() as session:

        async def answer(request: web.Request) -> web.StreamResponse:
            headers = {n: v for n, v in request.headers.items() if n not in ("Host", HEADER)}
            if request.headers.get("Authorization") == TOKEN["Authorization"]:
                headers |= signed_in("Sync.Operator")
            elif request.path != "/api/health":
                status, location = stranger
                return web.Response(status=status, headers={"Location": location} if location else {})
            async with session.request(
                request.method, host + request.path_qs, headers=headers, data=await request.read()
            ) as reply:
                kept = {n: v for n, v in reply.headers.items() if n in ("Content-Type", "Location")}
                return web.Response(status=reply.status, headers=kept, body=await reply.read())

        async with listening(answer) as url:
            yield url


def timed(stack: Stack) -> dict[str, str]:
    """The app's settings, with the hourly timer switched on: smoke starts it."""
    return {name: value for name, value in stack.settings.items() if not name.endswith(".Disabled")}


@pytest.mark.parametrize(
    ("required", "given", "failed"),
    [
        ("secret", "secret", []),
        ("", "", [STRANGERS]),
        ("secret", "another", [DRY_RUN, *LINK, TIMER]),
    ],
    ids=["a sound app passes", "an open door is found", "a wrong key is found"],
)
async def test_with_function_keys_the_smoke_check_tells_what_is_wrong(
    stack: Stack, required: str, given: str, failed: list[str]
) -> None:
    settings = {**timed(stack), "LOCAL_MASTER_KEY": required}

    with await asyncio.to_thread(HostProcess, settings) as host:
        smoke = Smoke(host.url, CONTOSO, {"x-functions-key": given})

        assert await smoke.check() == failed


@pytest.mark.parametrize(
    ("stranger", "failed"),
    [
        ((302, SIGN_IN), []),
        ((302, "/.auth/login/aad?post_login_redirect_url=%2Fapi%2Fdomains"), []),
        ((401, ""), []),
        ((302, "/api/domains?again=1"), [STRANGERS]),
        ((302, "https://elsewhere.example/.auth/login/aad"), [STRANGERS]),
        ((302, "http://login.microsoftonline.com/"), [STRANGERS]),
        ((200, ""), [STRANGERS]),
    ],
    ids=[
        "sent to Entra",
        "sent to the app's own sign-in",
        "refused",
        "sent to the data",
        "sent elsewhere",
        "sent without encryption",
        "let in",
    ],
)
async def test_with_sign_in_a_stranger_may_be_sent_to_sign_in_and_nowhere_else(
    stack: Stack, stranger: tuple[int, str], failed: list[str]
) -> None:
    settings = {**timed(stack), **IN_FRONT, "AUTH_MODE": "entra"}

    with await asyncio.to_thread(HostProcess, settings) as host:
        async with signing_in(host.url, stranger) as url:
            assert await Smoke(url, CONTOSO, TOKEN).check() == failed


async def test_where_periodic_sync_is_on_the_timer_starts_a_run(stack: Stack) -> None:
    settings = {**timed(stack), "LOCAL_MASTER_KEY": "secret"}
    key = {"x-functions-key": "secret"}

    with await asyncio.to_thread(HostProcess, settings) as host:
        async with httpx.AsyncClient(base_url=host.url, headers=key) as http:
            changed = await http.patch(f"/api/domains/{CONTOSO}", json={"periodicSync": True})
            assert changed.status_code == 200
            assert await Smoke(host.url, CONTOSO, key).check() == []
            runs = (await http.get(f"/api/domains/{CONTOSO}/runs")).json()["runs"]

    assert [run["trigger"] for run in runs] == ["schedule", "manual"]


async def test_a_timer_that_the_host_does_not_know_is_found(stack: Stack) -> None:
    settings = {**timed(stack), "LOCAL_MASTER_KEY": "secret"}

    with await asyncio.to_thread(HostProcess, settings) as host:
        async with without_admin(host.url) as url:
            assert await Smoke(url, CONTOSO, {"x-functions-key": "secret"}).check() == [TIMER]


async def test_an_app_that_cannot_reach_its_source_fails(stack: Stack) -> None:
    settings = {**timed(stack), "HENNGE_CLIENT_SECRET": "wrong", "LOCAL_MASTER_KEY": "secret"}

    with await asyncio.to_thread(HostProcess, settings) as host:
        failed = await Smoke(host.url, CONTOSO, {"x-functions-key": "secret"}).check()

    assert failed[:2] == ["storage, source and Graph are reached", DRY_RUN]


@pytest.mark.parametrize(
    ("environment", "status", "said"),
    [
        ({"SMOKE_KEY": "secret"}, 0, "ok      the hourly timer runs"),
        ({"SMOKE_KEY": "another"}, 1, "failed  a dry run completes: it answered 401"),
        ({}, 1, "Set SMOKE_KEY"),
    ],
    ids=["sound", "refused", "no key"],
)
async def test_on_a_command_line_it_says_what_it_saw_and_ends_accordingly(
    stack: Stack, environment: dict[str, str], status: int, said: str
) -> None:
    settings = {**timed(stack), "LOCAL_MASTER_KEY": "secret"}

    with await asyncio.to_thread(HostProcess, settings) as host:
        command = [sys.executable, "-m", "tools.smoke", host.url, "--domain", CONTOSO]
        ended = await asyncio.to_thread(
            subprocess.run, command, env=environment, cwd=REPOSITORY, capture_output=True, text=True
        )

    assert (ended.returncode, said in ended.stdout + ended.stderr) == (status, True), ended.stdout


def terms(end: timedelta = timedelta(minutes=30), **others: str) -> dict[str, str]:
    ends = (datetime.now(UTC) + end).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"se": ends, "sp": "r", "sr": "b", "sig": "signature"} | others


async def look_at(given: dict[str, str], opens: Callable[[web.Request], bool]) -> None:
    """Checks a link with these terms, to a storage that opens to some requests and refuses the others."""

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=200 if opens(request) else 403)

    async with listening(answer) as url, httpx.AsyncClient() as stranger:
        await expect_bounded(stranger, str(httpx.URL(f"{url}/audit-logs/a.csv", params=given)))


async def test_a_link_that_is_bounded_passes() -> None:
    given = terms()

    await look_at(given, lambda request: request.path.endswith("/a.csv") and dict(request.query) == given)


async def test_a_link_to_a_storage_that_refuses_nothing_fails() -> None:
    with pytest.raises(SmokeError, match="opens another blob too"):
        await look_at(terms(), lambda _: True)


async def test_a_link_whose_end_can_be_moved_fails() -> None:
    with pytest.raises(SmokeError, match="the link does not end"):
        await look_at(terms(), lambda request: request.path.endswith("/a.csv"))


@pytest.mark.parametrize("end", [timedelta(minutes=61), timedelta(minutes=-1)], ids=["too late", "over"])
async def test_a_link_that_works_beyond_its_hour_fails(end: timedelta) -> None:
    given = terms(end)

    with pytest.raises(SmokeError, match="the link ends at"):
        await look_at(given, lambda request: dict(request.query) == given)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"sp": "r", "sr": "b"}, "names no end"),
        (terms(sp="rw"), "grants rw"),
        (terms(sr="c"), "not for one blob"),
    ],
    ids=["no end", "writing", "a whole container"],
)
async def test_a_link_that_grants_more_than_reading_one_blob_for_a_while_fails(
    given: dict[str, str], words: str
) -> None:
    with pytest.raises(SmokeError, match=words):
        await look_at(given, lambda _: True)


async def test_a_link_that_is_refused_fails() -> None:
    with pytest.raises(SmokeError, match="answered 403"):
        await look_at(terms(), lambda _: False)
