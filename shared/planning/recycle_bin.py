"""Who of the people to be added lies in Entra's recycle bin and is restored instead. Pure."""

from collections.abc import Callable, Mapping, Sequence

from shared.model.people import EntraUser, SourceUser


def matches(
    people: Sequence[SourceUser], deleted: Sequence[EntraUser], links: Mapping[str, str]
) -> dict[str, EntraUser]:
    """Source id → the deleted user who is the same person, by immutable ID, remembered link, then former UPN.

    `deleted` comes newest first. Neither a link nor a former UPN counts where both sides have immutable IDs that
    differ: a name that was given to somebody new must not open the old one's mailbox to them. Nobody is restored
    twice.
    """
    by_key: dict[str, EntraUser] = {}
    by_upn: dict[str, EntraUser] = {}
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
    # Rule by rule, not person by person: a namesake must not get the mailbox of whom a stronger rule names.
    for rule in rules:
        for user in people:
            match = rule(user)
            if match and user.source_id not in found and match.object_id not in taken:
                taken.add(match.object_id)
                found[user.source_id] = match
    return found
