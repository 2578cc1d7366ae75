"""Reading Entra by the copy of its users leads to the same tenant as reading it live."""

import asyncio
import gc
from collections.abc import Iterator, Sequence
from typing import get_args

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.entra.errors import Json
from tests.simulation.loop import VirtualLoop
from tests.simulation.scenario import DAY, HOUR
from tests.simulation.twins import Edit, EditKind, Twin

# Odd, and yet everything is told in the same hour.
_ODD: tuple[Json, ...] = (
    {"kind": "replay", "objects": 3},
    {"kind": "emptyPage", "probability": 0.5},
    {"kind": "onlyChanged"},
    {"kind": "removedAtFirst"},
    {"kind": "lostToken", "status": 400, "count": 1},
    {"kind": "lostToken", "status": 404, "count": 1},
    {"kind": "lostToken", "status": 410, "count": 1},
)
# For some time, or for good, some of it is not told.
_MISLEADING: tuple[Json, ...] = (
    {"kind": "missedChange"},
    {"kind": "missedChange", "probability": 0.5},
    {"kind": "lateChange", "seconds": 1.5 * HOUR},
    {"kind": "lateChange", "seconds": 2.5 * HOUR, "probability": 0.5},
    {"kind": "outOfOrder"},
)
Hour = tuple[list[Edit], list[Json]]
_EDIT = st.builds(Edit, st.sampled_from(get_args(EditKind)), st.integers(0, 40), st.integers(0, 40))


def hours(*faults: Sequence[Json], most: int) -> st.SearchStrategy[list[Hour]]:
    """Edits, and faults of which one at least is of the last kind."""
    odd = st.lists(st.sampled_from([one for some in faults for one in some]), max_size=2)
    struck = st.builds(lambda some, one: [*some, one], odd, st.sampled_from(faults[-1]))
    return st.lists(st.tuples(st.lists(_EDIT, min_size=1, max_size=6), struck), min_size=1, max_size=most)


@pytest.fixture(autouse=True)
def collected() -> Iterator[None]:
    yield
    gc.collect()


async def live_through(loop: VirtualLoop, people: int, days: Sequence[Hour], *, at_once: bool) -> None:
    twins = Twin(loop, "mirror", people), Twin(loop, "live", people)
    for twin in twins:
        await twin.begin()
    begins = 0.0
    for edits, faults in [([], []), *days]:
        for edit in edits:
            for twin in twins:
                twin.make(edit)
        for after in (0.0,) if at_once else (0.0, HOUR, DAY, DAY + HOUR):
            await asyncio.sleep(begins + after - loop.time())
            for twin in twins:
                await twin.hour(() if after >= DAY else faults)
        begins += HOUR if at_once else DAY + 2 * HOUR
        mirror, live = (twin.tenant() for twin in twins)
        assert mirror == live, f"{people} people, {days}"


def lived(people: int, days: Sequence[Hour], *, at_once: bool) -> None:
    loop = VirtualLoop()
    try:
        loop.run_until_complete(live_through(loop, people, days, at_once=at_once))
    finally:
        asyncio.set_event_loop(None)
        loop.close()


@pytest.mark.untraced
@settings(max_examples=settings().max_examples // 8)
@given(st.integers(3, 9), hours(_ODD, most=6))
def test_the_tenant_is_the_same_in_the_same_hour_where_delta_tells_everything(
    people: int, history: list[Hour]
) -> None:
    lived(people, history, at_once=True)


@pytest.mark.untraced
@settings(max_examples=settings().max_examples // 8)
@given(st.integers(3, 9), hours(_ODD, _MISLEADING, most=3))
def test_the_tenant_is_the_same_within_a_day_where_delta_missed_something(
    people: int, history: list[Hour]
) -> None:
    lived(people, history, at_once=False)
