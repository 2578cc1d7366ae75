"""NCRONTAB: the schedules of timer triggers, always in UTC.

Six fields: `{second} {minute} {hour} {day} {month} {day of week}`. Functions also accepts five, and fires at second 0
then. As in NCrontab.Signed 3.4.0: day and day of week must both match, Sunday is 0, names may be shortened to one
letter, the ends of a backward range are swapped, a step below 1 counts as 1, and `5/10` means every 10th value from 5.
"""

import datetime
import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

_ONE_SECOND = datetime.timedelta(seconds=1)
_ONE_DAY = datetime.timedelta(days=1)
# 29 February on a given day of the week always comes within 40 years.
_HORIZON_DAYS = 366 * 40
_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


class ScheduleError(ValueError):
    """A schedule that cannot be parsed or that never fires."""


@dataclass(frozen=True)
class Schedule:
    """A parsed schedule."""

    times: tuple[datetime.time, ...]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]

    def next_after(self, moment: datetime.datetime) -> datetime.datetime:
        """The first occurrence strictly after the moment. Raises ScheduleError if there is none."""
        start = moment.astimezone(datetime.UTC).replace(microsecond=0) + _ONE_SECOND
        for offset in range(_HORIZON_DAYS):
            day = start.date() + offset * _ONE_DAY
            if not self._includes(day):
                continue
            earliest = start.time() if offset == 0 else datetime.time.min
            time = next((time for time in self.times if time >= earliest), None)
            if time is not None:
                return datetime.datetime.combine(day, time, datetime.UTC)
        raise ScheduleError("the schedule never comes")

    def _includes(self, day: datetime.date) -> bool:
        return day.month in self.months and day.day in self.days and day.isoweekday() % 7 in self.weekdays


def parse(expression: str) -> Schedule:
    """Raises ScheduleError; its message quotes the expression."""
    fields = [field for field in expression.split(" ") if field]
    if len(fields) == 5:
        fields.insert(0, "0")
    if len(fields) != 6:
        raise ScheduleError(f"{expression!r} is not an NCRONTAB schedule: it takes six fields")
    try:
        seconds, minutes, hours = (
            _values(fields[0], 0, 59),
            _values(fields[1], 0, 59),
            _values(fields[2], 0, 23),
        )
        schedule = Schedule(
            times=tuple(itertools.starmap(datetime.time, itertools.product(hours, minutes, seconds))),
            days=frozenset(_values(fields[3], 1, 31)),
            months=frozenset(_values(fields[4], 1, 12, _MONTHS)),
            weekdays=frozenset(_values(fields[5], 0, 6, _WEEKDAYS)),
        )
        schedule.next_after(datetime.datetime.now(datetime.UTC))
    except ValueError as error:
        raise ScheduleError(f"{expression!r} is not an NCRONTAB schedule: {error}") from error
    return schedule


def _values(field: str, low: int, high: int, names: Sequence[str] = ()) -> list[int]:
    """The values that one field means, in order. Raises ValueError if invalid."""
    values: set[int] = set()
    for item in field.split(","):
        span, slash, step = item.partition("/")
        first, dash, last = span.partition("-")
        if slash and not re.fullmatch(r"[+-]?[0-9]+", step):
            raise ValueError(f"{step!r} is not a step")
        if span == "*":
            start, end = low, high
        else:
            start = _value(first, low, names)
            end = _value(last, low, names) if dash else high if slash else start
            start, end = min(start, end), max(start, end)
        if not low <= start <= end <= high:
            raise ValueError(f"{item!r} must be within {low} and {high}")
        values.update(range(start, end + 1, max(1, int(step or "1"))))
    return sorted(values)


def _value(text: str, low: int, names: Sequence[str]) -> int:
    if re.fullmatch("[0-9]+", text):
        return int(text)
    for index, name in enumerate(names):
        if text and name.lower().startswith(text.lower()):
            return low + index
    raise ValueError(f"{text!r} is not a value")
