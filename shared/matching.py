"""Who on one side is who on the other. Pure.

By immutable ID, then by the remembered link, then by UPN; whoever could be two people is nobody's until the source
is clear.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.cycles import makes_no_cycles
from shared.model import EntraUser, SourceUser

UNTOUCHED = "none of them is touched until the source is clear."


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A source user of whom nobody can say which Entra user they are; neither is touched."""

    user: SourceUser
    reason: str
    targets: tuple[EntraUser, ...]


@dataclass(slots=True)
class Matching:
    """The two sides of one domain, paired; everybody is on exactly one of the lists.

    `moved`: object id → the source user, for Entra users of this domain whose source user has left it.
    `by_immutable_id`: everybody in the source who has one, in whatever domain. `links`: what was remembered of
    those who are in the source, `departed` of those who have left it.
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
    domain: str, source: Sequence[SourceUser], target: Sequence[EntraUser], links: Mapping[str, str]
) -> Matching:
    """Pairs the people of one domain by immutable ID, then remembered link, then UPN.

    `source` is everybody in the source, so that a move to another domain is seen; `target` is Entra's users of
    this domain. A UPN counts for nothing where its Entra user belongs to somebody else by a stronger rule: that
    one is about to be renamed. Whoever matches two, or is matched by two, is ambiguous, and so is whoever shares
    an immutable ID with somebody else in the source.
    """
    suffix = f"@{domain.lower()}"
    by_id = {user.object_id: user for user in target} if links else {}
    by_immutable_id = {user.immutable_id: user for user in target if user.immutable_id}
    by_upn = {user.upn.lower(): user for user in target}

    remembered = {user.source_id: links[user.source_id] for user in source if user.source_id in links}
    departed = {source_id: linked for source_id, linked in links.items() if source_id not in remembered}
    matching = Matching(domain, links=remembered, departed=departed)
    inside: list[tuple[SourceUser, str, EntraUser | None, EntraUser | None]] = []
    owners: dict[str, SourceUser] = {}
    rivals: dict[str, list[SourceUser]] = {}
    for user in source:
        if user.immutable_id:
            first = matching.by_immutable_id.setdefault(user.immutable_id, user)
            if first is not user:
                rivals.setdefault(user.immutable_id, [first]).append(user)
        upn = user.upn.lower()
        keyed = by_immutable_id.get(user.immutable_id) if user.immutable_id else None
        linked = by_id.get(links.get(user.source_id, "")) if links else None
        here = upn.endswith(suffix)
        if here:
            inside.append((user, upn, keyed, linked))
        for found in (keyed, linked):
            if found is None:
                continue
            owner = owners.setdefault(found.object_id, user)
            if owner is not user:
                rivals.setdefault(found.object_id, [owner]).append(user)
            elif not here:
                matching.moved[found.object_id] = user
    matching.source = len(inside)

    wanted: dict[str, SourceUser] = {}
    for user, upn, _, _ in inside:
        first = wanted.setdefault(upn, user)
        if first is not user:
            rivals.setdefault(upn, [first]).append(user)

    settled: set[str] = set()
    for user, upn, keyed, linked in inside:
        namesake = by_upn.get(upn)
        if namesake is not None and owners.get(namesake.object_id, user) is not user:
            namesake = None
        found = keyed or linked or namesake
        if found is not None:
            settled.add(found.object_id)
        contested = bool(rivals) and (
            upn in rivals or user.immutable_id in rivals or (found is not None and found.object_id in rivals)
        )
        if contested or linked not in (None, found) or namesake not in (None, found):
            ambiguity = _ambiguity(user, upn, (keyed, linked, namesake), rivals)
            settled.update(target.object_id for target in ambiguity.targets)
            matching.ambiguous.append(ambiguity)
        elif found is None:
            matching.source_only.append(user)
        else:
            matching.pairs.append((user, found))
    matching.target_only = [user for user in target if user.object_id not in settled]
    return matching


def _ambiguity(
    user: SourceUser, upn: str, found: Sequence[EntraUser | None], rivals: Mapping[str, list[SourceUser]]
) -> Ambiguity:
    targets = tuple({target.object_id: target for target in found if target}.values())
    keys = (upn, user.immutable_id or "", *(target.object_id for target in targets))
    rivalling = {user.source_id, *(rival.source_id for key in keys for rival in rivals.get(key, ()))}
    names = " and ".join(sorted(rivalling))
    if len(targets) > 1:
        both = " and ".join(f"{target.upn} ({target.object_id})" for target in targets)
        reason = f"{user.source_id} in the source matches two users in Entra, {both}"
    else:
        wanted = f"{targets[0].upn} ({targets[0].object_id})" if targets else user.upn
        shared = f" or have the immutable ID {user.immutable_id}" if user.immutable_id in rivals else ""
        reason = f"{names} in the source all match {wanted}{shared}"
    return Ambiguity(user, f"{reason}: {UNTOUCHED}", targets)
