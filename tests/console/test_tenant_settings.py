"""The page of the tenant's settings: see where they come from, try them on a domain, and save what was tried."""

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

WORDS = {
    "en-GB": (
        "Attribute map",
        "Try",
        "Save these settings",
        "from the app setting",
        "1 person would be treated otherwise",
    ),
    "ja-JP": ("属性マッピング", "試す", "この設定を保存", "アプリ設定", "現在と扱いが変わるユーザー: 1 人"),
}


@pytest.mark.parametrize("locale", WORDS)
async def test_a_map_is_tried_and_saved_as_it_was_tried(
    start_stack: StartStack, open_page: OpenPage, locale: str
) -> None:
    label, try_it, save, from_app, told = WORDS[locale]
    stack = await start_stack(
        source=[in_source("aoki", custom_attributes={"section": "Sales"}), in_source("baba")],
        entra=[in_entra("aoki"), in_entra("baba")],
        settings={"USAGE_LOCATION": "JP"},
    )
    await stack.set(periodicSync=True)
    page = await open_page(stack, "#/settings", locale=locale)
    await expect(page.get_by_text(from_app, exact=True)).to_be_visible()

    await page.get_by_label(label).fill("department = first(custom_attributes.section, '')")
    await page.get_by_role("button", name=try_it, exact=True).click()
    await expect(page.get_by_text(told)).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text=f"aoki@{CONTOSO}")).to_be_visible()
    assert (await stack.get("settings")).json()["attributeMap"]["from"] == "default"
    await page.get_by_role("button", name=save).click()
    await expect(page.get_by_role("dialog")).to_contain_text(CONTOSO)
    await page.get_by_role("dialog").get_by_role("button", name=save).click()

    await expect(page.get_by_role("heading", level=2)).to_have_count(0)
    assert (await stack.get("settings")).json()["attributeMap"] == {
        "value": {"department": "first(custom_attributes.section, '')"},
        "from": "stored",
    }


async def test_what_is_wrong_with_a_map_is_said_on_the_page(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    page = await open_page(stack, "#/settings", refusals=True)

    await page.get_by_label("Attribute map").fill("department")
    await page.get_by_role("button", name="Try", exact=True).click()
    await expect(page.get_by_text("is no line of the form")).to_be_visible()
    await page.get_by_label("Attribute map").fill("department = frist(a, b)")
    await page.get_by_role("button", name="Try", exact=True).click()

    await expect(page.get_by_text("frist is no function")).to_be_visible()
    assert await stack.runs() == []
