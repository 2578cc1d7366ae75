"""Plans (match, compare, decide) for two large lists in which 0, 1 or 100 % of the people differ in a name."""

from collections.abc import Iterator

from benchmarks.measuring import Figures, Stopwatch, in_fresh_process, peak_mb, repeated
from benchmarks.people import DOMAIN, people
from benchmarks.report import Row, Target, markdown
from shared.model.people import EntraUser, Memory, SourceUser
from shared.planning.lookups import Lookups
from shared.planning.mapping import AttributeMap
from shared.planning.matching import match
from shared.planning.names import Names
from shared.planning.plan import decide

TITLE = "Planning"
_MODULE = "benchmarks.planning"


def rows(sizes: tuple[int, ...] = (100_000, 1_000_000), runs: int = 5, **_: bool) -> list[Row]:
    found = []
    for size in sizes:
        for percent, linked in ((0, False), (1, False), (100, False), (1, True)):
            figures = repeated(runs, lambda: in_fresh_process(plan, size, percent, linked))  # noqa: B023 - called here
            found.append(_row(size, percent, linked, runs, figures))
    return found


def plan(size: int, percent: int, linked: bool) -> Figures:
    """Memory beyond the input is how far the peak rises while planning.

    `linked`: users are matched by links from an earlier sync, as in every hourly run except the first.
    """
    attribute_map = AttributeMap.of({})
    source, target = list(_source(size)), list(_target(size, percent))
    links = {person.username: person.object_id for person in people(size)} if linked else {}
    before = peak_mb()
    watch = Stopwatch()
    made = decide(
        match(DOMAIN, source, target, Memory(links), Names(attribute_map)), Lookups(), attribute_map
    )
    figures = watch.figures()
    changed = sum(1 for _ in made.writes)
    if changed + made.unchanged != size:
        raise AssertionError(f"{changed} + {made.unchanged} people in the plan, not {size}")
    return {**figures, "peak": peak_mb(), "beyond": peak_mb() - before, "changed": changed}


def _source(size: int) -> Iterator[SourceUser]:
    for person in people(size):
        values = (person.display_name, person.given_name, person.family_name, person.username)
        yield SourceUser(
            source_id=person.username, upn=person.upn, immutable_id=person.immutable_id, values=values
        )


def _target(size: int, percent: int) -> Iterator[EntraUser]:
    for person in people(size):
        name = person.display_name
        shown = f"{name} (old)" if person.number % 100 < percent else name
        values = (shown, person.given_name, person.family_name, person.username)
        yield EntraUser(
            object_id=person.object_id,
            upn=person.upn,
            immutable_id=person.immutable_id,
            display_name=shown,
            values=values,
        )


def _row(size: int, percent: int, linked: bool, runs: int, figures: Figures) -> Row:
    seconds, beyond, in_all = figures["cpu"], figures["beyond"], figures["peak"]
    targets: tuple[Target, ...] = ()
    if size == 100_000:
        targets = (Target("< 1 s", seconds < 1), Target("< 150 MB beyond its input", beyond < 150))
    elif size == 1_000_000:
        targets = (Target("< 15 s", seconds < 15), Target("< 2 GB in all", in_all < 2048))
    return Row(
        f"{size:,} × {size:,}, {percent} % changed{', everybody linked before' if linked else ''}",
        _MODULE,
        runs,
        seconds,
        figures["wall"],
        in_all,
        {"MB beyond the input": beyond, "changes": figures["changed"]},
        targets=targets,
    )


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
