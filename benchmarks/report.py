"""Rows of figures as a Markdown table and as JSON."""

import json
import os
import platform
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version

from pydantic import TypeAdapter

HEADER = (
    "what",
    "CPU",
    "wall",
    "peak memory",
    "counted",
    "against the baseline",
    "target",
    "runs",
    "command",
)


@dataclass(frozen=True)
class Target:
    """The row's target in words, and whether it was met."""

    text: str
    met: bool


@dataclass(frozen=True)
class Row:
    """One row of the table: medians of `runs` runs. `ratio` is in words; `counts` are further figures by name."""

    what: str
    module: str
    runs: int
    cpu_seconds: float | None = None
    wall_seconds: float | None = None
    peak_mb: float | None = None
    counts: dict[str, int | float | str] = field(default_factory=dict)
    ratio: str = ""
    targets: tuple[Target, ...] = ()
    note: str = ""

    @property
    def command(self) -> str:
        return f".venv/bin/python -m {self.module}"


def cells(row: Row) -> tuple[str, ...]:
    """In the order of `HEADER`."""
    return (
        f"{row.what}{f' *({row.note})*' if row.note else ''}",
        _seconds(row.cpu_seconds),
        _seconds(row.wall_seconds),
        "" if row.peak_mb is None else f"{row.peak_mb:,.0f} MB",
        ", ".join(f"{_number(value)} {name}" for name, value in row.counts.items()),
        row.ratio,
        ", ".join(f"{'✓' if target.met else '✗'} {target.text}" for target in row.targets),
        str(row.runs or "–"),
        f"`{row.command}`",
    )


def markdown(title: str, rows: Sequence[Row]) -> str:
    """A heading and a table without empty columns."""
    table = [cells(row) for row in rows]
    used = [i for i in range(len(HEADER)) if any(line[i] for line in table)]
    lines = [[HEADER[i] for i in used], ["---"] * len(used), *([line[i] for i in used] for line in table)]
    return "\n".join([f"## {title}", "", *(f"| {' | '.join(line)} |" for line in lines), ""])


@dataclass(frozen=True)
class Section:
    """What one benchmark has measured, when and on what."""

    title: str
    rows: Sequence[Row]
    measured: str
    machine: str

    @classmethod
    def of_today(cls, title: str, rows: Sequence[Row]) -> "Section":
        return cls(title, rows, f"{datetime.now(UTC):%Y-%m-%d}", _machine())


def document(sections: Sequence[Section]) -> str:
    head = (
        "# What it costs\n\n"
        "Measured by `make bench`. Medians of the runs given; CPU is that of the measured process alone, memory its "
        "high-water mark. Compare figures within a section: machines differ, and so does one machine from day to day.\n"
    )
    tables = (f"{markdown(one.title, one.rows)}\n{one.measured}, {one.machine}.\n" for one in sections)
    return "\n".join([head, *tables])


def as_json(sections: Sequence[Section]) -> str:
    content = {
        "sections": [
            {**asdict(one), "rows": [{**asdict(row), "command": row.command} for row in one.rows]}
            for one in sections
        ],
    }
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


def sections_of(content: str) -> list[Section]:
    """What `as_json` has written."""
    return TypeAdapter(dict[str, list[Section]]).validate_json(content)["sections"]


def missed(sections: Sequence[Section]) -> list[str]:
    """Every target that was not met."""
    return [
        f"{row.what}: {target.text}"
        for section in sections
        for row in section.rows
        for target in row.targets
        if not target.met
    ]


def times_less(baseline: float, ours: float, of: str, than: str) -> str:
    return f"{_number(baseline / ours)}× less {of} than {than}"


def _machine() -> str:
    return (
        f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs, Python {platform.python_version()}, "
        f"msgraph-sdk {version('msgraph-sdk')}"
    )


def _seconds(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value * 1000:.3g} ms" if value < 1 else f"{_number(value)} s"


def _number(value: float | str) -> str:
    if isinstance(value, str):
        return value
    if value == int(value) or abs(value) >= 100:
        return f"{value:,.0f}"
    return f"{value:.3g}"
