"""What a change does to a person, as the limits count it and an approval releases it. Pure."""

from collections.abc import Iterable, Iterator
from hashlib import sha256
from typing import Final, Literal, NamedTuple

from shared.model.changes import Action, Change
from shared.model.results import key
from shared.model.runs import Approvable
from shared.planning.mapping import ENABLED, domain_of


class Deed(NamedTuple):
    """`who` is as in a change's `Key`, `what` the new UPN in lower case, or the attribute.

    "join": a rename from another domain. "clear": a value that is removed. "block": an account that is disabled.
    "leave": the same of a leaver, who is to be deleted later. "due": that deletion. "now": it was ordered. "shrink": of
    nobody; the source may have as few users as `what` says.
    """

    kind: Approvable | Literal["join", "leave", "due", "now", "shrink"]
    who: str
    what: str = ""


Deeds = frozenset[Deed]
NONE: Deeds = frozenset()
# What the approval of deletions releases.
LEAVING: Final = ("delete", "leave", "due")


def deeds(change: Change) -> Iterator[Deed]:
    """Everything that counts on its own. Empty for a skip."""
    who, upn = key(change)[1], change.new_upn.lower()
    if change.stage == "block":
        yield Deed("leave", who)
    elif change.action is Action.DELETE:
        yield Deed("due" if change.stage else "delete", who)
    elif change.action is Action.ADD:
        yield Deed("add", who, upn)
    elif change.action is Action.RESTORE:
        yield Deed("restore", who, upn)
        yield from _taken_away(change, who)
    elif change.action is Action.RENAME:
        yield Deed("rename" if domain_of(change.upn) == domain_of(upn) else "join", who, upn)
        yield from _taken_away(change, who)
    elif change.action is Action.BLOCK:
        yield Deed("block", who, ENABLED)
    elif change.action is Action.UPDATE:
        yield from (Deed("update", who, one.attribute) for one in change.attributes)
        yield from _taken_away(change, who)


def digest(changes: Iterable[Change]) -> str:
    """The same for changes that do the same to the same people, in every process and version, whatever their order."""
    done = (
        (
            one.action.value,
            *key(one),
            one.new_upn,
            sorted(repr((a.attribute, a.after)) for a in one.attributes),
        )
        for one in changes
        if one.action is not Action.SKIP
    )
    return sha256(repr(sorted(map(repr, done))).encode()).hexdigest()[:16]


def consent(attribute: str) -> Deed:
    """Of an administrator: nobody in the source has a value of this attribute any more, and that is right."""
    return Deed("clear", "", attribute)


def as_few_as(users: int) -> Deed:
    """Of an administrator: the source has so few users now, and that is right."""
    return Deed("shrink", "", str(users))


def _taken_away(change: Change, who: str) -> Iterator[Deed]:
    for one in change.attributes:
        if one.after is None and one.before is not None:
            yield Deed("clear", who, one.attribute)
        elif (one.attribute, one.before, one.after) == (ENABLED, True, False):
            yield Deed("block", who, ENABLED)
