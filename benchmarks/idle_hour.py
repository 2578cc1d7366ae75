"""An hour of all domains, from the timer to the last message: one in which nothing has changed, and one with changes.

Each hour is in a process of its own. The first one, in which every domain has a run, is not measured. The baseline is
the hour after it with `READ=live`, as it was before there was one reading for all domains.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from benchmarks.emulated import SOURCE_PAGE_SIZE, Emulated, emulated
from benchmarks.measuring import Figures, in_fresh_process
from benchmarks.people import domains
from benchmarks.report import Row, Target, markdown
from benchmarks.worker import hour_with_the_app, last_runs

TITLE = "An hour of all domains"
_MODULE = "benchmarks.idle_hour"


@dataclass(frozen=True, kw_only=True)
class _Hour:
    """`rooms`: whether each domain has one. `changed`: how many people get another name. `page_size`: of the source.

    `compared`: with the baseline. `limits`: the targets, named in `_NAMES`.
    """

    users: int
    on: int
    rooms: bool = False
    changed: int = 0
    page_size: int = SOURCE_PAGE_SIZE
    compared: bool = False
    limits: tuple[float | None, ...]

    def __str__(self) -> str:
        parts = [f"{self.users:,} users", f"{self.on} {'domain' if self.on == 1 else 'domains'}"]
        parts += ["each with a room"] if self.rooms else []
        parts += [f"{self.page_size:,} a page"] if self.page_size != SOURCE_PAGE_SIZE else []
        return ", ".join((*parts, f"{self.changed or 'nobody'} changed"))


_HOURS = (
    _Hour(users=100_000, on=1, compared=True, limits=(5, 150, 4.0, 200)),
    _Hour(users=100_000, on=1, page_size=1_000, limits=(5, 150, 2.0, 200)),
    _Hour(users=100_000, on=100, limits=(5, 150, 6.0, None)),
    _Hour(users=2_500, on=500, rooms=True, compared=True, limits=(10, 700, 20.0, None)),
    _Hour(users=100_000, on=10, changed=100, limits=(60, None, None, None)),
    _Hour(users=1_000_000, on=1, page_size=1_000, limits=(5, None, 30.0, 1_200)),
)
_NONE = (None, None, None, None)
_COMPARED = {"pages": "pages of the source", "requests": "Graph requests", "storage": "operations of storage"}
_NAMES = ("Graph requests", "operations of storage", "s of CPU", "MB")


def rows(**_: bool) -> list[Row]:
    return [row for hour in _HOURS for row in _rows(hour)]


def _rows(hour: _Hour) -> list[Row]:
    with emulated(
        hour.users, hour.users, on=hour.on, rooms=hour.rooms, page_size=hour.page_size, strict=True
    ) as tenant:
        _measured(tenant)
        tenant.rename_in_source(hour.changed)
        found = _measured(tenant)
        before = _measured(tenant, {"READ": "live"}) if hour.compared else None
    if before is None:
        return [_row(str(hour), hour, found)]
    ratio = ", ".join(f"{before[name] / found[name]:,.0f}× fewer {what}" for name, what in _COMPARED.items())
    return [
        _row(str(hour), hour, found, f"{before['cpu'] / found['cpu']:.1f}× less CPU, {ratio}"),
        _row(f"baseline: READ=live, {hour}", None, before),
    ]


def _row(what: str, hour: _Hour | None, found: Figures, ratio: str = "") -> Row:
    figures = (found["requests"], found["storage"], found["cpu"], found["peak"])
    targets = tuple(
        Target(f"≤ {limit:,g} {name}", figure <= limit)
        for figure, limit, name in zip(figures, hour.limits if hour else _NONE, _NAMES, strict=True)
        if limit is not None
    )
    return Row(
        what,
        _MODULE,
        1,
        found["cpu"],
        found["wall"],
        found["peak"],
        {
            "pages of the source": found["pages"],
            "Graph requests beside the writes": found["requests"],
            "operations of storage": found["storage"],
            "lines without a run": found["lines"],
            "runs": found["runs"],
            "changes made": found["changes"],
        },
        ratio,
        targets,
    )


def _measured(tenant: Emulated, further: Mapping[str, str] = MappingProxyType({})) -> Figures:
    """`further`: settings of the app."""
    tenant.begin()
    names = domains(tenant.on)
    figures = in_fresh_process(hour_with_the_app, names, env={**tenant.stack.settings, **further})
    counted = {
        "requests": float(tenant.requests_beside_writes()),
        "pages": float(tenant.source_pages()),
        "storage": float(tenant.storage_operations()),
    }
    return figures | counted | in_fresh_process(last_runs, names, env=tenant.stack.settings)


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
