"""The product page's procedure, step by step, as an administrator clicks through it."""

import csv
import io
import re
from dataclasses import dataclass
from pathlib import Path

import pytest
from playwright.async_api import expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER


@dataclass(frozen=True)
class Words:
    """What is on the buttons."""

    locale: str
    title: str
    dry_run: str
    result: str
    close: str
    view_audit_log: str
    download: str
    sync_now: str
    sync_and_delete: str
    settings: str
    max_allowed_deletions: str
    save: str
    enable: str
    disable: str
    on: str
    sync_logs: str
    succeeded: str
    foretold: str


ENGLISH = Words(
    "en-GB", "Sync from HENNGE Access Control", "Dry Run", "Show the result", "Close", "View Audit Log",
    "Download", "Sync Now", "Sync and delete 1 user", "Settings", "Max Allowed Deletions", "Save",
    "Enable Periodical Sync",
    "Disable Periodical Sync", "On", "Sync Logs", "Succeeded", "A sync would be cancelled, with",
)  # fmt: skip
JAPANESE = Words(
    "ja-JP", "HENNGE Access Control からの同期", "ドライラン", "結果を見る", "閉じる", "監査ログを表示",
    "ダウンロード", "今すぐ同期", "同期して 1 人を削除", "設定", "ユーザー削除許容率", "保存", "定期同期を有効化",
    "定期同期を無効化", "有効", "同期ログ", "成功", "同期を実行すると、何も変更せずにキャンセルされます。",
)  # fmt: skip


def downloaded(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode("utf-8-sig"), newline="")))


@pytest.mark.parametrize("words", [ENGLISH, JAPANESE], ids=["English", "Japanese"])
async def test_from_the_list_of_domains_to_periodical_sync(
    start_stack: StartStack, open_page: OpenPage, words: Words
) -> None:
    stack = await start_stack(
        source=[in_source(name) for name in ("aoki", "baba", "chiba", "doi", "endo")],
        entra=[*(in_entra(name) for name in ("aoki", "baba", "chiba", "doi")), in_entra("fujita")],
    )
    page = await open_page(stack, locale=words.locale)
    dialog = page.get_by_role("dialog")

    # 1 and 2: Provisioning Settings, Sync from HENNGE Access Control
    await expect(page.get_by_role("heading", name=words.title)).to_be_visible()
    row = page.get_by_role("row").filter(has_text=CONTOSO).first

    # 3 to 5: Dry Run of a domain, Dry Run, × or Close
    await row.get_by_role("button", name=f"{words.dry_run}: {CONTOSO}").click()
    await dialog.get_by_role("button", name=words.dry_run, exact=True).click()
    await expect(dialog.get_by_text(words.foretold)).to_be_visible()
    assert "fujita@contoso.com" in stack.users()
    await dialog.get_by_role("button", name=words.close).last.click()
    await expect(dialog).to_be_hidden()

    # 6 and 7: View Audit Log, and the download button in the column Action
    await row.get_by_role("link", name=words.view_audit_log).click()
    async with page.expect_download() as downloading:
        await page.get_by_role("cell").get_by_role("button", name=words.download).click()
    download = await downloading.value
    assert re.fullmatch(r"contoso\.com-dry-run-\d{4}-\d\d-\d\d-\d{4}\.csv", download.suggested_filename)
    rows = downloaded(await download.path())
    assert {(row["action"], row["userPrincipalName"]) for row in rows} == {
        ("add", "endo@contoso.com"),
        ("delete", "fujita@contoso.com"),
    }

    # 9: Max Allowed Deletions, at which one of five would be one too many
    await page.get_by_role("button", name=words.settings).click()
    await dialog.get_by_label(words.max_allowed_deletions).fill("65")
    await dialog.get_by_role("button", name=words.save).click()
    await expect(dialog).to_be_hidden()
    await expect(page.get_by_text(f"{words.max_allowed_deletions} 65%")).to_be_visible()

    # 8: Sync Now, with the names of those to be deleted on the screen, and Enable Periodical Sync
    await page.get_by_role("button", name=words.sync_now).click()
    await expect(dialog.get_by_role("row").filter(has_text="fujita@contoso.com")).to_be_visible()
    await dialog.get_by_role("button", name=words.sync_and_delete, exact=True).click()
    await expect(dialog.get_by_text(words.succeeded)).to_be_visible()
    assert set(stack.users()) == {f"{n}@{CONTOSO}" for n in ("aoki", "baba", "chiba", "doi", "endo")}
    await page.keyboard.press("Escape")
    await page.get_by_role("button", name=words.enable).click()
    await dialog.get_by_role("button", name=words.enable).click()
    await expect(page.get_by_role("button", name=words.disable)).to_be_visible()

    # 10: the Sync Logs
    await page.get_by_role("link", name=words.sync_logs).click()
    await expect(page.get_by_role("row").filter(has_text=words.succeeded)).to_have_count(1)
    await page.get_by_role("link", name=words.title).click()
    await expect(row.get_by_text(words.on, exact=True)).to_be_visible()


async def test_a_run_that_goes_on_shows_how_far_it_is_and_can_be_cancelled(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    people = [f"person{number:03}" for number in range(600)]
    stack = await start_stack(source=[in_source(name) for name in people], entra=[in_entra(people[0])])
    page = await open_page(stack)
    stack.hold_up(method="POST", where="inner", nth=301)
    run = await stack.start("sync")
    await page.reload()
    row = page.get_by_role("row").filter(has_text=CONTOSO).first
    await expect(row.get_by_role("progressbar")).to_be_visible()
    await expect(row.get_by_text(" of 599")).to_be_visible()
    await expect(row.get_by_role("button", name=f"Sync Now: {CONTOSO}")).to_have_attribute(
        "aria-disabled", "true"
    )
    await row.get_by_role("button", name="Cancel").click()
    asked = page.get_by_role("dialog", name=f"Cancel: Sync, {CONTOSO}")
    await expect(asked.get_by_text("of 599 changes are made and stay as they are")).to_be_visible()
    await asked.get_by_role("button", name="Let it go on").click()
    assert (await stack.run(run)).status == "running"
    await row.get_by_role("button", name="Cancel").click()
    async with page.expect_response("**/cancel"):
        await asked.get_by_role("button", name="Cancel the sync").click()
    stack.let_go()
    await expect(row.get_by_text("Cancelled", exact=True).first).to_be_visible()
    assert (await stack.run(run)).status == "cancelled"
