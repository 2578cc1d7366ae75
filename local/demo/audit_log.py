"""An audit log's rows as one line per person."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby

from local.demo.terminal import Style

HEADER = ("ACTION", "RESULT", "USER", "NAME", "WHAT")
_NAME_OF_THE_RESULT = {"notApplied": "not applied", "inDoubt": "in doubt"}
_STYLES = {
    "add": Style.GREEN,
    "restore": Style.GREEN,
    "update": Style.YELLOW,
    "rename": Style.CYAN,
    "block": Style.RED,
    "unblock": Style.GREEN,
    "delete": Style.RED,
    "skip": Style.DIM,
}
# For an add, the row already shows the user name, and the mail nickname is derived from it.
_HIDDEN_FOR_ADD = ("userPrincipalName", "mailNickname")

Row = dict[str, str]


@dataclass(frozen=True)
class Line:
    """One person: the cells, and the colour of the action."""

    action: str
    cells: tuple[str, ...]
    style: Style
    error: str = ""


def lines(rows: Iterable[Row]) -> list[Line]:
    """The log has one row per changed attribute; the rows of one person are adjacent."""
    return [_line(list(group)) for _, group in groupby(rows, key=_person)]


def _person(row: Row) -> tuple[str, str, str]:
    return row["action"], row["objectId"], row["sourceId"]


def _line(rows: Sequence[Row]) -> Line:
    first = rows[0]
    action, error = first["action"], first["errorMessage"]
    result = "would fail" if error and first["result"] == "planned" else first["result"]
    what = error or ", ".join(filter(None, map(_change, rows))) or first["reason"]
    cells = (
        action,
        _NAME_OF_THE_RESULT.get(result, result),
        first["userPrincipalName"],
        first["displayName"],
        what,
    )
    return Line(action, cells, Style.RED if error else _STYLES.get(action, Style.PLAIN), error)


def _change(row: Row) -> str:
    name, before, after = row["attribute"], row["before"], row["after"]
    if not name or (row["action"] == "add" and name in _HIDDEN_FOR_ADD):
        return ""
    if row["action"] == "add":
        return f"{name} {after}"
    return f"{name} {before or '(empty)'} → {after or '(empty)'}"
