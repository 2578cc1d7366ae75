"""The result of a run, and the people it concerns."""

import re

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

ATTACK = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"
MANY = 10_000


async def test_predicted_failures_come_first(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(
        source=[in_source("aoki", given_name="x" * 70), in_source("baba")], entra=[in_entra("chiba")]
    )
    await stack.set(maxAllowedDeletions=100)
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    failures = page.get_by_role("heading", name="1 change would fail").locator("xpath=..")
    await expect(failures).to_contain_text("Given name has 70 characters, Entra takes 64")
    first = page.locator("people-table").get_by_role("row").nth(1)
    await expect(first).to_contain_text("Failure")
    await expect(first).to_contain_text(f"aoki@{CONTOSO}")


async def test_people_are_filtered_by_kind_and_searched_by_name_and_the_address_keeps_both(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[
            in_source("aoki", display_name="青木 花子"),
            in_source("baba"),
            in_source("chiba", display_name="New"),
        ],
        entra=[in_entra("chiba")],
    )
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    rows = page.locator("people-table").get_by_role("row")
    await expect(rows).to_have_count(1 + 3)
    await page.get_by_role("button", name="Add 2").click()
    await expect(rows).to_have_count(1 + 2)
    await page.get_by_label("Find people").fill("青木")
    await expect(rows).to_have_count(1 + 1)
    await page.reload()
    await expect(rows).to_have_count(1 + 1)
    await expect(page.get_by_label("Find people")).to_have_value("青木")
    await expect(page.get_by_role("button", name="Add 2")).to_have_attribute("aria-pressed", "true")
    await page.get_by_label("Find people").fill("nobody")
    await expect(page.get_by_text("Nobody like that is on this list")).to_be_visible()


async def test_details_of_a_person_show_every_changed_attribute(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name="After", given_name="Later")], entra=[in_entra("aoki")]
    )
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    await page.get_by_role("button", name="Details: Aoki 太郎").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("row").filter(has_text="Display name")).to_contain_text("After")
    await expect(dialog.get_by_role("row").filter(has_text="Given name")).to_contain_text("Later")
    await page.keyboard.press("Escape")
    await expect(page.get_by_role("button", name="Details: Aoki 太郎")).to_be_focused()


async def test_ten_thousand_people_scroll_and_search_as_quickly_as_ten(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source(f"p{number:05}") for number in range(MANY)],
        entra=[in_entra("p00000")],
        access_control={"pageSize": 1000},
    )
    run = await stack.finished(await stack.start("dry-run"))
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    rows = page.locator("people-table .people-lines").get_by_role("row")
    await expect(page.get_by_role("button", name="All 9,999")).to_be_visible()
    assert await rows.count() < 60
    await page.locator("people-table .people-body").evaluate(
        "body => { body.scrollTop = body.scrollHeight; }"
    )
    await expect(rows.filter(has_text=f"p09999@{CONTOSO}")).to_be_visible()
    assert await rows.count() < 60
    await page.get_by_label("Find people").fill("p05432")
    await expect(page.get_by_text("1 person")).to_be_visible()
    await expect(rows).to_have_count(1)
    # What four keystrokes change on the page, of 10,000 people.
    added = await page.evaluate(
        """async () => {
          const input = document.querySelector("input[type=search]");
          const observer = new MutationObserver(() => {});
          observer.observe(document, { childList: true, subtree: true });
          let added = 0;
          for (const words of ["p", "p0", "p01", ""]) {
            input.value = words;
            input.dispatchEvent(new Event("input"));
            for (const record of observer.takeRecords()) added += record.addedNodes.length;
          }
          return added;
        }"""
    )
    assert 0 < added < 1000


async def test_a_name_that_is_markup_is_shown_as_text_and_does_nothing(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name=f"{ATTACK}!"), in_source("baba")],
        entra=[in_entra("baba"), in_entra("chiba", displayName=ATTACK), in_entra("doi"), in_entra("endo")],
    )
    run = await stack.dry_run()
    addresses = [
        f"#/domains/{CONTOSO}/runs/{run.id}",
        f"#/?dialog=sync-now&on={CONTOSO}",
        f"#/people/chiba@{CONTOSO}",
    ]
    page = await open_page(stack)
    for address in addresses:
        await page.goto(f"{page.url.partition('#')[0]}{address}")
        await expect(page.get_by_text(ATTACK).first).to_be_visible()
        assert await page.locator("img").count() == 0
        assert await page.locator("main script, dialog script").count() == 0
        assert await page.title() != "owned"
    await page.goto(f"{page.url.partition('#')[0]}{addresses[0]}")
    await page.get_by_role("button", name="Details").first.click()
    assert await page.locator("dialog img").count() == 0
    assert "owned" not in await page.title()


