"""Pairs source users with Entra users. Pure.

By immutable ID, then by the remembered link, then by UPN. A user that matches two accounts is left untouched until
the source is corrected.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.planning.cycles import makes_no_cycles
from shared.planning.names import Names


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A source user who can't be paired with certainty. Neither they nor the `targets` in question are touched."""

    user: SourceUser
    reason: Parts
    targets: tuple[EntraUser, ...]


@dataclass(slots=True, kw_only=True)
class Matching:
    """The two sides of one domain, paired. Each user is on exactly one of the lists.

    `source`: number of source users on the domain. `moved`: object id → the source user, for Entra users of this
    domain whose source user is no longer on it. `by_immutable_id`: immutable ID → source user, of all domains.
    `links`: source id → object id, remembered for users still in the source; `departed`: for users who left it.
    """

    domain: str
    source: int = 0
    pairs: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    source_only: list[SourceUser] = field(default_factory=list)
    target_only: list[EntraUser] = field(default_factory=list)
    ambiguous: list[Ambiguity] = field(default_factory=list)
    moved: dict[str, SourceUser] = field(default_factory=dict)
    by_immutable_id: dict[str, SourceUser] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    departed: dict[str, str] = field(default_factory=dict)


@makes_no_cycles
def match(
    domain: str,
    source: Sequence[SourceUser],
    target: Sequence[EntraUser],
    links: Mapping[str, str],
    in_doubt: Names | None = None,
) -> Matching:
    """Pairs the people of one domain by immutable ID, then remembered link, then UPN.

    `source` holds the source users of all domains, so that a move to another domain is seen; `target` holds the
    Entra users of this domain. A UPN match is ignored if a stronger rule pairs that Entra user with another source
    user: the Entra user is about to be renamed. Ambiguous are source users who match two Entra users, who share an
    Entra user with another source user, or who share an immutable ID with another source user; and, if links are
    `in_doubt`, users who match by UPN alone an Entra user with another immutable ID, or with other names.
    """
    remembered = {user.source_id: links[user.source_id] for user in source if user.source_id in links}
    departed = {source_id: linked for source_id, linked in links.items() if source_id not in remembered}
    matching = Matching(domain=domain, links=remembered, departed=departed)
    claims = _claims(matching, source, target)
    by_upn = {user.upn.lower(): user for user in target}
    formerly = {object_id: source_id for source_id, object_id in departed.items()}

    settled: set[str] = set()
    for user, upn, keyed, linked in claims.inside:
        namesake = by_upn.get(upn)
        if (
            namesake is not None
            and namesake is not keyed
            and claims.owners.get(namesake.object_id, user) is not user
        ):
            namesake = None
        found = keyed or linked or namesake
        torn = (linked or found) is not found or (namesake or found) is not found
        ambiguity = None
        if torn or (claims.rivals and claims.contested(user, upn, found)):
            ambiguity = _ambiguity(user, upn, (keyed, linked, namesake), claims.rivals)
        elif found is not None and (former := formerly.get(found.object_id)) and _other_person(user, found):
            ambiguity = _handed_on(user, found, former)
        elif in_doubt and found is not None and found is namesake and linked is None:
            ambiguity = _maybe_handed_on(user, found, in_doubt)
        if ambiguity is not None:
            settled.update(one.object_id for one in ambiguity.targets)
            matching.ambiguous.append(ambiguity)
        elif found is None:
            matching.source_only.append(user)
        else:
            settled.add(found.object_id)
            matching.pairs.append((user, found))
    matching.target_only = [user for user in target if user.object_id not in settled]
    return matching


@dataclass(slots=True)
class _Claims:
    """Which source users claim which Entra users.

    `inside`: source users on the domain, each with UPN, Entra user by immutable ID, and Entra user by link.
    `owners`: object id → the source user who claims it by immutable ID or link. `rivals`: a shared immutable ID, UPN
    or object id → the source users who share it.
    """

    inside: list[tuple[SourceUser, str, EntraUser | None, EntraUser | None]] = field(default_factory=list)
    owners: dict[str, SourceUser] = field(default_factory=dict)
    rivals: dict[str, list[SourceUser]] = field(default_factory=dict)

    def contest(self, claim: str, owner: SourceUser, user: SourceUser) -> None:
        self.rivals.setdefault(claim, [owner]).append(user)

    def contested(self, user: SourceUser, upn: str, found: EntraUser | None) -> bool:
        return (
            upn in self.rivals
            or user.immutable_id in self.rivals
            or (found is not None and found.object_id in self.rivals)
        )


