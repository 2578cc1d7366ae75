"""Review, then apply: what a dry run lists, all or one by one, and afterwards what was otherwise."""

from playwright.async_api import Page, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

STAYING = [f"user{number}" for number in range(20)]
LEAVING = ["endo", "fujita"]


async def reviewed(
    start_stack: StartStack, open_page: OpenPage, leaving: list[str] = LEAVING
) -> tuple[Stack, Page]:
    """The page of a dry run with an add, an update and some deletions."""
    stack = await start_stack(
        source=[in_source(name) for name in [*STAYING[1:], "new"]]
        + [in_source(STAYING[0], given_name="次郎")],
        entra=[in_entra(name) for name in [*STAYING, *leaving]],
    )
    run = await stack.dry_run()
    return stack, await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")


async def test_the_footer_says_what_applying_does_and_the_run_says_as_planned(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack, page = await reviewed(start_stack, open_page)
    await expect(page.get_by_text("Apply: 2 deletions, 1 update, 1 add")).to_be_visible()
    await page.get_by_role("button", name="Review and sync").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Reason").fill("Left in September")
    await dialog.get_by_role("button", name="Sync and delete 2 users", exact=True).click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    await dialog.get_by_role("link", name="Show the result").click()
    await expect(page.get_by_text("As planned: exactly what the dry run listed.")).to_be_visible()
    await expect(page.get_by_text("Reason: Left in September")).to_be_visible()
    assert set(stack.users()) == {f"{name}@{CONTOSO}" for name in [*STAYING, "new"]}


async def test_whoever_is_unticked_stays(start_stack: StartStack, open_page: OpenPage) -> None:
    stack, page = await reviewed(start_stack, open_page)
    await page.get_by_role("button", name="Review and sync").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("checkbox", name="Choose: Endo 太郎").uncheck()
    await expect(dialog.get_by_text("1 user is left.")).to_be_visible()
    async with page.expect_response(f"**/api/domains/{CONTOSO}"):  # as when one comes back to the tab
        await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(dialog.get_by_role("checkbox", name="Choose: Endo 太郎")).not_to_be_checked()
    await dialog.get_by_role("button", name="Sync and delete 1 user", exact=True).click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    await dialog.get_by_role("link", name="Show the result").click()
    await expect(page.get_by_text("As planned")).to_be_visible()
    assert set(stack.users()) == {f"{name}@{CONTOSO}" for name in [*STAYING, "new", "endo"]}


async def test_what_was_otherwise_than_planned_is_named(start_stack: StartStack, open_page: OpenPage) -> None:
    stack, page = await reviewed(start_stack, open_page)
    await page.get_by_role("button", name="Review and sync").click()
    await expect(page.get_by_role("dialog").get_by_text("2 users will be deleted")).to_be_visible()
    stack.access_control.users.remove("user5")
    await page.get_by_role("dialog").get_by_role("button", name="Sync and delete 2 users", exact=True).click()
    await page.get_by_role("dialog").get_by_role("link", name="Show the result").click()
    await expect(page.get_by_text("Otherwise than the dry run listed for 1 person")).to_be_visible()
    row = page.get_by_role("row").filter(has_text=f"user5@{CONTOSO}").first
    await expect(row).to_contain_text("Done, and not in the dry run")


async def test_more_than_fifty_deletions_need_their_number_typed(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    leaving = [f"gone{number:02}" for number in range(51)]
    stack, page = await reviewed(start_stack, open_page, leaving)
    await stack.set(maxAllowedDeletions=90)
    await page.get_by_role("button", name="Review and sync").click()
    dialog = page.get_by_role("dialog")
    go = dialog.get_by_role("button", name="Sync and delete 51 users", exact=True)
    await expect(go).to_have_attribute("aria-disabled", "true")
    await dialog.get_by_label("type how many users are deleted").fill("50")
    await expect(go).to_have_attribute("aria-disabled", "true")
    await dialog.get_by_label("type how many users are deleted").fill("５１")
    await go.click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    assert len(stack.users()) == len(STAYING) + 1


async def test_chosen_people_are_synchronised_and_nobody_else(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack, page = await reviewed(start_stack, open_page)
    people = page.locator("people-table")
    for name in ("Endo", "User0"):
        await people.get_by_role("checkbox", name=f"Choose: {name} 太郎").check()
    await expect(page.get_by_text("2 people chosen")).to_be_visible()
    await page.get_by_role("button", name="Sync these 2").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("Only these 2 people")).to_be_visible()
    await expect(dialog.get_by_text("Endo 太郎, User0 太郎")).to_be_visible()
    await dialog.get_by_role("button", name="Sync these 2 (1 deleted)").click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    users = stack.users()
    assert set(users) == {f"{name}@{CONTOSO}" for name in [*STAYING, "fujita"]}
    assert users[f"user0@{CONTOSO}"]["givenName"] == "次郎"


async def test_whom_no_limit_counts_can_be_chosen_too(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(
        source=[in_source("aoki", status="enabled"), in_source("baba", status="enabled")],
        entra=[in_entra("aoki", accountEnabled=False), in_entra("baba")],
        settings={"SIGN_IN": "follow"},
    )
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    await page.locator("people-table").get_by_role("checkbox", name="Choose: Aoki 太郎").check()
    await page.get_by_role("button", name="Sync this person").click()
    await page.get_by_role("dialog").get_by_role("button", name="Sync this person").click()
    await expect(page.get_by_role("dialog").get_by_text("Succeeded")).to_be_visible()
    assert stack.users()[f"aoki@{CONTOSO}"]["accountEnabled"] is True
