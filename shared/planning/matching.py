"""Pairs source users with Entra users. Pure.

By a person's decision, immutable ID, memory (the account they were in earlier syncs), UPN, and at last by a UPN that is
equal once folded. Where these don't agree, nobody is touched until a person or the source has settled it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from shared.model.addresses import fold, fold_domain
from shared.model.changes import Rule
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Memory, SourceUser
from shared.model.questions import NOTHING_DECIDED, Decisions, Kind, Pair
from shared.planning.cycles import makes_no_cycles
from shared.planning.mapping import other_person
from shared.planning.names import Names


@dataclass(frozen=True, slots=True)
class Ambiguity:
    """A source user who can't be paired with certainty. Neither they nor the `targets` in question are touched.

    `kind` is that of the question which a person can answer; None where only the source can settle it.
    """

    user: SourceUser
    reason: Parts
    targets: tuple[EntraUser, ...]
    kind: Kind | None = None


@dataclass(slots=True, kw_only=True)
class Matching:
    """The two sides of one domain, paired. Each user is on exactly one of the lists.

    `here`: the source users on the domain; `source`: how many of them are in scope. `moved`: object id → the source
    user, for Entra users of this domain whose source user is no longer on it. `by_immutable_id`: immutable ID → source
    user, of all domains. `links`: source id → object id, remembered for users still in the source; `departed`: for
    users who left it, and `formerly` the same by object id.
    `rules`: source id → what made the pair. `apart`: source users and Entra users who are certainly two people.
    `renamed`: source ids of unpaired users who have another family name and another given name than at the last good
    sync. `folded`: source ids of users who were paired by a folded UPN alone: a guess, which is not remembered.
    """

    domain: str
    here: list[SourceUser] = field(default_factory=list)
    source: int = 0
    pairs: list[tuple[SourceUser, EntraUser]] = field(default_factory=list)
    source_only: list[SourceUser] = field(default_factory=list)
    target_only: list[EntraUser] = field(default_factory=list)
    ambiguous: list[Ambiguity] = field(default_factory=list)
    moved: dict[str, SourceUser] = field(default_factory=dict)
    by_immutable_id: dict[str, SourceUser] = field(default_factory=dict)
    links: dict[str, str] = field(default_factory=dict)
    departed: dict[str, str] = field(default_factory=dict)
    formerly: dict[str, str] = field(default_factory=dict)
    rules: dict[str, Rule] = field(default_factory=dict)
    apart: set[Pair] = field(default_factory=set)
    renamed: set[str] = field(default_factory=set)
    folded: set[str] = field(default_factory=set)


@makes_no_cycles
def match(
    domain: str,
    source: Sequence[SourceUser],
    target: Sequence[EntraUser],
    memory: Memory,
    names: Names,
    decisions: Decisions = NOTHING_DECIDED,
) -> Matching:
    """Pairs the people of one domain by decision, immutable ID, remembered link, then UPN.

    `source` holds the source users of all domains, so that a move to another domain is seen; `target` holds the
    Entra users of this domain. A UPN match is ignored if a stronger rule pairs that Entra user with another source
    user: the Entra user is about to be renamed. Ambiguous are source users who match two Entra users, who share an
    Entra user or an immutable ID with another source user, whose UPN is that of a user who left the source, or who have
    another family name and another given name than at the last good sync; and, if the memory is in doubt, users who
    match by UPN alone an Entra user with another immutable ID, or with other names.
    """
    links = {**memory.links, **decisions.same}
    links = {who: account for who, account in links.items() if (who, account) not in decisions.apart}
    remembered = {user.source_id: links[user.source_id] for user in source if user.source_id in links}
    departed = {source_id: linked for source_id, linked in links.items() if source_id not in remembered}
    matching = Matching(
        domain=domain,
        links=remembered,
        departed=departed,
        formerly={account: who for who, account in departed.items()},
        apart=set(decisions.apart),
    )
    claims = _claims(matching, source, target, decisions)
    matcher = _Matcher(
        matching=matching,
        claims=claims,
        by_upn={_lower(user.upn): user for user in target},
        memory=memory,
        names=names,
        decisions=decisions,
    )
    for one in claims.inside:
        matcher.place(*one)
    matcher.place_folded()
    matching.target_only = [user for user in target if user.object_id not in matcher.settled]
    matching.renamed = {user.source_id for user in matching.source_only if matcher.named_otherwise(user)}
    return matching


@dataclass(slots=True, kw_only=True)
class _Matcher:
    """Places one source user after the other.

    `by_upn`: lower-case UPN → Entra user. `settled`: object ids that are somebody's, or in question. `misspelt`: users
    whose UPN is found only once it is folded, if at all.
    """

    matching: Matching
    claims: "_Claims"
    by_upn: Mapping[str, EntraUser]
    memory: Memory
    names: Names
    decisions: Decisions
    settled: set[str] = field(default_factory=set)
    misspelt: list[SourceUser] = field(default_factory=list)

    def place(self, user: SourceUser, upn: str, keyed: EntraUser | None, linked: EntraUser | None) -> None:
        own = keyed or linked
        namesake = self._namesake(user, upn, own)
        found = own or namesake
        torn = (linked or found) is not found or (namesake or found) is not found
        if torn or (self.claims.rivals and self.claims.contested(user, upn, found)):
            self._doubt(_ambiguity(user, upn, (keyed, linked, namesake), self.claims.rivals))
        elif found is None:
            written_plainly = fold(user.upn) == (upn,)
            (self.matching.source_only if written_plainly else self.misspelt).append(user)
        elif own is None:
            self._place_by_upn(user, found, Rule.UPN)
        else:
            self._pair(user, found, Rule.IMMUTABLE_ID if keyed else Rule.MEMORY)

    def place_folded(self) -> None:
        """An exact UPN, a link and an immutable ID go before; whoever then has no account has none."""
        meant: dict[str, list[SourceUser]] = {}
        found = {user.source_id: self._meant(user) for user in self.misspelt}
        for user in self.misspelt:
            for target in found[user.source_id]:
                meant.setdefault(target.object_id, []).append(user)
        for user in self.misspelt:
            targets = found[user.source_id]
            if not targets:
                self.matching.source_only.append(user)
            elif len(targets) > 1:
                self._doubt(two_accounts(user, targets))
            elif len(rivals := meant[targets[0].object_id]) > 1:
                users = tuple(sorted(rival.source_id for rival in rivals))
                reason = say("match.sameAccount", users=users, account=named(targets[0]))
                self._doubt(Ambiguity(user, reason, targets))
            else:
                self._place_by_upn(user, targets[0], Rule.FOLDED)

    def _meant(self, user: SourceUser) -> tuple[EntraUser, ...]:
        found = (self._namesake(user, address, None) for address in fold(user.upn))
        return tuple(one for one in found if one and one.object_id not in self.settled)

    def _namesake(self, user: SourceUser, upn: str, own: EntraUser | None) -> EntraUser | None:
        """The Entra user with this UPN, unless it is known as another's. `own` is what stronger rules found."""
        target = self.by_upn.get(upn)
        if target is None or target is own:
            return target
        if (
            user.source_id in self.decisions.same
            or (user.source_id, target.object_id) in self.decisions.apart
        ):
            return None
        if self.claims.owners.get(target.object_id, user) is not user:
            return None
        return None if own and target.object_id in self.matching.formerly else target

    def _place_by_upn(self, user: SourceUser, found: EntraUser, rule: Rule) -> None:
        """A UPN alone gives nobody the account of somebody who left."""
        if found.object_id in self.matching.formerly:
            if other_person(user, found) and self.names.others(user, found):
                self.matching.apart.add((user.source_id, found.object_id))
                self.matching.source_only.append(user)
            else:
                self._doubt(handed_on(user, found, self.matching.formerly))
        elif self.memory.doubt and (doubt := _maybe_handed_on(user, found, self.names)):
            self._doubt(doubt)
        else:
            self._pair(user, found, rule)

    def named_otherwise(self, user: SourceUser) -> bool:
        """Whether family name and given name both are others than at the last good sync, and nobody has decided."""
        digests = self.memory.names.get(user.source_id, "")
        return user.source_id not in self.decisions.same and self.names.changed(user, digests)

    def _pair(self, user: SourceUser, found: EntraUser, rule: Rule) -> None:
        if rule is not Rule.IMMUTABLE_ID and self.memory.names and self.named_otherwise(user):
            self._doubt(named_anew(user, found))
            return
        self.settled.add(found.object_id)
        self.matching.pairs.append((user, found))
        if rule is Rule.FOLDED:
            self.matching.folded.add(user.source_id)
        decided = user.source_id in self.decisions.same
        self.matching.rules[user.source_id] = Rule.DECISION if decided else rule

    def _doubt(self, ambiguity: Ambiguity) -> None:
        self.settled.update(one.object_id for one in ambiguity.targets)
        self.matching.ambiguous.append(ambiguity)


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


