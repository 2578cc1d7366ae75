"""Sync Now: what it says before it asks, and that it does just that."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import Page, expect

from shared.store.storage import DOMAINS
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

STAYING = ("aoki", "baba", "chiba")
LEAVING = ("endo", "fujita")
ASKING = f"#/?dialog=sync-now&on={CONTOSO}"


async def with_leavers(start_stack: StartStack) -> Stack:
    """Two of five users would be deleted: far over the default Max Allowed Deletions."""
    return await start_stack(
        source=[in_source(name) for name in STAYING], entra=[in_entra(name) for name in STAYING + LEAVING]
    )


async def press(page: Page, button: str) -> None:
    await page.get_by_role("dialog").get_by_role("button", name=button, exact=True).click()


async def test_over_the_limit_it_says_that_a_sync_would_be_cancelled_and_whom_it_would_delete(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await with_leavers(start_stack)
    await stack.dry_run()
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("2 of 5 users = 40% ≥ 20%")).to_be_visible()
    await expect(dialog.get_by_text("A sync would be cancelled")).to_be_visible()
    await expect(dialog.get_by_text("2 users are listed for deletion")).to_be_visible()
    await expect(dialog.get_by_text("will be deleted")).to_have_count(0)
    for name in LEAVING:
        await expect(dialog.get_by_role("row").filter(has_text=f"{name}@{CONTOSO}")).to_be_visible()


async def test_while_the_limit_cannot_be_read_it_shows_the_verdict_of_the_dry_run(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await with_leavers(start_stack)
    await stack.set(maxAllowedDeletions=50)
    await stack.dry_run()
    table = await stack.services.storage.open_table(DOMAINS)
    await table.update_entity(
        {"PartitionKey": CONTOSO, "RowKey": "settings", "max_allowed_deletions": "half"}
    )
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("2 of 5 users = 40% < 50%")).to_be_visible()
    await expect(dialog.get_by_text("A sync would be cancelled")).to_have_count(0)


async def test_without_approval_the_sync_is_cancelled_and_nothing_changed(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await with_leavers(start_stack)
    await stack.dry_run()
    page = await open_page(stack, ASKING)
    await press(page, "Sync (will be cancelled)")
    await expect(page.get_by_role("dialog").get_by_text("Cancelled", exact=True)).to_be_visible()
    assert len(stack.users()) == 5


async def test_approval_releases_exactly_the_deletions_of_that_dry_run(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await with_leavers(start_stack)
    await stack.dry_run()
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Approve exactly the deletions").check()
    await expect(dialog.get_by_text("2 users will be deleted")).to_be_visible()
    await expect(dialog.get_by_text("Approved: this does not cancel the sync")).to_be_visible()
    await expect(dialog.get_by_text("A sync would be cancelled")).to_have_count(0)
    async with page.expect_response(f"**/api/domains/{CONTOSO}"):
        await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(dialog.get_by_text("2 users will be deleted")).to_be_visible()
    await press(page, "Sync and delete 2 users")
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    assert set(stack.users()) == {f"{name}@{CONTOSO}" for name in STAYING}
    await dialog.get_by_role("link", name="Show the result").click()
    await expect(page.get_by_text("approved what a dry run lists: 2 deletions.")).to_be_visible()
    await expect(page.get_by_text("2 deletions, 2 of them approved")).to_be_visible()


async def test_approval_releases_whatever_a_limit_would_stop(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    people = [f"user{number}" for number in range(6)]
    stack = await start_stack(
        source=[in_source(f"new-{name}", immutable_id=name) for name in people],
        entra=[in_entra(name, onPremisesImmutableId=name) for name in people],
    )
    await stack.dry_run()
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Approve exactly the renames that this dry run lists").check()
    await press(page, "Sync Now")
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    assert set(stack.users()) == {f"new-{name}@{CONTOSO}" for name in people}


async def test_without_a_dry_run_it_offers_one_first(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await with_leavers(start_stack)
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("There is no dry run to go by")).to_be_visible()
    await dialog.get_by_role("button", name="Dry Run").click()
    await expect(dialog.get_by_role("heading", name=f"Dry Run: {CONTOSO}")).to_be_visible()


async def test_it_says_how_old_the_dry_run_is(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await with_leavers(start_stack)
    await stack.dry_run()
    page = await open_page(stack)
    await page.clock.set_fixed_time(datetime.now(UTC) + timedelta(hours=2, minutes=5))
    await page.get_by_role("button", name=f"Sync Now: {CONTOSO}").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("link", name="2 hours ago")).to_be_visible()
    await expect(dialog.get_by_text("more than an hour ago")).to_be_visible()


async def test_the_verdict_is_by_the_limit_as_it_is_now(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await with_leavers(start_stack)
    await stack.dry_run()
    await stack.set(maxAllowedDeletions=41)
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("2 of 5 users = 40% < 41%")).to_be_visible()
    await expect(dialog.get_by_text("A sync would go ahead")).to_be_visible()
    await expect(dialog.get_by_label("Approve")).to_have_count(0)


async def test_a_cancelled_sync_does_not_make_the_dry_run_old(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await with_leavers(start_stack)
    await stack.dry_run()
    assert (await stack.sync()).status == "cancelled"
    page = await open_page(stack, ASKING)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("2 users are listed for deletion")).to_be_visible()
    await expect(dialog.get_by_text("A sync has changed something since")).to_have_count(0)


async def test_a_double_click_starts_one_run(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await with_leavers(start_stack)
    page = await open_page(stack, ASKING)
    await page.get_by_role("dialog").get_by_role("button", name="Sync Now", exact=True).dblclick()
    await expect(page.get_by_role("dialog").get_by_text("Cancelled", exact=True)).to_be_visible()
    assert len(await stack.runs()) == 1
