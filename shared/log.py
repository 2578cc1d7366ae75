"""Structured log lines: one JSON object a line, so that alerts can be built on them. Never a secret."""

import json
import logging
from typing import Any

from shared.model.runs import Run
from shared.words import said

_logger = logging.getLogger("sync")
# Each writes a line, or several, for every request it sends.
_CHATTY = ("azure", "httpx")


def leave_out_requests() -> None:
    """Keeps the SDKs' requests out of the log, unless debugging: they would be most of it, and name people."""
    debugging = logging.getLogger().isEnabledFor(logging.DEBUG)
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.NOTSET if debugging else logging.WARNING)


def event(name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Writes `{"event": name, …}`; values must be what JSON can hold, or have a text form."""
    _logger.log(level, "%s", json.dumps({"event": name, **fields}, ensure_ascii=False, default=str))


def facts(run: Run) -> dict[str, Any]:
    """What every line about a run says."""
    document = run.model_dump(mode="json", by_alias=True)
    document["message"] = said(run.message_parts)
    return {"runId": run.id, **{name: document[name] for name in _FACTS}}


_FACTS = (
    "domain", "mode", "trigger", "requestedBy", "requestedFrom", "status", "message",
    "invocations", "counts", "deletionCheck",
)  # fmt: skip
