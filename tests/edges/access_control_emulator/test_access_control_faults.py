"""When a fault of the emulated Access Control strikes."""

import pytest
from pydantic import ValidationError

from local.access_control import Fault, FaultPlan, Faults


def test_a_fault_of_one_page_spares_the_others_and_ends_after_its_count() -> None:
    faults = Faults()
    faults.add(Fault(kind="status", page=2, count=1))

    struck = [bool(faults.struck("users", page)) for page in (1, 2, 2)]

    assert struck == [False, True, False]
    assert faults.plan.rules[0].struck == 1


def test_a_fault_of_the_nth_call_spares_those_before_and_after() -> None:
    faults = Faults()
    faults.add(Fault(kind="delay", page=1, nth=2))

    struck = [bool(faults.struck("users", page)) for page in (1, 2, 1, 2, 1)]

    assert struck == [False, False, True, False, False]


def test_a_fault_strikes_only_the_calls_it_names() -> None:
    faults = Faults()
    faults.add(Fault(kind="drop", call="token"), Fault(kind="delay", call="any"))

    assert set(faults.struck("token")) == {"drop", "delay"}
    assert set(faults.struck("users", 1)) == {"delay"}


def test_the_same_seed_gives_the_same_run() -> None:
    def run() -> list[bool]:
        faults = Faults()
        faults.load(FaultPlan(seed=7, rules=[Fault(kind="drop", probability=0.5)]))
        return [bool(faults.struck("users", 1)) for _ in range(20)]

    assert run() == run()
    assert set(run()) == {True, False}


@pytest.mark.parametrize(
    "rule",
    [{"kind": "emptyList", "call": "csv"}, {"kind": "status", "call": "token", "page": 1}, {"kind": "?"}],
)
def test_a_fault_that_could_never_strike_is_refused(rule: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        FaultPlan.model_validate({"rules": [rule]})
