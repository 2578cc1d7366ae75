"""Builds the `Plan` from the matched lists and the lookups. Pure."""

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from shared.model.addresses import fold
from shared.model.changes import SWITCHES, Action, Change, Obstacle, Plan
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Question
from shared.model.results import AMBIGUOUS, QUESTION
from shared.planning.conflicts import ADDRESS_TAKEN, LOOKED_UP, with_known_conflicts, with_the_blocked
from shared.planning.cycles import makes_no_cycles
from shared.planning.differences import Differences
from shared.planning.doubts import Doubts, ask, doubts, with_mailbox
from shared.planning.leavers import Leavers, doomed, skipped
from shared.planning.lookups import Lookups
from shared.planning.mapping import IMMUTABLE_ID, AttributeMap
from shared.planning.matching import Ambiguity, Matching, handed_on, is_on, named, named_anew
from shared.planning.names import Names
from shared.planning.recycle_bin import with_former_holders
from shared.planning.renames import in_workable_order
from shared.planning.territory import Where

_WAITS, _WITHOUT_UPN = say("add.memoryInDoubt"), say("add.withoutUpn")
_OUT_OF_SCOPE = say("scope.newcomer")


@dataclass(slots=True, kw_only=True)
class _Newcomers:
    """Source users that Entra's domain lacks.

    `new`: to be added. `joining`: have an account in another domain. `returning`: in the recycle bin. `contested`:
    two source users claim one account. `unclear`: not known whether they have an account, or without a UPN. `left_out`:
    out of scope, and without an account.
    """

    new: list[SourceUser] = field(default_factory=list)
    joining: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    returning: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    contested: list[Ambiguity] = field(default_factory=list)
    unclear: list[SourceUser] = field(default_factory=list)
    left_out: list[SourceUser] = field(default_factory=list)


def _newcomers(matching: Matching, lookups: Lookups, attribute_map: AttributeMap) -> _Newcomers:
    newcomers = _Newcomers()
    for user in matching.source_only:
        outside, gone = lookups.outside.get(user.source_id), lookups.deleted.get(user.source_id)
        found = outside or gone
        owner = matching.by_immutable_id.get(found.immutable_id or "", user) if found else user
        if found and owner is not user:
            both = tuple(sorted((user.source_id, owner.source_id)))
            reason = say("match.bothMatch", users=both, account=named(found))
            newcomers.contested.append(Ambiguity(user, reason, (found,)))
        elif found and user.source_id in matching.renamed and user.immutable_id != (found.immutable_id or ""):
            newcomers.contested.append(named_anew(user, found))
        elif user.only_found:
            (newcomers.left_out if user.out_of_scope else newcomers.unclear).append(user)
        elif outside:
            newcomers.joining.append((user, outside))
        elif gone:
            newcomers.returning.append((user, gone))
        elif user.out_of_scope or attribute_map.account_standing(user) != "in":
            newcomers.left_out.append(user)
        elif former := lookups.handed_on.get(user.source_id):
            theirs = matching.links.get(user.source_id) == former.object_id
            newcomers.contested.append(
                named_anew(user, former) if theirs else handed_on(user, former, matching.formerly)
            )
        elif user.source_id in lookups.unclear:
            newcomers.unclear.append(user)
        else:
            newcomers.new.append(user)
    return newcomers


@dataclass(slots=True)
class _Compared:
    """What becomes of the people who are on both sides."""

    changes: list[Change] = field(default_factory=list)
    skips: list[Change] = field(default_factory=list)
    without_session_time: list[str] = field(default_factory=list)
    out_of_scope: int = 0
    unchanged: int = 0

    def add(
        self,
        user: SourceUser,
        target: EntraUser,
        lookups: Lookups,
        differences: Differences,
        *,
        counted: bool,
    ) -> None:
        """`counted`: the account is on the domain, and among its users unless it is never touched."""
        protection = lookups.protection
        rule = differences.rules.get(user.source_id)
        if reason := protection.reason_not_to_touch(target):
            self.skips.append(replace(skipped(target, reason, user.source_id), rule=rule))
            self.out_of_scope += counted
            return
        refusals: Parts = ()
        told: Parts = ()
        obstacle: Obstacle | None = None
        unequal = False
        for change in differences.every(user, target):
            unequal = True
            if change.action is Action.SKIP:
                told += change.reason
                obstacle = obstacle or change.obstacle
            elif reason := protection.reason_not_to_change(target, change):
                refusals += tuple(part for part in reason if part not in refusals)
            else:
                self.changes.append(change)
        if told or refusals or obstacle:
            skip = skipped(target, told + refusals, user.source_id)
            self.skips.append(replace(skip, obstacle=obstacle, rule=rule))
        if target.without_session_time and lookups.federated and not refusals:
            self.without_session_time.append(target.object_id)
        self.unchanged += not unequal


