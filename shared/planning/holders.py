"""The objects that already hold an address or an immutable ID."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from shared.model.changes import Obstacle
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Value

IMMUTABLE_ID_TAKEN = "ImmutableIdTaken"

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


def immutable_id_taken(
    immutable_id: Value, object_id: str | None, immutable_ids: Mapping[str, Holder]
) -> Obstacle | None:
    """Why the account can't get this immutable ID; None if nobody else holds it, or it gets none."""
    holder = immutable_ids.get(str(immutable_id)) if immutable_id else None
    if holder is None or holder.object_id == object_id:
        return None
    message = say("immutableId.taken", immutableId=str(immutable_id), holder=holder.described)
    return Obstacle(IMMUTABLE_ID_TAKEN, message)
