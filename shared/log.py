"""Structured log lines: one JSON object a line, so that alerts can be built on them. Never a secret."""

import json
import logging
from typing import Any

from shared.records import Run

_logger = logging.getLogger("sync")


def event(name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Writes `{"event": name, …}`; values must be what JSON can hold, or have a text form."""
    _logger.log(level, "%s", json.dumps({"event": name, **fields}, ensure_ascii=False, default=str))


def facts(run: Run) -> dict[str, Any]:
    """What every line about a run says."""
    document = run.model_dump(mode="json", by_alias=True)
    return {"runId": run.id, **{name: document[name] for name in _FACTS}}


_FACTS = (
    "domain", "mode", "trigger", "requestedBy", "requestedFrom", "status", "message",
    "invocations", "counts", "deletionCheck",
)  # fmt: skip
