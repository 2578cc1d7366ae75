"""A run as a row of table `Runs`, and back. Pure.

A property of a row holds 64 KiB, as UTF-16. What a run says at length, its message and its warnings, is cut to fit:
a run that can't be stored could neither go on nor end.
"""

import json
from typing import Any

from shared.model.runs import Run

# Of UTF-16 units, with something to spare.
LARGEST_DOCUMENT = 32_000
_LONGEST_TEXT = 2_000
# For the note that warnings are left out.
_SPARE = 200
_CUT = " … (cut here: a Sync Log holds no more)"
_WARNINGS_CUT = "{count} more warnings are left out: a Sync Log holds no more."


def to_row(run: Run) -> dict[str, Any]:
    return {
        "PartitionKey": run.domain,
        "RowKey": run.id,
        "status": run.status.value,
        "mode": run.mode.value,
        "run": _document(run),
    }


def from_row(row: Any) -> Run:
    # A later version may have stored fields that this one does not know; that must not hide the run.
    return Run.model_validate_json(row["run"], extra="ignore")


def _document(run: Run) -> str:
    document = run.model_dump_json(by_alias=True)
    if _size(document) <= LARGEST_DOCUMENT:
        return document
    bare = run.model_copy(update={"message": _shorter(run.message), "warnings": ()})
    left = LARGEST_DOCUMENT - _size(bare.model_dump_json(by_alias=True)) - _SPARE
    warnings = _fitting(tuple(map(_shorter, run.warnings)), left)
    return bare.model_copy(update={"warnings": warnings}).model_dump_json(by_alias=True)


def _fitting(warnings: tuple[str, ...], units: int) -> tuple[str, ...]:
    """As many of the warnings as fit, and a note of how many don't."""
    for kept, warning in enumerate(warnings):
        units -= _size(json.dumps(warning, ensure_ascii=False)) + 1
        if units < 0:
            return (*warnings[:kept], _WARNINGS_CUT.format(count=len(warnings) - kept))
    return warnings


def _shorter(text: str) -> str:
    return text if len(text) <= _LONGEST_TEXT else text[: _LONGEST_TEXT - len(_CUT)] + _CUT


def _size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
