"""docs/security.md says who may call what; here every cell of its table is held against the running app."""

import contextlib
import re
from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
import pytest_asyncio

from local.host.worker import Worker
from local.processes import REPOSITORY
from shared.http import endpoints
from shared.http.endpoint import AnyEndpoint, Endpoint
from tests.support.callers import HEADER as PRINCIPAL
from tests.support.callers import IN_FRONT, signed_in
from tests.support.stack import CONTOSO, Json, Stack, in_entra, in_source, load_app, running_stack
from tools.roles_table import HEADER, roles_table

pytestmark = pytest.mark.asyncio(loop_scope="module")

PAGE = (REPOSITORY / "docs" / "security.md").read_text(encoding="utf-8")
FUNCTION_KEY = "the-function-key"
NOBODY = "00000000-0000-4000-8000-000000000000"
PARAMETERS = {
    "domain": CONTOSO,
    "runId": "8204562098021-3a0b02ae",
    "decisionId": "0" * 20,
    "approvalId": NOBODY,
    "objectId": NOBODY,
    "notificationId": "ops",
    "person": "aoki",
    "asset": "api.js",
}
# Who comes, by the name of the column.
CALLERS = {
    "keys: no key": {},
    "keys: key": {"x-functions-key": FUNCTION_KEY},
    "entra: nobody": {},
    "entra: no role": signed_in(),
    "entra: Sync.Reader": signed_in("Sync.Reader"),
    "entra: Sync.Operator": signed_in("Sync.Operator"),
    "entra: Sync.Administrator": signed_in("Sync.Administrator"),
}
# Anybody may call these; a new one belongs here only after somebody has thought about it.
PUBLIC = {
    "GET /api/console",
    "GET /api/console/{asset}",
    "GET /api/health",
    "GET /api/openapi.json",
}


def cells() -> Iterator[tuple[str, str, str]]:
    """(endpoint, column, answer) for every cell of the page's table."""
    for row in re.findall(r"^\| `(\w+ /api/\S+)` \|(.*)\|$", PAGE, re.MULTILINE):
        answers = [cell.strip() for cell in row[1].split("|")]
        yield from ((row[0], column, answer) for column, answer in zip(HEADER[1:], answers, strict=True))


class Modes:
    """One running app for each mode, with somebody to read on both sides."""

    def __init__(self, keys: Stack, entra: Stack) -> None:
        self._by_name = {"keys": keys, "entra": entra}

    async def call(self, column: str, endpoint: str, **headers: str) -> httpx.Response:
        method, path = endpoint.split()
        app = self._by_name[column.partition(":")[0]]
        query = "?q=aoki" if path.endswith("/people") else ""
        body: Json | None = None if method == "GET" else {}
        return await app.http.request(
            method, path.format_map(PARAMETERS) + query, json=body, headers={**CALLERS[column], **headers}
        )


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def modes(storage_accounts: Iterator[str]) -> AsyncIterator[Modes]:
    with pytest.MonkeyPatch.context() as environment:
        for name, value in IN_FRONT.items():
            environment.setenv(name, value)
        async with contextlib.AsyncExitStack() as ending:
            keys, entra = [
                await ending.enter_async_context(
                    running_stack(
                        next(storage_accounts),
                        source=[in_source("aoki")],
                        entra=[in_entra("aoki")],
                        # Nobody is told to wait for a reading.
                        settings={"READ": "live", **settings},
                    )
                )
                for settings in ({"LOCAL_FUNCTION_KEY": FUNCTION_KEY}, {"AUTH_MODE": "entra"})
            ]
            yield Modes(keys, entra)


@pytest.mark.parametrize(("endpoint", "column", "answer"), list(cells()))
async def test_a_caller_is_answered_as_the_page_says(
    modes: Modes, endpoint: str, column: str, answer: str
) -> None:
    reply = await modes.call(column, endpoint)

    if answer == "yes":
        assert reply.status_code not in (401, 403, 503), reply.text
    else:
        assert reply.status_code == int(answer), reply.text


@pytest.mark.parametrize(
    "endpoint", [e for e in endpoints.ENDPOINTS if e.role is not None], ids=lambda e: f"{e.method} {e.path}"
)
async def test_a_refusal_names_the_role_that_is_missing(modes: Modes, endpoint: AnyEndpoint) -> None:
    reply = await modes.call("entra: no role", f"{endpoint.method} /api/{endpoint.path}")

    assert endpoint.role is not None
    assert f"needs the app role {endpoint.role.value} " in reply.json()["detail"]


async def test_a_principal_header_opens_nothing_where_keys_are_asked_for(modes: Modes) -> None:
    reply = await modes.call("keys: no key", "GET /api/domains", **signed_in("Sync.Administrator"))

    assert reply.status_code == 401


async def test_without_the_platform_in_front_a_forged_header_opens_nothing(
    modes: Modes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("WEBSITE_AUTH_ENABLED")

    reply = await modes.call("entra: Sync.Administrator", "POST /api/domains/{domain}/sync")

    assert reply.status_code == 503
    assert "WEBSITE_AUTH_ENABLED" in reply.json()["detail"]


async def test_a_broken_principal_header_is_nobody(modes: Modes) -> None:
    reply = await modes.call("entra: nobody", "GET /api/domains", **{PRINCIPAL: "e30="})

    assert (reply.status_code, reply.json()["title"]) == (401, "Not signed in")


async def test_the_page_has_the_table_of_the_code() -> None:
    assert "\n".join(roles_table()) in PAGE, "run `make docs`"


async def test_only_what_was_thought_about_is_open_to_anybody() -> None:
    assert {f"{e.method} /api/{e.path}" for e in endpoints.ENDPOINTS if e.role is None} == PUBLIC


async def test_every_declared_endpoint_is_in_the_table() -> None:
    declared = [value for value in vars(endpoints).values() if isinstance(value, Endpoint)]

    assert {id(one) for one in declared} == {id(one) for one in endpoints.ENDPOINTS}


async def test_with_keys_the_platform_asks_for_one_wherever_a_role_is_declared() -> None:
    app = load_app({"AzureWebJobsStorage": "x", "HENNGE_CLIENT_ID": "x", "HENNGE_CLIENT_SECRET": "x"})
    levels = {
        trigger.text("route").replace("{*", "{"): trigger.text("authLevel")
        for trigger in (f.trigger for f in (await Worker.of(app)).functions)
        if trigger.type == "httpTrigger"
    }

    for endpoint in endpoints.ENDPOINTS:
        assert levels[endpoint.route.replace("{*", "{")] == (
            "ANONYMOUS" if endpoint.role is None else "FUNCTION"
        ), endpoint.path
