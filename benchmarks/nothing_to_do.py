"""A whole sync with nothing to do: it reads the source and what has changed in Entra, compares, and logs the result.

Each run is in a process of its own. The first of them lists everybody in Entra, the others go on from that.
"""

from benchmarks.emulated import Emulated, emulated
from benchmarks.measuring import Figures, in_fresh_process, medians
from benchmarks.report import Row, Target, markdown, times_less
from benchmarks.worker import sync_with_the_app, sync_with_the_plain_script

TITLE = "A run with nothing to do"
_MODULE = "benchmarks.nothing_to_do"
_WRITES, _WINDOW = 3000, 150.0


def rows(
    sizes: tuple[int, ...] = (1_000, 10_000, 100_000),
    script_up_to: int = 10_000,
    runs: int = 5,
    full: bool = False,
) -> list[Row]:
    """The plain script takes minutes of CPU at 100,000 users: measured only with `full`, else extrapolated."""
    found: list[Row] = []
    last: tuple[int, Figures] | None = None
    for size in sizes:
        with emulated(size, size) as tenant:
            ours = medians([_ours(tenant, size) for _ in range(runs)])
            if size <= script_up_to or full:
                times = runs if size <= script_up_to else 1
                last = size, medians([_script(tenant, size) for _ in range(times)])
                script, note = last[1], ""
            elif last:
                times = 0
                factor = size / last[0]
                script = {name: last[1][name] * factor for name in ("cpu", "wall")}
                note = f"extrapolated linearly from {last[0]:,} users, not measured"
        found.append(_row(size, runs, ours, script, note))
        found.append(_script_row(size, times, script, note))
    return found


def _ours(tenant: Emulated, size: int) -> Figures:
    before = tenant.begin()
    figures = in_fresh_process(sync_with_the_app, _WRITES, _WINDOW, env=tenant.stack.settings)
    return _checked(figures, size) | {"requests": tenant.calls()["outer"]} | tenant.costs(before)


def _script(tenant: Emulated, size: int) -> Figures:
    tenant.begin()
    figures = in_fresh_process(sync_with_the_plain_script, env=tenant.stack.settings)
    return _checked(figures, size) | {"requests": tenant.calls()["outer"]}


def _checked(figures: Figures, size: int) -> Figures:
    if figures["unchanged"] != size:
        raise AssertionError(f"{figures['unchanged']} of {size} people were found equal")
    return figures


def _row(size: int, runs: int, ours: Figures, script: Figures, note: str) -> Row:
    targets: tuple[Target, ...] = ()
    if size == 100_000:
        targets = (
            Target("< 10 s of CPU", ours["cpu"] < 10),
            Target("< 350 MB", ours["peak"] < 350),
            Target("≤ 5 Graph requests", ours["requests"] <= 5),
        )
    return Row(
        f"{size:,} users",
        _MODULE,
        runs,
        ours["cpu"],
        ours["wall"],
        ours["peak"],
        {
            "Graph requests": ours["requests"],
            "s of CPU in the Entra emulator": ours["entra"],
            "s in Access Control's": ours["access_control"],
            "s in Azurite": ours["azurite"],
        },
        times_less(script["cpu"], ours["cpu"], "CPU", "the plain script") + (f" ({note})" if note else ""),
        targets,
    )


def _script_row(size: int, runs: int, script: Figures, note: str) -> Row:
    return Row(
        f"baseline: the plain script, {size:,} users",
        _MODULE,
        runs,
        script["cpu"],
        script["wall"],
        script.get("peak"),
        {"Graph requests": script["requests"]} if "requests" in script else {},
        note=note,
    )


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
