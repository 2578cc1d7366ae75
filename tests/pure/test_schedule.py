"""The six-field schedule, in UTC."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from shared.schedule import Schedule

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "following"),
    [
        ("0 0 * * * *", NOON.replace(hour=13)),
        ("0 30 * * * *", NOON.replace(minute=30)),
        ("*/5 * * * * *", NOON.replace(second=5)),
        ("0 0 0 * * 1-5", datetime(2026, 3, 2, tzinfo=UTC)),
    ],
)
def test_the_next_time_comes_strictly_after_a_moment(expression: str, following: datetime) -> None:
    assert Schedule(expression).next_after(NOON) == following


def test_a_moment_in_another_time_zone_is_the_same_moment() -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert Schedule("0 0 13 * * *").next_after(in_tokyo) == NOON.replace(hour=13)


@pytest.mark.parametrize("expression", ["0 * * * *", "", "0 0 * * * * *", "60 0 * * * *", "often o f t e n"])
def test_what_is_no_schedule_is_refused_with_what_it_takes(expression: str) -> None:
    with pytest.raises(ValueError, match="takes six"):
        Schedule(expression)


def test_a_schedule_that_never_comes_is_refused() -> None:
    with pytest.raises(ValueError, match="never"):
        Schedule("0 0 0 31 2 *")
