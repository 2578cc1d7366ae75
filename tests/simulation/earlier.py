"""What an earlier release has left in storage, and both sides at that moment, moved to the beginning of a scenario."""

import json
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any

from local.processes import REPOSITORY
from tests.simulation.clock import BEGINNING

_SAMPLES = REPOSITORY / "tests/data/previous_version"
SAMPLES = ("cut-off", "dry-run", "finished")
# It was deployed over so long before.
BEFORE = timedelta(minutes=5)
_TIME = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?Z")
# It begins with the milliseconds that are left of some 300 years: the newest comes first.
_RUN_ID = re.compile(r"\b(\d{13})(?=-[0-9a-f]{8}\b)")
_CREATED = re.compile(r'\\"createdAt\\":\\"([^\\]+)\\"')


@dataclass(frozen=True, slots=True)
class File:
    container: str
    name: str
    content: bytes
    appends: bool
    metadata: dict[str, str]


@dataclass(frozen=True, slots=True)
class Left:
    """`source`, `users` and `deleted`: both sides. `in_flight`: whether the run waits for an invocation to go on."""

    domain: str
    run_id: str
    in_flight: bool
    rows: tuple[dict[str, Any], ...]
    files: tuple[File, ...]
    source: tuple[dict[str, Any], ...]
    users: tuple[dict[str, Any], ...]
    deleted: tuple[dict[str, Any], ...]


@cache
def left(sample: str) -> Left:
    folder = _SAMPLES / sample
    rows = (folder / "runs.json").read_text("utf-8")
    created = max(map(datetime.fromisoformat, _CREATED.findall(rows)))
    by = BEGINNING - BEFORE - created
    runs, blobs, sides = (
        json.loads(moved((folder / name).read_text("utf-8"), by))
        for name in ("runs.json", "blobs.json", "sides.json")
    )
    return Left(
        domain=runs[0]["PartitionKey"],
        run_id=sides["run"],
        in_flight=any(row["RowKey"] == "active" for row in runs),
        rows=tuple(runs),
        files=tuple(
            File(
                blob["container"],
                blob["name"],
                moved((folder / name).read_bytes().decode(), by).encode(),
                blob["type"] == "AppendBlob",
                blob["metadata"],
            )
            for name, blob in blobs.items()
        ),
        source=tuple({"immutable_id": "", **one} for one in sides["source"]),
        # Two have exchanged their UPNs, as only people without a mailbox can.
        users=tuple({**one, "_mailbox": "none"} for one in sides["entra"]["users"]),
        deleted=tuple(sides["entra"]["deletedUsers"]),
    )


def moved(text: str, by: timedelta) -> str:
    """The same text, as long as before, with every time and every run's id so much later."""

    def later(found: re.Match[str]) -> str:
        precision = "milliseconds" if found[1] else "seconds"
        return (datetime.fromisoformat(found[0]) + by).isoformat(timespec=precision).replace("+00:00", "Z")

    milliseconds = by // timedelta(milliseconds=1)
    return _RUN_ID.sub(lambda found: str(int(found[1]) - milliseconds), _TIME.sub(later, text))
