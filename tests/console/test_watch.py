"""A watched domain on the page: switched on there, seen there, and switched off again."""

from functools import partial

import pytest
from playwright.async_api import expect

from local.host.limits import PLATFORM
from shared.model.runs import Run
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source, until

pytestmark = IN_A_BROWSER


@pytest.mark.parametrize(
    ("locale", "words"),
    [
        ("en-GB", ("Watch only", "Watched", "The same for less than a day", "Stop watching")),
        ("ja-JP", ("監視のみ", "監視中", "同じ状態が 1 日未満続いています", "監視を停止")),
    ],
)
async def test_a_domain_is_watched_from_the_page(
    start_stack: StartStack, open_page: OpenPage, locale: str, words: tuple[str, ...]
) -> None:
    start, watched, same, stop = words
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki", displayName="Old")])
    page = await open_page(stack, f"#/?dialog=periodical-sync&on={CONTOSO}", locale=locale)
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name=start).click()
    await expect(page.get_by_role("row").filter(has_text=CONTOSO).first).to_contain_text(watched)
    await stack.tick()
    run = await stack.finished((await stack.runs())[0])

    await page.goto(f"{str(stack.http.base_url).rstrip('/')}/api/console#/domains/{CONTOSO}/watch")

    await expect(page.get_by_text(same)).to_be_visible()
    trend, people = page.get_by_role("table").nth(0), page.get_by_role("table").nth(1)
    await expect(trend.get_by_role("link")).to_have_attribute("href", f"#/domains/{CONTOSO}/runs/{run.id}")
    await expect(people.get_by_role("row").filter(has_text="aoki@contoso.com")).to_contain_text("Old")
    assert stack.writes() == []
    await page.goto(
        f"{str(stack.http.base_url).rstrip('/')}/api/console#/?dialog=periodical-sync&on={CONTOSO}"
    )
    await dialog.get_by_role("button", name=stop).click()
    await expect(dialog).to_be_hidden()
    assert (await stack.get(f"domains/{CONTOSO}")).json()["periodicSync"] is False


async def is_kept(stack: Stack, run: Run) -> bool:
    return any(one.run.id == run.id for one in (await stack.services.hours.read_all()).values())


async def test_an_hour_in_which_nothing_changed_shows_whom_a_sync_would_change(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[in_source("aoki")],
        entra=[in_entra("aoki", displayName="Old")],
        settings={"READ": "mirror"},
        host=PLATFORM,
    )
    await stack.set(periodicSync="watch")
    # The first one remembers who is who.
    for _ in range(2):
        (run,) = await stack.hour()
        await until(partial(is_kept, stack, run))
    (line,) = await stack.hour()
    assert line.unchanged_since == run.created_at

    page = await open_page(stack, f"#/domains/{CONTOSO}/watch")

    people = page.get_by_role("table").nth(1)
    await expect(people.get_by_role("row").filter(has_text="aoki@contoso.com")).to_contain_text("Old")


async def test_before_it_is_enabled_it_is_said_where_this_sync_is_not_necessary_and_where_another_may_run(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    hennge = {"displayName": "HENNGE", "appId": "65d022b7-10c7-479b-b101-06a73bb0c290"}
    stack = await start_stack(
        source=[in_source("aoki")], entra=[in_entra("aoki")], tenant={"servicePrincipals": [hennge]}
    )
    page = await open_page(stack, f"#/?dialog=periodical-sync&on={CONTOSO}")
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text(
        "Where users come from Active Directory, this sync is not necessary."
    )

    await stack.dry_run()
    await page.reload()

    await expect(dialog).to_contain_text("two syncs on one domain undo each other's work")
    await expect(dialog).not_to_contain_text("Active Directory")
