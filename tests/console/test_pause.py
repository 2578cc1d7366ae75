"""A pause is seen wherever periodic sync is: in the list, on the domain's page and in its dialog."""

from datetime import UTC, datetime, timedelta

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER


@pytest.mark.parametrize(("locale", "words"), [("en-GB", "Paused until"), ("ja-JP", "一時停止中、再開")])
async def test_the_page_says_until_when_and_why(
    start_stack: StartStack, open_page: OpenPage, locale: str, words: str
) -> None:
    stack = await start_stack()
    await stack.set(periodicSync=True)
    page = await open_page(stack, f"#/?dialog=periodical-sync&on={CONTOSO}", locale=locale)
    await expect(page.get_by_role("dialog")).to_be_visible()
    await expect(page.get_by_text(words)).to_have_count(0)
    later = datetime.now(UTC) + timedelta(days=1)
    await stack.set(pausedUntil=later.isoformat(), pauseReason="HR <b>project</b>")

    await page.reload()

    await expect(page.get_by_role("dialog").get_by_text(words)).to_contain_text("HR <b>project</b>")
    row = page.get_by_role("row", include_hidden=True).filter(has_text=CONTOSO).first
    await expect(row).to_contain_text(words)
    await page.goto(f"{str(stack.http.base_url).rstrip('/')}/api/console#/domains/{CONTOSO}/sync-logs")
    await expect(page.locator("header.domain-head").get_by_text(words)).to_be_visible()


async def test_it_is_set_changed_and_ended(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack()
    await stack.set(periodicSync=True)
    page = await open_page(stack, f"#/?dialog=periodical-sync&on={CONTOSO}")
    await page.get_by_role("button", name="Pause", exact=True).click()
    over = page.get_by_role("dialog", name="Pause", exact=True)
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await over.get_by_label("Until the end of").fill(f"{tomorrow:%Y-%m-%d}")
    await over.get_by_label("Reason").fill("HR project")
    await over.get_by_role("button", name="Pause", exact=True).click()
    dialog = page.get_by_role("dialog", name=f"Periodical Sync: {CONTOSO}")
    await expect(dialog.get_by_text("Paused until")).to_contain_text("HR project")
    assert (await stack.get(f"domains/{CONTOSO}")).json()["pauseReason"] == "HR project"

    await dialog.get_by_role("button", name="End the pause").click()
    await page.get_by_role("dialog", name="End the pause").get_by_role("button", name="End the pause").click()
    await expect(dialog.get_by_text("Paused until")).to_have_count(0)
    assert (await stack.get(f"domains/{CONTOSO}")).json()["pausedUntil"] is None


async def test_a_run_that_a_pause_ended_counts_as_no_trouble(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    later = datetime.now(UTC) + timedelta(days=1)
    await stack.set(periodicSync=True, pausedUntil=later.isoformat())
    await stack.tick()
    await stack.finished((await stack.runs())[0])

    page = await open_page(stack)

    row = page.get_by_role("row").filter(has_text=CONTOSO).first
    await expect(row.locator("strong", has_text="Paused")).to_be_visible()
    await expect(page.get_by_role("button", name="1 paused")).to_be_visible()
