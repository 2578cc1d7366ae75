"""What becomes of each Entra user whom no source user has: deleted, or skipped for a reason that is told. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Pair
from shared.model.results import NOT_LOOKED_AT, QUESTION, SHIELDED, UNLINKED
from shared.planning.doubts import Doubts, shielded
from shared.planning.entra_limits import refused_upn
from shared.planning.lookups import Lookups
from shared.planning.matching import Matching
from shared.planning.territory import Territory, Where

_MEMORY_IN_DOUBT = say("leaver.memoryInDoubt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavers:
    """A row of somebody in the source is their own: that of an account which may be theirs names them in its reason."""

    matching: Matching
    lookups: Lookups
    doubts: Doubts

    def decide(self, target: EntraUser) -> Change:
        """The deletion, or a skip that says why not."""
        owner = self.matching.moved.get(target.object_id)
        found = next(((code, reason) for code, reason in self._reasons(target, owner) if reason), None)
        if found:
            code, reason = found
            skip = skipped(target, reason, owner.source_id if owner else None)
            return replace(skip, obstacle=Obstacle(code, reason)) if code else skip
        left = say("leaver.notInSource")
        if owner:
            left = say("leaver.foreign", user=owner.source_id, upn=owner.upn)
        return Change(
            action=Action.DELETE,
            upn=target.upn,
            display_name=target.display_name,
            object_id=target.object_id,
            reason=left + self._known(target) + self.lookups.protection.caveat,
        )

    def _reasons(self, target: EntraUser, owner: SourceUser | None) -> Iterator[tuple[str, Parts]]:
        """Error code and reason of everything that may keep the account; an empty reason if it does not."""
        lookups, doubts = self.lookups, self.doubts
        yield "", lookups.protection.reason_not_to_touch(target)
        yield "", still_here(owner, lookups.territory) if owner else ()
        yield "", lookups.protection.reason_to_keep(target)
        users = tuple(sorted(doubts.whose.get(target.object_id, ())))
        pointer = doubts.shields.get(target.object_id)
        shield = shielded(pointer) if pointer else ()
        yield QUESTION, shield + say("question.account", users=users) if users else ()
        yield SHIELDED, shield
        memory = lookups.memory_doubt and _MEMORY_IN_DOUBT + lookups.memory_doubt
        yield (
            NOT_LOOKED_AT,
            lookups.protection.reason_not_to_delete(target) or memory or lookups.pointers_unread,
        )
        stranger = lookups.ask_unlinked and target.object_id not in lookups.known_since
        yield (
            UNLINKED,
            say("leaver.unlinked") if stranger and target.object_id not in lookups.approved else (),
        )

    def _known(self, target: EntraUser) -> Parts:
        since = self.lookups.known_since.get(target.object_id)
        if since is None:
            return say("leaver.neverSeen")
        return say("leaver.knownSince", date=since) if since else say("leaver.known")

    @property
    def offered(self) -> tuple[Pair, ...]:
        """Pairs that keep an account from being deleted, and that a person may tell apart."""
        moved, shields = self.matching.moved, self.doubts.shields
        keeping = {one.object_id: moved.get(one.object_id) for one in self.matching.target_only}
        keeping |= {account: pointer.user for account, pointer in shields.items()}
        return tuple((user.source_id, account) for account, user in keeping.items() if user)


def doomed(matching: Matching, lookups: Lookups) -> set[str]:
    """The object ids of those who would be deleted if nothing pointed to them.

    Also if a look were missing for it, or while they are on hold: a second account beside theirs would be the same
    mistake.
    """
    protection = lookups.protection.without_holds
    return {
        target.object_id
        for target in matching.target_only
        if not protection.reason_not_to_touch(target)
        and not ((owner := matching.moved.get(target.object_id)) and still_here(owner, lookups.territory))
    }


def still_here(owner: SourceUser, territory: Territory) -> Parts:
    """Why somebody whose UPN has left the domain is no leaver; empty if they certainly left the tenant."""
    if owner.only_found:
        return say("leaver.withoutUpn")
    place = territory.place(owner)
    if place.where is Where.NOWHERE:
        return say("leaver.unusableUpn", upn=repr(owner.upn)) if owner.upn else say("leaver.withoutUpn")
    if place.where is Where.FOREIGN:
        if owner.upn_given and refused_upn(owner.upn) is None:
            return ()
        return say("leaver.movedByEmail", domain=place.domain)
    if place.where is Where.NEAR:
        return say("leaver.movedNearly", domain=place.domain, near=place.near)
    return say(
        {
            Where.OWN: "leaver.moved",
            Where.OFF: "leaver.movedToUnsynced",
            Where.UNVERIFIED: "leaver.movedToUnverified",
        }[place.where],
        domain=place.domain,
    )


def skipped(target: EntraUser, reason: Parts, source_id: str | None = None) -> Change:
    return Change(
        action=Action.SKIP,
        upn=target.upn,
        display_name=target.display_name,
        object_id=target.object_id,
        source_id=source_id,
        reason=reason,
    )
