"""A real browser in front of a whole product; every test fails on what no page should ever do."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Any, Literal, Protocol, Unpack
from urllib.parse import urlsplit

import pytest
import pytest_asyncio
from playwright.async_api import Browser, BrowserContext, ConsoleMessage, Page, Request, expect

from tests.support.stack import Stack, StackOptions, StartStack, running_stack
from tools.browser import MISSING, chromium, running_browser

# One loop for all of these tests: a browser lives longer than a test.
LOOP: Literal["package"] = "package"
IN_ONE_LOOP = pytest.mark.asyncio(loop_scope=LOOP)
# What they say of shared/, the tests over HTTP have said already.
IN_A_BROWSER = [IN_ONE_LOOP, pytest.mark.untraced]
DESKTOP = {"width": 1280, "height": 800}
PATIENCE = 15_000
expect.set_options(timeout=PATIENCE)


class OpenPage(Protocol):
    """The fixture `open_page`."""

    async def __call__(
        self, stack: Stack, address: str = "", *, refusals: bool = False, **context: Any
    ) -> Page: ...


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if chromium() is None:
        terminalreporter.write_sep("!", MISSING, red=True, bold=True)


@pytest_asyncio.fixture(scope="package", loop_scope=LOOP)
async def browser() -> AsyncIterator[Browser]:
    if chromium() is None:
        pytest.skip(MISSING)
    async with running_browser() as running:
        yield running


@pytest_asyncio.fixture(loop_scope=LOOP)
async def start_stack(storage_accounts: Iterator[str]) -> AsyncIterator[StartStack]:
    """As everywhere, but in the loop of the browser."""
    async with contextlib.AsyncExitStack() as ending:

        async def start(**options: Unpack[StackOptions]) -> Stack:
            return await ending.enter_async_context(running_stack(next(storage_accounts), **options))

        yield start


@pytest_asyncio.fixture(loop_scope=LOOP)
async def open_page(browser: Browser) -> AsyncIterator[OpenPage]:
    """Opens the page at an address in a fresh tab, in English unless `locale` says otherwise.

    With `refusals` the browser's own notes about answers that are errors, or that never came, are expected.
    """
    contexts: list[BrowserContext] = []
    complaints: list[str] = []

    async def opened(stack: Stack, address: str = "", *, refusals: bool = False, **options: Any) -> Page:
        settings: dict[str, Any] = {
            "locale": "en-GB",
            "timezone_id": "Asia/Tokyo",
            "viewport": DESKTOP,
            **options,
        }
        context = await browser.new_context(**settings)
        context.set_default_timeout(PATIENCE)
        contexts.append(context)
        page = await context.new_page()
        home = str(stack.http.base_url).rstrip("/")

        def heard(message: ConsoleMessage) -> None:
            expected = refusals and message.text.startswith("Failed to load resource")
            if message.type in ("error", "warning") and not expected:
                complaints.append(f"console: {message.text}")

        def asked(request: Request) -> None:
            # A download leaves the page; nothing else may.
            same = urlsplit(request.url).netloc == urlsplit(home).netloc
            if not same and not request.is_navigation_request():
                complaints.append(f"foreign request: {request.url}")

        page.on("console", heard)
        page.on("pageerror", lambda error: complaints.append(f"error: {error}"))
        page.on("request", asked)
        await page.goto(f"{home}/api/console{address}")
        return page

    yield opened
    for context in contexts:
        await context.close()
    assert complaints == []
