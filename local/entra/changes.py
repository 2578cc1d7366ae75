"""Which users have changed since when: a number for each property that changed, no copy of anybody."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from local.entra.errors import Json

# Stands for the user as a whole among names of properties: created, deleted, restored or deleted for good.
EXISTENCE = "@removed"
NEVER = float("inf")
_UNSET = object()


@dataclass(frozen=True, slots=True)
class Change:
    """`former`: what `names` were before, without those that had never been set. `at`: the clock's monotonic time."""

    object_id: str
    names: frozenset[str]
    former: Json
    at: float


@dataclass(slots=True)
class Changed:
    """One user's changes. `number` is that of the latest one; `numbers`, by property, of its own latest one."""

    latest: Change
    number: int = 0
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass
class ChangeLog:
    """Costs nothing until somebody follows it, and then as much as the users who have changed since.

    `number` is that of the latest change which can be told.
    """

    number: int = 0
    _followed: bool = False
    _noted: list[Change] = field(default_factory=list)
    # Changes that can be told later, and when.
    _late: list[tuple[float, Change]] = field(default_factory=list)
    # The user whose change is the latest comes last.
    _users: dict[str, Changed] = field(default_factory=dict)

    def note(self, object_id: str, at: float, before: Json, after: Json) -> None:
        """What differs, EXISTENCE included, if anybody follows."""
        if not self._followed:
            return
        changed = before.keys() | after.keys()
        names = frozenset(name for name in changed if before.get(name, _UNSET) != after.get(name, _UNSET))
        if names:
            former = {name: before[name] for name in names if name in before}
            self._noted.append(Change(object_id, names, former, at))

    def take_in(self, now: float, delay: Callable[[], float]) -> None:
        """Lets each change noted be told, `delay` seconds after it was made. From now on changes are noted."""
        self._followed = True
        noted, self._noted = self._noted, []
        late = self._late + [(change.at + delay(), change) for change in noted]
        self._late = [(due, change) for due, change in late if now < due < NEVER]
        for due, change in late:
            if due <= now:
                self._tell(change)

    def tell_again(self, object_id: str) -> None:
        """The user's latest change counts as a new one, if there is any."""
        if changed := self._users.get(object_id):
            self._tell(changed.latest)

    def _tell(self, change: Change) -> None:
        self.number += 1
        changed = self._users.pop(change.object_id, None) or Changed(change)
        changed.latest, changed.number = change, self.number
        changed.numbers.update(dict.fromkeys(change.names, self.number))
        self._users[change.object_id] = changed

    def users(self) -> Iterator[str]:
        """Everybody with a change, however old."""
        return iter(self._users)

    def users_since(self, number: int, tracked: frozenset[str]) -> list[str]:
        """Who was changed after that number in a tracked property, or as a whole: the oldest change first."""
        found = []
        for object_id, changed in reversed(self._users.items()):
            if changed.number <= number:
                break
            if any(n > number for name, n in changed.numbers.items() if name in tracked or name == EXISTENCE):
                found.append(object_id)
        return found[::-1]

    def names_since(self, number: int, object_id: str) -> frozenset[str]:
        """What changed of one user after that number."""
        changed = self._users.get(object_id)
        return (
            frozenset(name for name, n in changed.numbers.items() if n > number) if changed else frozenset()
        )

    def before(self, object_id: str, properties: Json) -> Json | None:
        """The properties as they were before the user's latest change; None if there was none."""
        changed = self._users.get(object_id)
        if changed is None:
            return None
        kept = {name: value for name, value in properties.items() if name not in changed.latest.names}
        return kept | changed.latest.former
