"""Judges what a run's line in the Sync Logs says of its audit log: how many of each, and how it ended."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from tests.simulation.audit_log import Line

_MADE = ("add", "update", "rename", "restore", "block", "unblock", "delete")
_COUNTED_AS = {"failed": "failed", "inDoubt": "doubtful", "skipped": "skipped"}
_NOT_COUNTED = ("notApplied", "unchanged")


def miscounted(run: Mapping[str, Any], rows: Iterable[Line]) -> Iterator[str]:
    """What the run's line says otherwise than its audit log. Of a doubt that is closed the last row counts."""
    last = {(row.action, row.who, row.source_id if row.action == "skip" else ""): row for row in rows}
    told = Counter(_counted(row) for row in last.values() if row.result not in _NOT_COUNTED)
    # Where two people want one account, a sync that was cut off counts the account.
    fewest = len({row.who for row in last.values() if row.result == "skipped"})
    for name in (*_MADE, *_COUNTED_AS.values()):
        least = fewest if name == "skipped" else told[name]
        if not least <= run["counts"][name] <= told[name]:
            yield f"{run['id']} {name}: {run['counts'][name]}, rows {told[name]}"
    partly = told["failed"] or told["doubtful"]
    if partly and run["mode"] == "sync" and run["status"] == "succeeded":
        yield f"{run['id']} is a success with {partly} failures"


def _counted(row: Line) -> str:
    foreseen = row.result == "planned" and row.error_code
    return "failed" if foreseen else _COUNTED_AS.get(row.result, row.action)
