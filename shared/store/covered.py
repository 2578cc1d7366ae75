"""What the hashes of the log cover: by name, and nothing that may be, or name, a person. Pure.

So a person is erased by replacing their name, where it stands, without breaking a chain. A name that once stood here
stays: the hashes of stored rows are made of it.
"""

from collections.abc import Mapping
from datetime import UTC
from typing import Any

import orjson
from pydantic import JsonValue

# A field of a run, and the fields in it that are covered; none named: all of it.
RUN: Mapping[str, tuple[str, ...]] = {
    **dict.fromkeys(
        (
            "id", "domain", "mode", "trigger", "kind", "undoes", "only", "disableAdded", "status",
            "createdAt", "startedAt", "finishedAt", "invocations", "stalledInvocations", "progress", "counts",
            "deletionCheck", "questions", "questionsSince", "shielded", "matches", "auditLog",
            "settingsDigest", "mapDigest", "planDigest", "sameSince", "leftDigest", "leftSince", "unchangedSince",
            "listed", "terms", "read", "readAfter",
        ),
        (),
    ),
    "limitChecks": ("name", "amount", "of", "limit", "unit", "count", "kinds", "attribute", "exceeded", "approved"),
    "approval": ("dryRunId", "deletions", "released", "named", "reviewed"),
    "compared": ("people",),
    "whatIf": ("people",),
    "preCheck": ("activeDirectory", "objects"),
    "messageParts": ("code",),
    "warningParts": ("code",),
}  # fmt: skip
QUALITY = ("good", "tried", "mostlyFailed", "notDeleted")
# Settings of a domain or the tenant whose values are covered. Of the others it is whether they changed.
SETTINGS = frozenset(
    {
        "periodicSync", "maxAllowedDeletions", "maxAdds", "maxUpdates", "maxRenames", "maxCleared", "maxBlocks",
        "leavers", "unlinked", "maxSourceShrink", "pausedUntil", "attributeMap", "usageLocation", "foreignDomains",
        "signIn", "upnFrom", "unreadable",
    }
)  # fmt: skip
# Of a decision, a hold, or what was decided about a leaver.
DECIDED = frozenset({"same", "at", "until", "scope", "since", "do"})
_OF_PERSON = ("objectId", "leaver")


def covered_run(row: Mapping[str, Any]) -> JsonValue:
    """Of a finished run's row in table `Runs`."""
    quality = orjson.loads(row["quality"])
    return [row["status"], row["mode"], run_fields(row["run"]), _picked(quality, QUALITY)]


def run_fields(document: str) -> JsonValue:
    run = orjson.loads(document)
    return {name: _picked(run[name], names) for name, names in RUN.items() if name in run}


def covered_change(row: Mapping[str, Any]) -> JsonValue:
    """Of a row `change-…` in table `Domains`."""
    before, after = (orjson.loads(row[name]) if row.get(name) else None for name in ("before", "after"))
    known = {**(before or {}), **(after or {})}
    of_person = any(name in known for name in _OF_PERSON)
    names = DECIDED if of_person else SETTINGS
    at = row["changedAt"].astimezone(UTC).isoformat(timespec="milliseconds")
    changed = [name for name in sorted(known) if (before or {}).get(name) != (after or {}).get(name)]
    values = [one and {name: one[name] for name in names & one.keys()} for one in (before, after)]
    return [at, values, [] if of_person else changed]


def _picked(value: Any, names: tuple[str, ...]) -> JsonValue:
    if isinstance(value, list):
        return [_picked(one, names) for one in value]
    return {name: value[name] for name in names if name in value} if value and names else value
