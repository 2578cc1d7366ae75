"""Match + compare → Plan. Pure: two lists of people in, what is to change out.

`match` pairs the two sides. The caller then looks up what the pairs leave open (who is protected, who lies in
the recycle bin, who else holds an address) and hands it to `decide`.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

from shared.mapping import (
    ENABLED,
    IMMUTABLE_ID,
    UPN,
    AttributeMap,
    refused_immutable_id,
    refused_upn,
    refused_value,
)
from shared.model import Action, AttributeChange, Change, EntraUser, Obstacle, Plan, SourceUser
from shared.protection import Protection
from shared.renames import in_workable_order, temporary_upn

# Obstacles that are found by looking up who has what; a sync meets them when Entra refuses the change.
ADDRESS_TAKEN, IMMUTABLE_ID_TAKEN = "AddressTaken", "ImmutableIdTaken"
LOOKED_UP = frozenset({ADDRESS_TAKEN, IMMUTABLE_ID_TAKEN})
_UNTOUCHED = "none of them is touched until the source is clear."


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
    """What lies outside the two lists, looked up for those whom `match` left without a partner.

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
        if contested or any(other is not found for other in (keyed, linked, namesake) if other):
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
    return Ambiguity(user, f"{reason}: {_UNTOUCHED}", targets)


@dataclass(slots=True)
class _Newcomers:
    """Those whom the domain lacks: new, known in another domain, in the recycle bin, or claimed by two."""

    new: list[SourceUser] = field(default_factory=list)
    joining: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    returning: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    contested: list[Ambiguity] = field(default_factory=list)


def _newcomers(matching: Matching, around: Surroundings) -> _Newcomers:
    newcomers = _Newcomers()
    for user in matching.source_only:
        outside, gone = around.outside.get(user.source_id), around.deleted.get(user.source_id)
        found = outside or gone
        owner = matching.by_immutable_id.get(found.immutable_id or "", user) if found else user
        if found and owner is not user:
            names = " and ".join(sorted((user.source_id, owner.source_id)))
            reason = f"{names} in the source both match {found.upn} ({found.object_id})"
            newcomers.contested.append(Ambiguity(user, f"{reason}: {_UNTOUCHED}", (found,)))
        elif outside:
            newcomers.joining.append((user, outside))
        elif gone:
            newcomers.returning.append((user, gone))
        else:
            newcomers.new.append(user)
    return newcomers


def decide(matching: Matching, around: Surroundings, attribute_map: AttributeMap) -> Plan:
    """What is to happen to everybody: one `Change` per person who is not simply equal on both sides."""
    differences = _Differences(around, attribute_map)
    out_of_scope = unchanged = 0
    # Forgetting the link of somebody who is ambiguous now would let the next run delete one of the two.
    links = dict(matching.links)
    skips: list[Change] = []
    existing: list[Change] = []
    restores: list[Change] = []
    deletes: list[Change] = []

    newcomers = _newcomers(matching, around)
    for pairs, counted in ((matching.pairs, True), (newcomers.joining, False)):
        for user, target in pairs:
            links[user.source_id] = target.object_id
            if reason := around.protection.reason_not_to_touch(target):
                skips.append(_skip(target, reason, user.source_id))
                out_of_scope += counted
            elif change := differences.between(user, target):
                existing.append(change)
            else:
                unchanged += 1

    adds = [differences.added(user) for user in newcomers.new]
    for user, gone in newcomers.returning:
        if reason := around.protection.reason_not_to_touch(gone):
            skips.append(_skip(gone, reason, user.source_id))
        else:
            restores.append(differences.restored(user, gone))

    for target in matching.target_only:
        if reason := around.protection.reason_not_to_touch(target):
            skips.append(_skip(target, reason))
            out_of_scope += 1
        elif owner := matching.moved.get(target.object_id):
            links.setdefault(owner.source_id, target.object_id)
            where = owner.upn.partition("@")[2] or "no domain"
            skips.append(
                _skip(
                    target,
                    f"Still in the source, now on {where}: that domain's sync moves them.",
                    owner.source_id,
                )
            )
        elif reason := around.protection.reason_not_to_delete(target):
            skips.append(_skip(target, reason))
        else:
            reason = " ".join(
                filter(None, ("In Entra only: the source has no such user.", around.protection.caveat))
            )
            deletes.append(
                Change(Action.DELETE, target.upn, target.display_name, target.object_id, reason=reason)
            )

    doubtful = {target.object_id: target for ambiguity in matching.ambiguous for target in ambiguity.targets}
    in_doubt = sum(1 for target in doubtful.values() if not around.protection.reason_not_to_touch(target))
    for ambiguity in (*matching.ambiguous, *newcomers.contested):
        skips.extend(_ambiguous(ambiguity, attribute_map))

    # Whoever comes back is restored by their link, unless their account is somebody else's by now.
    claimed = {*links.values()}
    links.update((who, account) for who, account in matching.departed.items() if account not in claimed)

    renames = in_workable_order([c for c in existing if c.action is Action.RENAME], around.initial_domain)
    renames = with_the_blocked(list(with_known_conflicts(renames, around, renames)))
    updates = [c for c in existing if c.action is Action.UPDATE]
    updates = list(with_known_conflicts(updates, around, renames))
    adds = list(with_known_conflicts(adds, around, renames))
    restores = list(with_known_conflicts(restores, around, renames))
    return Plan(
        changes=(*renames, *updates, *restores, *adds, *deletes, *skips),
        source=matching.source,
        target=len(matching.pairs) + len(matching.target_only) + in_doubt - out_of_scope,
        unchanged=unchanged,
        links=links,
    )


