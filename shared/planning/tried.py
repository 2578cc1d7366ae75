"""What became of the changes that a sync has tried, one invocation after the other. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from shared.model.changes import SETTING, Action
from shared.model.people import Value
from shared.model.results import Tried
from shared.planning.mapping import IMMUTABLE_ID, UPN, normalised


def done_by(tried: Sequence[Tried]) -> list[Tried]:
    """What took effect of what a sync has tried, or may have, in the order in which it was tried.

    An invocation that goes on shows what became of the one before it, by what it found of the same user.
    """
    done: list[Tried] = []
    found: dict[str, dict[str, Value]] = {}
    followed: dict[str, Action] = {}
    for one in reversed(tried):
        who = one.object_id or one.change.upn
        there = found.setdefault(who, {})
        known = _as_found(one, there, followed.get(who)) if one.made is None else one
        if known.made is not False:
            done.append(known)
        if one.change.action in SETTING:
            there[UPN] = one.change.upn
        there.update((a.attribute, a.before) for a in one.change.attributes)
        followed[who] = one.change.action
    return done[::-1]


def _as_found(one: Tried, there: Mapping[str, Value], following: Action | None) -> Tried:
    """The change as far as the next ones found it made.

    `there`: attribute → the value from which the next one began. `following`: what was done to the user next.
    """
    change = one.change
    if following and change.action in (Action.DELETE, Action.RESTORE):
        was_deleted = following is Action.RESTORE
        return one._replace(made=was_deleted is (change.action is Action.DELETE))
    kept = tuple(
        a for a in change.attributes if a.attribute not in there or same(there[a.attribute], a.after)
    )
    rekeyed = tuple(a for a in kept if a.attribute == IMMUTABLE_ID) if change.via else ()
    aside = change.via and there.get(UPN) == change.via
    came = bool(aside) and change.via != change.upn
    if aside:
        # As far as the temporary UPN, where it may have begun: of the rest, only an immutable ID is given there.
        kept = (*(a for a in change.attributes if a.attribute == UPN and came), *rekeyed)
    is_shown = came or any(a.attribute in there for a in kept)
    if not is_shown and len(kept) < len(change.attributes):
        kept = rekeyed
    made = True if is_shown else None if kept or not change.attributes else False
    return one._replace(change=replace(change, attributes=kept), made=made)


def same(one: Value, other: Value) -> bool:
    """Whether Entra would take one for the other."""
    if isinstance(one, str) and isinstance(other, str):
        return normalised(one) == normalised(other)
    return one == other
