"""The Sync Logs: newest first, what became of each, the last two days at a glance, and pages."""

from datetime import UTC, datetime, timedelta

from playwright.async_api import expect

from shared.clock import Clock
from shared.model.runs import Counts, Mode, Run, Status, Trigger, new_run_id
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

LOGS = f"#/domains/{CONTOSO}/sync-logs"


async def remember(stack: Stack, hours_ago: float, status: Status, **counts: int) -> None:
    """Writes a sync of that long ago into the Sync Logs."""
    then = datetime.now(UTC) - timedelta(hours=hours_ago)
    run = Run(
        id=new_run_id(then, Clock().token(4)), domain=CONTOSO, mode=Mode.SYNC, trigger=Trigger.SCHEDULE,
        requested_by="schedule", created_at=then,
    )  # fmt: skip
    await stack.services.runs.start(run)
    hold = await stack.services.runs.take(CONTOSO, run.id)
    assert hold is not None
    ended = {"status": status, "started_at": then, "finished_at": then + timedelta(seconds=75)}
    await stack.services.runs.finish(hold, run.model_copy(update={**ended, "counts": Counts(**counts)}), {})


async def test_every_status_is_said_in_words_with_a_shape_of_its_own(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    words = {
        Status.SUCCEEDED: "Succeeded",
        Status.COMPLETED_WITH_ERRORS: "Completed with errors",
        Status.CANCELLED: "Cancelled",
        Status.FAILED: "Failed",
    }
    for hours_ago, status in enumerate(words, start=1):
        await remember(stack, hours_ago, status, update=hours_ago)
    page = await open_page(stack, LOGS)
    rows = page.get_by_role("row")
    await expect(rows).to_have_count(1 + len(words))
    shapes = set()
    for number, word in enumerate(words.values(), start=1):
        row = rows.nth(number)
        await expect(row).to_contain_text(word)
        await expect(row).to_contain_text("Schedule")
        await expect(row).to_contain_text("1 min 15 sec")
        shapes.add(await row.locator(".status .icon").first.inner_html())
    assert len(shapes) == len(words)


async def test_the_chart_shows_two_days_and_marks_what_failed_or_was_cancelled(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    for hours_ago, status in ((1, Status.SUCCEEDED), (5, Status.FAILED), (30, Status.CANCELLED)):
        await remember(stack, hours_ago, status, add=4)
    await remember(stack, 60, Status.SUCCEEDED, add=99)
    page = await open_page(stack, LOGS)
    chart = page.get_by_role("group", name="Syncs of the last 48 hours: 3")
    await expect(chart).to_be_visible()
    await expect(chart).to_have_accessible_name(
        "Syncs of the last 48 hours: 3, with 12 changes; 1 failed, 1 were cancelled."
    )
    await expect(chart.locator(".chart-bar")).to_have_count(3)
    await expect(chart.locator(".chart-mark")).to_have_count(2)
    await chart.get_by_role("link", name="Failed").click()
    await expect(page.get_by_role("heading", name=f"Sync: {CONTOSO}")).to_be_visible()
    await expect(page.get_by_text("Failed").first).to_be_visible()


async def test_the_list_is_filtered_and_the_address_keeps_it(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    for hours_ago, status in ((1, Status.SUCCEEDED), (5, Status.FAILED), (100, Status.FAILED)):
        await remember(stack, hours_ago, status)
    page = await open_page(stack, LOGS)
    rows = page.get_by_role("row")
    await expect(rows).to_have_count(1 + 3)
    await page.get_by_label("Result", exact=True).select_option("Failed")
    await expect(rows).to_have_count(1 + 2)
    tokyo = datetime.now(UTC) + timedelta(hours=9)
    await page.get_by_label("From", exact=True).fill(f"{tokyo - timedelta(days=2):%Y-%m-%d}")
    await expect(rows).to_have_count(1 + 1)
    await page.reload()
    await expect(rows).to_have_count(1 + 1)
    await page.get_by_label("Until", exact=True).fill(f"{tokyo - timedelta(days=9):%Y-%m-%d}")
    await expect(page.get_by_text("No run is like that")).to_be_visible()
    await page.get_by_role("button", name="Show all").click()
    await expect(rows).to_have_count(1 + 3)


async def test_older_runs_are_on_further_pages_and_the_address_names_the_page(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack()
    for number in range(53):
        await remember(stack, 53 - number, Status.SUCCEEDED)
    page = await open_page(stack, LOGS)
    rows = page.get_by_role("row")
    await expect(rows).to_have_count(1 + 50)
    await page.get_by_role("button", name="Older").click()
    await expect(rows).to_have_count(1 + 3)
    await page.reload()
    await expect(rows).to_have_count(1 + 3)
    await page.get_by_role("button", name="Newest").click()
    await expect(rows).to_have_count(1 + 50)


async def test_a_failed_run_says_what_to_do(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(source=[], entra=[in_entra("aoki")])
    await stack.sync()
    page = await open_page(stack, LOGS)
    row = page.get_by_role("row").nth(1)
    await expect(row).to_contain_text("Failed")
    await expect(row).to_contain_text("Nothing was applied")


async def test_times_are_the_viewers_and_utc_is_on_hover(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    run = await stack.dry_run()
    page = await open_page(stack, LOGS, timezone_id="Asia/Tokyo")
    moment = page.get_by_role("row").nth(1).locator("time")
    tokyo = run.created_at + timedelta(hours=9)
    await expect(moment).to_contain_text(f"{tokyo:%H:%M}")
    await expect(moment).to_have_attribute("title", f"{run.created_at:%Y-%m-%d %H:%M:%S} UTC")
