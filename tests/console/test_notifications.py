"""The page of notifications: who gets word of what, set up, tried out and taken away."""

import base64

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.integration.test_notifications import LOOPBACK
from tests.integration.test_tenant_settings import change
from tests.support.receiver import receiving
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

SECRET = f"whsec_{base64.b64encode(bytes(range(32))).decode()}"
WORDS = {
    "en-GB": ("Notifications", "Add a notification", "Test ops", "The test has arrived.", "Save", "Address"),
    "ja-JP": ("通知", "通知を追加", "ops をテスト", "テスト通知が届きました。", "保存", "アドレス"),
}


async def stored(stack: Stack) -> list[Json]:
    found: list[Json] = (await stack.get("settings")).json()["notifications"]["value"]
    return found


@pytest.mark.parametrize("locale", WORDS)
async def test_a_receiver_is_set_up_and_tried_out(
    start_stack: StartStack, open_page: OpenPage, locale: str
) -> None:
    title, add, test, arrived, save, address = WORDS[locale]
    stack = await start_stack(settings=LOOPBACK)
    page = await open_page(stack, "#/", locale=locale)

    async with receiving() as receiver:
        await page.get_by_role("link", name=title, exact=True).click()
        await page.get_by_role("button", name=add).first.click()
        dialog = page.get_by_role("dialog")
        await dialog.locator("[name=id]").fill("ops")
        await dialog.locator("[name=kind]").select_option("webhook")
        await dialog.get_by_label(address, exact=True).fill(receiver.url)
        await dialog.locator("[name=secret]").fill(SECRET)
        await dialog.locator(f"[name=domains][value='{CONTOSO}']").check()
        await dialog.get_by_role("button", name=save, exact=True).click()
        await page.get_by_role("button", name=test).click()
        await expect(page.get_by_text(arrived)).to_be_visible()

    assert [one.event["type"] for one in receiver.received] == ["entra-sync.test"]
    (one,) = await stored(stack)
    assert (one["id"], one["kind"], one["domains"], one["names"]) == ("ops", "webhook", [CONTOSO], False)
    assert one["events"] == ["run.cancelled", "run.failed", "run.recovered"]
    assert "a-long-secret" not in await page.content()


async def test_what_is_not_typed_again_stays_as_it_is(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(settings=LOOPBACK)
    async with receiving() as receiver:
        two = {"url": receiver.url, "kind": "webhook", "events": ["run.failed"], "secrets": [SECRET]}
        await change(stack, notifications=[{**two, "id": "ops"}, {**two, "id": "dev"}])
        page = await open_page(stack, "#/notifications")

        await page.get_by_role("button", name="Edit ops").click()
        await page.get_by_role("dialog").get_by_label("A pause began").check()
        await page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_role("cell", name="A pause began")).to_be_visible()
        await page.get_by_role("button", name="Remove dev").click()
        await page.get_by_role("dialog").get_by_role("button", name="Remove", exact=True).click()
        await expect(page.get_by_role("button", name="Edit dev")).to_have_count(0)
        await page.get_by_role("button", name="Test ops").click()
        await expect(page.get_by_text("The test has arrived.")).to_be_visible()

    assert [(one["id"], one["events"]) for one in await stored(stack)] == [
        ("ops", ["run.failed", "pause.started"])
    ]
    assert "webhook-signature" in receiver.received[0].headers


async def test_what_is_wrong_is_said_at_its_field_and_what_was_typed_stays(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    page = await open_page(stack, "#/notifications?dialog=notification&on=%2B", refusals=True)
    dialog = page.get_by_role("dialog")

    await dialog.get_by_label("Address", exact=True).fill("https://10.0.0.1/hook")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(dialog.locator("#notification-url-wrong")).to_contain_text("private network")
    await dialog.get_by_label("Address", exact=True).fill("https://hooks.example.com/x")
    await dialog.locator("[name=kind]").select_option("webhook")
    await dialog.get_by_label("New secret").fill("too short")
    await dialog.get_by_role("button", name="Save", exact=True).click()

    await expect(dialog.locator("#notification-secrets-wrong")).to_contain_text("24 to 64 bytes")
    await expect(dialog.get_by_label("Address", exact=True)).to_have_value("https://hooks.example.com/x")
    assert await stored(stack) == []


async def test_a_change_names_who_gets_word_and_can_not_be_put_back(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    team = {"id": "ops", "kind": "teams", "url": "https://hooks.example.com/x", "events": ["run.failed"]}
    await change(stack, notifications=[team])
    page = await open_page(stack, f"#/domains/{CONTOSO}/changes")

    row = page.get_by_role("row").filter(has_text="ops (Microsoft Teams)")

    await expect(row).to_be_visible()
    await expect(row.get_by_role("button")).to_have_count(0)
