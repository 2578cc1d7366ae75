"""A person's page: found by name, linked from every row, both sides, and what a sync would do now."""

import re

import pytest
from playwright.async_api import expect

from local.access_control import Fault
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER


async def test_somebody_is_found_by_name_and_both_sides_are_shown(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", given_name="次郎"), in_source("baba")],
        entra=[in_entra("aoki"), in_entra("baba")],
    )
    page = await open_page(stack, refusals=True)
    await page.get_by_role("link", name="Find a person").click()
    await page.get_by_label("Name, UPN, Username").fill("太郎")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("link", name="Baba 太郎")).to_be_visible()
    await page.get_by_role("link", name="Aoki 太郎").click()
    await expect(page.get_by_role("heading", name="Aoki 太郎")).to_be_visible()
    await expect(page.get_by_text("A sync would update this user.")).to_be_visible()
    row = page.get_by_role("table", name="Both sides").get_by_role("row").filter(has_text="Given name")
    await expect(row).to_contain_text("次郎")
    await expect(row).to_contain_text("太郎")


async def test_a_row_of_a_run_leads_to_the_person_who_is_synchronised_alone(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba")], entra=[in_entra("chiba"), in_entra("doi")]
    )
    await stack.set(maxAllowedDeletions=100)
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    await page.get_by_role("link", name="Chiba 太郎").click()
    await expect(page.get_by_text("A sync would delete this user.")).to_be_visible()
    await page.get_by_role("button", name="Sync this person").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("Only this person")).to_be_visible()
    await dialog.get_by_role("button", name="Sync this person (1 deleted)").click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    assert set(stack.users()) == {f"doi@{CONTOSO}"}
    await page.keyboard.press("Escape")
    await expect(page.get_by_text("Nobody called")).to_be_visible()


async def test_the_only_one_found_is_shown_at_once(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("baba")])
    page = await open_page(stack, "#/people?q=aoki", refusals=True)
    await expect(page.get_by_text("A sync would add this user.")).to_be_visible()
    await expect(page.get_by_role("table", name="Both sides")).to_contain_text("Not there")


@pytest.mark.parametrize(
    ("locale", "waits", "as_of", "again"),
    [
        ("en-GB", "Both sides are being read", "The source as it was read", "Look again"),
        ("ja-JP", "両側を読み取っています", "同期元の読み取り日時", "再確認"),
    ],
)
async def test_the_page_waits_for_a_reading_says_how_old_it_is_and_reads_anew_on_demand(
    start_stack: StartStack, open_page: OpenPage, locale: str, waits: str, as_of: str, again: str
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    stack.access_control.faults.add(Fault(kind="delay", call="users", ms=600_000))
    page = await open_page(stack, "#/people/aoki", locale=locale, refusals=True)
    await expect(page.get_by_text(waits)).to_be_visible()
    stack.access_control.faults.clear()
    await expect(page.get_by_text(as_of)).to_be_visible()
    stack.access_control.users.edit("aoki", {"given_name": "次郎"})

    await page.get_by_role("button", name=again).click()

    await expect(page.get_by_role("table").first).to_contain_text("次郎")


async def test_what_was_done_to_somebody_is_told_on_their_page(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", given_name="次郎")],
        entra=[in_entra("aoki")],
        settings={"HISTORY_VALUES": "true"},
    )
    run = await stack.sync()
    page = await open_page(stack, "#/people/aoki")
    row = page.get_by_role("table", name="History").get_by_role("row").nth(1)
    await expect(row).to_contain_text("Given name: 太郎 → 次郎")
    await row.get_by_role("link", name="Run").click()
    await expect(page).to_have_url(re.compile(f"/runs/{run.id}"))
