"""A source as one invocation reads it."""

from collections.abc import Callable

from shared.model.people import People
from shared.outbound.waiting import Stop, unless_stopped
from shared.source import OpenSource


class StoppableSource:
    """Opens the source for each read and closes it again, also when the read ends with RunStopped."""

    def __init__(self, open_source: Callable[[], OpenSource], stop: Stop) -> None:
        self._open = open_source
        self._stop = stop

    async def users(self) -> People:
        source = self._open()
        try:
            return await unless_stopped(source.users(), self._stop)
        finally:
            await source.aclose()
