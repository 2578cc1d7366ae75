"""Who has an address or an immutable ID already."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from shared.model.people import EntraUser


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has an address or an immutable ID. An `alias` stays with its holder when they are renamed."""

    object_id: str
    name: str
    kind: str = "user"
    alias: bool = False

    def __str__(self) -> str:
        return f"the {self.kind} {self.name} ({self.object_id})"


class Holders(Protocol):
    """Who has what a change may want; see `Lookups`."""

    @property
    def addresses(self) -> Mapping[str, Holder]: ...
    @property
    def immutable_ids(self) -> Mapping[str, Holder]: ...
    @property
    def former_addresses(self) -> Mapping[str, Sequence[str]]: ...


def holders_of_immutable_ids(deleted: Sequence[EntraUser], active: Iterable[EntraUser]) -> dict[str, Holder]:
    """Immutable ID → who blocks it: a deleted user until they are restored or gone for good."""
    return {
        user.immutable_id: Holder(user.object_id, user.upn, kind)
        for kind, users in (("deleted user", deleted), ("user", active))
        for user in users
        if user.immutable_id
    }
