"""Reads audit logs of the app's previous version: its only record of how a change ended. Pure.

Needed for a sync that is in flight during the deployment, and for the approval of a dry run made before it. Can be
removed, with its callers, 30 days after that deployment.
"""

import csv
import io

from shared.model.changes import Action
from shared.model.results import Key, Result

# What that version took for the start of a formula, and escaped.
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")


def read_ended(content: bytes) -> dict[Key, tuple[Result, str]]:
    """How each change ended, and its object id (empty if unknown). A key names the person as the cell does."""
    ended: dict[Key, tuple[Result, str]] = {}
    for row in _rows(content):
        person = row["sourceId"] if row["action"] == Action.ADD else row["objectId"]
        ended[row["action"], person or row["userPrincipalName"]] = Result(row["result"]), row["objectId"]
    return ended


def planned_deletions(content: bytes, run_id: str) -> frozenset[str]:
    """The object ids of the users that this dry run would have deleted."""
    mine = (row for row in _rows(content) if row["runId"] == run_id)
    return frozenset(row["objectId"] for row in mine if row["action"] == Action.DELETE)


def unescaped(cell: str) -> str:
    """The text of a cell, without the apostrophe that keeps it from being a formula."""
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA_STARTS) else cell


def _rows(content: bytes) -> "csv.DictReader[str]":
    """Row by row: a log of 100,000 changes has a hundred megabytes."""
    return csv.DictReader(io.TextIOWrapper(io.BytesIO(content), encoding="utf-8-sig", newline=""))
