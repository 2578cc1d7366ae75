"""Whoever uses no mouse, sees little or nothing, or has a phone in hand."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from playwright.async_api import Page, expect

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.outcomes import object_id
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

pytestmark = IN_A_BROWSER

AXE = Path(__file__).parent / "node_modules" / "axe-core" / "axe.min.js"
PHONE = {"width": 390, "height": 844}


async def with_something_to_see(start_stack: StartStack) -> tuple[Stack, list[str]]:
    """A stack on which something of everything has happened, and the addresses of all views."""
    stack = await start_stack(
        source=[
            in_source("aoki", display_name="New name"),
            in_source("baba", given_name="x" * 70),
            in_source("doi"),
            *(in_source(f"{name}x", display_name=name) for name in ("saito", "tani", "ueda")),
        ],
        entra=[
            *(in_entra(name) for name in ("aoki", "chiba", "doi")),
            in_entra("room", _mailbox="room"),
            in_entra("boss", _roles=["Global Administrator"]),
            *(in_entra(name, displayName=name) for name in ("saito", "tani", "ueda")),
        ],
    )
    await stack.set(maxAllowedDeletions=100)
    sync = await stack.sync()
    await decide_first_question(stack)
    await stack.set(maxAllowedDeletions=20, unlinked="ask")
    dry_run = await stack.dry_run()
    until = (datetime.now(UTC) + timedelta(days=2)).isoformat()
    account = object_id(stack, "aoki")
    await stack.http.put(f"/api/people/{account}/hold", json={"until": until, "reason": "人事"})
    team = {
        "id": "ops",
        "kind": "webhook",
        "url": "https://hooks.test/x",
        "events": ["run.failed"],
        "names": True,
    }
    await stack.patch("settings", {"notifications": [{**team, "secrets": ["A" * 32]}]})
    await stack.set(periodicSync="watch")
    await stack.tick()
    await stack.finished((await stack.runs())[0])
    domain = f"#/domains/{CONTOSO}"
    return stack, [
        "#/",
        "#/settings",
        "#/notifications",
        "#/notifications?dialog=notification&on=ops",
        f"{domain}/sync-logs",
        f"{domain}/audit-logs",
        f"{domain}/pre-check",
        f"{domain}/watch",
        f"{domain}/changes",
        f"#/people/aoki@{CONTOSO}",
        "#/people?q=contoso",
        "#/approvals",
        f"{domain}/runs/{sync.id}",
        f"{domain}/runs/{dry_run.id}",
        *(
            f"#/?dialog={name}&on={CONTOSO}"
            for name in ("dry-run", "sync-now", "periodical-sync", "settings")
        ),
        f"{domain}/runs/{sync.id}?dialog=undo&on={CONTOSO}&of={sync.id}",
    ]


async def decide_first_question(stack: Stack) -> None:
    asked = (await stack.get(f"domains/{CONTOSO}/decisions")).json()["questions"][0]
    decision = {"sourceId": asked["sourceId"], "objectId": asked["objectId"], "same": False}
    answer = await stack.post(f"domains/{CONTOSO}/decisions", {"decisions": [decision]})
    assert answer.status_code == 201, answer.text


async def shown(page: Page, home: str, address: str) -> None:
    """Goes to a view and waits until it is drawn."""
    await page.goto("about:blank")
    await page.goto(f"{home}{address}")
    heading = page.locator("dialog h2" if "dialog=" in address else "main h1")
    await expect(heading.first).to_be_visible()


async def violations(page: Page) -> list[str]:
    await page.evaluate(AXE_SOURCE)
    result = await page.evaluate("axe.run()")
    return [f"{each['id']}: {node['html']}" for each in result["violations"] for node in each["nodes"]]


@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_axe_finds_nothing_on_any_view(
    start_stack: StartStack, open_page: OpenPage, scheme: str
) -> None:
    stack, addresses = await with_something_to_see(start_stack)
    page = await open_page(stack, color_scheme=scheme)
    found, home = {}, page.url.partition("#")[0]
    for address in addresses:
        await shown(page, home, address)
        found[address] = await violations(page)
    assert {address: each for address, each in found.items() if each} == {}


async def test_axe_finds_nothing_where_the_function_key_is_asked_for(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack(settings={"LOCAL_FUNCTION_KEY": "right"}), refusals=True)
    await expect(page.get_by_label("Function key", exact=True).last).to_be_visible()
    assert await violations(page) == []


@pytest.mark.parametrize("locale", ["en-GB", "ja-JP"])
async def test_a_phone_shows_every_view_without_scrolling_sideways(
    start_stack: StartStack, open_page: OpenPage, locale: str
) -> None:
    stack, addresses = await with_something_to_see(start_stack)
    page = await open_page(stack, locale=locale, viewport=PHONE)
    too_wide, home = [], page.url.partition("#")[0]
    for address in addresses:
        await shown(page, home, address)
        overflow = await page.evaluate(
            "() => Math.max(document.documentElement.scrollWidth - innerWidth, "
            "...[...document.querySelectorAll('dialog[open]')].map((d) => d.scrollWidth - d.clientWidth))"
        )
        if overflow > 0:
            too_wide.append((address, overflow))
    assert too_wide == []


async def test_a_dry_run_needs_no_mouse(start_stack: StartStack, open_page: OpenPage) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    page = await open_page(stack)
    dialog = page.get_by_role("dialog")
    asking = page.get_by_role("button", name=f"Dry Run: {CONTOSO}", exact=True)
    await tab_to(page, f"Dry Run: {CONTOSO}")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_role("heading")).to_be_focused()
    await tab_to(page, "Dry Run")
    await page.keyboard.press("Enter")
    await expect(dialog.get_by_text("Succeeded")).to_be_visible()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(asking).to_be_focused()
    await tab_to(page, f"View Audit Log: {CONTOSO}", backwards=True)
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name=CONTOSO)).to_be_focused()


async def test_focus_stays_in_a_dialog_and_is_visible(start_stack: StartStack, open_page: OpenPage) -> None:
    page = await open_page(await start_stack(), f"#/?dialog=settings&on={CONTOSO}")
    await expect(page.get_by_label("Max Allowed Deletions", exact=True)).to_be_visible()
    for _ in range(25):
        await page.keyboard.press("Tab")
        place, outline = await page.evaluate(
            "() => [document.activeElement.closest('dialog') ? 'dialog' : document.activeElement.tagName, "
            "getComputedStyle(document.activeElement).outlineStyle]"
        )
        # The browser's own address bar is a stop as well; the page behind the dialog is none.
        assert place in ("dialog", "BODY")
        assert outline != "none" or place == "BODY"


async def tab_to(page: Page, name: str, *, backwards: bool = False) -> None:
    """Presses Tab until what is called `name` has the focus."""
    for _ in range(60):
        await page.keyboard.press("Shift+Tab" if backwards else "Tab")
        focused = await page.evaluate(
            "() => document.activeElement.getAttribute('aria-label') ?? document.activeElement.innerText"
        )
        if focused.strip() == name:
            return
    raise AssertionError(f"{name} can't be reached with the Tab key")


AXE_SOURCE = (
    AXE.read_text(encoding="utf-8")
    if AXE.exists()
    else "throw new Error('axe-core is not installed: run `make setup`')"
)
