"""`make screenshots`: writes the guide's pictures to docs/images/, in both languages and both colour schemes.

Beside each picture are its words. A test makes the views again and compares them: who changes a text makes the pictures
anew.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from playwright.async_api import Browser, Locator, Page, expect

from local.processes import REPOSITORY
from tools.browser import running_browser
from tools.demo_days import CONTOSO, FABRIKAM, Day, ordinary_day

FOLDER = REPOSITORY / "docs" / "images"
LANGUAGES = {"en": "en-GB", "ja": "ja-JP"}
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
# A window in which everything has room: nothing scrolls, and no foot floats over the rest.
DESKTOP, PHONE, HEIGHT = 1160, 390, 2600
AROUND_A_DIALOG = 32
BELOW_A_PAGE = 40
# Against 22 MB of PNG: Chromium makes WebP itself, and GitHub shows it.
QUALITY = 82
# What differs from one time to the next: points in time, how long ago, how long, sizes, ids.
VOLATILE = re.compile(
    r"""
    (?:\d{1,2}\ \w{3,4}(?:\ \d{4})?,\ |(?:\d{4}年)?\d{1,2}月\d{1,2}日\ )?\d{1,2}:\d\d | \d{4}-\d\d-\d\d
    | \d+\ (?:sec|min|hr|second|minute|hour)s?\ ago | \d+\ ?(?:秒|分|時間)前 | (?<=\ )(?:now|今)(?=\ ·|$)
    | [\d.]+\ (?:secs?\b|秒) | [\d.,]+\ (?:[kK]B|bytes?)
    | [\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}
    """,
    re.VERBOSE,
)
# Rules of its own stay when the page draws itself anew. A dialog shows all of itself, without a scroll bar.
WITH_ROOM = """(without) => {
  const rules = new CSSStyleSheet();
  rules.replaceSync(`dialog { max-height: none !important; } ${without} { display: none !important; }`);
  document.adoptedStyleSheets.push(rules);
}"""


@dataclass(frozen=True)
class Picture:
    """`address` may name a run of the day. `without`: a selector of what is left away, so that the rest fits."""

    name: str
    address: str
    without: str = ""
    width: int = DESKTOP

    @property
    def of_dialog(self) -> bool:
        return "dialog=" in self.address


CONTOSO_IS = f"#/domains/{CONTOSO}"
DRY_RUN = f"{CONTOSO_IS}/runs/{{day.dry_run}}"
PICTURES = (
    Picture("domains", "#/"),
    Picture("phone", "#/", "tbody tr:nth-child(n+3)", width=PHONE),
    Picture("dry-run-result", DRY_RUN, ".people-section"),
    Picture("people", f"{DRY_RUN}?show=update", ".result, .who-is-who, .failures"),
    Picture("sync-now", f"#/?dialog=sync-now&on={FABRIKAM}"),
    Picture("periodical-sync", f"#/?dialog=periodical-sync&on={FABRIKAM}"),
    Picture("settings", f"#/?dialog=settings&on={CONTOSO}"),
    Picture("sync-logs", f"{CONTOSO_IS}/sync-logs", "tbody tr:nth-child(n+13)"),
    Picture("failed-run", f"{CONTOSO_IS}/runs/{{day.failed}}"),
    Picture("pre-check", f"{CONTOSO_IS}/pre-check", "section.surface:nth-of-type(n+4)"),
    Picture("person", f"#/people/mei.suzuki@{CONTOSO}"),
)


async def main() -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    async with running_browser() as browser, ordinary_day() as day:
        for language in LANGUAGES:
            for picture in PICTURES:
                for scheme in SCHEMES:
                    async with shown(browser, day, picture, language, scheme) as page:
                        taken = await photographed(page, picture)
                        words = await words_of(page, picture)
                    (FOLDER / f"{picture.name}-{language}-{scheme}.webp").write_bytes(taken)
                words_beside(picture, language).write_text(words, encoding="utf-8")
    print(f"{len(list(FOLDER.glob('*.webp')))} pictures in {FOLDER.relative_to(REPOSITORY)}")


@asynccontextmanager
async def shown(
    browser: Browser, day: Day, picture: Picture, language: str, scheme: Literal["light", "dark"] = "light"
) -> AsyncIterator[Page]:
    """A tab with the view of the picture, with all that it loads."""
    context = await browser.new_context(
        locale=LANGUAGES[language],
        timezone_id="Asia/Tokyo",
        color_scheme=scheme,
        viewport={"width": picture.width, "height": HEIGHT},
        device_scale_factor=2,
        reduced_motion="reduce",
    )
    page = await context.new_page()
    await page.goto(f"{day.console}{picture.address.format(day=day)}", wait_until="networkidle")
    await expect(what(page, picture).locator("h1, h2").first).to_be_visible()
    await expect(page.locator(".waiting, [aria-busy]")).to_have_count(0)
    await page.evaluate(WITH_ROOM, picture.without or "nothing")
    yield page
    await context.close()


def what(page: Page, picture: Picture) -> Locator:
    """What is looked at: the dialog if one is open."""
    return page.locator("dialog" if picture.of_dialog else "main")


async def photographed(page: Page, picture: Picture) -> bytes:
    """The page down to its last card, or the dialog with some of the page around it, as WebP."""
    box = await what(page, picture).bounding_box()
    if box is None:
        raise RuntimeError(f"{picture.name} shows nothing")
    bottom = box["y"] + box["height"]
    clip = {"x": 0.0, "y": 0.0, "width": float(picture.width), "height": bottom - BELOW_A_PAGE}
    if picture.of_dialog:
        clip = {
            "x": box["x"] - AROUND_A_DIALOG,
            "y": box["y"] - AROUND_A_DIALOG,
            "width": box["width"] + 2 * AROUND_A_DIALOG,
            "height": box["height"] + 2 * AROUND_A_DIALOG,
        }
    # Playwright itself makes PNG and JPEG only.
    browser = await page.context.new_cdp_session(page)
    taken = await browser.send(
        "Page.captureScreenshot", {"format": "webp", "quality": QUALITY, "clip": {**clip, "scale": 1}}
    )
    return base64.b64decode(taken["data"])


def words_beside(picture: Picture, language: str) -> Path:
    """The file with the words of both its pictures, the light and the dark one."""
    return FOLDER / f"{picture.name}-{language}.txt"


async def words_of(page: Page, picture: Picture) -> str:
    """All that is to be read in the picture, one line for each, with `…` for what differs from one time to the next."""
    lines = (
        VOLATILE.sub("…", line.strip()) for line in (await what(page, picture).inner_text()).splitlines()
    )
    return "".join(f"{line}\n" for line in lines if line)


if __name__ == "__main__":
    asyncio.run(main())
