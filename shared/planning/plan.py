"""Builds the `Plan` from the matched lists and the lookups. Pure."""

from dataclasses import dataclass, field, replace

from shared.model.changes import Action, Change, Obstacle, Plan
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.results import NOT_LOOKED_AT
from shared.planning.conflicts import with_known_conflicts, with_the_blocked
from shared.planning.cycles import makes_no_cycles
from shared.planning.differences import Differences
from shared.planning.lookups import Lookups
from shared.planning.mapping import AttributeMap, domain_of
from shared.planning.matching import Ambiguity, Matching, named
from shared.planning.renames import in_workable_order

_MEMORY_IN_DOUBT = say("leaver.memoryInDoubt")


@dataclass(slots=True, kw_only=True)
class _Newcomers:
    """Source users that Entra's domain lacks.

    `new`: to be added. `joining`: have an account in another domain. `returning`: in the recycle bin. `contested`:
    two source users claim one account. `unclear`: not known whether they have an account.
    """

    new: list[SourceUser] = field(default_factory=list)
    joining: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    returning: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    contested: list[Ambiguity] = field(default_factory=list)
    unclear: list[SourceUser] = field(default_factory=list)


def _newcomers(matching: Matching, lookups: Lookups) -> _Newcomers:
    newcomers = _Newcomers()
    for user in matching.source_only:
        outside, gone = lookups.outside.get(user.source_id), lookups.deleted.get(user.source_id)
        found = outside or gone
        owner = matching.by_immutable_id.get(found.immutable_id or "", user) if found else user
        if found and owner is not user:
            both = tuple(sorted((user.source_id, owner.source_id)))
            reason = say("match.bothMatch", users=both, account=named(found))
            newcomers.contested.append(Ambiguity(user, reason, (found,)))
        elif outside:
            newcomers.joining.append((user, outside))
        elif gone:
            newcomers.returning.append((user, gone))
        elif user.source_id in lookups.unclear:
            newcomers.unclear.append(user)
        else:
            newcomers.new.append(user)
    return newcomers


@makes_no_cycles
def decide(matching: Matching, lookups: Lookups, attribute_map: AttributeMap) -> Plan:
    """The plan of the domain: one `Change` for each user who is not equal on both sides."""
    protection, differences = lookups.protection, Differences(lookups, attribute_map)
    newcomers = _newcomers(matching, lookups)
    existing: list[Change] = []
    restores: list[Change] = []
    skips: list[Change] = []
    without_session_time: list[str] = []
    out_of_scope = unchanged = 0
    for pairs, counted in ((matching.pairs, True), (newcomers.joining, False)):
        for user, target in pairs:
            if reason := protection.reason_not_to_touch(target):
                skips.append(_skip(target, reason, user.source_id))
                out_of_scope += counted
                continue
            change = differences.between(user, target)
            if change and (reason := protection.reason_not_to_change(target, change)):
                skips.append(_skip(target, reason, user.source_id))
                continue
            if target.without_session_time and lookups.federated:
                without_session_time.append(target.object_id)
            if change:
                existing.append(change)
            else:
                unchanged += 1
    for user, gone in newcomers.returning:
        if reason := protection.reason_not_to_touch(gone):
            skips.append(_skip(gone, reason, user.source_id))
        else:
            restores.append(differences.restored(user, gone))
    leavers = [_left(target, matching, lookups) for target in matching.target_only]
    adds = [differences.added(user) for user in newcomers.new]
    if lookups.memory_doubt and (matching.target_only or lookups.other_domains):
        # Any of them could be a rename of one of those, or a move from another domain.
        skips += [_wait(add) for add in adds]
        adds = []
    skips += [_not_added(user, lookups.unclear[user.source_id], attribute_map) for user in newcomers.unclear]
    doubts = [_doubt(one, attribute_map) for one in (*matching.ambiguous, *newcomers.contested)]

    renames = in_workable_order([c for c in existing if c.action is Action.RENAME], lookups.initial_domain)
    renames = with_the_blocked(list(with_known_conflicts(renames, lookups, renames)))
    others = [*(c for c in existing if c.action is Action.UPDATE), *restores, *adds]
    doubtful = {target.object_id: target for one in matching.ambiguous for target in one.targets}
    strangers = (*matching.target_only, *doubtful.values())
    out_of_scope += sum(1 for target in strangers if protection.reason_not_to_touch(target))
    return Plan(
        changes=(
            *renames,
            *with_known_conflicts(others, lookups, renames),
            *(change for change in leavers if change.action is Action.DELETE),
            *skips,
            *(change for change in leavers if change.action is Action.SKIP),
            *doubts,
        ),
        source=matching.source,
        target=len(matching.pairs) + len(strangers) - out_of_scope,
        unchanged=unchanged,
        links=_links(matching, newcomers),
        without_session_time=tuple(without_session_time),
    )


