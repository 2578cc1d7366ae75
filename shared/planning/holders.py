"""The objects that already hold an address or an immutable ID."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

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
    """The object that holds an address or an immutable ID. An `alias` stays with its holder after a rename."""

    object_id: str
    name: str
    kind: Kind = "user"
    alias: bool = False

    @property
    def described(self) -> Parts:
        """A phrase that names the holder, for use inside a sentence."""
        return say("holder.described", kind=_KINDS[self.kind], name=self.name, objectId=self.object_id)


def holders_of_immutable_ids(deleted: Sequence[EntraUser], active: Iterable[EntraUser]) -> dict[str, Holder]:
    """Immutable ID → its holder. A deleted user holds theirs until restored or purged."""
    kinds: tuple[tuple[Kind, Iterable[EntraUser]], ...] = (("deleted user", deleted), ("user", active))
    return {
        user.immutable_id: Holder(object_id=user.object_id, name=user.upn, kind=kind)
        for kind, users in kinds
        for user in users
        if user.immutable_id
    }
