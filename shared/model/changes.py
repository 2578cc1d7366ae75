"""What a sync is to change: changes and plans."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Literal

from shared.model.leavers import Leaver
from shared.model.parts import Parts
from shared.model.people import Value
from shared.model.questions import Pair, Question


class Action(StrEnum):
    RENAME = "rename"
    UPDATE = "update"
    RESTORE = "restore"
    ADD = "add"
    UNBLOCK = "unblock"
    BLOCK = "block"
    DELETE = "delete"
    SKIP = "skip"


# A run has one of these beside another change of the same person.
SWITCHES = (Action.UNBLOCK, Action.BLOCK)
# These set values of a user.
SETTING = (Action.UPDATE, Action.RENAME, Action.RESTORE)


class Rule(StrEnum):
    """What paired a source user and an Entra user."""

    DECISION = "decision"
    IMMUTABLE_ID = "immutableId"
    MEMORY = "memory"
    UPN = "upn"
    FOLDED = "folded"


Stage = Literal["block", "due"]


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """The value of an attribute before and after; null for none."""

    attribute: str
    before: Value
    after: Value


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why a change can't succeed, known before it is tried. `code` is the `errorCode` of the audit log."""

    code: str
    message: Parts


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """What is to happen to one person. A run has at most one per person, and one more that blocks or unblocks.

    `upn` is the name the person has in Entra now; for an add, the one they get. `via` is the temporary UPN
    of a change that Entra would not take in one step; with `direct_first` it is tried in one step, and goes by
    `via` only where Entra refuses that. `rule` is what paired the person with the account.
    `stage`: of a leaver in stages: the block at the beginning, or the deletion after the wait.
    """

    action: Action
    upn: str
    display_name: str
    object_id: str | None = None
    source_id: str | None = None
    attributes: tuple[AttributeChange, ...] = ()
    reason: Parts = ()
    obstacle: Obstacle | None = None
    via: str | None = None
    direct_first: bool = False
    rule: Rule | None = None
    stage: Stage | None = None

    @property
    def of_leaver(self) -> bool:
        """Whether it is made since the source has nobody for the account."""
        return self.action is Action.DELETE or self.stage is not None

    def after(self, attribute: str) -> Value:
        """The new value of the attribute; None also if the change leaves it alone."""
        for change in self.attributes:
            if change.attribute == attribute:
                return change.after
        return None

    @property
    def new_upn(self) -> str:
        """The UPN the person has once the change is made."""
        renamed = self.after("userPrincipalName")
        return renamed if isinstance(renamed, str) else self.upn


def as_one(begun: Change | None, change: Change) -> Change:
    """The change from what was before both, where it goes on from a value, or the temporary UPN, that the first set."""
    if begun is None or change.action not in SETTING:
        return change
    first = {one.attribute: one for one in begun.attributes}
    attributes = [_joined(first.pop(one.attribute, None), one, begun.via) for one in change.attributes]
    return replace(
        change,
        upn=begun.upn if change.upn in (begun.via, begun.new_upn) else change.upn,
        via=change.via or begun.via,
        attributes=(*attributes, *first.values()),
    )


def _joined(first: AttributeChange | None, one: AttributeChange, via: str | None) -> AttributeChange:
    goes_on = first and one.before in (first.after, via or first.after)
    return replace(one, before=first.before) if first and goes_on else one


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """Every change of one run, in the order in which a sync applies them.

    `source` and `target` count the users in scope. `links` (source id → object id) are to be stored: the pairs that
    matched, and the earlier links of the others. `without_session_time` are the object ids of
    those who stay and whose sessions Entra ends every 12 hours. `questions`: who may be who; `offered`: pairs that
    a person may tell apart, too. `matches`: how many pairs
    each rule made. `leavers`: object id → row of a leaver as it is to be, where that is to change; None where it ends.
    `signed_in`: the object ids of those who are blocked, and were not signed out yet. `recent`: who was blocked as a
    leaver in the last 24 hours, and is not in `target`.
    """

    changes: tuple[Change, ...]
    source: int
    target: int
    unchanged: int
    links: Mapping[str, str] = field(default_factory=dict)
    without_session_time: tuple[str, ...] = ()
    questions: tuple[Question, ...] = ()
    offered: tuple[Pair, ...] = ()
    matches: Mapping[str, int] = field(default_factory=dict)
    leavers: Mapping[str, Leaver | None] = field(default_factory=dict)
    signed_in: tuple[str, ...] = ()
    recent: frozenset[str] = frozenset()

    def of(self, *actions: Action) -> Iterator[Change]:
        return (change for change in self.changes if change.action in actions)

    @property
    def writes(self) -> Iterator[Change]:
        """The changes that a sync sends to Entra."""
        return (c for c in self.changes if c.action is not Action.SKIP and c.obstacle is None)
