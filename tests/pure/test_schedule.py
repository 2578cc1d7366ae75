"""The six-field schedule, in UTC: the host's times, or a refusal that says why."""

import re
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given

from local.host.schedule import parse
from shared.schedule import Schedule
from tests.support.ncrontab import MEASURED_AT, MOMENTS, MadeUp, Measured, made_up, measured, nearly

NOON = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


def following(schedule: Schedule, moment: datetime, count: int) -> tuple[datetime, ...]:
    times = [moment]
    for _ in range(count):
        times.append(schedule.next_after(times[-1]))
    return tuple(times[1:])


def refusal(expression: str) -> str:
    with pytest.raises(ValueError, match=r"\S") as raised:
        Schedule(expression)
    return str(raised.value)


# What the host takes, and no administrator can mean.
MISLEADING = re.compile("ends before it begins|too short|has a step that is not from 1")


@pytest.mark.parametrize("row", measured(), ids=lambda row: row.expression)
def test_an_expression_has_the_times_that_the_host_gives_it_or_is_refused(row: Measured) -> None:
    try:
        schedule = Schedule(row.expression)
    except ValueError as error:
        assert not row.times or MISLEADING.search(str(error))
    else:
        assert row.times
        assert following(schedule, MEASURED_AT, len(row.times)) == row.times


@given(made_up(), MOMENTS)
def test_the_next_time_is_the_one_that_a_walk_arrives_at(made: MadeUp, moment: datetime) -> None:
    try:
        schedule = Schedule(made.expression)
    except ValueError as error:
        assert "never comes" in str(error)
        with pytest.raises(OverflowError):
            made.next_after(moment)
    else:
        assert schedule.next_after(moment) == made.next_after(moment)


@given(nearly(), MOMENTS)
@example("0 0 9 29 2 MON", datetime(2073, 1, 1, tzinfo=UTC))
def test_nothing_is_taken_that_the_host_refuses_or_reads_otherwise(expression: str, moment: datetime) -> None:
    try:
        schedule = Schedule(expression)
    except ValueError:
        return
    assert schedule.next_after(moment) == parse(expression).next_after(moment)


@pytest.mark.parametrize("moment", [NOON, NOON + timedelta(microseconds=1)])
def test_the_next_time_comes_strictly_after_a_moment(moment: datetime) -> None:
    assert Schedule("* * * * * *").next_after(moment) == NOON + timedelta(seconds=1)


def test_a_moment_in_another_time_zone_is_the_same_moment() -> None:
    in_tokyo = NOON.astimezone(timezone(timedelta(hours=9)))

    assert Schedule("0 0 13 * * *").next_after(in_tokyo) == NOON.replace(hour=13)


@pytest.mark.parametrize(
    ("expression", "said"),
    [
        ("0 * * * *", "takes six fields"),
        ("", "takes six fields"),
        ("@hourly", "takes six fields"),
        ("60 0 * * * *", "60 can't stand for the second, which takes *, numbers from 0 to 59, lists"),
        ("0 0 9 * * 7", "numbers from 0 to 6, names such as SUN"),
        ("0 0 9 * * 5#2", "'5#2' can't stand for the day of week"),
        ("0 0 9 L * *", "'L' can't stand for the day, which"),
        ("0 0 22-2 * * *", "'22-2' for the hour ends before it begins, and the host would read 2-22; write 22-23,0-2"),
        ("0 0 9 * * FRI-MON", "write 5-6,0-1"),
        ("0 0 9 * * M", "'M' is too short for the day of week, and the host would read Monday; write MON"),
        ("0 0 9 * ju *", "the host would read June; write JUN or JUL"),
        ("0 */0 * * * *", "a step that is not from 1 to 60: steps begin anew each hour"),
        ("0 */70 * * * *", "a step that is not from 1 to 60: steps begin anew each hour"),
        ("0 0 0 31 2,4 *", "names a day that none of its months has, so it never comes"),
    ],
)  # fmt: skip
def test_a_refusal_says_what_is_wrong_and_what_to_write(expression: str, said: str) -> None:
    assert said in refusal(expression)


@pytest.mark.parametrize(
    ("expression", "interval"),
    [
        ("0 0 * * * *", timedelta(hours=1)),
        ("0 */15 * * * *", timedelta(minutes=15)),
        ("0 30 2 * * *", timedelta(days=1)),
        ("0 0 0 * * Mon", timedelta(days=7)),
        ("0 0 9-18 * * *", None),
        ("0 0 2 * * 1-5", None),
        ("0 0 0 1 * *", None),
        ("0 0,20 * * * *", None),
    ],
)
def test_an_interval_is_said_only_where_the_times_keep_it(
    expression: str, interval: timedelta | None
) -> None:
    assert Schedule(expression).interval(datetime(2026, 3, 2, 9, 30, tzinfo=UTC)) == interval


@pytest.mark.parametrize("count", [1, 5])
def test_the_next_times_follow_each_other(count: int) -> None:
    schedule, now = Schedule("0 0 */6 * * *"), datetime(2026, 3, 2, 9, 30, tzinfo=UTC)

    times = schedule.times_after(now, count)

    assert len(times) == count
    assert times == [schedule.next_after(before) for before in (now, *times[:-1])]
