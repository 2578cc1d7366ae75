"""An hour of all domains, from the timer to the last message: one in which nothing has changed, and one with changes.

Each hour is in a process of its own. The first one, in which every domain has a run, is not measured.
"""

from benchmarks.emulated import Emulated, emulated
from benchmarks.measuring import Figures, in_fresh_process
from benchmarks.people import domains
from benchmarks.report import Row, Target, markdown
from benchmarks.worker import hour_with_the_app, last_runs

TITLE = "An hour of all domains"
_MODULE = "benchmarks.idle_hour"
# Users, domains, whether each has a room, people whose name changes, and the targets: for requests to Graph beside the
# writes, operations of storage, CPU seconds, MB.
_HOURS = (
    (100_000, 1, False, 0, (5, 150, 4.0, 200)),
    (100_000, 100, False, 0, (5, 150, 6.0, None)),
    (2_500, 500, True, 0, (10, 700, 20.0, None)),
    (100_000, 10, False, 100, (60, None, None, None)),
)
_NAMES = ("Graph requests", "operations of storage", "s of CPU", "MB")


def rows(**_: bool) -> list[Row]:
    return [_row(*hour) for hour in _HOURS]


def _row(users: int, on: int, rooms: bool, changed: int, limits: tuple[float | None, ...]) -> Row:
    with emulated(users, users, on=on, rooms=rooms, strict=True) as tenant:
        _hour(tenant, on)
        tenant.rename_in_source(changed)
        found = _hour(tenant, on)
    figures = (found["requests"], found["storage"], found["cpu"], found["peak"])
    targets = tuple(
        Target(f"≤ {limit:,g} {name}", figure <= limit)
        for figure, limit, name in zip(figures, limits, _NAMES, strict=True)
        if limit is not None
    )
    what = (
        f"{users:,} users, {on} {'domain' if on == 1 else 'domains'}{', each with a room' if rooms else ''}"
    )
    return Row(
        f"{what}, {changed or 'nobody'} changed",
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
        targets=targets,
    )


def _hour(tenant: Emulated, on: int) -> Figures:
    tenant.begin()
    names = domains(on)
    figures = in_fresh_process(hour_with_the_app, names, env=tenant.stack.settings)
    counted = {
        "requests": float(tenant.requests_beside_writes()),
        "pages": float(tenant.source_pages()),
        "storage": float(tenant.storage_operations()),
    }
    return figures | counted | in_fresh_process(last_runs, names, env=tenant.stack.settings)


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
