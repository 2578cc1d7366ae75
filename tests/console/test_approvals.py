"""What waits for a second person is confirmed by another one, in the console."""

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.callers import IN_FRONT, signed_in
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER
AOKI = signed_in("Sync.Administrator")
BABA = signed_in(
    "Sync.Administrator", name="baba@contoso.com", object_id="22222222-2222-4222-8222-222222222222"
)


async def test_a_raised_limit_waits_and_another_person_confirms_it(
    start_stack: StartStack, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in IN_FRONT.items():
        monkeypatch.setenv(name, value)
    stack = await start_stack(
        source=[in_source("aoki")],
        entra=[in_entra("aoki")],
        settings={"AUTH_MODE": "entra", "APPROVALS": "two"},
    )
    page = await open_page(stack, f"#/?dialog=settings&on={CONTOSO}", extra_http_headers=AOKI)
    await page.get_by_role("spinbutton", name="Max Allowed Deletions").fill("60")
    await page.get_by_role("dialog").get_by_role("button", name="Save").click()
    await expect(page.get_by_role("alert")).to_contain_text("Waits for a second person")

    other = await open_page(stack, "#/approvals", extra_http_headers=BABA)
    await expect(other.get_by_role("listitem")).to_contain_text("maxAllowedDeletions: 20 → 60")
    await other.get_by_role("button", name="Confirm").click()
    await other.get_by_role("dialog").get_by_role("button", name="Confirm").click()

    await expect(other.get_by_text("Nothing waits for a second person.")).to_be_visible()
    stack.http.headers.update(BABA)
    assert (await stack.get(f"domains/{CONTOSO}")).json()["maxAllowedDeletions"] == 60
