"""A run as a row of table `Runs`, and back. Pure.

A property of a row holds 64 KiB of UTF-16. The people of a what-if or a comparison, and sentences of the run's message
and warnings, are left out to fit: a run that can't be stored could neither go on nor end.
"""

from functools import lru_cache
from typing import Any

from shared.model.parts import say, verbatim
from shared.model.runs import Run

# In UTF-16 code units, below the limit of the service.
LARGEST_DOCUMENT = 32_000
# For the note that warnings are left out.
_SPARE = 400


def to_row(run: Run) -> dict[str, Any]:
    return {
        "PartitionKey": run.domain,
        "RowKey": run.id,
        "status": run.status.value,
        "mode": run.mode.value,
        "run": _document(run),
    }


def from_row(row: Any) -> Run:
    """The run of this row. Raises ValidationError for what only a later version knows."""
    return _run(row["run"])


@lru_cache(maxsize=64)
def _run(document: str) -> Run:
    """Kept, since each run reads a few rows several times, those of its domain's last runs above all."""
    # A later version may have stored fields that this one does not know; that must not hide the run.
    run = Run.model_validate_json(document, extra="ignore")
    # An earlier version stored only the English text.
    warnings = run.warning_parts or tuple(part for text in run.warnings for part in verbatim(text))
    update = {"message_parts": run.message_parts or verbatim(run.message), "warning_parts": warnings}
    return run.model_copy(update=update)


def _document(run: Run) -> str:
    document = run.model_dump_json(by_alias=True)
    if _size(document) <= LARGEST_DOCUMENT:
        return document
    counted = {"what_if": run.what_if, "compared": run.compared}
    nobody = {name: one and one.model_copy(update={"some": ()}) for name, one in counted.items()}
    bare = run.model_copy(update={"warning_parts": (), **nobody})
    if _size(bare.model_dump_json(by_alias=True)) > LARGEST_DOCUMENT - _SPARE:
        bare = bare.model_copy(update={"message_parts": say("run.messageCut")})
    for kept in range(len(run.warning_parts), -1, -1):
        left_out = len(run.warning_parts) - kept
        note = say("run.warningsCut", count=left_out) if left_out else ()
        warnings = (*run.warning_parts[:kept], *note)
        document = bare.model_copy(update={"warning_parts": warnings}).model_dump_json(by_alias=True)
        if _size(document) <= LARGEST_DOCUMENT:
            break
    return document


def _size(text: str) -> int:
    return len(text.encode("utf-16-le")) // 2
