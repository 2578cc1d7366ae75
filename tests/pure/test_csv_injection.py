"""Whatever text goes into an audit log, a CSV reader gives back, apart from the apostrophe against formulas."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange
from shared.model.parts import verbatim
from shared.model.results import Outcome, Result
from shared.model.runs import Mode
from shared.reports.audit_csv import COLUMNS, header, render
from tests.support.audit_cells import FORMULA_STARTS, guarded
from tests.support.people import change

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOSTILE = [
    "=cmd|' /C calc'!A0",
    '"',
    '""',
    ",",
    ";",
    "\n",
    "\r\n",
    "\t=1",
    "\u202e",
    "\u2066x\u2069",
    "\x00",
    "'",
    "－1",
    "x;=1",
    'x\n "=1',
    "x\t＠1\u2028＋1",
]
texts = st.one_of(
    st.text(), st.sampled_from(HOSTILE), st.text(alphabet="=+-@＝＋－＠\t\r\n\u2028\x85\",;'\u202e\u2067 a")
)


def read_back(outcome: Outcome) -> dict[str, str]:
    """The one row, as csv.DictReader sees it."""
    text = (header() + render([outcome], "r1", "contoso.com", Mode.SYNC, NOW)).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text, newline=""))
    assert tuple(row) == COLUMNS
    return row


@given(name=texts, before=texts, after=texts, reason=texts, message=texts)
@example(name="=1+1", before="\r", after="\u202egnp.exe", reason='"', message="a,b\r\nc")
def test_every_cell_comes_back(name: str, before: str, after: str, reason: str, message: str) -> None:
    changed = change(
        Action.UPDATE,
        display_name=name,
        attributes=[AttributeChange("surname", before, after)],
        reason=reason,
    )

    row = read_back(
        Outcome(change=changed, result=Result.FAILED, error_code="x", error_message=verbatim(message))
    )

    assert [row[c] for c in ("displayName", "before", "after", "reason", "errorMessage")] == [
        guarded(cell) for cell in (name, before, after, reason, message)
    ]


@given(texts, texts)
def test_no_cell_begins_like_a_formula(name: str, value: str) -> None:
    changed = change(display_name=name, attributes=[AttributeChange("surname", value, value)])

    row = read_back(Outcome(change=changed, result=Result.SUCCEEDED))

    assert not [cell for cell in row.values() if cell.startswith((*FORMULA_STARTS, "\t", "\r"))]


@pytest.mark.parametrize("separator", [";", "\t"])
@given(texts, texts)
def test_no_cell_of_another_separator_begins_like_a_formula(separator: str, name: str, value: str) -> None:
    """A spreadsheet that takes it knows no quotes inside a cell, and ends lines inside ours."""
    changed = change(display_name=name, attributes=[AttributeChange("surname", value, value)])
    log = render(
        [Outcome(change=changed, result=Result.SUCCEEDED)], "r1", "contoso.com", Mode.SYNC, NOW
    ).decode()

    cells = [cell for line in re.split("[\n\v\f\r\u2028\u2029]", log) for cell in line.split(separator)]

    assert not [cell for cell in cells if cell.lstrip(' "').startswith(FORMULA_STARTS)]


@pytest.mark.parametrize("value", HOSTILE)
def test_a_hostile_name_stays_in_its_cell(value: str) -> None:
    changed = change(display_name=value, attributes=[AttributeChange("surname", None, value)])

    row = read_back(Outcome(change=changed, result=Result.SUCCEEDED))

    assert (row["userPrincipalName"], row["after"], row["reason"]) == ("aoki@contoso.com", guarded(value), "")
