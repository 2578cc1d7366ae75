"""Settings that calculate: what a limit means in people, what it would have meant, and when the schedule comes."""

from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

SETTINGS = f"#/?dialog=settings&on={CONTOSO}"
PEOPLE = [f"user{number:02}" for number in range(15)]


async def test_a_limit_says_from_how_many_on_and_what_it_would_have_cancelled(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source(name) for name in PEOPLE[4:]], entra=[in_entra(name) for name in PEOPLE]
    )
    await stack.set(maxAllowedDeletions=90)
    await stack.sync()
    await stack.sync()
    await stack.dry_run()
    page = await open_page(stack, SETTINGS)
    dialog = page.get_by_role("dialog")
    limit = dialog.get_by_label("Max Allowed Deletions", exact=True)
    meaning = page.locator("#setting-maxAllowedDeletions-meaning")
    await expect(meaning).to_contain_text("90% of 11 users: from 10 on.")
    await expect(meaning).to_contain_text("It would have cancelled 0 of the last 2 syncs.")
    await limit.fill("20")
    await expect(meaning).to_contain_text("20% of 11 users: from 3 on.")
    await expect(meaning).to_contain_text("It would have cancelled 1 of the last 2 syncs.")
    await limit.fill("")
    await expect(meaning).to_be_empty()
    adds = dialog.get_by_label("Adds at most: number of users")
    await adds.fill("4")
    await expect(page.locator("#setting-maxAdds-meaning")).to_contain_text("From 5 users on.")
    await dialog.get_by_label("Adds at most", exact=True).fill("10")
    await expect(page.locator("#setting-maxAdds-meaning")).to_contain_text(
        "10% of 11 users, and more than 4: from 5 on."
    )


async def test_the_schedule_is_said_in_its_own_words_and_times(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(settings={"SYNC_SCHEDULE": "0 30 9-18 * * *"})
    page = await open_page(stack, f"#/?dialog=periodical-sync&on={CONTOSO}")
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_text("By the schedule")).to_be_visible()
    await expect(dialog.get_by_text("0 30 9-18 * * *")).to_be_visible()
    await expect(dialog.locator("time")).to_have_count(3)
    await expect(dialog).not_to_contain_text("hour")
