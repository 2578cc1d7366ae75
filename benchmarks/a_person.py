"""A person's page and the people search, of a domain that was read and synchronised before.

The first page of a process reads the snapshot, which the next one has at hand. By the copy of Entra's users the page
asks Graph about the person alone.
"""

import asyncio
import time

from benchmarks.emulated import Emulated, emulated
from benchmarks.measuring import Figures, in_fresh_process, medians, peak_mb
from benchmarks.people import DOMAIN
from benchmarks.report import Row, Target, markdown
from benchmarks.worker import sync_with_the_app

TITLE = "A person's page"
_MODULE = "benchmarks.a_person"
_PAGES = 3


def rows(sizes: tuple[int, ...] = (10_000, 100_000), runs: int = 3, **_: bool) -> list[Row]:
    found: list[Row] = []
    for size in sizes:
        with emulated(size, size) as tenant:
            in_fresh_process(sync_with_the_app, 3000, 150.0, env=tenant.stack.settings)
            found.append(_row(size, runs, medians([_ours(tenant) for _ in range(runs)])))
    return found


def _ours(tenant: Emulated) -> Figures:
    tenant.begin()
    figures = in_fresh_process(pages, env=tenant.stack.settings)
    return figures | {"requests": tenant.calls()["outer"] / (_PAGES + 1)}


def pages() -> Figures:
    """One page, and further ones of others."""
    return asyncio.run(_pages())


async def _pages() -> Figures:
    from function_app import services
    from shared.runs.inspection import person_called

    async def page(number: int) -> tuple[float, float]:
        wall, cpu = time.monotonic(), time.process_time()
        found = await person_called(services, users[number].upn, DOMAIN)
        if found.change is not None or found.read.entra is None:
            raise AssertionError(f"not an equal person by the copy: {found}")
        return time.monotonic() - wall, time.process_time() - cpu

    from benchmarks.people import people

    users = list(people(_PAGES + 1))
    first = await page(0)
    further = [await page(number + 1) for number in range(_PAGES)]
    await services.aclose()
    wall, cpu = (sorted(column)[_PAGES // 2] for column in zip(*further, strict=True))
    return {"first": first[0], "wall": wall, "cpu": cpu, "peak": peak_mb()}


def _row(size: int, runs: int, ours: Figures) -> Row:
    targets: tuple[Target, ...] = ()
    if size == 100_000:
        targets = (Target("< 1 s", ours["wall"] < 1), Target("≤ 6 Graph requests", ours["requests"] <= 6))
    more: dict[str, int | float | str] = {
        "Graph requests": ours["requests"],
        "s for the first page of a process": ours["first"],
    }
    return Row(f"{size:,} users", _MODULE, runs, ours["cpu"], ours["wall"], ours["peak"], more, "", targets)


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