def _claims(
    matching: Matching, source: Sequence[SourceUser], target: Sequence[EntraUser], decisions: Decisions
) -> _Claims:
    links, ending = matching.links, f"@{matching.domain.lower()}"
    by_id = {user.object_id: user for user in target} if links else {}
    by_immutable_id = {user.immutable_id: user for user in target if user.immutable_id}
    claims, wanted = _Claims(), dict[str, SourceUser]()
    for user in source:
        upn = _lower(user.upn)
        keyed = linked = None
        if key := user.immutable_id:
            if (owner := matching.by_immutable_id.setdefault(key, user)) is not user:
                claims.contest(key, owner, user)
            keyed = by_immutable_id.get(key)
            if keyed and decisions is not NOTHING_DECIDED and _decided_otherwise(user, keyed, decisions):
                keyed = None
        if links:
            linked = by_id.get(links.get(user.source_id, ""))
        here = upn.endswith(ending) or _is_on_once_folded(matching.domain, upn)
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
    matching.here = [user for user, *_ in claims.inside]
    matching.source = sum(1 for user in matching.here if not user.out_of_scope)
    return claims


def _lower(upn: str) -> str:
    """In lower case; no second object if it is so already."""
    lower = upn.lower()
    return upn if lower == upn else lower


def _decided_otherwise(user: SourceUser, keyed: EntraUser, decisions: Decisions) -> bool:
    decided = decisions.same.get(user.source_id, keyed.object_id)
    return decided != keyed.object_id or (user.source_id, keyed.object_id) in decisions.apart