@makes_no_cycles
def decide(matching: Matching, lookups: Lookups, attribute_map: AttributeMap) -> Plan:
    """The plan of the domain: one `Change` for each user who is not equal on both sides."""
    lookups = with_scope(matching, lookups)
    protection = lookups.protection
    differences = Differences(lookups, attribute_map, matching.rules)
    newcomers = _newcomers(matching, lookups, attribute_map)
    compared = _Compared()
    for pairs, counted in ((matching.pairs, True), (newcomers.joining, False)):
        for user, target in pairs:
            compared.add(user, target, lookups, differences, counted=counted)
    existing, skips = compared.changes, compared.skips
    restores: list[Change] = []
    for user, gone in newcomers.returning:
        if reason := protection.reason_not_to_touch(gone):
            skips.append(skipped(gone, reason, user.source_id))
        else:
            restores.append(differences.restored(user, gone))
    renames = in_workable_order([c for c in existing if c.action is Action.RENAME], lookups.initial_domain)
    renames = with_the_blocked(list(with_known_conflicts(renames, lookups, renames)), lookups)
    others = [*(c for c in existing if c.action is Action.UPDATE), *restores]
    others += _adds(matching, newcomers, lookups, differences)
    others = list(with_known_conflicts(others, lookups, renames))
    skips += [
        _not_added(user, _WITHOUT_UPN if user.only_found else lookups.unclear[user.source_id], attribute_map)
        for user in newcomers.unclear
    ]
    torn = [*matching.ambiguous, *newcomers.contested]
    skips += [_not_added(user, _OUT_OF_SCOPE, attribute_map) for user in newcomers.left_out]

    unplaced = dict.fromkeys(
        (u.source_id for u in (*newcomers.unclear, *newcomers.left_out, *(one.user for one in torn))), True
    ) | dict.fromkeys(matching.folded, True)
    refused = unplaced | _refused(matching.domain, lookups, differences, others)
    names = Names(attribute_map)
    found = doubts(lookups.pointers, doomed(matching, lookups), refused, names)
    found.ask_beside(newcomers.new, lookups.resembling)
    others = [_beside_leaver(_in_question(change, found), lookups) for change in others]
    renames, others = (
        list(with_former_holders(changes, lookups.in_bin, lookups.former_addresses))
        for changes in (renames, others)
    )
    leavers = Leavers(matching=matching, lookups=lookups, doubts=found)
    left = [leavers.decide(target) for target in matching.target_only]
    staging = lookups.staging
    blocked = {change.object_id for change in left if change.stage == "block"}
    waiting = {one.object_id for one in matching.target_only if staging.waits(one.object_id)} - blocked
    doubtful = {
        target.object_id: target
        for one in matching.ambiguous
        for target in one.targets
        if is_on(matching.domain, target.upn)
    }
    strangers = (*matching.target_only, *doubtful.values())
    out_of_scope = compared.out_of_scope
    out_of_scope += sum(
        1 for one in strangers if one.object_id in waiting or protection.reason_not_to_touch(one)
    )
    return Plan(
        changes=(
            *renames,
            *(change for change in others if change.action is not Action.SKIP),
            *(c for action in SWITCHES for c in existing if c.action is action),
            *(change for change in left if change.stage == "block"),
            *(change for change in left if change.action is Action.DELETE),
            *(change for change in others if change.action is Action.SKIP),
            *skips,
            *(change for change in left if change.action is Action.SKIP),
            *(_doubt(one, attribute_map) for one in torn),
        ),
        source=matching.source,
        target=len(matching.pairs) + len(strangers) - out_of_scope,
        unchanged=compared.unchanged,
        links=_links(matching, newcomers),
        without_session_time=tuple(compared.without_session_time),
        questions=tuple(
            with_mailbox(question, protection.mailboxes)
            for question in (*_asked(torn, names), *found.questions.values())
        ),
        offered=leavers.offered,
        matches={rule.value: count for rule, count in Counter(matching.rules.values()).items()},
        leavers=staging.changed(
            leavers.rows,
            (target for _, target in (*matching.pairs, *newcomers.joining)),
            {*doubtful, *found.whose},
        ),
        signed_in=tuple(leavers.signed_in),
        recent=staging.recent - blocked,
    )


def _adds(
    matching: Matching, newcomers: _Newcomers, lookups: Lookups, differences: Differences
) -> Iterator[Change]:
    """The adds; skips where what earlier syncs knew is in doubt."""
    # Any of them could be a rename of a leaver, or a move from another domain.
    wait = lookups.memory_doubt and (matching.target_only or lookups.other_domains)
    held = {target.upn.lower(): target for target in matching.target_only} if matching.apart else {}
    for user in newcomers.new:
        add = differences.added(user)
        if wait:
            yield replace(add, action=Action.SKIP, attributes=(), obstacle=None, reason=_WAITS)
        elif (leaver := held.get(user.upn.lower())) and add.obstacle is None:
            taken = say("add.upnOfLeaver", upn=user.upn, account=named(leaver))
            taken += lookups.staging.told_of(leaver.object_id)
            yield replace(add, obstacle=Obstacle(ADDRESS_TAKEN, taken))
        else:
            yield add


