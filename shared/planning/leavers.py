"""What becomes of each Entra user whom no source user has: deleted, or skipped for a reason that is told. Pure."""

from dataclasses import dataclass, replace

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.results import NOT_LOOKED_AT, QUESTION, SHIELDED
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
        """The deletion, or a skip that says why not. The first of these reasons counts."""
        protection = self.lookups.protection
        if reason := protection.reason_not_to_touch(target):
            return skipped(target, reason)
        owner = self.matching.moved.get(target.object_id)
        if owner and (reason := still_here(owner, self.lookups.territory)):
            return skipped(target, reason, owner.source_id)
        if users := self.doubts.whose.get(target.object_id):
            reason = say("question.account", users=tuple(sorted(users)))
            return _with_code(QUESTION, skipped(target, reason))
        if pointer := self.doubts.shields.get(target.object_id):
            return _with_code(SHIELDED, skipped(target, shielded(pointer)))
        if reason := protection.reason_not_to_delete(target) or self._unlooked:
            return _with_code(NOT_LOOKED_AT, skipped(target, reason))
        gone = (
            say("leaver.foreign", user=owner.source_id, upn=owner.upn) if owner else say("leaver.notInSource")
        )
        return Change(
            action=Action.DELETE,
            upn=target.upn,
            display_name=target.display_name,
            object_id=target.object_id,
            reason=gone + protection.caveat,
        )

    @property
    def _unlooked(self) -> Parts:
        """Why nobody is deleted in this run; empty if all was looked at."""
        if doubt := self.lookups.memory_doubt:
            return _MEMORY_IN_DOUBT + doubt
        return self.lookups.pointers_unread


def doomed(matching: Matching, lookups: Lookups) -> set[str]:
    """The object ids of those who would be deleted if nothing pointed to them, also if a look were missing for it."""
    return {
        target.object_id
        for target in matching.target_only
        if not lookups.protection.reason_not_to_touch(target)
        and not ((owner := matching.moved.get(target.object_id)) and still_here(owner, lookups.territory))
    }


def still_here(owner: SourceUser, territory: Territory) -> Parts:
    """Why somebody whose UPN has left the domain is no leaver; empty if they certainly left the tenant."""
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


def _with_code(code: str, change: Change) -> Change:
    return replace(change, obstacle=Obstacle(code, change.reason))
