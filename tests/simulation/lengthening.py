"""Gaps in a scenario: days in which only the timer ticks, or in which the app stands still. Recycle bins are emptied,
logs expire, and leavers' dates come."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import Any

from tests.simulation.scenario import Gap, Rule, Scenario

_SHARE = 0.25
_FIRST, _LAST = 4, 3  # hours from the beginning and the end


def lengthened(scenario: Scenario) -> Scenario:
    """The same scenario with a gap or two, for a share of all names."""
    chance = Random(f"{scenario.name} gaps")
    if chance.random() >= _SHARE or scenario.hours < _FIRST + _LAST + 2:
        return scenario
    hours = sorted(chance.sample(range(_FIRST, scenario.hours - _LAST), chance.randint(1, 2)))
    with_gaps = replace(scenario, gaps=tuple(_gap(chance, hour) for hour in hours))
    gone_by = with_gaps.gone_by
    # Who left long ago is looked for at last, and can't be.
    blind = {
        "kind": "status",
        "status": 503,
        "method": "GET",
        "path": chance.choice(("/users/*", "/directory/deletedItems*")),
    }
    return replace(
        with_gaps,
        rules=(*scenario.rules, *(Rule(hour, blind) for hour in hours if chance.random() < 0.3)),
        edits=tuple(replace(one, at=one.at + gone_by(one.at)) for one in scenario.edits),
        acts=tuple(
            replace(one, at=one.at + gone_by(one.at), body=_later(chance, one.body, gone_by(one.at)))
            for one in scenario.acts
        ),
    )


def _gap(chance: Random, hour: int) -> Gap:
    if chance.random() < 0.6:
        return Gap(hour, chance.choice((2, 8, 31)), ticks=True)
    return Gap(hour, chance.choice((1, 8, 31, 100, 100)), ticks=False)


def _later(chance: Random, body: Mapping[str, Any], by: float) -> dict[str, Any]:
    """The same request, asked so much later; leavers wait for days and not for hours."""
    moved: dict[str, Any] = {
        name: (datetime.fromisoformat(value) + timedelta(seconds=by)).isoformat()
        for name, value in body.items()
        if name in ("pausedUntil", "until") and value
    }
    leavers = body.get("leavers")
    if leavers and leavers["deleteAfterDays"]:
        moved["leavers"] = {**leavers, "deleteAfterDays": chance.choice((1, 7, 30))}
    return {**body, **moved}
