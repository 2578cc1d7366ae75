"""The whole console in Japanese: every view and dialog, with every fault, has English only in names and quotations."""

import json
import re
from collections.abc import Awaitable, Callable

from playwright.async_api import Page, Route, expect

from shared.model.parts import Parts, say, verbatim
from shared.planning.mapping import MAPPABLE
from shared.words import sentences
from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.console.test_accessibility import shown, with_something_to_see
from tests.support.stack import CONTOSO, StartStack

pytestmark = IN_A_BROWSER

# What every language writes in Latin letters: products, settings, codes, units, and the people of these tests.
NAMES = (
    "HENNGE Access Control", "Access Control", "HENNGE の", "HENNGE 側", "Microsoft Entra ID", "Microsoft Graph",
    "Microsoft 365", "Entra Connect", "Entra",
    "Active Directory", "Azure", "App Service", "Exchange Online", "OneDrive", "Teams", "Graph", "Immutable ID",
    "Global Administrator", "Storage Blob Data Owner", "Storage Table Data Contributor", "Shift_JIS", "Email",
    "Content-Length", "Content-Type", "ETag", "GET users", "cursor", "items", "access_token", "value", "null", "true",
    "false", "enabled", "disabled", "perform_run", "onmicrosoft", "openapi", "json", "api", "New name", "contosox",
    "Contoso", "Exchange", "email", "=leave", " leave ", " entra ", "True", "=keys", "=false", "application/json",
    "memberOf", "isEmpty", "side に entra", "field は", "join には", "before には", "first には", "first(a, b)",
    "join(' ', a, b)", "before(a", "include", "exclude", "Microsoft Teams", "Slack", "Webhook", "CloudEvents",
    "webhook", "Standard Webhooks", "base64", "whsec_", "https://", "url に", *MAPPABLE,
)  # fmt: skip
PEOPLE = ("aoki", "baba", "chiba", "doi", "room", "boss", "saito", "tani", "ueda", "ops")
FOREIGN = verbatim("Something in English.")
ENGLISH = re.compile("[A-Za-z]{3,}")
# What every view but that of the tenant's settings begins with.
READS = re.compile("/api/(domains|people|approvals)")
STATUSES = (400, 403, 404, 409, 410, 412, 500, 502, 503)
# Each text that a reader can see or hear, without what is marked as English or as code.
TEXTS = """() => {
  const found = [];
  const marked = "[lang=en], code, .code, .address, script, style, noscript";
  const walk = document.createTreeWalker(document.body, NodeFilter.SHOW_ELEMENT | NodeFilter.SHOW_TEXT);
  while (walk.nextNode()) {
    const node = walk.currentNode;
    const element = node.nodeType === Node.TEXT_NODE ? node.parentElement : node;
    if (element.closest(marked)) continue;
    if (node.nodeType === Node.TEXT_NODE) found.push(node.data);
    else for (const name of ["aria-label", "title", "placeholder", "alt"]) found.push(node.getAttribute(name) ?? "");
  }
  return [document.title, ...found].filter((text) => /[A-Za-z]/.test(text));
}"""


def left_over(text: str) -> str:
    """What is neither a name nor a value: no address, id, code in capitals or with a capital inside."""
    text = re.sub(r"\S+@\S+|\b[\w-]+(\.[\w-]+)+|\b[\da-f]{8}-[\da-f-]+|/api/\S*", " ", text)
    for name in sorted(NAMES, key=len, reverse=True):
        text = text.replace(name, " ")
    text = re.sub(r"\b[A-Z][A-Z0-9_-]+\b|\b\w*[a-z][A-Z]\w*", " ", text)
    return re.sub(rf"\b({'|'.join(PEOPLE)})x?\b|\bx+\b", " ", text, flags=re.IGNORECASE)


async def english(page: Page) -> list[str]:
    return [text for text in await page.evaluate(TEXTS) if ENGLISH.search(left_over(text))]


async def test_every_view_and_dialog_is_japanese(start_stack: StartStack, open_page: OpenPage) -> None:
    stack, addresses = await with_something_to_see(start_stack)
    page = await open_page(stack, locale="ja-JP")
    found, home = {}, page.url.partition("#")[0]
    for address in addresses:
        await shown(page, home, address)
        await expect(page.locator(".waiting, [aria-busy]")).to_have_count(0)
        if each := await english(page):
            found[address] = each
    assert found == {}


async def test_a_persons_details_are_japanese(start_stack: StartStack, open_page: OpenPage) -> None:
    stack, addresses = await with_something_to_see(start_stack)
    page = await open_page(stack, addresses[-6], locale="ja-JP")
    people = page.locator("people-table").get_by_role("button", name="詳細")
    for nth in range(await people.count()):
        await people.nth(nth).click()
        await expect(page.get_by_role("dialog")).to_be_visible()
        assert await english(page) == []
        await page.keyboard.press("Escape")


async def test_every_view_and_dialog_refuses_in_japanese(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack, addresses = await with_something_to_see(start_stack)
    page = await open_page(stack, locale="ja-JP", refusals=True)
    found, home = {}, page.url.partition("#")[0]
    for status in STATUSES:
        await page.route(READS, answering(status))
        for address in addresses:
            await page.goto("about:blank")
            await page.goto(f"{home}{address}")
            await expect(page.get_by_role("alert")).to_have_count(2 if "dialog=" in address else 1)
            if each := await english(page):
                found[status, address] = each
        await page.unroute(READS)
    assert found == {}


async def test_every_sentence_is_shown_in_japanese_and_what_others_say_is_marked(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack, _ = await with_something_to_see(start_stack)
    run = (await stack.runs())[0]
    told = {**json.loads(run.model_dump_json(by_alias=True)), "messageParts": every_sentence()}

    async def answer(route: Route) -> None:
        await route.fulfill(json=told)

    page = await open_page(stack, locale="ja-JP")
    await page.route(f"**/runs/{run.id}", answer)
    await page.goto("about:blank")
    home = str(stack.http.base_url).rstrip("/")
    await page.goto(f"{home}/api/console#/domains/{CONTOSO}/runs/{run.id}")
    await expect(page.locator(".result")).to_contain_text("テナントのゲストです。")
    assert await english(page) == []
    assert await page.locator(".result [lang=en]").count() > 10


async def test_a_missing_permission_is_never_something_to_try_again(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    stack, _ = await with_something_to_see(start_stack)
    page = await open_page(stack, refusals=True)
    await page.route("**/api/domains**", answering(502, say("graph.denied", permission="Domain.Read.All")))
    await page.reload()
    await expect(page.get_by_role("alert")).to_contain_text("grant it Domain.Read.All")
    await expect(page.get_by_role("alert")).not_to_contain_text("again")


def answering(status: int, parts: Parts = FOREIGN) -> Callable[[Route], Awaitable[None]]:
    body = {"type": "about:blank", "title": "In English", "status": status, "detail": "In English."}
    told = [{"code": part.code, "parameters": dict(part.parameters)} for part in parts]

    async def answer(route: Route) -> None:
        await route.fulfill(
            status=status, content_type="application/problem+json", body=json.dumps({**body, "parts": told})
        )

    return answer


def every_sentence() -> list[dict[str, object]]:
    """Each sentence once, with something that is no English word in each place, and English where it is foreign."""
    return [
        {
            "code": code,
            "parameters": {
                name[0].lower() + name[1:]: "Graph says no" if foreign else "値"
                for name, foreign in re.findall(r"\{(\w+)(!?)(?::[^}]*)?\}", sentence)
            },
        }
        for code, sentence in sentences("ja").items()
    ]