async def test_a_log_that_the_next_dry_run_has_overwritten_is_said_to_be_gone(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    first = await stack.dry_run()
    await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{first.id}")
    await expect(page.get_by_text("The audit log is gone, and with it the names")).to_be_visible()
    await expect(page.get_by_role("button", name="Download")).to_have_count(0)


async def test_a_sync_can_be_undone_after_a_dry_run_of_that(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name="After")], entra=[in_entra("aoki", displayName="Before")]
    )
    run = await stack.sync()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Undo").click()
    await dialog.get_by_role("button", name="Dry Run").click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    assert stack.users()[f"aoki@{CONTOSO}"]["displayName"] == "After"
    await dialog.get_by_role("button", name="Back").click()
    await dialog.get_by_role("button", name="Undo", exact=True).click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    await expect(dialog.get_by_role("link", name="Show the result")).to_be_visible()
    assert stack.users()[f"aoki@{CONTOSO}"]["displayName"] == "Before"


async def test_a_cancelled_sync_shows_everybody_as_not_applied_and_keeps_what_would_have_failed(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba", given_name="x" * 70)],
        entra=[in_entra(name) for name in ("aoki", "baba", "doi")],
    )
    run = await stack.sync()
    assert run.status == "cancelled"
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    await expect(page.get_by_role("heading", name="1 change would fail")).to_be_visible()
    await expect(
        page.get_by_role("heading", name="What would have changed: nothing was applied")
    ).to_be_visible()
    rows = page.locator("people-table .people-lines").get_by_role("row")
    await expect(rows).to_have_count(2)
    for nth in range(2):
        await expect(rows.nth(nth).get_by_text("Not applied")).to_be_visible()


async def test_a_row_shows_every_change_when_asked(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name="After", given_name="Later", family_name="New")],
        entra=[in_entra("aoki")],
    )
    run = await stack.dry_run()
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    changes = page.locator(".people-lines .people-attribute")
    await expect(changes).to_have_count(2)
    await page.get_by_role("button", name="+1 more change: Aoki 太郎").click()
    await expect(changes).to_have_count(3)
    await page.get_by_label("Find people").fill("later")
    await expect(changes).to_have_count(3)


@pytest.mark.parametrize("width", [390, 1280])
async def test_nothing_in_a_row_is_cut(start_stack: StartStack, open_page: OpenPage, width: int) -> None:
    long = "wolfeschlegelsteinhausenbergerdorff.hubert-blaine"
    stack = await start_stack(
        source=[in_source(f"new.{long}", immutable_id="K1", display_name="寿限無 " * 20), in_source("baba")],
        entra=[in_entra(long, onPremisesImmutableId="K1"), in_entra("chiba")],
    )
    run = await stack.dry_run()
    page = await open_page(
        stack, f"#/domains/{CONTOSO}/runs/{run.id}", viewport={"width": width, "height": 800}
    )
    row = page.locator(".people-lines .people-row").filter(has_text=f"new.{long}@{CONTOSO}")
    await expect(row).to_be_visible()
    cut = await page.evaluate(
        """async () => {
          await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)));
          const rows = [...document.querySelectorAll(".people-lines .people-row")];
          const boxes = rows.map((row) => row.getBoundingClientRect()).sort((one, other) => one.top - other.top);
          const overlapping = boxes.some((box, n) => n && box.top < boxes[n - 1].bottom - 1);
          const over = rows.flatMap((row) => [row, ...row.children]);
          return overlapping || over.some((each) => each.scrollWidth > each.clientWidth + 1
            || each.scrollHeight > each.clientHeight + 1);
        }"""
    )
    assert not cut


async def test_the_tab_says_how_far_a_run_is(start_stack: StartStack, open_page: OpenPage) -> None:
    people = [f"person{number:02}" for number in range(60)]
    stack = await start_stack(source=[in_source(name) for name in people], entra=[in_entra(people[0])])
    stack.hold_up(method="POST", where="inner", nth=31)
    run = await stack.start("sync")
    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")
    await expect(page).to_have_title(re.compile(r"^\d+% · Sync: contoso\.com"))
    stack.let_go()
    await expect(page).to_have_title(re.compile(r"^Sync: contoso\.com"))
