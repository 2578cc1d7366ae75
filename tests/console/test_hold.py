"""A hold on a person: set, shown and lifted on their page."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.outcomes import object_id
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER


async def test_a_person_is_put_on_hold_and_the_hold_lifted(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("chiba")])
    account = object_id(stack, "chiba")
    page = await open_page(stack, f"#/people/{account}", refusals=True)
    await page.get_by_role("button", name="Hold").click()
    dialog = page.get_by_role("dialog")
    tomorrow = datetime.now(UTC) + timedelta(days=1)
    await dialog.get_by_label("Until the end of").fill(f"{tomorrow:%Y-%m-%d}")
    await dialog.get_by_role("button", name="Hold", exact=True).click()
    await expect(dialog.get_by_role("alert")).to_contain_text("reason")
    await dialog.get_by_label("Reason").fill("HR project")
    await dialog.get_by_role("button", name="Hold", exact=True).click()
    await expect(page.get_by_text("A sync skips this user. On hold until")).to_be_visible()
    await expect(page.get_by_text("ends soon")).to_be_visible()

    await page.goto(f"{page.url.partition('#')[0]}#/domains/{CONTOSO}/changes")
    await expect(page.get_by_role("row").filter(has_text=account)).to_contain_text("HR project")
    await page.get_by_role("link", name=account).click()

    await page.get_by_role("button", name="Lift the hold").click()
    await page.get_by_role("dialog").get_by_role("button", name="Lift the hold").click()
    await expect(page.get_by_text("A sync would delete this user.")).to_be_visible()
    await expect(page.get_by_role("button", name="Hold")).to_be_visible()
