"""What a reload, a shared link, polling, and a lost connection leave as it is."""

from typing import Any

import pytest
from playwright.async_api import Route, expect

from shared.store.storage import RUNS
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Json, StackOptions, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

PEOPLE: StackOptions = {"source": [in_source("aoki")], "entra": [in_entra("aoki")]}
HUNDRED: list[Json] = [
    {"id": CONTOSO, "isDefault": True},
    *({"id": f"d{number:03}.example"} for number in range(99)),
]


async def test_a_filter_of_a_hundred_domains_outlives_a_reload(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(domains=HUNDRED))
    rows = page.get_by_role("row")
    await expect(rows).to_have_count(1 + 101)
    await page.get_by_label("Find a domain").fill("d09")
    await expect(rows).to_have_count(1 + 9)
    await page.reload()
    await expect(rows).to_have_count(1 + 9)


async def test_a_shared_link_opens_the_same_dialog(start_stack: StartStack, open_page: OpenPage) -> None:
    page = await open_page(await start_stack(), f"#/?dialog=settings&on={CONTOSO}")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_label("Max Allowed Deletions")).to_have_value("20")
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await page.wait_for_url(lambda url: "dialog" not in url)


async def test_the_language_is_the_browsers_until_it_is_switched_and_then_stays(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(), locale="ja-JP")
    await expect(page.get_by_role("heading", name="HENNGE Access Control からの同期")).to_be_visible()
    await page.get_by_role("button", name="English").click()
    await expect(page.get_by_role("heading", name="Sync from HENNGE Access Control")).to_be_visible()
    await page.reload()
    await expect(page.get_by_role("heading", name="Sync from HENNGE Access Control")).to_be_visible()
    assert await page.locator("html").get_attribute("lang") == "en"


