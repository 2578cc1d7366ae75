"""The list of domains as triage: the bad ones first, why, and what is next for each."""

from playwright.async_api import Locator, Page, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Json, Stack, StackOptions, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

INTERNATIONAL = "xn--wgv71a119e.jp"
NEVER, LEAVER, EQUAL, NEWCOMER = "never.example", "leaver.example", "equal.example", "newcomer.example"
DOMAINS: list[Json] = [
    {"id": CONTOSO, "isDefault": True},
    *({"id": name} for name in (NEVER, LEAVER, EQUAL, NEWCOMER, INTERNATIONAL)),
    *({"id": f"d{number:02}.example"} for number in range(12)),
]
PEOPLE: StackOptions = {
    "domains": DOMAINS,
    "source": [
        *(in_source(f"{domain[0]}aoki", domain) for domain in (LEAVER, EQUAL, NEWCOMER)),
        in_source("nbaba", NEWCOMER),
    ],
    "entra": [
        *(in_entra(f"{domain[0]}aoki", domain) for domain in (LEAVER, EQUAL, NEWCOMER)),
        in_entra("lbaba", LEAVER),
    ],
}


async def with_something_of_each(start_stack: StartStack) -> Stack:
    stack = await start_stack(**PEOPLE)
    for domain in (LEAVER, EQUAL, NEWCOMER):
        await stack.dry_run(domain)
    return stack


def row(page: Page, domain: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("link", name=domain, exact=True))


async def names(page: Page) -> list[str]:
    return await page.locator(".domain-name").all_inner_texts()


async def test_bad_ones_come_first_with_their_reason_in_words(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await with_something_of_each(start_stack))
    leaver = row(page, LEAVER)
    await expect(leaver.get_by_text("A sync would be cancelled", exact=True).first).to_be_visible()
    await expect(leaver.get_by_text("1 of 2 users = 50% ≥ 20%")).to_be_visible()
    assert (await names(page))[:2] == [LEAVER, CONTOSO]
    assert (await names(page))[-1] == EQUAL
    await expect(row(page, CONTOSO).get_by_text("Default", exact=True)).to_be_visible()
    await expect(page.locator(".badge")).to_have_count(1)
    await page.get_by_role("button", name="Domain", exact=True).click()
    await expect(page.get_by_role("columnheader", name="Domain")).to_have_attribute("aria-sort", "ascending")
    assert await names(page) == sorted(await names(page))