def _skip(target: EntraUser, reason: str, source_id: str | None = None) -> Change:
    return Change(Action.SKIP, target.upn, target.display_name, target.object_id, source_id, reason=reason)


def _ambiguous(ambiguity: Ambiguity, attribute_map: AttributeMap) -> Iterator[Change]:
    user = ambiguity.user
    yield Change(
        Action.SKIP,
        user.upn,
        attribute_map.display_name(user),
        ambiguity.targets[0].object_id if ambiguity.targets else None,
        user.source_id,
        reason=ambiguity.reason,
        obstacle=Obstacle("AmbiguousMatch", ambiguity.reason),
    )


@dataclass(frozen=True, slots=True)
class _Differences:
    """Compares one person's two sides under the run's attribute map."""

    around: Surroundings
    attribute_map: AttributeMap

    def between(self, user: SourceUser, target: EntraUser) -> Change | None:
        """The update or rename that makes `target` equal to `user`, None if it is equal already."""
        renamed = user.upn.lower() != target.upn.lower()
        rekeyed = user.immutable_id is not None and user.immutable_id != target.immutable_id
        if user.values == target.values and not renamed and not rekeyed:
            return None
        attributes = []
        if renamed:
            attributes.append(AttributeChange(UPN, target.upn, user.upn))
        if rekeyed:
            attributes.append(AttributeChange(IMMUTABLE_ID, target.immutable_id, user.immutable_id))
        attributes.extend(
            AttributeChange(attribute, before, after)
            for attribute, before, after in zip(
                self.attribute_map.attributes, target.values, user.values, strict=True
            )
            if before != after
        )
        change = Change(
            Action.RENAME if renamed else Action.UPDATE,
            target.upn,
            target.display_name,
            target.object_id,
            user.source_id,
            tuple(attributes),
            obstacle=_refused(user, attributes) or (self._no_immutable_id(user, target) if renamed else None),
        )
        if renamed and self._enters_federation(target.upn, user.upn):
            change = replace(change, via=temporary_upn(change, self.around.initial_domain))
        return change

    def added(self, user: SourceUser) -> Change:
        attributes = [
            AttributeChange(UPN, None, user.upn),
            AttributeChange("mailNickname", None, user.upn.partition("@")[0]),
        ]
        if user.immutable_id:
            attributes.append(AttributeChange(IMMUTABLE_ID, None, user.immutable_id))
        attributes.extend(
            AttributeChange(attribute, None, value)
            for attribute, value in zip(self.attribute_map.attributes, user.values, strict=True)
            if value is not None
        )
        named = {change.attribute for change in attributes}
        if ENABLED not in named:
            attributes.append(AttributeChange(ENABLED, None, True))
        if self.around.usage_location and "usageLocation" not in named:
            attributes.append(AttributeChange("usageLocation", None, self.around.usage_location))
        obstacle = _refused(user, attributes)
        if "displayName" not in named:
            obstacle = obstacle or refused_value("displayName", None)
        obstacle = obstacle or self._no_immutable_id(user)
        name = self.attribute_map.display_name(user)
        return Change(
            Action.ADD,
            user.upn,
            name,
            None,
            user.source_id,
            tuple(attributes),
            reason="In the source only.",
            obstacle=obstacle,
        )

    def restored(self, user: SourceUser, gone: EntraUser) -> Change:
        change = self.between(user, gone)
        keyless = self.around.federated and not gone.immutable_id
        restored = Change(
            Action.RESTORE,
            gone.upn,
            gone.display_name,
            gone.object_id,
            user.source_id,
            change.attributes if change else (),
            reason="In the source again: restored from Entra's deleted users, with mailbox and licences.",
            obstacle=(change.obstacle if change else None) or self._no_immutable_id(user, gone),
        )
        # A federated domain takes nobody without an immutable ID, not even for the moment until they get one.
        return replace(restored, via=temporary_upn(restored, self.around.initial_domain) if keyless else None)

    def _no_immutable_id(self, user: SourceUser, target: EntraUser | None = None) -> Obstacle | None:
        if not self.around.federated or user.immutable_id or (target and target.immutable_id):
            return None
        return Obstacle(
            "ImmutableIdMissing",
            "The domain is federated and the source gives no immutable ID: without one the person could never "
            "sign in. Fill it in in the source.",
        )

    def _enters_federation(self, before: str, after: str) -> bool:
        """Entra may refuse a UPN on a federated domain to a user who comes from another domain."""
        return self.around.federated and before.partition("@")[2].lower() != after.partition("@")[2].lower()


