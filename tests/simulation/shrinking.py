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


def shrunk(
    scenario: Scenario,
    violation: str,
    violations_of: Callable[[Scenario], Sequence[str]] = lambda one: simulate(one).violations,
    most_tries: int = 250,
) -> Scenario:
    """The smallest one found that violates the same statement."""
    statement = statement_of(violation)
    tries = 0

    def fails(smaller: Scenario) -> bool:
        nonlocal tries
        tries += 1
        return tries <= most_tries and any(statement_of(one) == statement for one in violations_of(smaller))

    over = _cut(scenario, scenario.hour_at(float(violation.partition(" ")[0])) + 1)
    if over != scenario and fails(over):
        scenario = over
    before = None
    while before != scenario:
        before = scenario
        for simplify in _SIMPLER:
            simpler = simplify(scenario)
            if simpler != scenario and fails(simpler):
                scenario = simpler
        for name in _LISTS:
            scenario = _with_fewer(scenario, name, fails)
    return scenario


def statement_of(violation: str) -> str:
    """What of a violation names no person and no time."""
    return violation.split(": ")[1]


def _cut(scenario: Scenario, hours: int) -> Scenario:
    """As far as it goes until then."""
    if hours >= scenario.hours:
        return scenario
    return replace(
        scenario,
        hours=hours,
        edits=tuple(one for one in scenario.edits if one.at < scenario.begins(hours)),
        acts=tuple(one for one in scenario.acts if one.at < scenario.begins(hours)),
        faults=tuple(one for one in scenario.faults if one.hour < hours),
        rules=tuple(one for one in scenario.rules if one.hour < hours),
        gaps=tuple(one for one in scenario.gaps if one.hour < hours),
    )


def _shorter(scenario: Scenario) -> Scenario:
    """It ends with the hour of the last thing that happens."""
    return replace(scenario, hours=min(scenario.hours, max(2, max(_hours(scenario), default=0) + 1)))


_SIMPLER: Sequence[Callable[[Scenario], Scenario]] = (
    _shorter,
    lambda one: _cut(one, max(2, one.hours // 2)),
    lambda one: replace(one, clocks=one.clocks[:1]),
    lambda one: replace(one, clocks=(0.0,) * len(one.clocks)),
    lambda one: replace(one, stale=(0.0, 0.0)),
    lambda one: replace(one, settings={}),
    lambda one: replace(one, page_size=50, keys="snake_case"),
)


def _hours(scenario: Scenario) -> list[int]:
    """In which something happens, or before which days go by."""
    return [
        *(scenario.hour_at(one.at) for one in scenario.edits),
        *(scenario.hour_at(one.at) for one in scenario.acts),
        *(one.hour for one in scenario.faults),
        *(one.hour for one in scenario.rules),
        *(one.hour for one in scenario.gaps),
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
