"""What is typed into a form survives every error, and a form that closes has saved."""

import re
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

SETTINGS = f"#/?dialog=settings&on={CONTOSO}"
LIMIT = "Max Allowed Deletions"
# What the platform answers in front of the app, and what a reader is told.
EMPTY = {
    403: "Azure refused this in front of the app",
    404: "The app itself did not answer",
    500: "The app itself did not answer",
    503: "The app itself did not answer",
}


def first(times: int, method: str, **answer: Any) -> Callable[[Route], Awaitable[None]]:
    """Answers the first requests of that method in the app's place."""
    left = times

    async def handle(route: Route) -> None:
        nonlocal left
        if route.request.method == method and left:
            left -= 1
            await route.fulfill(**answer)
        else:
            await route.fallback()

    return handle


async def kept_limit(stack: Stack) -> int:
    kept: int = (await stack.get(f"domains/{CONTOSO}")).json()["maxAllowedDeletions"]
    return kept


async def press(page: Page, button: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


@pytest.mark.parametrize("status", [500, 503])
async def test_after_any_number_of_errors_save_saves_what_was_typed(
    start_stack: StartStack, open_page: OpenPage, status: int
) -> None:
    stack = await start_stack()
    page = await open_page(stack, SETTINGS, refusals=True)
    await page.route(f"**/api/domains/{CONTOSO}", first(3, "PATCH", status=status))
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(LIMIT, exact=True).fill("35")
    await dialog.get_by_label("Renames at most", exact=True).fill("41")
    await dialog.get_by_label("Accounts that no sync ever knew").select_option("ask")
    for _ in range(3):
        async with page.expect_response(lambda answer: answer.request.method == "PATCH"):
            await press(page, "Save")
        await expect(dialog.get_by_role("alert")).to_be_visible()
        await expect(dialog.get_by_label(LIMIT, exact=True)).to_have_value("35")
    await press(page, "Save")
    await expect(dialog).to_be_hidden()
    domain = (await stack.get(f"domains/{CONTOSO}")).json()
    assert (domain["maxAllowedDeletions"], domain["unlinked"]) == (35, "ask")
    assert domain["maxRenames"] == {"count": 5, "percent": 41}


async def test_a_conflict_shows_what_the_other_changed_and_keeps_what_was_typed(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    page = await open_page(stack, SETTINGS, refusals=True)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label(LIMIT, exact=True).fill("90")
    await stack.set(maxAllowedDeletions=5, maxSourceShrink=7)
    await press(page, "Save")
    await expect(dialog.get_by_role("alert")).to_contain_text("What you typed is kept")
    await expect(dialog.get_by_text("Somebody else changed this meanwhile: 20% → 5%.")).to_be_visible()
    await expect(dialog.get_by_text("Somebody else changed this meanwhile: off → 7%.")).to_be_visible()
    await expect(dialog.get_by_label(LIMIT, exact=True)).to_have_value("90")
    await expect(dialog.get_by_label("Shrinking of the source")).to_have_value("7")
    assert await kept_limit(stack) == 5
    await press(page, "Save")
    await expect(dialog).to_be_hidden()
    domain = (await stack.get(f"domains/{CONTOSO}")).json()
    assert (domain["maxAllowedDeletions"], domain["maxSourceShrink"]) == (90, 7)


async def test_enabling_never_becomes_disabling_because_somebody_else_was_quicker(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    page = await open_page(stack, f"#/?dialog=periodical-sync&on={CONTOSO}", refusals=True)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Enable Periodical Sync")).to_be_visible()
    await stack.set(periodicSync=True)
    await press(page, "Enable Periodical Sync")
    await expect(dialog.get_by_text("Periodical Sync is on")).to_be_visible()
    await expect(dialog.get_by_role("button", name="Disable Periodical Sync")).to_have_count(0)
    assert (await stack.get(f"domains/{CONTOSO}")).json()["periodicSync"] is True


@pytest.mark.parametrize(
    ("typed", "told"),
    [("", "Fill this in."), ("101", "Enter 100 or less."), ("2.5", "Enter a whole number.")],
)
async def test_a_mistake_is_said_at_its_field_before_anything_is_sent(
    start_stack: StartStack, open_page: OpenPage, typed: str, told: str
) -> None:
    stack = await start_stack()
    page = await open_page(stack, SETTINGS)
    field = page.get_by_role("dialog").get_by_label(LIMIT, exact=True)
    await field.fill(typed)
    await press(page, "Save")
    await expect(field).to_be_focused()
    await expect(field).to_have_accessible_description(re.compile(re.escape(told)))
    assert await kept_limit(stack) == 20


async def test_what_the_app_refuses_is_said_at_its_field_and_in_the_readers_words(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    page = await open_page(stack, "#/settings", refusals=True, locale="ja-JP")
    await page.get_by_label("利用場所").fill("日本")
    await page.get_by_label("保護するユーザー").fill("aoki")
    await page.get_by_label("対象範囲").fill("{")
    await page.get_by_role("button", name="試す", exact=True).click()
    await expect(page.get_by_label("対象範囲")).to_be_focused()
    await expect(page.get_by_text("JSON として読み取れません")).to_be_visible()
    await page.get_by_label("対象範囲").fill("")
    await page.get_by_role("button", name="試す", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("印の付いた項目を修正して")
    for label in ("利用場所", "保護するユーザー"):
        await expect(page.get_by_label(label)).to_have_attribute("aria-invalid", "true")
    await expect(page.get_by_text("形式が正しくありません。")).to_be_visible()
    await expect(page.get_by_label("保護するユーザー")).to_have_value("aoki")
    await expect(page.get_by_label("利用場所")).to_have_value("日本")


@pytest.mark.parametrize("status", EMPTY)
async def test_an_empty_answer_is_read_as_the_platforms(
    start_stack: StartStack, open_page: OpenPage, status: int
) -> None:
    page = await open_page(await start_stack(), refusals=True)
    await page.route("**/api/settings", first(1, "GET", status=status))
    await page.evaluate("location.hash = '#/settings'")
    await expect(page.get_by_role("alert")).to_contain_text(EMPTY[status])
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_label("Attribute map")).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_without_the_key_the_page_still_says_what_it_needs(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(settings={"LOCAL_FUNCTION_KEY": "right"}), refusals=True)
    dialog = page.get_by_role("dialog", name="Function key")
    await expect(dialog).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text("Loading…")).to_have_count(0)
    await page.get_by_role("button", name="Enter the key").click()
    await dialog.get_by_label("Function key").fill("right")
    await dialog.get_by_role("button", name="Use this key").click()
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_be_visible()
    await expect(page.get_by_role("alert")).to_have_count(0)


async def test_a_session_that_ended_goes_on_where_it_was(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    """The session is the platform's: an empty 401 while there is none."""
    stack = await start_stack()
    page = await open_page(stack, SETTINGS, refusals=True)
    await page.evaluate("document.documentElement.dataset.auth = 'entra'")
    dialog = page.locator("#dialog")
    await dialog.get_by_label(LIMIT, exact=True).fill("35")
    await page.route("**/api/domains**", (ended := first(1, "PATCH", status=401)))
    await press(page, "Save")
    asked = page.get_by_role("dialog", name="Not signed in")
    await expect(asked.get_by_role("link", name="Sign in")).to_have_attribute("target", "_blank")
    await page.keyboard.press("Escape")
    await expect(dialog.get_by_role("button", name="Sign in")).to_be_visible()
    await dialog.get_by_role("button", name="Sign in").click()
    await asked.get_by_role("button", name="I have signed in").click()
    await expect(asked).to_be_hidden()
    await page.unroute("**/api/domains**", ended)
    await expect(dialog.get_by_label(LIMIT, exact=True)).to_have_value("35")
    await press(page, "Save")
    await expect(dialog).to_be_hidden()
    assert await kept_limit(stack) == 35


async def test_signing_in_leads_back_to_the_address_that_was_asked_for(
    start_stack: StartStack, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    address = f"#/domains/{CONTOSO}/sync-logs"
    page = await open_page(await start_stack(settings={"AUTH_MODE": "entra"}), address, refusals=True)
    home = page.url.partition("#")[0]

    async def platform(route: Route) -> None:
        await route.fulfill(status=302, headers={"Location": home})

    await page.route("**/.auth/login/aad**", platform)
    await page.get_by_role("dialog").get_by_role("link", name="Sign in").click()
    await page.wait_for_url(lambda url: url.endswith(address))
