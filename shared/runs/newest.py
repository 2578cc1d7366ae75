"""Both sides as a page shows them: as they were read last, however long ago; with READ=live, as they are now."""

from dataclasses import dataclass

from shared.model.people import People
from shared.model.runs import Read
from shared.outbound.waiting import NoStop
from shared.planning.mapping import AttributeMap
from shared.runs.messages import reading_message
from shared.runs.reading import FRESH, ReadingFailed, told_of
from shared.services import Services
from shared.store.snapshots import Readings, StoredMirror


class ReadingNeeded(Exception):
    """There is nothing to show yet. The caller sends `messages`, and asks again. `read`: people read so far."""

    def __init__(self, messages: list[str], read: int) -> None:
        super().__init__(messages, read)
        self.messages = messages
        self.read = read


@dataclass(frozen=True, slots=True)
class Sides:
    """`mirror`: the copy of Entra's users; None where Entra is to be asked."""

    people: People
    read: Read
    mirror: StoredMirror | None = None


async def newest_sides(services: Services, attribute_map: AttributeMap, after: int) -> Sides:
    """Of a reading with a higher version than `after`.

    Raises ReadingNeeded where there is none, ReadingFailed if the last one has just failed, and SourceError where the
    source is read live.
    """
    if services.settings.read == "live":
        return Sides(await services.source(attribute_map, NoStop(services.clock)).users(), Read())
    seen = await services.snapshots.look()
    # A version that no reading has had: nobody is to wait for it.
    newest, after = seen.newest, after if after <= seen.ended else 0
    if newest and newest.number > after and newest.map == services.readings.digest(attribute_map):
        people = await services.readings.load(newest)
        if people is not None:
            return Sides(people, Read(source=told_of(newest)), seen.mirror)
    _raise_if_failed(seen, after)
    raise _needed(services, seen)


def _raise_if_failed(seen: Readings, after: int) -> None:
    """Raises ReadingFailed if the last reading was to be this one, and has failed not long ago."""
    failed = seen.failed
    if failed and after < failed.number == seen.begun == seen.ended and failed.age <= FRESH:
        raise ReadingFailed(failed)


def _needed(services: Services, seen: Readings) -> ReadingNeeded:
    """Starts a reading, unless one is under way and not abandoned."""
    at_work = seen.under_way and seen.quiet.total_seconds() < services.settings.lease_seconds
    number = seen.begun if seen.under_way else seen.begun + 1
    return ReadingNeeded([] if at_work else [reading_message(number)], seen.users if seen.under_way else 0)
