"""Structured log lines: one JSON object a line, so that alerts can be built on them. Never a secret."""

import json
import logging
from typing import Any

_logger = logging.getLogger("sync")


def event(name: str, /, level: int = logging.INFO, **fields: Any) -> None:
    """Writes `{"event": name, …}`; values must be what JSON can hold, or have a text form."""
    _logger.log(level, "%s", json.dumps({"event": name, **fields}, ensure_ascii=False, default=str))
