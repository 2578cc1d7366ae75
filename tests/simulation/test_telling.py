"""What the statement about values sees."""

from dataclasses import replace

from tests.simulation.audit_log import Line
from tests.simulation.graph import Effect, Performing
from tests.simulation.telling import misleading

BY = Performing("contoso.com", "sync", 1000.0)


def row(before: str, *, result: str = "succeeded", action: str = "update") -> Line:
    return Line("sync", action, result, "a@contoso.com", "1", "a", "displayName", before)


def effect(before: str | None, at: float = 1010.0, by: Performing | None = BY) -> Effect:
    return Effect(at, at, "update", "1", {"displayName": before}, {"displayName": "new"}, by)


def told(line: Line, *effects: Effect) -> list[str]:
    return list(misleading([line], {"1": effects}))


def test_a_row_tells_the_value_that_was_replaced() -> None:
    assert told(row("old"), effect("old")) == []
    assert told(row(""), effect(None)) == []
    assert len(told(row("older"), effect("old"))) == 1


def test_what_somebody_changed_while_the_run_was_under_way_is_not_held_against_it() -> None:
    assert told(row("older"), effect("older", 1005.0, by=None), effect("old")) == []
    assert len(told(row("older"), effect("older", 500.0, by=None), effect("old"))) == 1


def test_a_row_of_what_was_not_written_tells_nothing() -> None:
    assert told(row("older", result="failed"), effect("old")) == []
    assert told(row("older", action="delete"), effect("old")) == []
    assert told(row("older")) == []


def test_the_row_that_closes_a_doubt_of_the_run_before_stands_beside_that_of_an_own_write() -> None:
    closing = replace(row("older"), reason="Took effect before an interruption.")

    assert list(misleading([closing, row("old")], {"1": [effect("old")]})) == []
    assert len(told(closing, effect("old"))) == 1
