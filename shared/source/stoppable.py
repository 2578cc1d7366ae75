"""A source as one invocation reads it."""

from shared.model.people import People
from shared.outbound.waiting import Stop, unless_stopped
from shared.planning.mapping import AttributeMap
from shared.source import Opener, Stages, T


class StoppableSource:
    """Opens the source for each read and closes it again, also when the read ends with RunStopped."""

    def __init__(self, open_source: Opener, attribute_map: AttributeMap, stop: Stop) -> None:
        self._open = open_source
        self._attribute_map = attribute_map
        self._stop = stop

    async def users(self) -> People:
        return await self.read(People())

    async def read(self, people: T, stages: Stages | None = None) -> T:
        source = self._open(self._attribute_map)
        try:
            return await unless_stopped(source.read(people, stages), self._stop)
        finally:
            await source.aclose()
