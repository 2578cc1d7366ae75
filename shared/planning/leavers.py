"""What becomes of each Entra user whom no source user has: blocked, deleted, or left for a reason told. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.leavers import Leaver
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Pair
from shared.model.results import KEPT, NOT_LOOKED_AT, QUESTION, SHIELDED, UNLINKED, WAITS
from shared.planning.doubts import Doubts, shielded
from shared.planning.entra_limits import refused_upn
from shared.planning.lookups import Lookups
from shared.planning.mapping import ENABLED
from shared.planning.matching import Matching
from shared.planning.stages import Do
from shared.planning.territory import Territory, Where

_WRITES = (Do.BLOCK, Do.DELETE)
_MEMORY_IN_DOUBT = say("leaver.memoryInDoubt")


@dataclass(frozen=True, slots=True, kw_only=True)
class Leavers:
    """A row of somebody in the source is their own: that of an account which may be theirs names them in its reason."""

    matching: Matching
    lookups: Lookups
    doubts: Doubts
    rows: dict[str, Leaver | None] = field(default_factory=dict)
    """Of those who were decided on: their rows as they are to be, None where they end."""
    signed_in: list[str] = field(default_factory=list)
    """Of those who wait: who was not signed out since the block."""

    def decide(self, target: EntraUser) -> Change:
        """What becomes of the account: blocked or deleted, or a skip that says why not."""
        owner = self.matching.moved.get(target.object_id)
        staging, source_id = self.lookups.staging, owner.source_id if owner else None
        found = next(((code, reason) for code, reason in self._reasons(target, owner) if reason), None)
        if found:
            if owner and staging.waits(target.object_id) and still_here(owner, self.lookups.territory):
                self.rows[target.object_id] = staging.returned(target)
            return _left(target, found, source_id)
        approved = target.object_id in self.lookups.approved
        former = source_id or self.matching.formerly.get(target.object_id, "")
        step = staging.step(target, former, approved=approved)
        writes, waiting = step is None or step.do in _WRITES, staging.waits(target.object_id)
        held = next(
            (
                (code, reason)
                for code, reason in self._hindrances(target, looked_at=writes, approved=approved)
                if reason
            ),
            None,
        )
        if held and (writes or not waiting):
            return _left(target, held, source_id)
        left = say("leaver.notInSource")
        if owner:
            left = say("leaver.foreign", user=owner.source_id, upn=owner.upn)
        left += self._known(target)
        if step is None:
            return _of(target, Action.DELETE, left + self.lookups.protection.caveat)
        if step.row:
            self.rows[target.object_id] = step.row
            if not writes and step.row.to_sign_out:
                self.signed_in.append(target.object_id)
        if step.do is Do.DELETE:
            reason = left + step.reason + self.lookups.protection.caveat
            return replace(_of(target, Action.DELETE, reason), stage="due")
        if step.do is Do.BLOCK:
            off = (AttributeChange(ENABLED, True, False),)
            reason = left + step.reason + self.lookups.protection.caveat
            return replace(_of(target, Action.BLOCK, reason), attributes=off, stage="block")
        code = KEPT if step.do is Do.KEEP and (step.row is None or step.row.kept != "decided") else WAITS
        return _left(target, (code, left + step.reason), source_id)

    def _reasons(self, target: EntraUser, owner: SourceUser | None) -> Iterator[tuple[str, Parts]]:
        """Error code and reason of everything that says that this may be no leaver; an empty reason if it does not."""
        lookups, doubts = self.lookups, self.doubts
        yield "", lookups.protection.reason_not_to_touch(target)
        yield "", still_here(owner, lookups.territory) if owner else ()
        yield "", lookups.protection.reason_to_keep(target)
        users = tuple(sorted(doubts.whose.get(target.object_id, ())))
        pointer = doubts.shields.get(target.object_id)
        shield = shielded(pointer) if pointer else ()
        yield QUESTION, shield + say("question.account", users=users) if users else ()
        yield SHIELDED, shield

    def _hindrances(
        self, target: EntraUser, *, looked_at: bool, approved: bool
    ) -> Iterator[tuple[str, Parts]]:
        """The same of what is missing before a leaver is deleted or blocked, or begins to wait."""
        lookups = self.lookups
        memory = lookups.memory_doubt and _MEMORY_IN_DOUBT + lookups.memory_doubt
        looks = lookups.protection.reason_not_to_delete(target) if looked_at else ()
        yield NOT_LOOKED_AT, looks or memory or lookups.pointers_unread
        row = lookups.staging.rows.get(target.object_id)
        approved = approved or bool(row and row.waits and row.approved)
        stranger = lookups.ask_unlinked and target.object_id not in lookups.known_since
        yield UNLINKED, say("leaver.unlinked") if stranger and not approved else ()

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
    return replace(_of(target, Action.SKIP, reason), source_id=source_id)


def _left(target: EntraUser, found: tuple[str, Parts], source_id: str | None) -> Change:
    code, reason = found
    skip = skipped(target, reason, source_id)
    return replace(skip, obstacle=Obstacle(code, reason)) if code else skip


def _of(target: EntraUser, action: Action, reason: Parts) -> Change:
    return Change(
        action=action,
        upn=target.upn,
        display_name=target.display_name,
        object_id=target.object_id,
        reason=reason,
    )