def _refused(
    domain: str, lookups: Lookups, differences: Differences, changes: Iterable[Change]
) -> dict[str, bool]:
    """Source id → whether they can't be added, for users who point to an account and have none of their own."""
    refused = {
        str(change.source_id): change.action is Action.SKIP
        or change.obstacle is not None
        or change.source_id in lookups.failed
        for change in changes
        if change.object_id is None
    }
    for pointer in lookups.pointers:
        user = pointer.user
        if not refused.get(user.source_id) and not is_on(domain, user.upn):
            placed = (
                pointer.place.where is Where.OWN
                and not user.only_found
                and differences.added(user).obstacle is None
            )
            # Entra refuses a UPN that is anybody's alias.
            taken = not set(fold(user.upn)).isdisjoint(pointer.account.aliases)
            refused[user.source_id] = not placed or taken
    return refused


def _in_question(change: Change, found: Doubts) -> Change:
    """The same change; a skip for an add of somebody who may have an account already.

    Whether their address is free is another question, and where it was not listed nobody has asked it.
    """
    accounts = found.beside.get(change.source_id or "") if change.action is Action.ADD else None
    if not accounts or (change.obstacle and change.obstacle.code not in LOOKED_UP):
        return change
    names = tuple(part for account in accounts.values() for part in named(account))
    reason = say("question.person", user=str(change.source_id), accounts=names)
    return replace(
        change, action=Action.SKIP, attributes=(), reason=reason, obstacle=Obstacle(QUESTION, reason)
    )


def _beside_leaver(change: Change, lookups: Lookups) -> Change:
    """The same change; if it needs what a leaver who waits has, its obstacle says until when."""
    if change.obstacle is None or change.obstacle.code not in LOOKED_UP or not lookups.staging.rows:
        return change
    holders = (
        lookups.addresses.get(change.new_upn.lower()),
        lookups.immutable_ids.get(str(change.after(IMMUTABLE_ID))),
    )
    told = next((parts for one in holders if one and (parts := lookups.staging.told_of(one.object_id))), ())
    message = change.obstacle.message
    message += tuple(part for part in told if part not in message)
    return replace(change, obstacle=Obstacle(change.obstacle.code, message))


def _asked(torn: Iterable[Ambiguity], names: Names) -> Iterator[Question]:
    for one in torn:
        for target in one.targets:
            if one.kind is not None and not one.user.out_of_scope:
                yield ask(one.kind, one.user, target, one.reason, names)


def with_scope(matching: Matching, lookups: Lookups) -> Lookups:
    """The same lookups, of which the protection knows who is out of scope by a rule on the source."""
    return replace(lookups, protection=replace(lookups.protection, left_out=_left_out(matching, lookups)))


def _left_out(matching: Matching, lookups: Lookups) -> frozenset[str]:
    """The object ids of people who are out of scope by a rule on the source, or were when the source last had them."""
    theirs: dict[str, bool] = {}
    for user, target in matching.pairs:
        theirs[target.object_id] = user.out_of_scope
    for account, user in matching.moved.items():
        theirs[account] = user.out_of_scope
    for one in matching.ambiguous:
        theirs |= dict.fromkeys((target.object_id for target in one.targets), one.user.out_of_scope)
    for found in (lookups.outside, lookups.deleted):
        out = {user.source_id: user.out_of_scope for user in matching.source_only}
        theirs |= {account.object_id: out.get(who, False) for who, account in found.items()}
    remembered = lookups.left_out - theirs.keys()
    return remembered | {account for account, out_of_scope in theirs.items() if out_of_scope}


def _links(matching: Matching, newcomers: _Newcomers) -> dict[str, str]:
    """Source id → object id, to be remembered after this run. A link is kept while it can still protect a user.

    Without the link of an ambiguous user, the next run could delete one of the two accounts. With the link of a
    user who left, the account is restored when they return, unless another source user has it by then.
    """
    links = dict(matching.links)
    certain = (pair for pair in matching.pairs if pair[0].source_id not in matching.folded)
    links.update((user.source_id, target.object_id) for user, target in certain)
    links.update((user.source_id, target.object_id) for user, target in newcomers.joining)
    for object_id, owner in matching.moved.items():
        links.setdefault(owner.source_id, object_id)
    claimed = {*links.values(), *(gone.object_id for _, gone in newcomers.returning)}
    links.update((who, account) for who, account in matching.departed.items() if account not in claimed)
    return links


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
    if user.out_of_scope:
        return _not_added(user, _OUT_OF_SCOPE, attribute_map)
    return Change(
        action=Action.SKIP,
        upn=user.upn,
        display_name=attribute_map.display_name(user),
        object_id=ambiguity.targets[0].object_id if ambiguity.targets else None,
        source_id=user.source_id,
        reason=ambiguity.reason,
        obstacle=Obstacle(QUESTION if ambiguity.kind else AMBIGUOUS, ambiguity.reason),
    )
