"""The page's files: which there are, with what headers, how large, and asked for again."""

import re
from typing import get_args

import httpx
import pytest
from playwright.async_api import Request, expect

from shared.http.console import ASSETS, LANGUAGES
from shared.model.parts import Language
from tests.console.conftest import IN_ONE_LOOP, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_ONE_LOOP

LARGEST, LARGEST_COMPRESSED = 400_000, 130_000
# Of the first view, as it travels.
MOST_REQUESTS, MOST_BYTES = 6, 180_000
OF_A_LANGUAGE = re.compile(r"(texts|words)\.\w+\.js")


async def plain(stack: Stack, path: str, **headers: str) -> httpx.Response:
    return await stack.get(path, **{"Accept-Encoding": "identity", **headers})


@pytest.mark.parametrize("language", get_args(Language))
async def test_everything_together_is_light(start_stack: StartStack, language: str) -> None:
    stack = await start_stack()
    names = [name for name in ASSETS if LANGUAGES.get(name, language) == language]
    paths = ["console", *(f"console/{name}" for name in names)]
    answers = [await plain(stack, path) for path in paths]
    compressed = [await stack.get(path, **{"Accept-Encoding": "gzip"}) for path in paths]
    assert sum(len(answer.content) for answer in answers) < LARGEST
    assert sum(answer.num_bytes_downloaded for answer in compressed) < LARGEST_COMPRESSED


@pytest.mark.parametrize(
    "path", ["console", "console/console.js", "console/language.ja.js", "console/icon.svg"]
)
async def test_nothing_foreign_may_run_frame_or_be_told_anything(start_stack: StartStack, path: str) -> None:
    answer = await (await start_stack()).get(path)
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert not re.search(r"unsafe|https?:|data:|\*", policy)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Referrer-Policy"] == "no-referrer"


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("console.js", "text/javascript; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
    ],
)
async def test_a_file_has_its_own_content_type(start_stack: StartStack, name: str, kind: str) -> None:
    answer = await (await start_stack()).get(f"console/{name}")
    assert answer.headers["Content-Type"] == kind


async def test_a_file_asked_for_again_is_not_sent_again(start_stack: StartStack) -> None:
    stack = await start_stack()
    first = await stack.get("console/console.js")
    again = await stack.get("console/console.js", **{"If-None-Match": first.headers["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert again.headers["ETag"] == first.headers["ETag"]


async def test_a_file_travels_compressed_to_whoever_takes_that(start_stack: StartStack) -> None:
    stack = await start_stack()
    whole = await plain(stack, "console/console.js")
    small = await stack.get("console/console.js", **{"Accept-Encoding": "gzip"})
    refused = await stack.get("console/console.js", **{"Accept-Encoding": "gzip;q=0"})
    assert small.headers["Content-Encoding"] == "gzip"
    assert 0 < small.num_bytes_downloaded < len(whole.content) / 2
    assert small.content == whole.content == refused.content
    assert "Content-Encoding" not in refused.headers


@pytest.mark.parametrize(
    "name",
    [
        "nothing.js",
        "app.js",
        "style.css",
        "../http/console.py",
        "..%2Fhttp%2Fconsole.py",
        "views",
        "index.html",
    ],
)
async def test_no_other_file_can_be_had(start_stack: StartStack, name: str) -> None:
    answer = await (await start_stack()).get(f"console/{name}")
    assert answer.status_code == 404


@pytest.mark.parametrize("locale", ["en-GB", "ja-JP"])
async def test_the_first_view_takes_few_requests_and_few_bytes(
    start_stack: StartStack, open_page: OpenPage, locale: str
) -> None:
    hundred = [{"id": CONTOSO}, *({"id": f"d{number:03}.example"} for number in range(99))]
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")], domains=hundred)
    await stack.dry_run()
    page = await open_page(stack, "/icon.svg", refusals=True, locale=locale)
    requests: list[Request] = []

    def seen(request: Request) -> None:
        requests.append(request)

    page.on("requestfinished", seen)
    await page.goto(f"{str(stack.http.base_url).rstrip('/')}/api/console")
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_be_visible()
    await page.wait_for_load_state("networkidle")
    sizes = [await request.sizes() for request in requests]
    assert len(requests) <= MOST_REQUESTS, [request.url for request in requests]
    assert sum(size["responseBodySize"] for size in sizes) < MOST_BYTES


async def test_the_audit_log_can_be_had_through_the_app(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("baba")])
    run = await stack.dry_run()
    path = f"domains/{run.domain}/runs/{run.id}/audit-log"
    answer = await stack.get(path, Accept="text/csv", **{"Accept-Encoding": "gzip"})
    assert answer.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.content == await stack.audit_log_bytes(run)
