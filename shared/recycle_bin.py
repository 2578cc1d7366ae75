"""Who of the people to be added lies in Entra's recycle bin and is restored instead. Pure."""

from collections.abc import Mapping, Sequence

from shared.model import EntraUser, SourceUser


def matches(
    people: Sequence[SourceUser], deleted: Sequence[EntraUser], links: Mapping[str, str]
) -> dict[str, EntraUser]:
    """Source id → the deleted user who is the same person, by immutable ID, remembered link, then former UPN.

    `deleted` comes newest first. A former UPN does not count where both sides have immutable IDs that differ: a
    name that was given to somebody new must not open the old one's mailbox to them. Nobody is restored twice.
    """
    by_key: dict[str, EntraUser] = {}
    by_upn: dict[str, EntraUser] = {}
    for gone in deleted:
        if gone.immutable_id:
            by_key.setdefault(gone.immutable_id, gone)
        by_upn.setdefault(gone.upn.lower(), gone)
    by_id = {gone.object_id: gone for gone in deleted}

    found: dict[str, EntraUser] = {}
    taken: set[str] = set()
    for user in people:
        namesake = by_upn.get(user.upn.lower())
        if namesake and user.immutable_id and namesake.immutable_id not in (None, user.immutable_id):
            namesake = None
        match = by_key.get(user.immutable_id or "") or by_id.get(links.get(user.source_id, "")) or namesake
        if match and match.object_id not in taken:
            taken.add(match.object_id)
            found[user.source_id] = match
    return found
