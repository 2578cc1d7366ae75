"""An audit log of the previous version, read back: how everything ended, and what a dry run would delete."""

import csv
import io
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, Change
from shared.model.results import Outcome, Result
from shared.model.runs import Mode
from shared.reports.audit_csv import COLUMNS, header, render
from shared.store.previous_version import planned_deletions, read_ended, unescaped
from tests.support.people import add, change, rename

MORNING = datetime(2026, 3, 1, tzinfo=UTC)
PEOPLE = st.text(min_size=1) | st.text(alphabet="=+-@\t\r'a", min_size=1)


def outcome(of_whom: Change, result: Result = Result.SUCCEEDED, object_id: str | None = None) -> Outcome:
    return Outcome(change=of_whom, result=result, object_id=object_id)


def log(*outcomes: Outcome, run_id: str = "r1", mode: Mode = Mode.SYNC) -> bytes:
    return render(outcomes, run_id, "contoso.com", mode, MORNING)


def test_it_says_how_each_change_ended_and_on_which_object() -> None:
    content = header() + log(outcome(add(), object_id="o1"), outcome(rename("a", "b"), Result.FAILED))

    assert read_ended(content) == {
        ("add", "new"): (Result.SUCCEEDED, "o1"),
        ("rename", "id-a"): (Result.FAILED, "id-a"),
    }


@given(PEOPLE)
def test_a_person_is_named_by_their_cell_which_says_who_they_are(source_id: str) -> None:
    shown = "'" + source_id if source_id.startswith(("=", "+", "-", "@", "\t", "\r")) else source_id
    row = {**dict.fromkeys(COLUMNS, ""), "action": "add", "result": "succeeded", "sourceId": shown}
    text = io.StringIO(newline="")
    csv.DictWriter(text, COLUMNS).writerow(row)

    ((_, cell),) = read_ended(header() + text.getvalue().encode())

    # Where a cell could mean two people, the previous version took them for one.
    assert source_id in (cell, unescaped(cell))


def test_a_log_with_nothing_but_its_header_settles_nothing() -> None:
    assert read_ended(header()) == {}


def test_the_deletions_that_may_be_approved_are_those_of_this_dry_run() -> None:
    deletion, skip = change(Action.DELETE), change(Action.SKIP, "b@contoso.com")
    earlier = change(Action.DELETE, "c@contoso.com")
    content = (
        header()
        + log(outcome(earlier, Result.PLANNED), run_id="r0", mode=Mode.DRY_RUN)
        + log(outcome(deletion, Result.PLANNED), outcome(skip, Result.SKIPPED), mode=Mode.DRY_RUN)
    )

    assert planned_deletions(content, "r1") == {"id-aoki"}


@pytest.mark.parametrize("cell", ["aoki", "'aoki", "", "'", "o'neil"])
def test_an_apostrophe_that_guards_no_formula_belongs_to_the_text(cell: str) -> None:
    assert unescaped(cell) == cell
