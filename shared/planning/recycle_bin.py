"""Finds users to be added who are in Entra's recycle bin and are restored instead. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.people import EntraUser, SourceUser
from shared.planning.mapping import AttributeMap


@dataclass(frozen=True, slots=True)
class RecycleBin:
    """Entra's deleted users, newest first, with the UPN from before the deletion; empty if Graph returns none.

    `addresses`: object id → the addresses that a restore brings back.
    """

    users: Sequence[EntraUser] = ()
    addresses: Mapping[str, Sequence[str]] = field(default_factory=dict)

    @property
    def nameless(self) -> list[EntraUser]:
        """Deleted users that Graph returns without a UPN; they can't be matched by name."""
        return [user for user in self.users if not user.upn]


def matches(
    people: Sequence[SourceUser], deleted: Sequence[EntraUser], links: Mapping[str, str]
) -> dict[str, EntraUser]:
    """Source id → the deleted user who is the same person, by immutable ID, remembered link, then former UPN.

    `deleted` comes newest first; deleted users without a UPN are handled by `may_be`. A link or a former UPN does
    not count if both sides have different immutable IDs: a new person with a reused UPN must not get the previous
    person's mailbox. Each deleted user is matched at most once.
    """
    by_key: dict[str, EntraUser] = {}
    by_upn: dict[str, EntraUser] = {}
    deleted = [gone for gone in deleted if gone.upn]
    for gone in deleted:
        if gone.immutable_id:
            by_key.setdefault(gone.immutable_id, gone)
        by_upn.setdefault(gone.upn.lower(), gone)
    by_id = {gone.object_id: gone for gone in deleted}

    def unless_somebody_else(user: SourceUser, gone: EntraUser | None) -> EntraUser | None:
        differs = gone and user.immutable_id and gone.immutable_id not in (None, user.immutable_id)
        return None if differs else gone

    rules: tuple[Callable[[SourceUser], EntraUser | None], ...] = (
        lambda user: by_key.get(user.immutable_id or ""),
        lambda user: unless_somebody_else(user, by_id.get(links.get(user.source_id, ""))),
        lambda user: unless_somebody_else(user, by_upn.get(user.upn.lower())),
    )
    found: dict[str, EntraUser] = {}
    taken: set[str] = set()
    # Rule by rule, not user by user: a match by UPN must not take a mailbox that a stronger rule gives to another.
    for rule in rules:
        for user in people:
            match = rule(user)
            if match and user.source_id not in found and match.object_id not in taken:
                taken.add(match.object_id)
                found[user.source_id] = match
    return found


def may_be(
    user: SourceUser, nameless: EntraUser, links: Mapping[str, str], attribute_map: AttributeMap
) -> bool:
    """Whether a deleted user without a UPN may be this person: no value known on both sides tells them apart."""
    if links.get(user.source_id) == nameless.object_id:
        return True
    if user.immutable_id and nameless.immutable_id:
        return user.immutable_id == nameless.immutable_id
    name = attribute_map.display_name(user)
    return not nameless.display_name or not name or name == nameless.display_name
