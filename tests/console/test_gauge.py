"""The limits beside a run's result: what each came to, and what that meant for this run."""

from playwright.async_api import Page, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.outcomes import ANY_DELETION
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

PEOPLE = ("aoki", "baba", "chiba", "doi")


async def of_a_sync(stack: Stack, open_page: OpenPage) -> Page:
    run = await stack.sync()
    assert run.status == "cancelled"
    return await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")


async def test_a_sync_that_exceeded_a_count_was_cancelled_for_that(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source(name) for name in PEOPLE], entra=[in_entra("aoki")])
    await stack.set(maxAdds={"count": 2})

    page = await of_a_sync(stack, open_page)

    adds = "Adds at most: 3 adds > 2"
    await expect(page.get_by_text(f"{adds} – The sync was cancelled.")).to_be_visible()
    await expect(page.get_by_text("no deletions – Within the limit.")).to_be_visible()


async def test_a_sync_that_reached_a_percentage_was_cancelled_for_that(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    entra = [in_entra(name, surname="Former") for name in PEOPLE]
    stack = await start_stack(source=[in_source(name) for name in PEOPLE], entra=entra)
    await stack.set(maxUpdates={"percent": 100})

    page = await of_a_sync(stack, open_page)

    updates = "Updates at most: 4 updates of 4 users = 100% ≥ 100%"
    await expect(page.get_by_text(f"{updates} – The sync was cancelled.")).to_be_visible()


async def test_a_dry_run_of_a_source_that_shrank_says_how_far_and_that_no_sync_would_go_ahead(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(source=[in_source(name) for name in PEOPLE])
    await stack.sync()
    await stack.set(maxAllowedDeletions=ANY_DELETION, maxSourceShrink=20)
    stack.access_control.users.remove("doi")
    run = await stack.dry_run()

    page = await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}")

    shrunk = "Shrinking of the source: the source went from 4 to 3 users = 25% fewer > 20%"
    await expect(page.get_by_text(f"{shrunk} – A sync would be cancelled")).to_be_visible()
    await expect(page.locator(".lead").get_by_text("A sync would be cancelled")).to_be_visible()
    await expect(page.get_by_text("Succeeded")).to_have_count(0)
    await expect(page.get_by_text("– Within the limit.")).to_be_visible()
    await expect(page.get_by_text("A sync would go ahead")).to_have_count(0)
