"""Looks for source users without a match on the domain: elsewhere in the tenant, then among the deleted users."""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import NOTHING_DECIDED, Decisions
from shared.planning.holders import holders_of_immutable_ids
from shared.planning.lookups import Lookups
from shared.planning.matching import Ambiguity, Matching, key_unread, named, set_aside, two_accounts
from shared.planning.names import Names
from shared.planning.recycle_bin import RecycleBin, matches, may_be
from shared.planning.sides import Directory
from shared.planning.surveyed import Terms
from shared.runs.side_looks import SideLooks

_OUTSIDE = say("add.outsideUnread")
_DELETED = say("add.deletedUnread")
_YOUNG = say("add.accountYoung")
_NAMELESS = say("add.mayBeNameless")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Outside:
    """Source id → the Entra user anywhere in the tenant, found by immutable ID or by the remembered link.

    `others` are somebody else: by a person's decision, or by the link of another user. `torn`: of whom
    immutable ID and link do not find the same user. `unread`: source ids of whom nobody knows whether the linked user
    is still there; `gone`: of whom Graph says that it is not. `users`: all that were found.
    """

    theirs: dict[str, EntraUser] = field(default_factory=dict)
    others: dict[str, EntraUser] = field(default_factory=dict)
    torn: dict[str, Ambiguity] = field(default_factory=dict)
    unread: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()
    users: Sequence[EntraUser] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """The lookups for source users without a match.

    `young_since`: as in `2026-03-31`. An account that was linked since then may be there though Graph does not find it.
    """

    directory: Directory
    terms: Terms
    looks: SideLooks
    young_since: str
    decisions: Decisions = NOTHING_DECIDED

    async def look_for(self, matching: Matching, lookups: Lookups) -> Lookups:
        """Adds to `lookups` where each unmatched source user was found: active, deleted, or unclear.

        Also adds who holds the immutable IDs that matched users are to get, and the deleted users if anybody gets
        another UPN.
        """
        people = matching.source_only
        rekeyed = [
            (user, target)
            for user, target in matching.pairs
            if user.immutable_id and user.immutable_id != target.immutable_id
        ]
        renamed = any(
            not user.only_found and user.upn.lower() != target.upn.lower() for user, target in matching.pairs
        )
        if not people and not rekeyed and not renamed:
            return lookups
        found = await self.looks.at(self._find_outside(people, matching), None, say("look.outside"))
        outside = found or _Outside()
        rivals = await self.looks.at(
            self.directory.find_users(immutable_ids=[str(user.immutable_id) for user, _ in rekeyed]),
            None,
            say("look.immutableIds"),
        )
        set_aside(matching, outside.torn | self._torn_between(rekeyed, matching, rivals))
        people = matching.source_only
        recycle_bin = await self.looks.at(
            self.directory.read_deleted_users(),
            None,
            say("look.deleted"),
        )
        known = recycle_bin or RecycleBin()
        lookups = replace(
            lookups,
            immutable_ids=holders_of_immutable_ids(known.users, [*(rivals or ()), *outside.users]),
            former_addresses=known.addresses,
            in_bin=known.users,
        )
        if found is None:
            return replace(lookups, unclear=dict.fromkeys((user.source_id for user in people), _OUTSIDE))
        claimed = {
            who: user
            for who, user in outside.others.items()
            if (who, user.object_id) not in self.decisions.apart
        }
        young = self._young(outside.gone, matching, lookups)
        known_of = outside.theirs.keys() | claimed.keys() | outside.unread | young
        missing = [user for user in people if user.source_id not in known_of]
        deleted, asked, unclear = self._among_the_deleted(
            missing, recycle_bin, matching, in_doubt=bool(lookups.memory_doubt)
        )
        unclear |= {who: say("add.anothers", account=named(user)) for who, user in claimed.items()}
        unclear |= dict.fromkeys(outside.unread, _OUTSIDE) | dict.fromkeys(young, _YOUNG)
        return replace(lookups, outside=outside.theirs, deleted=deleted, handed_on=asked, unclear=unclear)

    def _young(self, people: Iterable[str], matching: Matching, lookups: Lookups) -> set[str]:
        """Those whose account is new. Graph answers 404 for such a one at first, as for one that is gone.

        Unless it is among the deleted: that it is there is sure.
        """
        in_bin = {gone.object_id for gone in lookups.in_bin}
        accounts = {who: matching.links[who] for who in people}
        return {
            who
            for who, account in accounts.items()
            if account not in in_bin and lookups.known_since.get(account, "") >= self.young_since
        }

    def _torn_between(
        self,
        rekeyed: Sequence[tuple[SourceUser, EntraUser]],
        matching: Matching,
        rivals: Sequence[EntraUser] | None,
    ) -> dict[str, Ambiguity]:
        """Of whom an account elsewhere has the immutable ID that their own is to get. None for `rivals`: it may."""
        anothers = {*matching.links.values(), *matching.formerly}
        keyed = {one.immutable_id: one for one in rivals or () if one.object_id not in anothers}
        torn: dict[str, Ambiguity] = {}
        for user, target in rekeyed:
            rival = keyed.get(user.immutable_id)
            if user.source_id in self.decisions.same:
                continue
            if rivals is None:
                torn[user.source_id] = key_unread(user, target)
            elif rival and (user.source_id, rival.object_id) not in self.decisions.apart:
                torn[user.source_id] = two_accounts(user, (target, rival))
        return torn

    async def _find_outside(self, people: Sequence[SourceUser], matching: Matching) -> "_Outside":
        links = matching.links
        wanted = {links[user.source_id]: None for user in people if user.source_id in links}
        users = await self.directory.find_users(
            immutable_ids={user.immutable_id: None for user in people if user.immutable_id},
            object_ids=wanted,
        )
        listed = {user.object_id for user in users}
        # A list may leave somebody out: that an account is gone is told by the answer to its own id.
        unlisted = [one for one in wanted if one not in listed]
        looked_up = await self.directory.look_up_users(unlisted)
        users += filter(None, looked_up.values())
        unknown = set(unlisted) - looked_up.keys()
        unread = {user.source_id for user in people if links.get(user.source_id) in unknown}
        nobody = {object_id for object_id, user in looked_up.items() if user is None}
        gone = frozenset(user.source_id for user in people if links.get(user.source_id) in nobody)
        by_id = {user.object_id: user for user in users}
        by_key = {user.immutable_id: user for user in users if user.immutable_id}
        linked = {p.source_id: by_id[links[p.source_id]] for p in people if links.get(p.source_id) in by_id}
        keyed = {p.source_id: by_key[p.immutable_id] for p in people if p.immutable_id in by_key}
        same, apart = self.decisions.same, self.decisions.apart
        claims = Counter(links.values())
        found = {**linked, **{who: user for who, user in keyed.items() if who not in same}}
        theirs = {
            who: user
            for who, user in found.items()
            if who not in unread
            and (who, user.object_id) not in apart
            and claims[user.object_id] <= (links.get(who) == user.object_id)
        }
        torn = {
            who: two_accounts(user, (linked[who], theirs[who]))
            for user in people
            if (who := user.source_id) in linked and who in theirs
            if linked[who] is not theirs[who] and theirs[who].object_id not in matching.formerly
        }
        theirs = {who: user for who, user in theirs.items() if who not in torn}
        others = {who: user for who, user in found.items() if who not in theirs and who not in torn}
        return _Outside(
            theirs=theirs, others=others, torn=torn, unread=frozenset(unread), gone=gone, users=users
        )

    def _among_the_deleted(
        self,
        people: Sequence[SourceUser],
        recycle_bin: RecycleBin | None,
        matching: Matching,
        *,
        in_doubt: bool,
    ) -> tuple[dict[str, EntraUser], dict[str, EntraUser], dict[str, Parts]]:
        """Source id → the deleted user who is the same person, the one of whom it is asked, and why it is unknown."""
        if not self.terms.restore_deleted_users:
            return {}, {}, {}
        if recycle_bin is None:
            return {}, {}, dict.fromkeys((user.source_id for user in people), _DELETED)
        deleted, asked = matches(
            people,
            recycle_bin.users,
            matching.links,
            matching.formerly,
            Names(self.terms.attribute_map),
            self.decisions,
            in_doubt=in_doubt,
        )
        nameless = recycle_bin.nameless
        if nameless:
            self.looks.warnings += say("warning.namelessDeleted", count=len(nameless))
        unclear = {
            user.source_id: _NAMELESS
            for user in people
            if not _certain(user, deleted.get(user.source_id))
            and any(may_be(user, gone, matching.links, self.terms.attribute_map) for gone in nameless)
        }
        certain = {who: gone for who, gone in deleted.items() if who not in unclear}
        return certain, {who: gone for who, gone in asked.items() if who not in unclear}, unclear


def _certain(user: SourceUser, gone: EntraUser | None) -> bool:
    """Whether this deleted user is certainly that person: an immutable ID is unique in the tenant."""
    return gone is not None and user.immutable_id is not None and user.immutable_id == gone.immutable_id
