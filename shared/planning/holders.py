"""Who has an address or an immutable ID already."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

from shared.model.parts import Parts, say
from shared.model.people import EntraUser

Kind = Literal["user", "deleted user", "restored user", "group", "application"]
_KINDS: Mapping[Kind, Parts] = {
    "user": say("holder.user"),
    "deleted user": say("holder.deletedUser"),
    "restored user": say("holder.restoredUser"),
    "group": say("holder.group"),
    "application": say("holder.application"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """Who has an address or an immutable ID. An `alias` stays with its holder when they are renamed."""

    object_id: str
    name: str
    kind: Kind = "user"
    alias: bool = False

    @property
    def described(self) -> Parts:
        """A phrase that names them, for inside a sentence."""
        return say("holder.described", kind=_KINDS[self.kind], name=self.name, objectId=self.object_id)


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
    kinds: tuple[tuple[Kind, Iterable[EntraUser]], ...] = (("deleted user", deleted), ("user", active))
    return {
        user.immutable_id: Holder(object_id=user.object_id, name=user.upn, kind=kind)
        for kind, users in kinds
        for user in users
        if user.immutable_id
    }