def _left(target: EntraUser, matching: Matching, lookups: Lookups) -> Change:
    """The change of a user who is only in Entra: a delete, or a skip if there is a reason against it."""
    protection = lookups.protection
    if reason := protection.reason_not_to_touch(target):
        return _skip(target, reason)
    if owner := matching.moved.get(target.object_id):
        where = domain_of(owner.upn)
        reason = say("leaver.moved", domain=where) if where else say("leaver.withoutUpn")
        return _skip(target, reason, owner.source_id)
    doubt = lookups.memory_doubt and _MEMORY_IN_DOUBT + lookups.memory_doubt
    if reason := protection.reason_not_to_delete(target) or doubt:
        return replace(_skip(target, reason), obstacle=Obstacle(NOT_LOOKED_AT, reason))
    reason = say("leaver.notInSource") + protection.caveat
    return Change(
        action=Action.DELETE,
        upn=target.upn,
        display_name=target.display_name,
        object_id=target.object_id,
        reason=reason,
    )


def _links(matching: Matching, newcomers: _Newcomers) -> dict[str, str]:
    """Source id → object id, to be remembered after this run. A link is kept while it can still protect a user.

    Without the link of an ambiguous user, the next run could delete one of the two accounts. With the link of a
    user who left, the account is restored when they return, unless another source user has it by then.
    """
    links = dict(matching.links)
    links.update((user.source_id, target.object_id) for user, target in matching.pairs)
    links.update((user.source_id, target.object_id) for user, target in newcomers.joining)
    for object_id, owner in matching.moved.items():
        links.setdefault(owner.source_id, object_id)
    claimed = {*links.values(), *(gone.object_id for _, gone in newcomers.returning)}
    links.update((who, account) for who, account in matching.departed.items() if account not in claimed)
    return links


def _wait(add: Change) -> Change:
    """Skips an add that may be the rename of an account whose link may be missing."""
    return replace(add, action=Action.SKIP, attributes=(), obstacle=None, reason=say("add.memoryInDoubt"))


def _skip(target: EntraUser, reason: Parts, source_id: str | None = None) -> Change:
    return Change(
        action=Action.SKIP,
        upn=target.upn,
        display_name=target.display_name,
        object_id=target.object_id,
        source_id=source_id,
        reason=reason,
    )


def _not_added(user: SourceUser, reason: Parts, attribute_map: AttributeMap) -> Change:
    name = attribute_map.display_name(user)
    return Change(
        action=Action.SKIP,
        upn=user.upn,
        display_name=name,
        object_id=None,
        source_id=user.source_id,
        reason=reason,
    )


def _doubt(ambiguity: Ambiguity, attribute_map: AttributeMap) -> Change:
    user = ambiguity.user
    return Change(
        action=Action.SKIP,
        upn=user.upn,
        display_name=attribute_map.display_name(user),
        object_id=ambiguity.targets[0].object_id if ambiguity.targets else None,
        source_id=user.source_id,
        reason=ambiguity.reason,
        obstacle=Obstacle("AmbiguousMatch", ambiguity.reason),
    )
