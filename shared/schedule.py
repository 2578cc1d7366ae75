"""When periodic syncs start: an NCRONTAB expression of six fields, seconds first, in UTC.

The host reads the same expression with NCrontab.Signed 3.4.0. An expression accepted here means the same times there.
One that the host would read differently from how it looks (`22-2` as `2-22`) is refused, with the reason.
"""

import calendar
import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

_ITEM = re.compile(
    r"(?:\*|(?P<first>[0-9]+|[A-Za-z]+)(?:-(?P<last>[0-9]+|[A-Za-z]+))?)(?:/(?P<step>[0-9]+))?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Field:
    name: str
    low: int
    high: int
    # The period after which the steps begin again.
    cycle: str
    names: tuple[str, ...] = ()

    def values(self, text: str) -> list[int]:
        """The values that match the field, in ascending order. Raises ValueError with the reason."""
        return sorted({value for item in text.split(",") for value in self._values_of_item(item)})

    def _values_of_item(self, item: str) -> range:
        """`item` is `*`, one value or a range, each with a step or without."""
        parts = _ITEM.fullmatch(item)
        if not parts:
            raise ValueError(f"{item!r} can't stand for the {self.name}, which {self._takes}")
        first, last, step = parts.groups()
        start = self._value(first) if first else self.low
        # A single value with a step is where the steps begin.
        end = self._value(last) if last else self.high if step or not first else start
        if start > end:
            raise ValueError(
                f"{item!r} for the {self.name} ends before it begins, and the host would read {end}-{start}; "
                f"write {start}-{self.high},{self.low}-{end}"
            )
        return range(start, end + 1, self._step(item, step))

    def _value(self, text: str) -> int:
        if text.isdecimal():
            if not self.low <= int(text) <= self.high:
                raise ValueError(f"{text} can't stand for the {self.name}, which {self._takes}")
            return int(text)
        known = [name for name in self.names if name.lower().startswith(text.lower())]
        if not known:
            raise ValueError(f"{text!r} can't stand for the {self.name}, which {self._takes}")
        if len(text) == 1 or len(known) > 1:
            raise ValueError(
                f"{text!r} is too short for the {self.name}, and the host would read {known[0]}; "
                f"write {' or '.join(name[:3].upper() for name in known)}"
            )
        return self.low + self.names.index(known[0])

    def _step(self, item: str, step: str | None) -> int:
        number, longest = int(step or "1"), self.high - self.low + 1
        if not 1 <= number <= longest:
            raise ValueError(
                f"{item!r} for the {self.name} has a step that is not from 1 to {longest}: "
                f"steps begin anew each {self.cycle}"
            )
        return number

    @property
    def _takes(self) -> str:
        names = f", names such as {self.names[0][:3].upper()}" if self.names else ""
        return f"takes *, numbers from {self.low} to {self.high}{names}, lists, ranges and steps"


_MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
_WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")
_FIELDS = (
    _Field(name="second", low=0, high=59, cycle="minute"),
    _Field(name="minute", low=0, high=59, cycle="hour"),
    _Field(name="hour", low=0, high=23, cycle="day"),
    _Field(name="day", low=1, high=31, cycle="month"),
    _Field(name="month", low=1, high=12, cycle="year", names=_MONTHS),
    _Field(name="day of week", low=0, high=6, cycle="week", names=_WEEKDAYS),
)


# Of a schedule that leaves out hours or days, two gaps among so many differ.
_ENOUGH_TIMES = 32


class Schedule:
    """`str()` gives the expression as it was written.

    Raises ValueError if the expression is invalid, never comes due, or is read by the host differently from how it
    looks.
    """

    def __init__(self, expression: str) -> None:
        # As in the host: nothing but spaces separates fields, any number of them.
        fields = [field for field in expression.split(" ") if field]
        if len(fields) != len(_FIELDS):
            raise ValueError("takes six fields, seconds first, such as '0 0 * * * *' for every hour")
        values = [field.values(text) for field, text in zip(_FIELDS, fields, strict=True)]
        self._seconds, self._minutes, self._hours, self._days, self._months, self._weekdays = values
        self._expression = expression
        # The days of a leap year: in time each date, 29 February included, falls on each day of the week.
        if self._days[0] > max(calendar.monthrange(2000, month)[1] for month in self._months):
            raise ValueError("names a day that none of its months has, so it never comes")

    def next_after(self, moment: datetime) -> datetime:
        """The next time strictly after `moment`, which must carry a time zone; in UTC."""
        return next(self._times_from(moment.astimezone(UTC).replace(microsecond=0) + timedelta(seconds=1)))

    def times_after(self, moment: datetime, count: int) -> list[datetime]:
        """The next `count` times strictly after `moment`; in UTC."""
        return list(
            itertools.accumulate(
                range(count - 1), lambda at, _: self.next_after(at), initial=self.next_after(moment)
            )
        )

    def interval(self, moment: datetime) -> timedelta | None:
        """How long it is from one time to the next, where that is always the same: in a day and more from `moment`."""
        times = self.times_after(moment, _ENOUGH_TIMES)
        gaps = {later - sooner for sooner, later in itertools.pairwise(times)}
        return gaps.pop() if len(gaps) == 1 else None

    def __str__(self) -> str:
        return self._expression

    def _times_from(self, start: datetime) -> Iterator[datetime]:
        for offset in itertools.count():
            day = start.date() + timedelta(days=offset)
            if not self._includes(day):
                continue
            earliest = time.min if offset else start.time()
            hours = [hour for hour in self._hours if hour >= earliest.hour]
            for hour, minute, second in itertools.product(hours, self._minutes, self._seconds):
                if (at := time(hour, minute, second)) >= earliest:
                    yield datetime.combine(day, at, UTC)

    def _includes(self, day: date) -> bool:
        # Day and day of week must both match; either is enough in other dialects of cron.
        return day.month in self._months and day.day in self._days and day.isoweekday() % 7 in self._weekdays
