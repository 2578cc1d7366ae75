"""Schedules: measured results of the real host's parser, and generated schedules with their meaning."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import takewhile
from pathlib import Path

from hypothesis import strategies as st

MEASURED_AT = datetime(2026, 11, 25, 18, 30, 15, tzinfo=UTC)
MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
WEEKDAYS = ("Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday")


@dataclass(frozen=True)
class Measured:
    """`times` are the first occurrences after MEASURED_AT; none if the expression is refused or never fires."""

    expression: str
    times: tuple[datetime, ...]


def measured() -> list[Measured]:
    return list(_rows(Path(__file__).with_suffix(".tsv").read_text(encoding="utf-8")))


def _rows(text: str) -> Iterator[Measured]:
    for line in text.splitlines():
        expression, tab, answer = line.partition("\t")
        if tab:
            times = takewhile(lambda time: time not in ("never", "error"), answer.split(", "))
            yield Measured(
                expression, tuple(datetime.fromisoformat(time).replace(tzinfo=UTC) for time in times)
            )


@dataclass(frozen=True)
class MadeUp:
    """A generated schedule: its text, and the seconds, minutes, hours, days, months and weekdays that it means."""

    expression: str
    fields: tuple[frozenset[int], ...]

    def next_after(self, moment: datetime) -> datetime:
        """Steps forward until a moment fits. Raises OverflowError if the schedule never fires."""
        seconds, minutes, hours, days, months, weekdays = self.fields
        at = moment.replace(microsecond=0) + timedelta(seconds=1)
        while True:
            if at.month not in months or at.day not in days or (at.weekday() + 1) % 7 not in weekdays:
                at = at.replace(hour=0, minute=0, second=0) + timedelta(days=1)
            elif at.hour not in hours:
                at = at.replace(minute=0, second=0) + timedelta(hours=1)
            elif at.minute not in minutes:
                at = at.replace(second=0) + timedelta(minutes=1)
            elif at.second not in seconds:
                at += timedelta(seconds=1)
            else:
                return at


@st.composite
def items(draw: st.DrawFn, low: int, high: int, names: Sequence[str]) -> tuple[str, set[int]]:
    """One item of a field's list, and the values that it means."""

    def written(value: int) -> str:
        spellings = [str(value), f"{value:02}"]
        if names:
            name = names[value - low]
            spellings += [name, name.lower(), name[:3].upper()]
        return draw(st.sampled_from(spellings))

    first, last = sorted(draw(st.tuples(*[st.integers(low, high)] * 2)))
    step = draw(st.integers(1, high - low + 1))
    match draw(st.sampled_from(["*", "*/n", "a", "a/n", "a-b", "a-b/n"])):
        case "*":
            return "*", set(range(low, high + 1))
        case "*/n":
            return f"*/{step}", set(range(low, high + 1, step))
        case "a":
            return written(first), {first}
        case "a/n":
            return f"{written(first)}/{step}", set(range(first, high + 1, step))
        case "a-b":
            return f"{written(first)}-{written(last)}", set(range(first, last + 1))
        case _:
            return f"{written(first)}-{written(last)}/{step}", set(range(first, last + 1, step))


@st.composite
def made_up(draw: st.DrawFn) -> MadeUp:
    texts, fields = [], []
    for low, high, names in (
        (0, 59, ()), (0, 59, ()), (0, 23, ()), (1, 31, ()), (1, 12, MONTHS), (0, 6, WEEKDAYS),
    ):  # fmt: skip
        listed = draw(st.lists(items(low, high, names), min_size=1, max_size=3))
        texts.append(",".join(text for text, _ in listed))
        fields.append(frozenset[int]().union(*(values for _, values in listed)))
    return MadeUp(draw(st.sampled_from([" ", "  "])).join(texts), tuple(fields))


# Fields of other cron dialects, incomplete fields, values out of range, and other texts of the same characters.
ODD = st.text("0123456789*,-/MONJULWHR#?", min_size=1, max_size=5) | st.sampled_from(
    [
        "?",
        "L",
        "15W",
        "5#2",
        "7",
        "M",
        "ju",
        "5-1",
        "*/0",
        "*/-1",
        "*/99",
        "\t5",
        "5\t",
        "１",
        "1/",
        "-",
        "1 1",
    ]
)


@st.composite
def nearly(draw: st.DrawFn) -> str:
    """A generated schedule with one odd field."""
    fields = draw(made_up()).expression.split()
    fields[draw(st.integers(0, 5))] = draw(ODD)
    return " ".join(fields)


MOMENTS = st.datetimes(datetime(2026, 1, 1), datetime(2110, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 - aware by `timezones`
