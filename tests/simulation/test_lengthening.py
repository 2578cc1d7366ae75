"""Gaps move what happens after them, and nothing else."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.simulation.making import make
from tests.simulation.scenario import DAY, HOUR, Edit, Gap, Scenario
from tests.simulation.world import simulate

GAPS = st.lists(st.builds(Gap, st.integers(0, 20), st.integers(1, 100), st.booleans()), max_size=3)


def scenario(*gaps: Gap) -> Scenario:
    return Scenario("gaps", 20, {}, {"contoso.com": False}, (0.0,), (), (), gaps=gaps)


@given(gaps=GAPS, hour=st.integers(0, 25), within=st.integers(0, 3599))
def test_a_moment_is_in_its_hour_however_many_days_go_by_before(
    gaps: list[Gap], hour: int, within: int
) -> None:
    one = scenario(*gaps)

    moment = hour * HOUR + within + one.gone_by(hour * HOUR + within)

    assert one.hour_at(moment) == hour
    assert one.begins(hour) == hour * HOUR + DAY * sum(gap.days for gap in gaps if gap.hour <= hour)


@settings(max_examples=20)
@given(number=st.integers(0, 1000))
def test_a_scenario_with_gaps_is_plain_data_and_ends_as_late_as_they_last(number: int) -> None:
    one = make(f"plain {number}", 12)

    assert Scenario.read(one.as_json()).as_json() == one.as_json()
    assert all(one.hour_at(each.at) < one.hours for each in one.acts)


@pytest.mark.untraced
def test_recycle_bins_are_emptied_after_thirty_days() -> None:
    calm = scenario(Gap(3, 31, ticks=False))
    account = {"userPrincipalName": "a@contoso.com", "_mailbox": "none"}
    deleted = Edit(100.0, "entra.delete", "a@contoso.com")

    result = simulate(replace(calm, hours=6, accounts=(account,), edits=(deleted,)))

    assert (result.seen["purged"], result.seen["gap"]) == (1, 1)
