"""What the log says of runs and of errors. Pure."""

from typing import Any

from shared.model.parts import parts_of
from shared.model.runs import Run
from shared.words import said

_FACTS = (
    "domain", "mode", "trigger", "requestedBy", "requestedFrom", "status", "message",
    "invocations", "counts", "deletionCheck",
)  # fmt: skip


def facts(run: Run) -> dict[str, Any]:
    """The fields of every log line about a run."""
    document = run.model_dump(mode="json", by_alias=True)
    document["message"] = said(run.message_parts)
    return {"runId": run.id, **{name: document[name] for name in _FACTS}}


def error_text(error: Exception) -> str:
    """What an error says, in English."""
    return said(parts_of(error))
