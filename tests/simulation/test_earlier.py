"""What an earlier release has left: moved in time without a change of anything else, and taken up."""

import re
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.simulation.clock import BEGINNING
from tests.simulation.earlier import BEFORE, SAMPLES, left, moved
from tests.simulation.scenario import HOUR, Act, Scenario
from tests.simulation.world import simulate

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
# In milliseconds, as a moment and a run's id have them.
MOMENTS = st.integers(1_600_000_000_000, 1_900_000_000_000)
END = 10_000_000_000_000


@given(before=MOMENTS, after=MOMENTS, rest=st.text("abc, :-"))
def test_times_and_ids_are_moved_alike_and_the_rest_is_left(before: int, after: int, rest: str) -> None:
    def text(moment: int) -> str:
        time = (EPOCH + timedelta(milliseconds=moment)).isoformat(timespec="milliseconds")
        return f"{rest}\n{time.replace('+00:00', 'Z')},{END - moment}-0123abcd,{rest}"

    assert moved(text(before), timedelta(milliseconds=after - before)) == text(after)
    assert len(text(before)) == len(text(after))


@pytest.mark.parametrize("sample", SAMPLES)
def test_a_sample_ends_before_the_world_begins(sample: str) -> None:
    found = left(sample)

    times = re.findall(r'"createdAt":"([^"]+)"', "".join(str(row.get("run")) for row in found.rows))
    assert {datetime.fromisoformat(one) for one in times} == {BEGINNING - BEFORE}
    assert all(found.run_id in one.name or one.container == "links" for one in found.files if one.appends)


@pytest.mark.parametrize("sample", SAMPLES)
def test_what_was_left_is_taken_up_without_a_violation(sample: str) -> None:
    found = left(sample)
    settings = Act(5.0, "settings", found.domain, {"periodicSync": True, "maxAllowedDeletions": 100})
    scenario = Scenario(
        f"from {sample}", 3, {}, {found.domain: False}, (0.0,), found.source, found.users,
        acts=(settings, Act(HOUR + 900, "undo", found.domain)), earlier=sample,
    )  # fmt: skip

    result = simulate(scenario)

    assert result.violations == []
    if found.in_flight:
        (finished,) = (one for one in result.lines if "run.finished" in one and found.run_id in one)
        assert '"invocations": 2' in finished
