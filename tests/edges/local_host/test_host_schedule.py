"""Schedules of timer triggers are read as the NCrontab library reads them."""

from datetime import UTC, datetime

import pytest

from local.host.schedule import ScheduleError, parse
from tests.support.ncrontab import MEASURED_AT, Measured, measured


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize("row", measured(), ids=lambda row: row.expression)
def test_an_expression_is_read_as_the_library_was_measured_to_read_it(row: Measured) -> None:
    if not row.times:
        with pytest.raises(ScheduleError):
            parse(row.expression)
        return
    schedule, moment = parse(row.expression), MEASURED_AT
    for time in row.times:
        moment = schedule.next_after(moment)
        assert moment == time


@pytest.mark.parametrize(
    ("expression", "after", "expected"),
    [
        ("0 0 * * * *", "2026-08-01T09:00:00", "2026-08-01T10:00:00"),
        ("0 0 * * * *", "2026-08-01T23:59:59.999", "2026-08-02T00:00:00"),
        ("*/15 * * * * *", "2026-08-01T09:00:15", "2026-08-01T09:00:30"),
        ("30 5/20 * * * *", "2026-08-01T09:45:30", "2026-08-01T10:05:30"),
        ("0 30 9 * * 1-5", "2026-07-31T09:30:00", "2026-08-03T09:30:00"),
        ("0 0 9 * Jan Mon", "2026-08-01T00:00:00", "2027-01-04T09:00:00"),
        ("0 0 0 1,15 * *", "2026-08-01T00:00:00", "2026-08-15T00:00:00"),
        ("0 0 0 13 * fri", "2026-08-01T00:00:00", "2026-11-13T00:00:00"),
        ("0 0 0 29 2 *", "2097-01-01T00:00:00", "2104-02-29T00:00:00"),
        ("0 0 0 29 2 mon", "2072-03-01T00:00:00", "2112-02-29T00:00:00"),
        ("0 0 12 * * 0", "2026-08-01T00:00:00", "2026-08-02T12:00:00"),
        ("*/5 * * * *", "2026-08-01T09:01:00", "2026-08-01T09:05:00"),
    ],
)
def test_the_next_occurrence_is_strictly_later(expression: str, after: str, expected: str) -> None:
    assert parse(expression).next_after(at(after)) == at(expected)


@pytest.mark.parametrize(
    "expression",
    [
        "",
        "hourly",
        "0 0 * * * * *",
        "60 * * * * *",
        "0 0 24 * * *",
        "0 0 0 * * 7",
        "0 0 0 30 2 *",
        "*/ * * * * *",
        "0 0 0 * Foo *",
        "0 ,1 * * * *",
    ],
)
def test_what_can_never_come_is_refused_with_the_schedule_quoted(expression: str) -> None:
    with pytest.raises(ScheduleError, match="is not an NCRONTAB schedule") as error:
        parse(expression)
    assert repr(expression) in str(error.value)
