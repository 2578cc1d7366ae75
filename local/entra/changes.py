"""Which users have changed since when: a number for each property that changed, no copy of anybody."""

from collections.abc import Collection
from dataclasses import dataclass, field

from local.entra.errors import Json

# Stands for the user as a whole among names of properties: created, deleted, restored or deleted for good.
EXISTENCE = "@removed"
_UNSET = object()


@dataclass(slots=True)
class Changed:
    """`last`: the number of the user's latest change; `numbers`: by property, of its own latest one."""

    last: int = 0
    numbers: dict[str, int] = field(default_factory=dict)


@dataclass
class ChangeLog:
    """Costs nothing until somebody follows it, and then as much as the users who have changed since.

    `number` is the number of the latest change of all.
    """

    number: int = 0
    _followed: bool = False
    # The user whose change is the latest comes last.
    _users: dict[str, Changed] = field(default_factory=dict)

    def follow(self) -> None:
        """From now on changes are noted. The numbers given before are good: nobody has seen one."""
        self._followed = True

    def note(self, object_id: str, names: Collection[str]) -> None:
        if self._followed and names:
            self.number += 1
            changed = self._users.pop(object_id, None) or Changed()
            changed.last = self.number
            changed.numbers.update(dict.fromkeys(names, self.number))
            self._users[object_id] = changed

    def users_since(self, number: int, tracked: frozenset[str]) -> list[str]:
        """Who was changed after that number in a tracked property, or as a whole: the oldest change first."""
        found = []
        for object_id, changed in reversed(self._users.items()):
            if changed.last <= number:
                break
            if any(n > number for name, n in changed.numbers.items() if name in tracked or name == EXISTENCE):
                found.append(object_id)
        return found[::-1]

    def names_since(self, number: int, object_id: str) -> frozenset[str]:
        """What changed of one user after that number."""
        changed = self._users.get(object_id, Changed())
        return frozenset(name for name, n in changed.numbers.items() if n > number)


def changed_names(before: Json, after: Json) -> frozenset[str]:
    names = before.keys() | after.keys()
    return frozenset(name for name in names if before.get(name, _UNSET) != after.get(name, _UNSET))
