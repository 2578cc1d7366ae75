"""Keeps the kinds of requests that a client sent, so that a whole test suite can be held against a list of them.

The environment variable ENTRA_REQUESTS names a folder. Each process appends one line of JSON to a file of its own there
when a kind first occurs, so that a killed process loses nothing. Only requests of msgraph-sdk are kept, which the
product sends with: everything else is a test of the emulator itself.
"""

import json
import os
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Self
from urllib.parse import parse_qsl

from local.entra.calls import Call

FOLDER = "ENTRA_REQUESTS"
_TEXT = re.compile(r"'(?:[^']|'')*'")
_ALIKE = re.compile(r"('')(?:,'')+")
# These options take any value that the emulator accepts.
_ANY_VALUE = frozenset({"$select", "$top"})
_LINKS, _NO_LINKS = frozenset({"$skiptoken", "$deltatoken"}), frozenset({"", "latest"})


@dataclass(frozen=True, slots=True, order=True)
class Kind:
    """Requests that differ only in ids and values. `query` is sorted and decoded, with '' for each text of a filter."""

    method: str
    path: str
    query: str = ""
    eventual: bool = False

    @classmethod
    def of(cls, method: str, template: str, query_string: str, *, eventual: bool) -> Self:
        options = sorted(parse_qsl(query_string, keep_blank_values=True))
        query = "&".join(name if name in _ANY_VALUE else f"{name}={_shape(value)}" for name, value in options)
        return cls(method, re.sub(r"\{\w+\}", "{id}", template), query, eventual)

    def __str__(self) -> str:
        query = f"?{self.query}" if self.query else ""
        return f"{self.method} {self.path}{query}{' eventual' if self.eventual else ''}"


_written: set[tuple[str, Kind]] = set()


def keep(call: Call, template: str) -> None:
    """Keeps the kind of this call, with the first call of that kind and the test that was running."""
    folder = os.environ.get(FOLDER)
    if not folder or not call.sdk:
        return
    # The rest of a link is Graph's own: one that was changed is refused.
    tokens = parse_qsl(call.query_string, keep_blank_values=True)
    if any(name in _LINKS and value not in _NO_LINKS for name, value in tokens):
        return
    kind = Kind.of(call.method, template, call.query_string, eventual=call.is_eventual)
    if (folder, kind) in _written:
        return
    _written.add((folder, kind))
    url = f"{call.path}?{call.query_string}" if call.query_string else call.path
    line = {**asdict(kind), "url": url, "test": os.environ.get("PYTEST_CURRENT_TEST", "")}
    with (Path(folder) / f"{os.getpid()}.jsonl").open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _shape(value: str) -> str:
    """A filter without its texts; a list of them, and a chain of equal conditions, as one."""
    shape = _ALIKE.sub(r"\1", _TEXT.sub("''", value))
    return " or ".join(dict.fromkeys(shape.split(" or ")))
