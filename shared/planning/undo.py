"""Plans the undo of a finished sync: the opposite of every change in its journal. Pure.

Nothing is forced: if a value was changed again after the sync, the change gets a conflict as its obstacle.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from shared.model.changes import (
    SETTING,
    SWITCHES,
    Action,
    AttributeChange,
    Change,
    Obstacle,
    Plan,
    as_one,
)
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Value
from shared.model.results import NOT_LOOKED_AT, Tried
from shared.planning.aside import are_aside
from shared.planning.conflicts import with_known_conflicts, with_the_blocked
from shared.planning.detours import with_detour
from shared.planning.differences import KEYLESS
from shared.planning.holders import IMMUTABLE_ID_TAKEN, Holder
from shared.planning.lookups import Lookups
from shared.planning.mapping import ENABLED, IMMUTABLE_ID, UPN, AttributeMap, domain_of
from shared.planning.protection import Protection
from shared.planning.renames import in_workable_order
from shared.planning.sign_in import action_of
from shared.planning.tried import same


@dataclass(frozen=True, slots=True, kw_only=True)
class Now:
    """The current state of the users that the sync changed.

    `users` and `deleted`: object id → active user, and user in the recycle bin. `unread`: object ids, or UPNs of adds
    in doubt, that could not be looked up. `federated`: the names of the tenant's federated domains. `lookups`: who is
    protected, and the current holders of what the undo would give back.
    """

    users: Mapping[str, EntraUser]
    deleted: Mapping[str, EntraUser]
    lookups: Lookups
    unread: Collection[str] = ()
    federated: frozenset[str] = frozenset()


def plan_undo(
    run_id: str,
    done: Sequence[Tried],
    now: Now,
    attribute_map: AttributeMap,
    *,
    disable_added: bool,
) -> Plan:
    """The opposite of every change in `done`, in the order in which they were made, where it still applies.

    `done` is what `planning/tried.py` says. Of what may have taken effect, the users show whether it did.
    """
    undoing = _Undoing(
        reason=say("undo.of", run=run_id), now=now, attribute_map=attribute_map, disable_added=disable_added
    )
    done = _each_as_one(filter(None, map(undoing.as_shown, done)))
    changes = [taken_back for one in done for taken_back in undoing.opposite(one.change, one.object_id)]
    lookups = now.lookups
    renames = in_workable_order([c for c in changes if c.action is Action.RENAME], lookups.initial_domain)
    # Who comes back from deletion goes before who would get a former UPN again.
    reserved = replace(lookups, addresses={**lookups.addresses, **_returning(changes, lookups)})
    renames = with_the_blocked(list(with_known_conflicts(renames, reserved, renames)), reserved)
    others = [
        c for action in (Action.UPDATE, Action.RESTORE, *SWITCHES) for c in changes if c.action is action
    ]
    # A person may have been changed and blocked: one row says why neither is undone.
    skips = {c.object_id: c for c in changes if c.action is Action.SKIP}.values()
    return Plan(
        changes=(*renames, *with_known_conflicts(others, lookups, renames), *skips),
        source=len(done),
        target=len(now.users),
        unchanged=len(done) - len(changes),
    )


def _each_as_one(done: Iterable[Tried]) -> list[Tried]:
    """The values that a sync gave to one user, as one change, and what it made of their sign-in as another.

    An invocation plans anew, and may find another change to make than the one that was cut off before it.
    """
    wholes: dict[str, dict[str, Tried]] = {}
    for change, object_id, _ in done:
        _fold(wholes.setdefault(object_id or change.upn, {}), change, object_id)
    return [one for theirs in wholes.values() for one in theirs.values()]


def _fold(theirs: dict[str, Tried], change: Change, object_id: str | None) -> None:
    """Adds a change to those of the same user, by kind, so that together they say what was before all of them."""
    kind = _FOLDED.get(change.action, change.action.value)
    restored = "values" in theirs and theirs["values"].change.action is Action.RESTORE
    if change.action is Action.DELETE and (restored or _ADDED in theirs):
        theirs.clear()
    elif _ADDED not in theirs:
        if change.action is Action.RESTORE and _DELETED in theirs:
            del theirs[_DELETED]
            change = replace(change, action=Action.UPDATE)
        # Who was restored is kept with all that they were given, and blocked on request: once.
        kind = "values" if restored and kind == "sign-in" else kind
        begun = theirs.get(kind)
        theirs[kind] = Tried(_gone_on(begun.change, change) if begun else change, object_id)


_ADDED, _DELETED = Action.ADD.value, Action.DELETE.value
# What is folded with its like; anything else is done once.
_FOLDED = {**dict.fromkeys(SETTING, "values"), **dict.fromkeys(SWITCHES, "sign-in")}


def _gone_on(begun: Change, change: Change) -> Change:
    """Both as one, from the UPN that the user had before a temporary one, without what ends where it began."""
    whole = as_one(begun, replace(change, action=Action.UPDATE))
    aside = (UPN, begun.via) if begun.via else None
    values = (
        replace(one, before=begun.upn) if (one.attribute, one.before) == aside else one
        for one in whole.attributes
    )
    return replace(
        whole,
        action=begun.action,
        upn=begun.upn,
        attributes=tuple(one for one in values if one.before != one.after),
    )


def _returning(changes: Iterable[Change], lookups: Lookups) -> dict[str, Holder]:
    """Lower-case address → the user who gets it back by being restored."""
    return {
        address.lower(): Holder(
            object_id=str(change.object_id), name=change.display_name, kind="restored user"
        )
        for change in changes
        if change.action is Action.RESTORE and change.obstacle is None
        for address in (change.new_upn, *lookups.former_addresses.get(str(change.object_id), ()))
    }


@dataclass(frozen=True, slots=True, kw_only=True)
class _Undoing:
    reason: Parts
    now: Now
    attribute_map: AttributeMap
    disable_added: bool

    @property
    def protection(self) -> Protection:
        return self.now.lookups.protection

    def as_shown(self, one: Tried) -> Tried | None:
        """The change as far as it took effect, None if it did not; as it is where the user can't be read."""
        change, object_id, made = one
        if made or self._is_unread(change, object_id):
            return one
        if change.action in (Action.DELETE, Action.RESTORE):
            is_deleted = object_id in self.now.deleted
            return one if is_deleted is (change.action is Action.DELETE) else None
        user = self.now.users.get(object_id or "")
        if user is None:
            return None
        read = [a for a in change.attributes if self._reads(a)]
        shown = [a for a in read if same(self._value(user, a.attribute), a.after)]
        if change.action is Action.ADD:
            return one if len(shown) == len(read) else None
        if user.upn not in (change.via, change.upn) or not self._is_aside(user):
            return one if shown else None
        # It has come as far as the temporary UPN.
        kept = tuple(a for a in change.attributes if a in shown or a.attribute == UPN)
        return one._replace(change=replace(change, attributes=kept))

    def opposite(self, change: Change, object_id: str | None) -> Iterator[Change]:
        person = replace(
            change,
            object_id=object_id,
            attributes=(),
            reason=self.reason,
            via=None,
            direct_first=False,
            stage=None,
        )
        user = self.now.users.get(object_id or "")
        # Entra does not show at once whom it has just made, or restored.
        is_new = change.action in (Action.ADD, Action.RESTORE)
        hidden = is_new and user is None and object_id not in self.now.deleted
        if hidden or self._is_unread(change, object_id):
            yield self._conflict(person, _kind(change), NOT_LOOKED_AT, say("undo.unread"))
        elif change.action is Action.DELETE:
            yield self._undelete(person)
        elif user is None:
            yield self._conflict(person, _kind(change), "Gone", say("undo.deletedSince"))
        elif protected := self.protection.reason_not_to_touch(user):
            yield replace(person, action=Action.SKIP, upn=user.upn, reason=protected)
        elif change.action is Action.ADD:
            yield from self._unless_unseen(user, self._disable(person, user))
        elif change.action is Action.RESTORE:
            yield from self._unless_unseen(user, self._unrestore(person, change, user))
        else:
            yield from self._unless_unseen(user, self._put_back(person, change, user))

    def _is_unread(self, change: Change, object_id: str | None) -> bool:
        return (object_id or change.upn) in self.now.unread

    def _unless_unseen(self, user: EntraUser, changes: Iterator[Change]) -> Iterator[Change]:
        """The same changes, or skips if this user must not be changed while a lookup is impossible."""
        for change in changes:
            writes = change.action is not Action.SKIP and change.obstacle is None
            reason = self.protection.reason_not_to_change(user, change) if writes else ()
            yield replace(change, action=Action.SKIP, attributes=(), reason=reason) if reason else change

    def _undelete(self, person: Change) -> Change:
        if person.object_id in self.now.users:
            return replace(person, action=Action.SKIP, reason=self.reason + say("undo.isBack"))
        gone = self.now.deleted.get(str(person.object_id))
        if gone is None:
            return self._conflict(person, Action.RESTORE, "Gone", say("undo.purged"))
        if protected := self.protection.reason_not_to_touch(gone):
            return replace(person, action=Action.SKIP, reason=protected)
        restored = replace(person, action=Action.RESTORE)
        holder = self.now.lookups.immutable_ids.get(gone.immutable_id or "")
        if holder and holder.object_id != gone.object_id:
            message = say(
                "undo.immutableIdTaken", immutableId=str(gone.immutable_id), holder=holder.described
            )
            return replace(restored, obstacle=Obstacle(IMMUTABLE_ID_TAKEN, message))
        return self._unless_keyless(restored, gone.immutable_id)

    def _disable(self, person: Change, user: EntraUser) -> Iterator[Change]:
        if not self.disable_added:
            reason = self.reason + say("undo.addedAreKept")
            yield replace(person, action=Action.SKIP, upn=user.upn, reason=reason)
        elif kept := self.protection.reason_to_keep(user):
            yield replace(person, action=Action.SKIP, upn=user.upn, reason=kept)
        elif user.enabled:
            attributes = (AttributeChange(ENABLED, True, False),)
            yield replace(person, action=Action.BLOCK, upn=user.upn, attributes=attributes)

    def _unrestore(self, person: Change, change: Change, user: EntraUser) -> Iterator[Change]:
        """A restored user is kept, with the values from before the deletion, and disabled on request."""
        back = next(self._put_back(person, change, user), None)
        if back is None:
            yield from self._disable(person, user)
            return
        kept = self.protection.reason_to_keep(user)
        if self.disable_added and back.obstacle is None and not kept:
            others = tuple(a for a in back.attributes if a.attribute != ENABLED)
            blocked = (AttributeChange(ENABLED, True, False),) if user.enabled else ()
            if not others:
                yield from self._disable(person, user)
                return
            back = replace(back, attributes=(*others, *blocked))
        yield back

    def _put_back(self, person: Change, change: Change, user: EntraUser) -> Iterator[Change]:
        attributes: list[AttributeChange] = []
        clashes: Parts = ()
        unread: list[str] = []
        # Nobody gets back the temporary UPN of a change that an earlier run had left half done.
        began_aside = self._is_aside(replace(user, upn=change.upn))
        if aside := self._is_aside(user) and not began_aside and change.action not in SWITCHES:
            attributes.append(AttributeChange(UPN, user.upn, change.upn))
        for done in change.attributes:
            if began_aside and done.attribute == UPN:
                continue
            value = self._value(user, done.attribute)
            if not self._reads(done):
                unread.append(done.attribute)
            elif same(value, done.before) or (aside and done.attribute == UPN):
                continue
            elif same(value, done.after):
                attributes.append(AttributeChange(done.attribute, value, done.before))
            else:
                clashes += say(
                    "undo.clash", attribute=done.attribute, value=repr(value), left=repr(done.after)
                )
        if clashes or unread:
            message = say("undo.changedSince", clashes=clashes) if clashes else ()
            message += say("undo.unmapped", attributes=tuple(unread)) if unread else ()
            yield self._conflict(replace(person, upn=user.upn), _kind(change), "Conflict", message)
        elif began_aside and not attributes:
            reason = person.reason + say("undo.aside", upn=change.upn)
            yield replace(person, action=Action.SKIP, upn=user.upn, reason=reason)
        elif attributes:
            renamed = any(attribute.attribute == UPN for attribute in attributes)
            action = Action.RENAME if renamed else Action.UPDATE
            if [attribute.attribute for attribute in attributes] == [ENABLED]:
                action = action_of(attributes[0])
            back = replace(
                person,
                action=action,
                upn=user.upn,
                attributes=tuple(attributes),
                reason=person.reason + (say("undo.aside", upn=user.upn) if aside else ()),
            )
            rekeyed = [a.after for a in attributes if a.attribute == IMMUTABLE_ID]
            immutable_id = rekeyed[0] if rekeyed else user.immutable_id
            federated = domain_of(back.new_upn) in self.now.federated
            back = with_detour(back, self.now.lookups.initial_domain, federated=federated)
            yield self._unless_keyless(back, immutable_id) if renamed or rekeyed else back

    def _unless_keyless(self, change: Change, immutable_id: Value) -> Change:
        """The same change, with an obstacle if it would move a user without an immutable ID to a federated domain."""
        if immutable_id or domain_of(change.new_upn) not in self.now.federated:
            return change
        return replace(change, obstacle=KEYLESS)

    def _conflict(self, person: Change, action: Action, code: str, message: Parts) -> Change:
        return replace(person, action=action, obstacle=Obstacle(code, message))

    def _is_aside(self, user: EntraUser) -> bool:
        """Whether a change of this app was cut off while the user had a temporary UPN."""
        return bool(are_aside([user], self.now.lookups.initial_domain))

    def _reads(self, change: AttributeChange) -> bool:
        return change.attribute in (UPN, IMMUTABLE_ID, ENABLED, *self.attribute_map.attributes)

    def _value(self, user: EntraUser, attribute: str) -> Value:
        mapped = dict(zip(self.attribute_map.attributes, user.values, strict=True))
        identity = {UPN: user.upn, IMMUTABLE_ID: user.immutable_id, ENABLED: user.enabled}
        return {**mapped, **identity}.get(attribute)


def _kind(change: Change) -> Action:
    """What is said not to be undone: a deletion, a block, an unblock, or an update."""
    if change.action is Action.DELETE:
        return Action.RESTORE
    return change.action if change.action in SWITCHES else Action.UPDATE
