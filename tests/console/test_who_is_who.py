"""Questions about who is who: asked on the page of a run, answered there, and taken back there."""

from playwright.async_api import Locator, Page, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

STAYING = tuple(f"stays{number}" for number in range(8))


async def with_typos(start_stack: StartStack, *names: str) -> Stack:
    """Each of `names` has one letter too many in the source, and the same display name on both sides."""
    return await start_stack(
        source=[
            *map(in_source, STAYING),
            *(in_source(f"{name}x", display_name=f"山田 {name}") for name in names),
        ],
        entra=[*map(in_entra, STAYING), *(in_entra(name, displayName=f"山田 {name}") for name in names)],
    )


async def open_dry_run(stack: Stack, open_page: OpenPage, locale: str = "en-GB") -> Page:
    run = await stack.dry_run()
    return await open_page(stack, f"#/domains/{CONTOSO}/runs/{run.id}", locale=locale)


def question(page: Page, name: str) -> Locator:
    return page.locator(".who-is-who").get_by_role("row").filter(has_text=f"山田 {name}")


async def answer(page: Page, within: Locator, words: str) -> None:
    await within.get_by_role("button", name=words).click()
    await page.get_by_role("dialog").get_by_role("button", name=words).click()


async def dry_run_again(page: Page) -> None:
    dialog = page.get_by_role("dialog")
    await page.get_by_role("button", name="Dry Run again").click()
    await dialog.get_by_role("button", name="Dry Run", exact=True).click()
    await dialog.get_by_role("link", name="Show the result").click()


async def test_the_same_person_is_renamed_from_the_next_run_on(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_dry_run(await with_typos(start_stack, "taro"), open_page)
    await expect(page.get_by_text("1 open question about who is who.")).to_be_visible()
    await expect(page.get_by_role("button", name="Question 2")).to_be_visible()
    await expect(question(page, "taro")).to_contain_text("They have the same display name.")
    await expect(question(page, "taro")).to_contain_text(f"tarox@{CONTOSO}")

    await question(page, "taro").get_by_role("button", name="Same person").click()
    await expect(page.get_by_role("dialog")).to_contain_text("the next sync gives it their UPN")
    await page.get_by_role("dialog").get_by_role("button", name="Same person").click()
    await expect(page.get_by_text("It counts from the next dry run or sync.")).to_be_visible()
    await expect(page.get_by_role("heading", name="Who is who")).to_be_focused()

    await dry_run_again(page)
    await expect(page.get_by_role("button", name="Rename 1")).to_be_visible()
    await expect(page.get_by_text("No open questions.")).to_be_visible()


async def test_different_people_go_on_separately_until_the_decision_is_taken_back(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_dry_run(await with_typos(start_stack, "taro"), open_page)
    await answer(page, question(page, "taro"), "Different people")
    await dry_run_again(page)
    await expect(page.get_by_role("button", name="Delete 1")).to_be_visible()
    await expect(page.get_by_role("button", name="Add 1")).to_be_visible()

    await page.locator("summary").click()
    await page.get_by_role("button", name="Take back").click()
    await expect(page.locator(".who-is-who")).to_have_count(0)
    await dry_run_again(page)
    await expect(question(page, "taro")).to_contain_text("They have the same display name.")


async def test_a_shield_ends_where_somebody_tells_the_two_apart(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[*map(in_source, STAYING), in_source("hanako", "contosso.com", email=f"taro@{CONTOSO}")],
        entra=[*map(in_entra, STAYING), in_entra("taro")],
    )
    page = await open_dry_run(stack, open_page)
    await expect(page.get_by_role("button", name="Shielded 1")).to_be_visible()
    await page.locator("summary", has_text="1 account stays").click()
    await answer(
        page, page.locator(".who-is-who").get_by_role("row").filter(has_text="Taro"), "Different people"
    )
    await dry_run_again(page)
    await expect(page.get_by_role("button", name="Delete 1")).to_be_visible()


async def test_one_answer_settles_all_questions_of_a_kind(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_dry_run(await with_typos(start_stack, "taro", "hanako"), open_page, locale="ja-JP")
    together = page.locator(".together")
    await expect(together).to_contain_text("2 件")
    await answer(page, together, "同一人物")
    await expect(page.get_by_text("この実行のあとに 2 件の判断が行われました。")).to_be_visible()
    await expect(page.get_by_text("確認が必要なものはありません。")).to_be_visible()
    await expect(together).to_have_count(0)


async def test_accounts_that_no_sync_knew_go_only_where_they_are_ticked(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack = await start_stack(
        source=[*map(in_source, STAYING)],
        entra=[*map(in_entra, STAYING), in_entra("kept"), in_entra("gone")],
    )
    page = await open_page(stack, f"#/?dialog=settings&on={CONTOSO}")
    dialog = page.get_by_role("dialog")
    await dialog.get_by_label("Accounts that no sync ever knew").select_option("Ask")
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog).to_be_hidden()
    await stack.dry_run()

    await page.get_by_role("button", name=f"Sync Now: {CONTOSO}").click()
    await dialog.get_by_label("Gone").check()
    await dialog.get_by_role("button", name="Sync and delete 1 user", exact=True).click()
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    assert set(stack.users()) == {f"{name}@{CONTOSO}" for name in (*STAYING, "kept")}
