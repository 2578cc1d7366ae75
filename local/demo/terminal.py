"""Plain text in a terminal: tables aligned also with Japanese names, and colour if the terminal shows it."""

import shutil
import sys
import unicodedata
from collections.abc import Sequence
from enum import StrEnum

INDENT = "   "
_GAP = "  "
_NARROWEST = 10


class Style(StrEnum):
    """ANSI sequences ("Select Graphic Rendition", ECMA-48)."""

    PLAIN = ""
    BOLD = "\033[1m"
    DIM = "\033[2m"
    RED = "\033[31m"
    GREEN = "\033[32m"
    YELLOW = "\033[33m"
    CYAN = "\033[36m"


def width(text: str) -> int:
    """Columns that the text takes: two for a full-width character, none for a combining one."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text
    )


def cut(text: str, columns: int) -> str:
    """The text cut to at most `columns`; ends with an ellipsis if it was cut."""
    if width(text) <= columns:
        return text
    while text and width(text) > columns - 1:
        text = text[:-1]
    return f"{text}…"


class Terminal:
    """Writes to standard output. If that is not a terminal: no colour, no rewritten lines, nothing cut."""

    def __init__(self) -> None:
        self.live = sys.stdout.isatty()
        self._columns = shutil.get_terminal_size().columns if self.live else 0
        self._last_progress = ""

    def styled(self, text: str, style: Style) -> str:
        return f"{style}{text}\033[0m" if self.live and style else text

    def say(self, text: str = "", style: Style = Style.PLAIN) -> None:
        print(f"{INDENT}{self.styled(text, style)}" if text else "", flush=True)

    def title(self, text: str, aside: str = "") -> None:
        print(
            f"\n{self.styled(text, Style.BOLD)}  {self.styled(aside, Style.DIM)}".rstrip() + "\n", flush=True
        )

    def progress(self, text: str) -> None:
        """A line that the next one replaces; without a terminal, each changed line is written below the last."""
        if self.live:
            print(f"\r\033[K{INDENT}{cut(text, self._columns - len(INDENT))}", end="", flush=True)
        elif text != self._last_progress:
            self.say(text)
        self._last_progress = text

    def end_progress(self) -> None:
        if self.live:
            print("\r\033[K", end="", flush=True)
        self._last_progress = ""

    def table(
        self, header: Sequence[str], rows: Sequence[Sequence[str]], styles: Sequence[Style] = ()
    ) -> None:
        """`styles` are those of the rows. If the table does not fit, the widest columns are cut."""
        widths = [max(width(row[i]) for row in (header, *rows)) for i in range(len(header))]
        room = self._columns - len(INDENT) - len(_GAP) * (len(widths) - 1)
        while self.live and sum(widths) > room and max(widths) > _NARROWEST:
            widths[widths.index(max(widths))] -= 1
        self.say(_line(header, widths), Style.DIM)
        for number, row in enumerate(rows):
            self.say(_line(row, widths), styles[number] if styles else Style.PLAIN)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [cut(cell, w) for cell, w in zip(cells, widths, strict=True)]
    return _GAP.join(cell + " " * (w - width(cell)) for cell, w in zip(padded, widths, strict=True)).rstrip()