def is_on(domain: str, upn: str) -> bool:
    """Whether a UPN is on exactly this domain, as it is written or once it is folded."""
    return upn.lower().endswith(f"@{domain.lower()}") or _is_on_once_folded(domain, upn)


def _is_on_once_folded(domain: str, upn: str) -> bool:
    addresses = fold(upn)
    return addresses != (upn,) and any(one.endswith(f"@{fold_domain(domain)}") for one in addresses)


def _maybe_handed_on(user: SourceUser, target: EntraUser, names: Names) -> Ambiguity | None:
    """Without links, the person who had this UPN may have left: an immutable ID or a name has to say the same."""
    if other_person(user, target):
        reason = say("match.mayBeHandedOn", user=user.source_id, account=named(target))
    elif names.agree(user, target):
        return None
    else:
        reason = say("match.otherNames", user=user.source_id, account=named(target))
    return Ambiguity(user, reason, (target,), Kind.SAME_UPN)


def named(account: EntraUser) -> Parts:
    """A phrase that names an account in Entra, for use inside a sentence."""
    return say("match.account", upn=account.upn, objectId=account.object_id)


def handed_on(user: SourceUser, account: EntraUser, formerly: Mapping[str, str]) -> Ambiguity:
    """The user has the UPN of somebody who left, and of their account: a new person must not get that mailbox."""
    # After a second read of the source somebody may be back whom the first one lacked.
    former = formerly.get(account.object_id, "")
    reason = say("match.upnHandedOn", user=user.source_id, account=named(account), former=former)
    return Ambiguity(user, reason, (account,), Kind.SAME_UPN)


