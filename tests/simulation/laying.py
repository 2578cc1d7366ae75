"""Which ambushes a scenario has, and in which hours."""

from collections.abc import Callable, Iterator
from functools import partial

from tests.simulation.ambushes import COMMON, Ambush
from tests.simulation.rarer import RARER
from tests.simulation.scenario import HOUR

# For so many hours after it what belongs to it goes on.
_LASTS = 3
# Most have somebody change the source so many seconds before the hour.
_BEFORE = 60.0
# When something happens, and what.
Happening = tuple[float, Callable[[], object]]
ALL: dict[str, Callable[[Ambush, int], None]] = {one.__name__: one for one in (*COMMON, *RARER)}


def laid(ambush: Ambush, hours: range, chosen: str = "") -> Iterator[Happening]:
    """The chosen kind, or some of all, in some of these hours; in a sixth of all scenarios none."""
    chance = ambush.chance
    kinds = [chosen] if chosen else chance.sample(list(ALL), chance.choice((0, 1, 1, 2, 2, 3)))
    for hour in hours[:-_LASTS]:
        for kind in kinds:
            if chance.random() < 0.3:
                yield hour * HOUR - _BEFORE, partial(ALL[kind], ambush, hour)
