"""How a change ended."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import NamedTuple, Self

from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.parts import Parts, say

# Error codes of a user who is not deleted: a lookup was not possible, or the source could not be read a second time.
NOT_LOOKED_AT = "NotLookedAt"
SOURCE_UNREADABLE = "SourceUnreadable"
# Error code of a change of which Graph could not tell whether it took effect.
IN_DOUBT = "InDoubt"
# Error code of values over which Exchange has authority, and which Graph may not change.
EXCHANGE_MASTERED = "ExchangeMastered"
# Error code of a user who was left at a temporary UPN.
STEPPED_ASIDE = "SteppedAside"
# In the message about a restore whose second step was refused.
_RESTORED = frozenset({"write.restoredAside", "write.restoredAsBefore"})
# Error codes of a user who is left alone: a person has to decide, or somebody in the source may be this user.
QUESTION = "Question"
AMBIGUOUS = "AmbiguousMatch"
SHIELDED = "Shielded"
# In a domain that asks before it deletes accounts which no sync ever knew.
UNLINKED = "Unlinked"
# Of a leaver in stages: who waits, and who is kept until a person decides.
WAITS = "Waits"
KEPT = "Kept"


class Result(StrEnum):
    """`PLANNED`: in a dry run. `NOT_APPLIED`: in a sync that a limit cancelled.

    `IN_DOUBT`: it may have taken effect, the next run says so. `UNCHANGED`: somebody else had done it already.
    """

    PLANNED = "planned"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    IN_DOUBT = "inDoubt"
    UNCHANGED = "unchanged"
    SKIPPED = "skipped"
    NOT_APPLIED = "notApplied"

    @property
    def done(self) -> bool:
        """Whether progress counts a change with this result as done."""
        return self in (Result.SUCCEEDED, Result.FAILED, Result.IN_DOUBT, Result.UNCHANGED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one change ended, or that it is planned: the same record from the directory's answer to the audit log.

    `object_id` is the account that the change ended on, if the change itself can't know it (an add).
    `note` is appended to the change's reason. `error_code` and `error_message` are empty if the change took effect;
    with `refused` they say why these attributes were refused while the change, without them, took effect.
    """

    change: Change
    result: Result
    object_id: str | None = None
    note: Parts = ()
    error_code: str = ""
    error_message: Parts = ()
    request_id: str = ""
    refused: tuple[AttributeChange, ...] = ()

    @property
    def succeeded(self) -> bool:
        return self.result is Result.SUCCEEDED

    @property
    def may_be_back(self) -> bool:
        """Whether its user may have been restored, whatever became of the rest of the change.

        They are linked as of that day: whoever has a young link gets no account while Entra shows theirs nowhere.
        """
        stands = self.succeeded or self.error_code in (IN_DOUBT, STEPPED_ASIDE)
        stands = stands or any(part.code in _RESTORED for part in self.error_message)
        return self.change.action is Action.RESTORE and stands

    @property
    def unseen(self) -> bool:
        """Whether the user was not deleted because a lookup, or a second read of the source, was not possible."""
        return self.error_code in (NOT_LOOKED_AT, SOURCE_UNREADABLE)

    @classmethod
    def planned(cls, change: Change) -> Self:
        """As a dry run reports the change, with its foreseen failure if there is one."""
        return cls._foreseen(change, Result.PLANNED)

    @classmethod
    def not_sent(cls, change: Change) -> Self:
        """The outcome of a change that is never sent: skipped, or certain to fail."""
        return cls._foreseen(change, Result.FAILED)

    @classmethod
    def not_applied(cls, change: Change) -> Self:
        """The outcome of a change in a sync that was cancelled as a whole, with its foreseen failure."""
        return cls._foreseen(change, Result.NOT_APPLIED)

    @classmethod
    def left(cls, change: Change, note: Parts) -> Self:
        """The outcome of a change that was skipped; `note` says why."""
        return cls(change=change, result=Result.SKIPPED, note=note)

    @classmethod
    def failed(cls, change: Change, code: str, message: Parts) -> Self:
        return cls(change=change, result=Result.FAILED, error_code=code, error_message=message)

    @classmethod
    def in_doubt(cls, change: Change, why: Parts) -> Self:
        """The outcome of a change that may have taken effect; `why` it is not known."""
        message = say("doubt.unknown") + why
        return cls(change=change, result=Result.IN_DOUBT, error_code=IN_DOUBT, error_message=message)

    @classmethod
    def took_effect(cls, change: Change, object_id: str | None) -> Self:
        """The outcome of a change whose answer was lost. What else a restored user was to get is planned anew."""
        if change.action is Action.RESTORE:
            change = replace(change, attributes=())
        note = say("doubt.tookEffect")
        return cls(change=change, result=Result.SUCCEEDED, object_id=object_id, note=note)

    @classmethod
    def already_so(cls, change: Change, object_id: str | None, note: Parts) -> Self:
        """The outcome of a change that somebody else had made before it was sent; `note` says so."""
        return cls(change=change, result=Result.UNCHANGED, object_id=object_id, note=note)

    @classmethod
    def _foreseen(cls, change: Change, result: Result) -> Self:
        obstacle = change.obstacle or Obstacle("", ())
        skipped = change.action is Action.SKIP
        return cls(
            change=change,
            result=Result.SKIPPED if skipped else result,
            error_code=obstacle.code,
            error_message=obstacle.message,
        )


class Tried(NamedTuple):
    """A change that a sync has made, with the object id it ended on.

    `made` is None if nobody knows, and False if it was not made: then it only says what its user was like.
    """

    change: Change
    object_id: str | None
    made: bool | None = True


# Action and person: they identify a change across the invocations of a run.
Key = tuple[str, str]


def key(change: Change) -> Key:
    """Identifies a change: an add by its source id, all others by object id; by source id, then UPN, without one.

    A UPN may be edited between two invocations of a run: by it, one person would be two.
    """
    person = change.source_id if change.action is Action.ADD else change.object_id
    return change.action.value, person or change.source_id or change.upn


def one_each(outcomes: Iterable[Outcome]) -> list[Outcome]:
    """Whoever is left alone for two reasons has one row, with both. Two people who want one account have one each."""
    told: dict[tuple[Key, str | None], Outcome] = {}
    for one in outcomes:
        who = key(one.change), one.change.source_id
        first = told.setdefault(who, one)
        if first is not one:
            told[who] = replace(
                first,
                note=first.note + one.change.reason + one.note,
                error_code=first.error_code or one.error_code,
                error_message=first.error_message + one.error_message,
            )
    return list(told.values())
