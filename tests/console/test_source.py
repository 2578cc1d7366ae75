"""What the source has: the page an administrator opens when field names don't fit."""

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import StartStack, in_source

pytestmark = IN_A_BROWSER


@pytest.mark.parametrize(("locale", "link"), [("en-GB", "What the source has"), ("ja-JP", "同期元の項目")])
async def test_the_list_leads_to_the_fields_and_a_map(
    start_stack: StartStack, open_page: OpenPage, locale: str, link: str
) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[])

    page = await open_page(stack, "", locale=locale, refusals=True)
    await expect(page.get_by_text("Contoso", exact=False).first).to_be_visible()
    await page.get_by_role("link", name=link).click()

    suggested, fields = page.get_by_role("table").nth(0), page.get_by_role("table").nth(1)
    await expect(suggested.get_by_role("row").filter(has_text="surname")).to_be_visible()
    row = fields.get_by_role("row").filter(has_text="givenName").first
    await expect(row).to_contain_text("2")
    await expect(page.get_by_text("aoki@contoso.com")).to_have_count(0)