def _refused(user: SourceUser, attributes: Sequence[AttributeChange]) -> Obstacle | None:
    """The first reason why Entra would refuse these values, None if it would take them all."""
    if user.problem:
        return Obstacle("InvalidValue", f"Access Control's user {user.source_id}: {user.problem}.")
    for change in attributes:
        if change.attribute == UPN:
            obstacle = refused_upn(str(change.after))
        elif change.attribute == IMMUTABLE_ID:
            obstacle = refused_immutable_id(str(change.after))
        else:
            obstacle = refused_value(change.attribute, change.after)
        if obstacle:
            return obstacle
    return None


def with_known_conflicts(
    changes: Sequence[Change], around: Taken, renames: Sequence[Change]
) -> Iterator[Change]:
    """The same changes, with an obstacle on each that wants an address or an immutable ID somebody else has.

    A UPN that a rename of this run gives up is free, unless that rename itself can't succeed.
    """
    stuck = {c.upn.lower() for c in renames if c.obstacle}
    freed = {c.upn.lower(): c.object_id for c in renames if c.upn.lower() not in stuck}
    for change in changes:
        yield replace(change, obstacle=change.obstacle or _conflict(change, around, freed))


def with_the_blocked(renames: Sequence[Change]) -> list[Change]:
    """The same renames; one that waits for a UPN whose holder can't be renamed can't succeed either.

    In a circle that would leave the one who stepped aside at a temporary UPN.
    """
    waiting_for = {change.new_upn.lower(): change for change in renames}
    obstacles: dict[str | None, Obstacle] = {c.object_id: c.obstacle for c in renames if c.obstacle}
    for stuck in [change for change in renames if change.obstacle]:
        holder = stuck
        while (waiting := waiting_for.get(holder.upn.lower())) and waiting.object_id not in obstacles:
            obstacles[waiting.object_id] = Obstacle(
                ADDRESS_TAKEN,
                f"{waiting.new_upn} stays with {holder.display_name} ({holder.object_id}), who can't be renamed "
                "either: see why there.",
            )
            holder = waiting
    return [replace(change, obstacle=obstacles.get(change.object_id)) for change in renames]


def _conflict(change: Change, around: Taken, freed: Mapping[str, str | None]) -> Obstacle | None:
    wanted = [change.new_upn] if change.action is not Action.UPDATE else []
    if change.action is Action.RESTORE:
        wanted.extend(around.former_addresses.get(str(change.object_id), ()))
    for address in wanted:
        holder = around.addresses.get(address.lower())
        if holder is None or holder.object_id == change.object_id:
            continue
        if holder.alias or freed.get(address.lower()) != holder.object_id:
            return Obstacle(
                ADDRESS_TAKEN, f"{address} is taken by {holder}: free it there or change it here."
            )
    immutable_id = change.after(IMMUTABLE_ID)
    holder = around.immutable_ids.get(str(immutable_id)) if immutable_id else None
    if holder and holder.object_id != change.object_id:
        return Obstacle(IMMUTABLE_ID_TAKEN, f"The immutable ID {immutable_id} belongs to {holder} already.")
    return None
