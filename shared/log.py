"""Structured log lines: one JSON object a line, so that alerts can be built on them. Never a secret."""

import json
import logging
from typing import Any

_logger = logging.getLogger("sync")
# Each writes a line, or several, for every request it sends.
_CHATTY = ("azure", "httpx")


def leave_out_requests() -> None:
    """Keeps the SDKs' requests out of the log, unless it is at DEBUG: they would be most of it, and name people."""
    debugging = logging.getLogger().isEnabledFor(logging.DEBUG)
    for library in _CHATTY:
        logging.getLogger(library).setLevel(logging.NOTSET if debugging else logging.WARNING)


def event(name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Writes `{"event": name, …}`; values must be what JSON can hold, or have a text form."""
    line = json.dumps({"event": name, **fields}, ensure_ascii=False, default=str)
    # No log can hold half a character.
    _logger.log(level, "%s", line.encode("utf-8", "backslashreplace").decode())