def named_anew(user: SourceUser, account: EntraUser) -> Ambiguity:
    """The account is this Username's, but both names are new: the Username may have been given to somebody else."""
    reason = say("match.namedAnew", user=user.source_id, account=named(account))
    return Ambiguity(user, reason, (account,), Kind.BOTH_NAMES)


def against_memory(matching: Matching) -> dict[str, str]:
    """Remembered object id → source id, for users who were paired with a different account.

    If the remembered account still exists elsewhere in the tenant, the pair is uncertain: the UPN or the immutable ID
    may have been given to a new person, or to an account of another person.
    """
    links = matching.links
    return {
        links[user.source_id]: user.source_id
        for user, target in matching.pairs
        if links.get(user.source_id, target.object_id) != target.object_id
    }


def set_aside(matching: Matching, doubts: Mapping[str, Ambiguity]) -> None:
    """Makes these source users, paired or not, ambiguous. `doubts`: by source id."""
    if not doubts:
        return
    people = [*(user for user, _ in matching.pairs), *matching.source_only]
    matching.pairs = [pair for pair in matching.pairs if pair[0].source_id not in doubts]
    matching.source_only = [user for user in matching.source_only if user.source_id not in doubts]
    matching.ambiguous += [doubts[user.source_id] for user in people if user.source_id in doubts]


def remembered_elsewhere(
    matching: Matching, remembered: Mapping[str, EntraUser], unread: Mapping[str, str]
) -> dict[str, Ambiguity]:
    """The doubts of those who were paired with another account than they are remembered with, by source id.

    `remembered`: source id → the remembered account, which still exists. `unread`: object id → source id, for
    remembered accounts that could not be read.
    """
    lives = {source_id: named(account) for source_id, account in remembered.items()}
    lives |= {
        source_id: say("match.accountUnread", objectId=object_id) for object_id, source_id in unread.items()
    }
    return {
        user.source_id: Ambiguity(
            user,
            say("match.remembered", user=user.source_id, remembered=account, account=named(target)),
            (target,),
            Kind.TWO_ACCOUNTS,
        )
        for user, target in matching.pairs
        if (account := lives.get(user.source_id))
    }


def key_unread(user: SourceUser, account: EntraUser) -> Ambiguity:
    """The user has the account by UPN or link; another one may have their immutable ID, and then it is in question."""
    key, target = user.immutable_id or "", named(account)
    reason = say("match.immutableIdUnread", user=user.source_id, immutableId=key, account=target)
    return Ambiguity(user, reason, (account,))


def _ambiguity(
    user: SourceUser, upn: str, found: Sequence[EntraUser | None], rivals: Mapping[str, list[SourceUser]]
) -> Ambiguity:
    targets = tuple({target.object_id: target for target in found if target}.values())
    keys = (upn, user.immutable_id or "", *(target.object_id for target in targets))
    rivalling = {user.source_id, *(rival.source_id for key in keys for rival in rivals.get(key, ()))}
    users = tuple(sorted(rivalling))
    alone = len(users) == 1
    wanted = named(targets[0]) if targets else user.upn
    if len(targets) > 1:
        return two_accounts(user, targets, Kind.TWO_ACCOUNTS if alone else None)
    if user.immutable_id and user.immutable_id in rivals:
        reason = say("match.sharedImmutableId", users=users, account=wanted, immutableId=user.immutable_id)
    else:
        reason = say("match.sameAccount", users=users, account=wanted)
    return Ambiguity(user, reason, targets)


def two_accounts(
    user: SourceUser, targets: tuple[EntraUser, ...], kind: Kind | None = Kind.TWO_ACCOUNTS
) -> Ambiguity:
    """The user's live accounts by different rules. Without `kind`, more than one user is in it."""
    accounts = tuple(part for target in targets for part in named(target))
    return Ambiguity(user, say("match.twoAccounts", user=user.source_id, accounts=accounts), targets, kind)