def _claims(matching: Matching, source: Sequence[SourceUser], target: Sequence[EntraUser]) -> _Claims:
    suffix = f"@{matching.domain.lower()}"
    links = matching.links
    by_id = {user.object_id: user for user in target} if links else {}
    by_immutable_id = {user.immutable_id: user for user in target if user.immutable_id}
    claims = _Claims()
    wanted: dict[str, SourceUser] = {}
    for user in source:
        upn = user.upn.lower()
        keyed = linked = None
        if key := user.immutable_id:
            if (owner := matching.by_immutable_id.setdefault(key, user)) is not user:
                claims.contest(key, owner, user)
            keyed = by_immutable_id.get(key)
        if links:
            linked = by_id.get(links.get(user.source_id, ""))
        here = upn.endswith(suffix)
        if here:
            if (owner := wanted.setdefault(upn, user)) is not user:
                claims.contest(upn, owner, user)
            claims.inside.append((user, upn, keyed, linked))
        for found in (keyed, linked):
            if found is None:
                continue
            if (owner := claims.owners.setdefault(found.object_id, user)) is not user:
                claims.contest(found.object_id, owner, user)
            elif not here:
                matching.moved[found.object_id] = user
    matching.source = len(claims.inside)
    return claims


def _other_person(user: SourceUser, target: EntraUser) -> bool:
    """Whether the two have different immutable IDs, and so are different people."""
    return None not in (user.immutable_id, target.immutable_id) and user.immutable_id != target.immutable_id


def _handed_on(user: SourceUser, target: EntraUser, former: str) -> Ambiguity:
    """A new person has the UPN of a person who left: they must not get that person's mailbox."""
    reason = say("match.upnHandedOn", user=user.source_id, account=named(target), former=former)
    return Ambiguity(user, reason, (target,))


def _maybe_handed_on(user: SourceUser, target: EntraUser, names: Names) -> Ambiguity | None:
    """Without links, the person who had this UPN may have left: an immutable ID or a name has to say the same."""
    if user.immutable_id and user.immutable_id == target.immutable_id:
        return None
    if _other_person(user, target):
        reason = say("match.mayBeHandedOn", user=user.source_id, account=named(target))
    elif names.agree(user, target):
        return None
    else:
        reason = say("match.otherNames", user=user.source_id, account=named(target))
    return Ambiguity(user, reason, (target,))


def named(account: EntraUser) -> Parts:
    """A phrase that names an account in Entra, for use inside a sentence."""
    return say("match.account", upn=account.upn, objectId=account.object_id)


def by_name_alone(matching: Matching, links: Mapping[str, str]) -> dict[str, str]:
    """Remembered object id → source id, for users who were paired with a different account by UPN alone.

    If the remembered account still exists elsewhere in the tenant, the pair is uncertain: the UPN may have been
    given to a new person, or to an account of another person.
    """
    return {
        links[user.source_id]: user.source_id
        for user, target in matching.pairs
        if links.get(user.source_id, target.object_id) != target.object_id
        and not (user.immutable_id and user.immutable_id == target.immutable_id)
    }


def set_aside(matching: Matching, remembered: Mapping[str, EntraUser], unread: Mapping[str, str]) -> None:
    """Makes the pairs of these source users ambiguous.

    `remembered`: source id → the remembered account, which still exists. `unread`: object id → source id, for
    remembered accounts that could not be read.
    """
    lives = {source_id: named(account) for source_id, account in remembered.items()}
    lives |= {
        source_id: say("match.accountUnread", objectId=object_id) for object_id, source_id in unread.items()
    }
    pairs, matching.pairs = matching.pairs, []
    for user, target in pairs:
        account = lives.get(user.source_id)
        if account is None:
            matching.pairs.append((user, target))
            continue
        reason = say("match.remembered", user=user.source_id, remembered=account, account=named(target))
        matching.ambiguous.append(Ambiguity(user, reason, (target,)))


def _ambiguity(
    user: SourceUser, upn: str, found: Sequence[EntraUser | None], rivals: Mapping[str, list[SourceUser]]
) -> Ambiguity:
    targets = tuple({target.object_id: target for target in found if target}.values())
    keys = (upn, user.immutable_id or "", *(target.object_id for target in targets))
    rivalling = {user.source_id, *(rival.source_id for key in keys for rival in rivals.get(key, ()))}
    users = tuple(sorted(rivalling))
    wanted = named(targets[0]) if targets else user.upn
    if len(targets) > 1:
        accounts = tuple(part for target in targets for part in named(target))
        reason = say("match.twoAccounts", user=user.source_id, accounts=accounts)
    elif user.immutable_id and user.immutable_id in rivals:
        reason = say("match.sharedImmutableId", users=users, account=wanted, immutableId=user.immutable_id)
    else:
        reason = say("match.sameAccount", users=users, account=wanted)
    return Ambiguity(user, reason, targets)
