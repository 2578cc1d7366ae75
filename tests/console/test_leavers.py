"""Leavers in the console: the setting, who waits, and deciding about one."""

from playwright.async_api import Page, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.integration.safety.test_leavers import account, started
from tests.integration.safety.test_leavers_over_http import waiting
from tests.support.stack import CONTOSO, StartStack

pytestmark = IN_A_BROWSER


async def test_the_setting_is_made_in_the_form(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack()
    page = await open_page(stack, f"#/domains/{CONTOSO}/sync-logs?dialog=settings&on={CONTOSO}")
    form = page.get_by_role("dialog")
    await form.get_by_label("Block and sign out first").check()
    await form.get_by_label("Delete after").fill("4000")
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_contain_text("Enter 3,650 or less.")
    await form.get_by_label("Delete after").fill("")
    await form.get_by_role("button", name="Save").click()
    await expect(form).to_have_count(0)

    assert (await stack.get(f"domains/{CONTOSO}")).json()["leavers"] == {
        "block": True,
        "deleteAfterDays": None,
    }
    await page.get_by_role("link", name="Leavers").click()
    await expect(page.get_by_role("main")).to_contain_text("blocked first, never deleted")
    await expect(page.get_by_role("main")).to_contain_text("Nobody waits here.")
    await page.get_by_role("link", name="Changes").click()
    row = page.get_by_role("row").filter(has_text="Leavers")
    await expect(row).to_contain_text("deleted at once")
    await expect(row).to_contain_text("blocked first, never deleted")


async def test_who_waits_is_kept_given_a_date_and_deleted(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    await stack.sync()
    page = await open_page(stack, f"#/domains/{CONTOSO}/leavers")
    row = page.get_by_role("row").filter(has_text="Leaver 太郎")
    await expect(row).to_contain_text("Waits")

    await decide(page, "Keep")
    await expect(row).to_contain_text("Kept")
    assert [one["state"] for one in await waiting(stack)] == ["kept"]
    await decide(page, "Wait until")
    await expect(row).to_contain_text("Being blocked")
    await decide(page, "Delete now")
    await expect(page.get_by_role("main")).to_contain_text("Deleted 1")
    assert account(stack, "leaver") is None
    await page.goto(page.url.partition("#")[0] + f"#/domains/{CONTOSO}/changes")
    await expect(page.get_by_role("row").filter(has_text="Delete now")).to_have_count(1)


async def decide(page: Page, order: str) -> None:
    await page.get_by_role("row").get_by_role("button", name=order).click()
    await page.get_by_role("dialog").get_by_role("button", name=order, exact=True).click()