async def test_polling_moves_neither_the_focus_nor_the_page(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")], domains=HUNDRED)
    stack.hold_up()
    page = await open_page(stack)
    search = page.get_by_label("Find a domain")
    await search.fill("d")
    await page.evaluate("scrollTo(0, 700)")
    await stack.start("dry-run")
    async with page.expect_response(lambda answer: answer.url.endswith("/api/domains")):
        await page.evaluate("dispatchEvent(new Event('changed'))")
    for _ in range(2):
        async with page.expect_response(lambda answer: f"/api/domains/{CONTOSO}" in answer.url):
            pass
    await expect(search).to_be_focused()
    await expect(search).to_have_value("d")
    assert await page.evaluate("scrollY") == 700
    stack.let_go()


async def test_a_lost_connection_is_said_and_recovered_from(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(), refusals=True)
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_be_visible()
    await page.context.set_offline(True)
    await expect(page.get_by_text("The connection is lost")).to_be_visible()
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_be_visible()
    await page.context.set_offline(False)
    await expect(page.get_by_text("The connection is lost")).to_be_hidden()


async def test_an_order_that_got_no_answer_is_not_given_twice_by_itself(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    page = await open_page(stack, f"#/?dialog=dry-run&on={CONTOSO}", refusals=True)
    posts = 0

    async def drop(route: Route) -> None:
        nonlocal posts
        posts += 1
        await route.abort()

    await page.route("**/dry-run", drop)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Dry Run").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("not known whether that was done")
    await expect(page.get_by_text("The connection is lost")).to_be_hidden()
    assert posts == 1


async def test_a_refusal_shows_the_problems_detail_and_what_to_do(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    page = await open_page(stack, f"#/?dialog=dry-run&on={CONTOSO}", refusals=True)
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("button", name="Dry Run")).to_be_visible()
    stack.hold_up()
    await stack.start("dry-run")
    await dialog.get_by_role("button", name="Dry Run").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("already has an active run")
    await expect(dialog.get_by_role("alert")).to_contain_text("Wait until the active run has ended")
    stack.let_go()


async def test_settings_that_somebody_else_changed_meanwhile_are_not_overwritten(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    page = await open_page(stack, f"#/?dialog=settings&on={CONTOSO}", refusals=True)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Max Allowed Deletions").fill("90")
    await stack.set(maxAllowedDeletions=5)
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("Somebody else changed the settings meanwhile")
    assert (await stack.get(f"domains/{CONTOSO}")).json()["maxAllowedDeletions"] == 5


async def test_an_unknown_domain_is_an_error_with_a_way_back(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(), "#/domains/nowhere.example/sync-logs", refusals=True)
    await expect(page.get_by_role("alert")).to_contain_text("nowhere.example is not a verified domain")
    await page.get_by_role("link", name="Sync from Access Control").click()
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_be_visible()


async def test_the_function_key_is_asked_for_once_and_kept_for_the_tab_only(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(settings={"LOCAL_FUNCTION_KEY": "right"})
    page = await open_page(stack, refusals=True)
    dialog = page.get_by_role("dialog", name="Function key")
    await dialog.get_by_label("Function key").fill("wrong")
    await dialog.get_by_role("button", name="Use this key").click()
    await expect(dialog.get_by_text("That key was refused")).to_be_visible()
    await dialog.get_by_label("Function key").fill("right")
    await dialog.get_by_role("button", name="Use this key").click()
    row = page.get_by_role("row").filter(has_text=CONTOSO).first
    await expect(row).to_be_visible()
    await page.reload()
    await expect(row).to_be_visible()
    assert "right" not in await page.evaluate(
        "JSON.stringify(localStorage) + document.cookie + location.href"
    )
    await page.get_by_role("button", name="Forget the key").click()
    await expect(dialog).to_be_visible()


async def test_where_people_sign_in_the_page_leads_there(
    start_stack: StartStack, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    page = await open_page(await start_stack(settings={"AUTH_MODE": "entra"}), refusals=True)
    dialog = page.get_by_role("dialog", name="Not signed in")
    await expect(dialog.get_by_role("link", name="Sign in")).to_have_attribute(
        "href", "/.auth/login/aad?post_login_redirect_uri=%2Fapi%2Fconsole"
    )


@pytest.mark.parametrize(
    "answer",
    [
        {
            "status": 401,
            "headers": {"WWW-Authenticate": 'Bearer realm="contoso"'},
            "body": "You do not have permission.",
        },
        {
            "status": 302,
            "headers": {"Location": "https://login.microsoftonline.com/tenant/oauth2/v2.0/authorize"},
        },
    ],
    ids=["refused by the platform", "redirected by the platform"],
)
async def test_a_session_that_ended_is_told_from_a_lost_connection_and_signing_out_is_offered(
    start_stack: StartStack, open_page: OpenPage, monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any]
) -> None:
    monkeypatch.setenv("WEBSITE_AUTH_ENABLED", "True")
    page = await open_page(await start_stack(settings={"AUTH_MODE": "entra"}), refusals=True)

    async def platform(route: Route) -> None:
        await route.fulfill(**answer)

    await page.route("**/api/domains", platform)
    await page.reload()
    await expect(page.get_by_role("dialog", name="Not signed in")).to_be_visible()
    await expect(page.get_by_text("The connection is lost")).to_have_count(0)
    await expect(page.locator("a", has_text="Sign out")).to_have_attribute(
        "href", "/.auth/logout?post_logout_redirect_uri=%2Fapi%2Fconsole"
    )


async def test_with_a_key_nobody_signs_out(start_stack: StartStack, open_page: OpenPage) -> None:
    page = await open_page(await start_stack())
    await expect(page.get_by_role("row").first).to_be_visible()
    await expect(page.locator("a", has_text="Sign out")).to_have_count(0)


async def test_changing_calls_carry_a_header_that_a_foreign_page_cannot_send(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    page = await open_page(stack, f"#/?dialog=dry-run&on={CONTOSO}")
    async with page.expect_request(lambda request: request.method == "POST") as sending:
        await page.get_by_role("dialog").get_by_role("button", name="Dry Run").click()
    headers = (await sending.value).headers
    assert headers["x-requested-with"] == "sync-console"
    assert headers["content-type"] == "application/json"


async def test_a_domain_that_waits_for_a_person_says_so_until_a_sync_by_hand(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    await stack.set(periodicSync=True)
    await stack.sync()
    table = await stack.services.storage.open_table(RUNS)
    await table.update_entity({"PartitionKey": CONTOSO, "RowKey": "good-sync", "map": "of before"})
    page = await open_page(stack)
    await expect(page.get_by_text("Waits for you: settings changed.")).to_be_visible()
    await page.get_by_role("button", name="日本語").click()
    await expect(page.get_by_text("設定が変更されたため確認待ちです。")).to_be_visible()

    await stack.dry_run()
    await stack.sync()
    await page.reload()

    await expect(page.get_by_role("table").get_by_text("次回")).to_be_visible()
    await expect(page.get_by_text("確認待ち")).to_be_hidden()


async def test_sync_now_of_such_a_domain_says_which_dry_run_to_make_first(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    await stack.dry_run()
    await stack.sync()
    table = await stack.services.storage.open_table(RUNS)
    await table.update_entity({"PartitionKey": CONTOSO, "RowKey": "good-sync", "map": "of before"})
    page = await open_page(stack, f"#/?dialog=sync-now&on={CONTOSO}", refusals=True)
    dialog = page.get_by_role("dialog")

    await dialog.get_by_role("button", name="Sync Now").click()

    await expect(dialog.get_by_role("alert")).to_contain_text(f"run a dry run of {CONTOSO}, read it")
    await expect(dialog.get_by_role("alert")).not_to_contain_text("Wait until the active run has ended")
