"""The pre-check on the page: what was found last and when, and a check that looks anew."""

import pytest
from playwright.async_api import expect

from local.entra import Fault
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER
PAGE = f"#/domains/{CONTOSO}/pre-check"


@pytest.mark.parametrize(
    ("locale", "found", "again"), [("en-GB", "Found", "Check now"), ("ja-JP", "確認日時", "今すぐ確認")]
)
async def test_what_was_found_is_shown_with_its_age_and_looked_at_anew(
    start_stack: StartStack, open_page: OpenPage, locale: str, found: str, again: str
) -> None:
    stack = await start_stack(
        source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("info", userType="Guest")]
    )
    page = await open_page(stack, PAGE, locale=locale, refusals=True)
    await expect(page.get_by_role("table")).to_contain_text("Info 太郎")
    await expect(page.get_by_text(found).first).to_be_visible()
    stack.entra.directory.create(in_entra("lobby", userType="Guest"))

    await page.get_by_role("button", name=again).click()

    await expect(page.get_by_role("table")).to_contain_text("Lobby 太郎")
    assert [run.kind for run in await stack.runs()] == ["check", "check"]


async def test_a_check_that_fails_says_why_and_is_begun_anew_on_demand(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    await stack.get("domains")
    stack.entra.faults.add(Fault(kind="status", status=403, path="/users*"))
    page = await open_page(stack, PAGE, refusals=True)
    await expect(page.get_by_role("alert")).to_contain_text("Nothing was applied")
    stack.entra.faults.clear()

    await page.get_by_role("button", name="Check now").click()

    await expect(page.get_by_text("Nothing on contoso.com but users to synchronise.")).to_be_visible()
