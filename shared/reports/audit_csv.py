"""The audit log as text: one row per changed attribute or per person, in a form a spreadsheet opens. Pure.

UTF-8 with BOM and CRLF, so that a spreadsheet shows Japanese names. What a spreadsheet would take for a formula gets
an apostrophe before it ("CSV injection", OWASP), also inside a cell: one that takes `;` or a tab for the separator
finds no quotes where a cell begins, and lets cells begin in the middle of ours. Never a password.
"""

import csv
import io
import re
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime

from shared.model.changes import Action, AttributeChange
from shared.model.parts import Language
from shared.model.people import Value
from shared.model.results import Outcome, Result
from shared.model.runs import Counts, Mode
from shared.words import said

COLUMNS = (
    "runId", "time", "domain", "mode", "action", "result", "userPrincipalName", "displayName", "objectId",
    "sourceId", "attribute", "before", "after", "reason", "errorCode", "errorMessage", "requestId",
)  # fmt: skip
BOM = "\ufeff"
# What a spreadsheet would take for a formula; of the full-width ones, in an East Asian language.
_FORMULA_STARTS = (*"=+-@＝＋－＠", "\t", "\r")
# Where a cell could begin inside one of ours.
_BREAK = re.compile("[;\t\n\v\f\r\u2028\u2029]")
_FORMULA_AFTER_BREAK = re.compile(f'({_BREAK.pattern})(?=[ "]*[-=+@＝＋－＠])')


def header() -> bytes:
    """The line of column names, after the BOM."""
    return (BOM + _line(COLUMNS)).encode()


def render(
    outcomes: Iterable[Outcome],
    run_id: str,
    domain: str,
    mode: Mode,
    time: datetime,
    language: Language = "en",
) -> bytes:
    """The rows of these outcomes, without the header. `time` is when they ended: one time for all.

    `language` is that of `reason` and `errorMessage`.
    """
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    start = (run_id, _iso(time), domain, mode.value)
    for outcome in outcomes:
        writer.writerows(_rows(outcome, start, language))
    return out.getvalue().encode()


def _rows(outcome: Outcome, start: tuple[str, ...], language: Language) -> Iterator[list[str]]:
    change = outcome.change
    who = (change.upn, change.display_name, outcome.object_id or change.object_id, change.source_id)
    reason = said(change.reason + outcome.note, language)
    error = (outcome.error_code, said(outcome.error_message, language))
    one_row_each = change.action not in (Action.DELETE, Action.SKIP)
    attributes: Sequence[AttributeChange | None] = change.attributes if one_row_each else ()
    if not attributes or change.action is Action.RESTORE:
        attributes = (None, *attributes)
    ends = [(outcome.result, a, error) for a in attributes]
    if outcome.refused:
        # First: who reads row by row takes a person's end from the first one.
        ends = [
            *((Result.FAILED, a, error) for a in outcome.refused),
            *((outcome.result, a, ("", "")) for a in attributes),
        ]
    for result, a, why in ends:
        attribute = (a.attribute, a.before, a.after) if a else ("", None, None)
        cells = (
            *start,
            change.action.value,
            result.value,
            *who,
            *attribute,
            reason,
            *why,
            outcome.request_id,
        )
        yield [_escaped(_text(cell)) for cell in cells]


def _escaped(cell: str) -> str:
    if _BREAK.search(cell):
        cell = _FORMULA_AFTER_BREAK.sub(r"\1'", cell)
    return "'" + cell if cell.startswith(_FORMULA_STARTS) else cell


def _text(cell: Value) -> str:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    return cell or ""


def _iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO(newline="")
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue()


_COUNTED_AS = {Result.FAILED: "failed", Result.IN_DOUBT: "doubtful", Result.SKIPPED: "skipped"}


def count(counts: Counts, action: Action, result: Result) -> Counts:
    """`counts` with one more person: by action if it took effect or is planned, else by result.

    Who was `UNCHANGED` in the end is not counted here: `unchanged` is known from the plan, not from the records.
    """
    if result in (Result.NOT_APPLIED, Result.UNCHANGED):
        return counts
    name = _COUNTED_AS.get(result, action.value)
    return counts.model_copy(update={name: getattr(counts, name) + 1})
