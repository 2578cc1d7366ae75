"""What is refused, fails or is cancelled leads on; and nobody is offered what their role can't do."""

import re

import pytest
from playwright.async_api import Route, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.callers import signed_in
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

PAGES = f"#/domains/{CONTOSO}"


async def test_a_cancelled_sync_leads_to_its_deletions_and_to_the_limit(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("baba")])
    run = await stack.sync()
    page = await open_page(stack, f"{PAGES}/runs/{run.id}")
    await page.get_by_role("link", name="Review deletions").click()
    await expect(page.locator("people-table").get_by_text("Not applied")).to_be_visible()
    await expect(page.get_by_role("button", name="Delete 1")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Change limit").click()
    await expect(page.get_by_role("dialog").get_by_label("Max Allowed Deletions")).to_have_value("20")
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("dialog", name=f"Sync Now: {CONTOSO}")).to_be_visible()


async def test_a_failed_dry_run_can_be_tried_again(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(source=[in_source("aoki")], settings={"HENNGE_CLIENT_SECRET": "wrong"})
    run = await stack.dry_run()
    assert run.status == "failed"
    page = await open_page(stack, f"{PAGES}/runs/{run.id}")
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("dialog", name=f"Dry Run: {CONTOSO}")).to_be_visible()


@pytest.mark.parametrize(
    ("view", "look"),
    [("pre-check", "pre-check"), ("sync-logs", "runs"), ("audit-logs", "runs"), ("changes", "changes")],
)
async def test_a_refused_look_leaves_the_domains_pages_and_is_tried_again(
    start_stack: StartStack, open_page: OpenPage, view: str, look: str
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    page = await open_page(stack, refusals=True)
    refused = 1

    async def refuse_once(route: Route) -> None:
        nonlocal refused
        if refused:
            refused -= 1
            await route.fulfill(status=502)
        else:
            await route.fallback()

    of_domain = f"domains/{CONTOSO}/{look}" if look != "changes" else look
    await page.route(re.compile(rf"/api/{of_domain}(\?.*)?$"), refuse_once)
    await page.evaluate("address => { location.hash = address }", f"{PAGES}/{view}")
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.get_by_role("link", name="Sync Logs")).to_be_visible()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("alert")).to_have_count(0)
    await expect(page.get_by_role("link", name="Sync Logs")).to_be_visible()


async def test_a_page_that_is_refused_has_a_way_back(start_stack: StartStack, open_page: OpenPage) -> None:
    page = await open_page(await start_stack(), "#/domains/nowhere.example/sync-logs", refusals=True)
    await expect(page.get_by_role("button", name="Try again")).to_be_visible()
    await page.get_by_role("link", name="Back to the list").click()
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_be_visible()


OFFERED = {
    "Sync.Reader": {"Dry Run": 0, "Sync Now": 0, "Enable Periodical Sync": 0, "Settings": 0},
    "Sync.Operator": {"Dry Run": 1, "Sync Now": 0, "Enable Periodical Sync": 0, "Settings": 0},
    "Sync.Administrator": {"Dry Run": 1, "Sync Now": 1, "Enable Periodical Sync": 1, "Settings": 1},
}


@pytest.mark.parametrize("role", OFFERED)
async def test_what_ones_role_cannot_do_is_not_offered_and_one_sees_who_one_is(
    start_stack: StartStack, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, role: str
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    stack = await start_stack(settings={"AUTH_MODE": "entra"})
    page = await open_page(stack, f"{PAGES}/sync-logs", extra_http_headers=signed_in(role))
    await expect(page.get_by_role("heading", name=CONTOSO)).to_be_visible()
    corner = page.get_by_role("banner").first
    await expect(corner.get_by_text(f"aoki@contoso.com · {role.removeprefix('Sync.')}")).to_be_visible()
    await expect(corner.get_by_role("link", name="Sign out")).to_be_visible()
    for name, count in OFFERED[role].items():
        await expect(page.get_by_role("button", name=name, exact=True)).to_have_count(count)
    looks = 0 if role == "Sync.Reader" else 1
    await expect(page.get_by_role("link", name="Pre-check")).to_have_count(looks)
