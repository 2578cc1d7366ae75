"""Finds users to be added who are in Entra's recycle bin and are restored instead. Pure."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change
from shared.model.parts import say
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import NOTHING_DECIDED, Decisions
from shared.planning.mapping import AttributeMap, other_person
from shared.planning.names import Names


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
    people: Sequence[SourceUser],
    deleted: Sequence[EntraUser],
    links: Mapping[str, str],
    formerly: Container[str],
    names: Names,
    decisions: Decisions = NOTHING_DECIDED,
    *,
    in_doubt: bool = False,
) -> tuple[dict[str, EntraUser], dict[str, EntraUser]]:
    """Source id → the deleted user who is the same person, by immutable ID, remembered link, then former UPN.

    The second dict holds those of whom a person has to decide: they have the former UPN of somebody who left
    (`formerly`: object ids), or the link of somebody with another immutable ID and another name. `deleted` comes newest
    first; deleted users without a UPN are handled by `may_be`. A former UPN does not count if both sides have different
    immutable IDs, if family and given name differ (with memory `in_doubt`: unless one of them agrees), or if somebody
    else in the source is known to be that user: a new person with a reused UPN must not get the previous person's
    mailbox. Each deleted user is matched at most once.
    """
    by_key: dict[str, EntraUser] = {}
    by_upn: dict[str, EntraUser] = {}
    deleted = [gone for gone in deleted if gone.upn]
    for gone in deleted:
        if gone.immutable_id:
            by_key.setdefault(gone.immutable_id, gone)
        by_upn.setdefault(gone.upn.lower(), gone)
    by_id = {gone.object_id: gone for gone in deleted}
    linked_to = frozenset(links.values())

    def linked(user: SourceUser) -> EntraUser | None:
        return by_id.get(links.get(user.source_id, ""))

    def namesake(user: SourceUser) -> EntraUser | None:
        gone = by_upn.get(user.upn.lower())
        if gone is None or gone.object_id in linked_to:
            return None
        if names.others(user, gone) or (in_doubt and not names.agree(user, gone)):
            return None
        # Of two immutable IDs that differ a person decides where it is certain that the account was somebody's.
        return None if other_person(user, gone) and gone.object_id not in formerly else gone

    rules: tuple[Callable[[SourceUser], EntraUser | None], ...] = (
        lambda user: by_key.get(user.immutable_id or ""),
        linked,
        namesake,
    )
    found: dict[str, EntraUser] = {}
    asked: dict[str, EntraUser] = {}
    taken: set[str] = set()
    # Rule by rule, not user by user: a match by UPN must not take a mailbox that a stronger rule gives to another.
    for rule in rules:
        for user in people:
            match = rule(user)
            if (
                match is None
                or match.object_id in taken
                or user.source_id in found
                or user.source_id in asked
            ):
                continue
            if (user.source_id, match.object_id) in decisions.apart:
                continue
            taken.add(match.object_id)
            uncertain = rule is namesake and match.object_id in formerly
            if rule is linked and user.source_id not in decisions.same:
                uncertain = other_person(user, match) and not names.same(user, match)
            (asked if uncertain else found)[user.source_id] = match
    return found, asked


def with_former_holders(
    changes: Iterable[Change], deleted: Sequence[EntraUser], addresses: Mapping[str, Sequence[str]]
) -> Iterator[Change]:
    """The same changes; the reason of each names the deleted user who had the new UPN among their addresses.

    `addresses`: as in `RecycleBin`. Whether Entra keeps them for a deleted user is not documented: a restore can
    give them up (`autoReconcileProxyConflict`), so that others may have them meanwhile.
    """
    former = {address.lower(): gone for gone in deleted for address in addresses.get(gone.object_id, ())}
    for change in changes:
        gone = former.get(change.new_upn.lower()) if change.action in (Action.ADD, Action.RENAME) else None
        if gone and not change.obstacle:
            told = say("address.formerly", address=change.new_upn, name=gone.upn, objectId=gone.object_id)
            yield replace(change, reason=change.reason + told)
        else:
            yield change


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
