"""Makes a failing scenario as small as it still fails: fewer faults, edits, acts, people and hours."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from tests.simulation.scenario import Scenario
from tests.simulation.world import simulate

# In this order: what there is most of first.
_LISTS = ("rules", "faults", "acts", "edits", "accounts", "people")
# Without the administrators' first acts no domain is synchronised.
_KEPT_ACTS = 3


def shrunk(scenario: Scenario, violation: str, most_tries: int = 400) -> Scenario:
    """The smallest one found that violates the same statement."""
    statement = _statement(violation)
    tries = 0

    def fails(smaller: Scenario) -> bool:
        nonlocal tries
        tries += 1
        return tries <= most_tries and any(
            _statement(one) == statement for one in simulate(smaller).violations
        )

    before = None
    while before != scenario:
        before = scenario
        for simpler in _simpler(scenario):
            if fails(simpler):
                scenario = simpler
        for name in _LISTS:
            scenario = _with_fewer(scenario, name, fails)
    return scenario


def _simpler(scenario: Scenario) -> list[Scenario]:
    hours = max((int(at) // 3600 + 1 for at in _moments(scenario)), default=2)
    return [
        replace(scenario, hours=min(scenario.hours, max(hours, 2))),
        replace(scenario, clocks=scenario.clocks[:1]),
        replace(scenario, clocks=(0.0,) * len(scenario.clocks)),
        replace(scenario, stale=(0.0, 0.0)),
        replace(scenario, settings={}),
        replace(scenario, page_size=50, keys="snake_case"),
    ]


def _moments(scenario: Scenario) -> list[float]:
    return [
        *(one.at for one in scenario.edits),
        *(one.at for one in scenario.acts),
        *(one.hour * 3600 for one in scenario.faults),
        *(one.hour * 3600 for one in scenario.rules),
    ]


def _with_fewer(scenario: Scenario, name: str, fails: Callable[[Scenario], bool]) -> Scenario:
    """Leaves out halves, then quarters, down to single items (delta debugging)."""
    items: Sequence[Any] = getattr(scenario, name)
    kept = _KEPT_ACTS if name == "acts" else 0
    size = len(items)
    while size >= 1:
        start = kept
        while start < len(items):
            fewer = (*items[:start], *items[start + size :])
            changed: dict[str, Any] = {name: fewer}
            smaller = replace(scenario, **changed)
            if fails(smaller):
                items, scenario = fewer, smaller
            else:
                start += size
        size //= 2
    return scenario


def _statement(violation: str) -> str:
    """What of a violation names no person and no time."""
    return violation.split(": ")[1]
