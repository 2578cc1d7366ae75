"""Nothing but what an endpoint takes gets in, and a name reaches its own rows and blobs only."""

import asyncio
from collections.abc import AsyncIterator
from urllib.parse import quote

import azure.functions as func
import httpx
import pytest

from shared.http import endpoints
from shared.http.endpoint import LARGEST_BODY, AnyEndpoint
from shared.model.domains import DomainSettings
from shared.services import Services
from shared.settings import Settings
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

RUN_ID = "8204562098021-3a0b02ae"
OBJECT_ID = "00000000-0000-4000-8000-000000000000"
JAPANESE, PUNYCODE = "日本語.example", "xn--wgv71a119e.example"
# Ways to say another path, and what the platform might hand over of them. It resolves the first itself.
DOTS = [".", "..", "%2e", "%2e%2e"]
CROOKED = [
    *DOTS, "..%2f..", "..%2Fother.example", "contoso.com%2f..%2fother.example", "..%5c..",
    "contoso.com%00", "contoso.com%0a", "contoso.com;x=1", "contoso.com%23", "contoso.com%3f", "%20contoso.com",
    "contoso.com.", "contoso..com", "-contoso.com", "contoso_.com", "'", "' or PartitionKey ne '", "com", "*",
    "%ff%fe", "a" * 64 + ".com", "%EF%BC%8E%EF%BC%8E",
]  # fmt: skip
DECODED = [
    "../other.example",
    "..\\other.example",
    "contoso.com/../other.example",
    "contoso.com\n",
    "a\x00.com",
]
RUN_ENDPOINTS = [e for e in endpoints.ENDPOINTS if "{runId}" in e.path]
DOMAIN_ENDPOINTS = [e for e in endpoints.ENDPOINTS if "{domain}" in e.path]


def named(endpoint: AnyEndpoint) -> str:
    return f"{endpoint.method} {endpoint.path}"


@pytest.fixture
async def stack(start_stack: StartStack) -> Stack:
    return await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])


async def call(stack: Stack, endpoint: AnyEndpoint, domain: str, run_id: str = RUN_ID) -> httpx.Response:
    path = endpoint.path.replace("{domain}", domain).replace("{runId}", run_id)
    body = {"periodicSync": True} if endpoint.method == "PATCH" else {}
    # As written: the client would resolve .. by itself, before anybody else sees it.
    target = quote(f"/api/{path}", safe="/?=%;'*").encode()
    return await stack.http.request(
        endpoint.method, "/", json=None if endpoint.method == "GET" else body, extensions={"target": target}
    )


def found_nowhere(endpoint: AnyEndpoint, name: str) -> set[int]:
    """The statuses for a name that is none: the host refuses a zero byte with 400, and without its last segment a path
    to read is another one, with an answer of its own."""
    resolved = {200} if name in DOTS and endpoint.method == "GET" else set()
    return {404, 405} | resolved | ({400} if "%00" in name else set())


async def test_a_crooked_domain_is_not_found_anywhere(stack: Stack) -> None:
    for endpoint in DOMAIN_ENDPOINTS:
        for domain in CROOKED:
            answer = await call(stack, endpoint, domain)
            assert answer.status_code in found_nowhere(endpoint, domain), (
                named(endpoint),
                domain,
                answer.text,
            )
    assert await stack.services.domains.read_all() == {}


async def test_a_crooked_run_id_is_not_found_anywhere(stack: Stack) -> None:
    await stack.dry_run()
    pointers = ["active", "last-dryRun", "dry-run-log", "settings"]
    for endpoint in RUN_ENDPOINTS:
        for run_id in [
            *pointers,
            *CROOKED,
            f"{RUN_ID}%0a",
            RUN_ID.upper(),
            f"{RUN_ID}0",
            "０" * 13 + "-3a0b02ae",
        ]:
            answer = await call(stack, endpoint, CONTOSO, run_id)
            assert answer.status_code in found_nowhere(endpoint, run_id), (
                named(endpoint),
                run_id,
                answer.text,
            )


@pytest.mark.parametrize("name", DECODED)
@pytest.mark.parametrize("parameter", ["domain", "runId"])
async def test_a_slash_that_the_platform_has_decoded_is_refused_all_the_same(
    name: str, parameter: str
) -> None:
    # Whichever way a front end treats %2F: this is the worst that could reach the app.
    services = Services(Settings.from_environment(_SETTINGS))
    request = func.HttpRequest(
        "GET", "/api/domains", route_params={"domain": CONTOSO, "runId": RUN_ID, parameter: name}, body=b""
    )

    for endpoint in RUN_ENDPOINTS:
        if endpoint.method == "GET":
            assert (await endpoint(services, request)).status_code == 404


_SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "HENNGE_CLIENT_ID": "x",
    "HENNGE_CLIENT_SECRET": "x",
    "GRAPH_BASE_URL": "http://127.0.0.1:1/v1.0",
}


async def test_one_domains_run_is_not_found_under_another(start_stack: StartStack) -> None:
    domains: list[Json] = [{"id": CONTOSO, "isDefault": True}, {"id": "other.example"}]
    stack = await start_stack(source=[in_source("aoki")], domains=domains)
    run = await stack.dry_run()

    for endpoint in RUN_ENDPOINTS:
        answer = await call(stack, endpoint, "other.example", run.id)
        assert answer.status_code == 404, (named(endpoint), answer.text)


@pytest.mark.parametrize("name", [JAPANESE, PUNYCODE, PUNYCODE.upper(), "日本語。example"])
async def test_an_international_domain_is_known_by_its_own_letters(
    start_stack: StartStack, name: str
) -> None:
    stack = await start_stack(domains=[{"id": PUNYCODE, "isDefault": True}])

    answer = await stack.get(f"domains/{name}")

    assert (answer.status_code, answer.json()["name"]) == (200, PUNYCODE)


async def test_ten_megabytes_are_refused_by_their_size(stack: Stack) -> None:
    large = b'{"periodicSync": ' + b" " * 10_000_000 + b"true}"
    for endpoint in DOMAIN_ENDPOINTS:
        if endpoint.method != "GET":
            path = (
                endpoint.path.replace("{domain}", CONTOSO)
                .replace("{runId}", RUN_ID)
                .replace("{objectId}", OBJECT_ID)
            )
            answer = await stack.http.request(
                endpoint.method, f"/api/{path}", content=large, headers={"Content-Type": "application/json"}
            )
            assert (answer.status_code, answer.json()["title"]) == (413, "Body too large"), named(endpoint)
    assert await stack.runs() == []


async def test_a_body_as_large_as_allowed_is_read(stack: Stack) -> None:
    body = b'{"periodicSync": true}'

    answer = await stack.http.patch(
        f"/api/domains/{CONTOSO}",
        content=body + b" " * (LARGEST_BODY - len(body)),
        headers={"Content-Type": "application/json"},
    )

    assert (answer.status_code, answer.json()["periodicSync"]) == (200, True)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("dry-run", {"force": True}, "force"),
        ("sync", {"approve": {"dryRunId": RUN_ID, "all": True}}, "approve.all"),
        # One name for each field: Python's own is none of the API.
        ("sync", {"approve": {"dry_run_id": RUN_ID}}, "approve.dry_run_id"),
        ("sync", {"approve": {"dryRunId": "../../x"}}, "approve.dryRunId"),
        (f"runs/{RUN_ID}/cancel", {"now": 1}, "now"),
        (f"runs/{RUN_ID}/undo", {"dryRun": "yes"}, "dryRun"),
        (f"runs/{RUN_ID}/undo", {"disable_added": True}, "disable_added"),
    ],
)
async def test_an_unknown_or_bad_field_is_refused_by_its_name(
    stack: Stack, path: str, body: object, field: str
) -> None:
    answer = await stack.post(f"domains/{CONTOSO}/{path}", body)

    assert answer.status_code == 400
    assert field in [error["field"] for error in answer.json()["errors"]]


@pytest.mark.parametrize(
    "limit", [{"count": "5"}, {"count": True}, {"count": -1}, {"count": 10**30}, {}, {"percent": 101}]
)
async def test_a_limit_is_a_whole_number_in_its_bounds(stack: Stack, limit: object) -> None:
    answer = await stack.patch(f"domains/{CONTOSO}", {"maxAdds": limit})

    assert answer.status_code == 400
    assert (await stack.services.domains.read_settings(CONTOSO)).complete() == DomainSettings()


@pytest.mark.parametrize("endpoint", [e for e in endpoints.ENDPOINTS if e.method == "GET"], ids=named)
async def test_an_unknown_parameter_is_refused_by_its_name(stack: Stack, endpoint: AnyEndpoint) -> None:
    path = (
        endpoint.path.replace("{domain}", CONTOSO)
        .replace("{runId}", RUN_ID)
        .replace("{objectId}", OBJECT_ID)
        .replace("{asset}", "api.js")
    )

    answer = await stack.get(f"{path}?surprise=1")

    assert answer.status_code == 400
    assert "surprise" in [error["field"] for error in answer.json()["errors"]]


async def test_a_script_may_start_a_run_without_body_and_type(stack: Stack) -> None:
    # curl -X POST …/dry-run
    answer = await stack.http.post(f"/api/domains/{CONTOSO}/dry-run")

    assert answer.status_code == 202
    assert "Content-Type" not in answer.request.headers


CHANGING = [e for e in endpoints.ENDPOINTS if e.changes]


