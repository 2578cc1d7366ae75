"""Tells a scenario that fails as a story: what people did, what went wrong, what was written, hour by hour."""

import json
import re
from collections.abc import Iterator

from tests.simulation.world import Result

# Events of the log that a reader needs.
_TOLD = re.compile(r"run\.|lease|memory|links|timer\.(failed|busy)|storage|notification")


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
        moment = _moment(float(at))
        if who in ("edit", "http", "queue", "effect", "fault") or what == "is killed":
            yield f"{moment} {who}: {what}"
        elif what.startswith('{"event"'):
            event = json.loads(what)
            if _TOLD.search(event["event"]):
                facts = [
                    str(event[name])
                    for name in ("domain", "runId", "mode", "status", "message")
                    if name in event
                ]
                yield f"{moment} {who}: {event['event']} {' '.join(facts)}"


def _moment(seconds: float) -> str:
    hours, rest = divmod(seconds, 3600)
    return f"{int(hours):02}:{int(rest // 60):02}:{rest % 60:06.3f}"
