"""Tells a scenario that fails as a story: what people did, what went wrong, what was written, hour by hour."""

import json
import re
from collections.abc import Iterator

from tests.simulation.world import Result

# Events of the log that a reader needs.
_FACTS = ("domain", "runId", "mode", "status", "message")
_TOLD = re.compile(r"run\.(?!queued)|lease|memory|links|timer\.(failed|busy)|storage|notification")


def story(result: Result) -> str:
    scenario = result.scenario
    lines = [
        f"Scenario {scenario.name}: {len(scenario.people)} people, {len(scenario.accounts)} accounts, "
        f"{scenario.hours} hours, {len(scenario.faults) + len(scenario.rules)} faults, instances {scenario.clocks}",
        *(f"VIOLATED: {one}" for one in result.violations),
        "",
        *_told(result.lines),
    ]
    return "\n".join(lines) + "\n"


def _told(lines: list[str]) -> Iterator[str]:
    for line in lines:
        at, who, what = line.split(" ", 2)
        if text := _text(who, what):
            yield f"{_moment(float(at))} {who}: {text}"


def _text(who: str, what: str) -> str:
    """What a reader needs of a line; empty for nothing."""
    if who == "queue":
        return "" if what.endswith("} ") else what  # nothing became of the message but its delivery
    if who in ("edit", "http", "effect", "fault") or what == "is killed":
        return what
    if not what.startswith('{"event"'):
        return ""
    event = json.loads(what)
    facts = [str(event[name]) for name in _FACTS if name in event]
    return f"{event['event']} {' '.join(facts)}" if _TOLD.search(event["event"]) else ""


def _moment(seconds: float) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{int(hours):02}:{int(rest // 60):02}:{rest % 60:06.3f}"