async def in_chunks(body: bytes) -> AsyncIterator[bytes]:
    yield body


@pytest.mark.parametrize("endpoint", CHANGING, ids=named)
@pytest.mark.parametrize("kind", [{}, {"Content-Type": "application/json"}], ids=["bare", "JSON"])
async def test_a_chunked_body_which_the_host_does_not_hand_over_is_never_taken_for_the_defaults(
    stack: Stack, endpoint: AnyEndpoint, kind: dict[str, str]
) -> None:
    path = (
        endpoint.path.replace("{domain}", CONTOSO).replace("{runId}", RUN_ID).replace("{objectId}", OBJECT_ID)
    )

    answer = await stack.http.request(
        endpoint.method, f"/api/{path}", content=in_chunks(b'{"dryRun": true}'), headers=kind
    )

    assert (answer.status_code, answer.json()["title"]) == (411, "Length missing")
    assert await stack.runs() == []


@pytest.mark.parametrize("endpoint", CHANGING, ids=named)
@pytest.mark.parametrize("content", [b"", b" ", b"\r\n"])
async def test_an_empty_body_that_is_called_json_is_never_taken_for_the_defaults(
    stack: Stack, endpoint: AnyEndpoint, content: bytes
) -> None:
    path = (
        endpoint.path.replace("{domain}", CONTOSO).replace("{runId}", RUN_ID).replace("{objectId}", OBJECT_ID)
    )

    answer = await stack.http.request(
        endpoint.method, f"/api/{path}", content=content, headers={"Content-Type": "application/json"}
    )

    assert (answer.status_code, answer.json()["title"]) == (400, "Bad body")
    assert await stack.runs() == []


OWN_PAGE = {"X-Requested-With": "console", "Sec-Fetch-Site": "same-origin"}


@pytest.mark.parametrize(
    ("content", "headers"),
    [
        (b"", {"Content-Type": "text/plain"}),
        (b"{}", {}),
        (b"{}", {"Content-Type": "text/plain"}),
        (b"{}", {"Content-Type": "application/json-seq"}),
        (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}),
        (b"", OWN_PAGE),
        (b"", {**OWN_PAGE, "Content-Type": "multipart/form-data; boundary=x"}),
    ],
)
async def test_any_other_type_is_refused(stack: Stack, content: bytes, headers: dict[str, str]) -> None:
    origin = {"Origin": str(stack.http.base_url).rstrip("/")} if "Sec-Fetch-Site" in headers else {}

    answer = await stack.http.post(
        f"/api/domains/{CONTOSO}/dry-run", content=content, headers={**headers, **origin}
    )

    assert answer.status_code == 415, answer.text
    assert await stack.runs() == []


async def test_a_foreign_pages_form_starts_nothing(stack: Stack) -> None:
    answer = await stack.post(
        f"domains/{CONTOSO}/sync", Origin="https://evil.example", Cookie="AppServiceAuthSession=x"
    )

    assert (answer.status_code, answer.json()["title"]) == (403, "Request from another site")
    assert await stack.runs() == []


async def test_the_apps_own_page_starts_a_run(stack: Stack) -> None:
    origin = str(stack.http.base_url).rstrip("/")

    answer = await stack.post(f"domains/{CONTOSO}/dry-run", Origin=origin, **OWN_PAGE)

    assert answer.status_code == 202


async def test_no_other_site_is_ever_allowed_to_ask(stack: Stack) -> None:
    asked = {"Origin": "https://evil.example", "Access-Control-Request-Method": "POST"}

    answer = await stack.http.options(f"/api/domains/{CONTOSO}/sync", headers=asked)

    assert answer.status_code == 405
    assert not [name for name in answer.headers if name.lower().startswith("access-control-")]


async def test_of_a_thousand_starts_one_is_accepted_and_the_host_stays_responsive(stack: Stack) -> None:
    statuses: list[int] = []
    most_overtaking = 0

    async def start(times: int) -> None:
        for _ in range(times):
            answer = await stack.post(f"domains/{CONTOSO}/sync")
            statuses.append(answer.status_code)

    async def ask_for_health() -> None:
        nonlocal most_overtaking
        while (before := len(statuses)) < 1000:
            assert (await stack.get("health")).status_code == 200
            most_overtaking = max(most_overtaking, len(statuses) - before)
            await asyncio.sleep(0.05)

    # The run waits for Graph until the last of them is answered; who starts one does not.
    stack.hold_up()
    await asyncio.gather(ask_for_health(), *(start(100) for _ in range(10)))

    assert (statuses.count(202), statuses.count(409)) == (1, 999)
    # A question about health waits its turn among ten, never for the thousand.
    assert most_overtaking < 100
    assert len(await stack.runs()) == 1