async def test_the_strip_counts_and_each_count_is_a_filter(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await with_something_of_each(start_stack)
    await stack.set(EQUAL, periodicSync=True)
    page = await open_page(stack)
    strip = page.get_by_role("group", name="Show only")
    for text in ("0 failed", "1 would be cancelled", "1 with changes", "1 enabled"):
        await expect(strip.get_by_role("button", name=text)).to_be_visible()
    await expect(strip.get_by_text("next ")).to_be_visible()
    await strip.get_by_role("button", name="1 enabled").click()
    await expect(page.locator(".domain-name")).to_have_text([EQUAL])
    await page.reload()
    await expect(page.locator(".domain-name")).to_have_text([EQUAL])
    await strip.get_by_role("button", name="0 failed").click()
    await page.get_by_role("button", name="Show all domains").click()
    await expect(page.locator(".domain-name")).to_have_count(len(DOMAINS) + 1)


async def test_an_international_domain_is_shown_and_found_in_its_own_script(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(domains=DOMAINS), locale="ja-JP")
    await page.get_by_label("ドメインを検索").fill("日本語")
    await expect(page.locator(".domain-name")).to_have_text([INTERNATIONAL])
    await expect(row(page, INTERNATIONAL).get_by_text("日本語.jp", exact=True)).to_be_visible()
    await page.get_by_label("ドメインを検索").fill("xn--")
    await expect(page.locator(".domain-name")).to_have_text([INTERNATIONAL])


async def test_the_primary_button_is_the_next_step_until_the_domain_is_in_order(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    page = await open_page(stack, f"#/?q={NEWCOMER}")
    next_step = row(page, NEWCOMER).locator(".button.primary")
    dialog = page.get_by_role("dialog")

    await expect(next_step).to_have_text("Dry Run")
    await next_step.click()
    await dialog.get_by_role("button", name="Dry Run", exact=True).click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(next_step).to_have_text("Review")
    await next_step.click()
    await expect(page.get_by_role("heading", name=f"Dry run: {NEWCOMER}")).to_be_visible()
    await page.go_back()
    await expect(next_step).to_have_text("Sync Now")
    await next_step.click()
    await dialog.get_by_role("button", name="Sync Now", exact=True).click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(next_step).to_have_text("Enable")
    await next_step.click()
    await dialog.get_by_role("button", name="Enable Periodical Sync").click()
    await expect(dialog).to_be_hidden()
    await expect(next_step).to_have_count(0)
    assert (await stack.get(f"domains/{NEWCOMER}")).json()["periodicSync"] is True


async def test_several_are_dry_run_together_and_those_that_are_clean_enabled(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    page = await open_page(stack)
    for domain in (LEAVER, EQUAL, NEWCOMER):
        await page.get_by_label(f"Choose {domain}").check()
    await page.get_by_role("button", name="Dry Run of all (3)").click()
    await expect(page.get_by_text("3 dry runs started.")).to_be_visible()
    for domain in (LEAVER, EQUAL, NEWCOMER):
        await stack.finished((await stack.runs(domain))[0])
        await expect(row(page, domain).get_by_role("progressbar")).to_have_count(0)
        await page.get_by_label(f"Choose {domain}").check()
    await page.get_by_role("button", name="Enable those with a clean dry run (2)").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("listitem")).to_have_text([EQUAL, NEWCOMER])
    await expect(dialog.get_by_text("1 other stays as it is")).to_be_visible()
    await dialog.get_by_role("button", name="Enable", exact=True).click()
    await expect(page.get_by_text("Periodical Sync is on for 2 domains.")).to_be_visible()
    enabled = {
        domain: (await stack.get(f"domains/{domain}")).json()["periodicSync"]
        for domain in (LEAVER, EQUAL, NEWCOMER)
    }
    assert enabled == {LEAVER: False, EQUAL: True, NEWCOMER: True}


async def test_what_one_domain_refuses_is_said_and_keeps_no_other(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(**PEOPLE)
    page = await open_page(stack, refusals=True)
    await page.get_by_label(f"Choose {EQUAL}").check()
    await page.get_by_label(f"Choose {LEAVER}").check()
    stack.hold_up()
    await stack.start("dry-run", LEAVER)
    await page.get_by_role("button", name="Dry Run of all (2)").click()
    await expect(page.get_by_text("1 dry run started.")).to_be_visible()
    await expect(page.get_by_role("listitem").filter(has_text=LEAVER)).to_contain_text("active run")
    stack.let_go()


async def test_a_line_says_how_both_sides_are_and_the_remedy(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki")],
        entra=[in_entra("aoki"), in_entra("baba")],
        tenant={
            "permissions": [
                "User.ReadWrite.All",
                "Domain.Read.All",
                "RoleManagement.Read.Directory",
                "GroupMember.Read.All",
                "User.DeleteRestore.All",
                "Organization.Read.All",
            ]
        },
    )
    page = await open_page(stack)
    sides = page.locator(".sides li")
    await expect(sides.first).to_contain_text("Access Control: not read yet")
    await stack.dry_run()
    await page.reload()
    await expect(sides.first).to_contain_text("Access Control: read ")
    await expect(sides.first).to_contain_text("1 user")
    await expect(sides.last).to_contain_text("grant MailboxSettings.Read")
    await expect(sides.last).to_contain_text("nobody is deleted")


async def test_a_source_that_refuses_is_said_above_the_list(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], settings={"HENNGE_CLIENT_SECRET": "wrong"})
    await stack.dry_run()
    page = await open_page(stack)
    await expect(page.locator(".sides li").first).to_contain_text("HENNGE_CLIENT_SECRET")
    await expect(page.get_by_role("button", name="1 failed")).to_be_visible()


async def test_what_was_taken_back_is_not_called_ready(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(**PEOPLE)
    sync = await stack.sync(NEWCOMER)
    answer = await stack.post(f"domains/{NEWCOMER}/runs/{sync.id}/undo", {"dryRun": False})
    await stack.finished(await stack.run(sync.model_copy(update={"id": answer.json()["id"]})))
    page = await open_page(stack, f"#/domains/{NEWCOMER}/sync-logs")
    await expect(page.locator(".domain-head .button.primary")).to_have_text("Dry Run")
    await page.get_by_role("link", name="Sync from HENNGE Access Control").click()
    await expect(row(page, NEWCOMER).get_by_text("A sync was taken back")).to_be_visible()
    await expect(row(page, NEWCOMER).locator(".button.primary")).to_have_text("Dry Run")
