"""What can occur, by the app's own enumerations, words and log lines, and what of it has occurred in a scenario."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import cache
from typing import get_args

import orjson

from local.processes import REPOSITORY
from shared.model.changes import Action, Rule
from shared.model.results import Result
from shared.model.runs import Mode, RunKind, Status, Trigger
from tests.simulation.audit_log import Line
from tests.simulation.blobs import Blobs
from tests.simulation.faults import KINDS
from tests.simulation.graph import Deed
from tests.simulation.scenario import ActKind, EditKind
from tests.simulation.tables import Tables

_ENUMERATIONS: dict[str, type[StrEnum]] = {
    "action": Action, "result": Result, "rule": Rule, "status": Status, "mode": Mode, "trigger": Trigger,
    "kind": RunKind,
}  # fmt: skip
_SHARED = REPOSITORY / "shared"
# What these say may be the reason for a row, or stand in a Sync Log.
_OF_RUNS = ("entra", "planning", "runs", "source")
_QUOTED = re.compile(r'"(\w+\.\w+)"')
_EVENT = re.compile(r'\bevent\(\s*"([\w.]+)"')
_TOLD = re.compile(rb'"(code|action|result|rule)":"([\w.]+)"')
# What blobs hold of people, as the app writes it for itself: journals, plans of dry runs, questions.
_CONTAINERS = ("journal", "audit-logs", "tenant")


@cache
def possible() -> frozenset[str]:
    """Everything that can occur, named as in `Result.seen`."""
    return frozenset(_possible())


def _possible() -> Iterator[str]:
    for name, enumeration in _ENUMERATIONS.items():
        yield from (f"{name} {one}" for one in enumeration)
    codes = orjson.loads((_SHARED / "words/en.json").read_bytes())
    for source in _SHARED.rglob("*.py"):
        text = source.read_text("utf-8")
        yield from (f"event {one}" for one in _EVENT.findall(text))
        if source.parent.name in _OF_RUNS:
            yield from (f"reason {one}" for one in _QUOTED.findall(text) if one in codes)
    yield from (f"fault {service} {kind}" for service, kinds in KINDS.items() for kind in kinds)
    for name, kind in (("edit", EditKind), ("act", ActKind), ("effect", Deed)):
        yield from (f"{name} {one}" for one in get_args(kind))


def occurred(tables: Tables, blobs: Blobs, rows: Iterable[Line]) -> Counter[str]:
    """What the tables and blobs tell that a scenario has left behind, and the rows of its audit logs."""
    seen = Counter(f"result {row.result}" for row in rows)
    for row in tables.by_name.get("Runs", {}).values():
        if "run" in row.properties:
            text = str(row.properties["run"])
            run = orjson.loads(text)
            seen.update(f"{name} {run[name]}" for name in ("mode", "trigger", "kind") if name in run)
            seen.update(f"limit {one['name']} exceeded" for one in run["limitChecks"] if one["exceeded"])
            seen.update(_told(text.encode()))
    for container in _CONTAINERS:
        for blob in blobs.by_container.get(container, {}).values():
            seen.update(_told(blob.content))
    return seen


def _told(content: bytes) -> Iterator[str]:
    for name, value in _TOLD.findall(content):
        yield f"{'reason' if name == b'code' else name.decode()} {value.decode()}"
