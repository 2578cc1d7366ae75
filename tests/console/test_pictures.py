"""The guide's pictures say what the console says."""

from difflib import unified_diff

import pytest
from playwright.async_api import Browser

from tests.console.conftest import IN_A_BROWSER
from tools.demo_days import ordinary_day
from tools.screenshots import LANGUAGES, PICTURES, shown, words_beside, words_of

pytestmark = IN_A_BROWSER


# Twenty-two views of a whole product.
@pytest.mark.timeout(300)
async def test_the_words_of_every_picture_are_those_of_its_view(browser: Browser) -> None:
    changes: list[str] = []
    async with ordinary_day() as day:
        for language in LANGUAGES:
            for picture in PICTURES:
                beside = words_beside(picture, language)
                async with shown(browser, day, picture, language) as page:
                    seen = await words_of(page, picture)
                kept = beside.read_text(encoding="utf-8")
                changes += unified_diff(
                    kept.splitlines(), seen.splitlines(), beside.name, "the console", lineterm="", n=0
                )
    assert changes == [], "if the console is right, `make screenshots` makes the pictures anew"
