"""Who changed which setting, and putting it back."""

from playwright.async_api import expect

from shared.store.storage import RUNS
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack

pytestmark = IN_A_BROWSER


async def test_a_setting_is_put_back_from_the_list_of_changes(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    await stack.set(maxAllowedDeletions=35)
    await stack.patch("settings", {"usageLocation": "JP"})
    page = await open_page(stack, f"#/domains/{CONTOSO}/sync-logs")
    await page.get_by_role("link", name="Changes").click()
    row = page.get_by_role("row").filter(has_text="Max Allowed Deletions")
    await expect(row).to_contain_text("20%")
    await expect(row).to_contain_text("35%")
    await row.get_by_role("button", name="Put back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Put back", exact=True).click()
    await expect(row).to_have_count(2)
    assert (await stack.get(f"domains/{CONTOSO}")).json()["maxAllowedDeletions"] == 20
    await page.get_by_role("row").filter(has_text="Tenant").get_by_role("button", name="Put back").click()
    await page.get_by_role("dialog").get_by_role("button", name="Put back", exact=True).click()
    await expect(page.get_by_role("row").filter(has_text="Tenant")).to_have_count(2)
    assert (await stack.get("settings")).json()["usageLocation"]["value"] is None


async def test_what_was_changed_meanwhile_is_not_overwritten(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    await stack.set(maxAllowedDeletions=35)
    page = await open_page(stack, f"#/domains/{CONTOSO}/changes", refusals=True)
    await page.get_by_role("button", name="Put back").click()
    await stack.set(maxAllowedDeletions=50)
    await page.get_by_role("dialog").get_by_role("button", name="Put back", exact=True).click()
    await expect(page.get_by_role("alert")).to_contain_text("Changed meanwhile")
    assert (await stack.get(f"domains/{CONTOSO}")).json()["maxAllowedDeletions"] == 50


async def test_the_log_is_verified_from_the_list_of_changes(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    await stack.set(maxAllowedDeletions=35)
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/changes")
    await page.get_by_role("button", name="Verify the log").click()
    await expect(page.get_by_role("status").filter(has_text="The log is whole")).to_be_visible()

    table = await stack.services.storage.open_table(RUNS)
    await table.update_entity({"PartitionKey": CONTOSO, "RowKey": run.id, "status": "altered"})
    await page.get_by_role("button", name="Verify the log").click()

    await expect(page.get_by_role("status").filter(has_text=f"The row {run.id} was altered")).to_be_visible()
