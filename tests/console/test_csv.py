"""The page's own CSV reader, against Python's writer and the app's audit log."""

import csv
import io
from typing import Any

from playwright.async_api import Page

from tests.console.conftest import IN_A_BROWSER, OpenPage
from tests.support.stack import StartStack

pytestmark = IN_A_BROWSER

NASTY = [
    "",
    '"',
    '""',
    ",",
    "\n",
    "\r\n",
    "\r",
    '",\r\n"',
    "青木, 花子",
    "'=1+1",
    " x ",
    "\ufeff",
    "a\u2028b",
]


async def parsed(page: Page, text: str) -> Any:
    return await page.evaluate("async (text) => (await import('/api/console/csv.js')).parseCsv(text)", text)


def written(records: list[list[str]]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerows(records)
    return out.getvalue()


async def test_it_reads_back_whatever_was_written(start_stack: StartStack, open_page: OpenPage) -> None:
    page = await open_page(await start_stack())
    records = [[cell, other, "end"] for cell in NASTY for other in NASTY]
    assert await parsed(page, written(records)) == records


async def test_it_reads_lines_that_end_as_on_unix(start_stack: StartStack, open_page: OpenPage) -> None:
    page = await open_page(await start_stack())
    assert await parsed(page, 'a,"b\nc"\nd,\n') == [["a", "b\nc"], ["d", ""]]


async def test_a_byte_order_mark_and_a_missing_last_line_end_count_for_nothing(
    start_stack: StartStack, open_page: OpenPage
) -> None:
    page = await open_page(await start_stack())
    assert await parsed(page, "\ufeffa,b\r\n1,") == [["a", "b"], ["1", ""]]
    assert await parsed(page, "\ufeff") == []
    assert await parsed(page, "") == []
