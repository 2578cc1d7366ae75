"""What a decision must know beyond the two lists of people, as plain data."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from shared.model.changes import EntraUser
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has an address or an immutable ID. An `alias` stays with its holder when they are renamed."""

    object_id: str
    name: str
    kind: str = "user"
    alias: bool = False

    def __str__(self) -> str:
        return f"the {self.kind} {self.name} ({self.object_id})"


class Taken(Protocol):
    """Who has what a change may want; see `Surroundings`."""

    @property
    def addresses(self) -> Mapping[str, Holder]: ...
    @property
    def immutable_ids(self) -> Mapping[str, Holder]: ...
    @property
    def former_addresses(self) -> Mapping[str, Sequence[str]]: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Looked up for those whom `match` left without a partner.

    `outside`: source id → the Entra user in another domain who is the same person. `deleted`: source id → the
    soft-deleted Entra user who is, under their UPN from before the deletion. `addresses`: lower-case address →
    who holds it. `immutable_ids`: immutable ID → who holds it. `former_addresses`: object id of a deleted user →
    the addresses that a restore brings back.
    """

    federated: bool = False
    initial_domain: str = ""
    usage_location: str | None = None
    protection: Protection = field(default_factory=Protection)
    outside: Mapping[str, EntraUser] = field(default_factory=dict)
    deleted: Mapping[str, EntraUser] = field(default_factory=dict)
    addresses: Mapping[str, Holder] = field(default_factory=dict)
    immutable_ids: Mapping[str, Holder] = field(default_factory=dict)
    former_addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)


def holders_of_immutable_ids(deleted: Sequence[EntraUser], active: Iterable[EntraUser]) -> dict[str, Holder]:
    """Immutable ID → who blocks it: a deleted user until they are restored or gone for good."""
    return {
        user.immutable_id: Holder(user.object_id, user.upn, kind)
        for kind, users in (("deleted user", deleted), ("user", active))
        for user in users
        if user.immutable_id
    }
