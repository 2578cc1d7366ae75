"""How a change ended."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import Parts

# Codes of a user who is not deleted because the app could not look at them, or not a second time at the source.
NOT_LOOKED_AT = "NotLookedAt"
SOURCE_UNREADABLE = "SourceUnreadable"


class Result(StrEnum):
    PLANNED = "planned"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    SKIPPED = "skipped"
    NOT_APPLIED = "notApplied"

    @property
    def done(self) -> bool:
        """Whether a change that ended so is one less to do."""
        return self in (Result.SUCCEEDED, Result.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """How one change ended, or that it is planned: one record from the directory's answer to the audit log.

    `object_id` is the account that the change ended on, where the change itself can't know it (an add).
    `note` goes behind the change's reason. `error_code` and `error_message` are empty for what took effect.
    """

    change: Change
    result: Result
    object_id: str | None = None
    note: Parts = ()
    error_code: str = ""
    error_message: Parts = ()
    request_id: str = ""

    @property
    def succeeded(self) -> bool:
        return self.result is Result.SUCCEEDED

    @property
    def unseen(self) -> bool:
        """Whether somebody was not deleted because a look or a permission was missing."""
        return self.error_code in (NOT_LOOKED_AT, SOURCE_UNREADABLE)

    @classmethod
    def planned(cls, change: Change) -> Self:
        """As a dry run reports it, with the failure that is foreseen."""
        return cls._foreseen(change, Result.PLANNED)

    @classmethod
    def not_sent(cls, change: Change) -> Self:
        """Of a change that is never sent: skipped, or certain to fail."""
        return cls._foreseen(change, Result.FAILED)

    @classmethod
    def not_applied(cls, change: Change) -> Self:
        """Of a sync that was refused as a whole."""
        if change.action is Action.SKIP:
            return cls.not_sent(change)
        return cls(change=change, result=Result.NOT_APPLIED)

    @classmethod
    def left(cls, change: Change, note: Parts) -> Self:
        return cls(change=change, result=Result.SKIPPED, note=note)

    @classmethod
    def left_unseen(cls, change: Change, note: Parts) -> Self:
        """Of a deletion before which the app could not look."""
        return cls(
            change=change,
            result=Result.SKIPPED,
            note=note,
            error_code=NOT_LOOKED_AT,
            error_message=note,
        )

    @classmethod
    def failed(cls, change: Change, code: str, message: Parts) -> Self:
        return cls(change=change, result=Result.FAILED, error_code=code, error_message=message)

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


# Action and person: the name of a change across the invocations of a run.
Key = tuple[str, str]


def key(change: Change) -> Key:
    """Names a change: an add by its source id, the rest by the object."""
    person = change.source_id if change.action is Action.ADD else change.object_id
    return change.action.value, person or change.upn
