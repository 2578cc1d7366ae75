"""What was done to one person, as it is kept: by runs, and by administrators. Pure."""

import hashlib
from datetime import datetime
from enum import StrEnum

from shared.model.changes import Action, AttributeChange
from shared.model.holds import Hold
from shared.model.parts import Parts
from shared.model.questions import Decision
from shared.model.records import Record, Time
from shared.model.results import Outcome, Result
from shared.model.runs import Run, RunKind


class Act(StrEnum):
    """What an administrator did about a person: a hold, or a decision about who is who."""

    HOLD = "hold"
    LIFT = "liftHold"
    SAME = "same"
    APART = "apart"
    TAKE_BACK = "takeBack"


class Entry(Record):
    """One change of a run that was sent to Entra, or one act of an administrator.

    `by`: who started the run, or acted. `domain`, `runId`, `kind` and `result` are null for an act. `attributes`: those
    that were changed; `values`: the same with their values, null where these are not kept.
    `userPrincipalName`: as it was before the change.
    """

    at: Time
    action: Action | Act
    result: Result | None = None
    by: str
    approved_by: str | None = None
    domain: str | None = None
    run_id: str | None = None
    kind: RunKind | None = None
    object_id: str | None
    source_id: str | None
    user_principal_name: str | None = None
    attributes: tuple[str, ...] = ()
    values: tuple[AttributeChange, ...] | None = None
    reason_parts: Parts = ()
    error_code: str = ""
    error_parts: Parts = ()

    @property
    def ids(self) -> frozenset[str]:
        """Of the person: those of the account and of the source user, in lower case."""
        return frozenset(id_.lower() for id_ in (self.object_id, self.source_id) if id_)

    @property
    def names(self) -> frozenset[str]:
        """By which it is found, in lower case: the ids, and the UPN of that time."""
        return self.ids | ({self.user_principal_name.lower()} if self.user_principal_name else set())

    @property
    def key(self) -> tuple[str, ...]:
        """The same for the same change of the same run, however often it is kept."""
        when = self.run_id or self.at.isoformat()
        return (when, self.action, *sorted(self.ids))


def entry_of(run: Run, outcome: Outcome, at: datetime, *, values: bool) -> Entry | None:
    """None for an outcome of a change that was never sent: nothing was done to the person."""
    change = outcome.change
    sent = outcome.result.done and change.obstacle is None and not outcome.unseen
    if not sent or change.action is Action.SKIP:
        return None
    changed = tuple(one for one in change.attributes if one not in outcome.refused)
    return Entry(
        at=at,
        action=change.action,
        result=outcome.result,
        by=run.requested_by,
        approved_by=run.approval.approved_by if run.approval else None,
        domain=run.domain,
        run_id=run.id,
        kind=run.kind,
        object_id=change.object_id or outcome.object_id,
        source_id=change.source_id,
        user_principal_name=change.upn or None,
        attributes=tuple(one.attribute for one in changed),
        values=changed if values else None,
        reason_parts=change.reason + outcome.note,
        error_code=outcome.error_code,
        error_parts=outcome.error_message,
    )


def entry_of_hold(hold: Hold, act: Act, by: str, at: datetime) -> Entry:
    return Entry(at=at, action=act, by=by, object_id=hold.object_id, source_id=None, reason_parts=hold.told)


def entry_of_decision(decision: Decision, act: Act, by: str, at: datetime) -> Entry:
    return Entry(at=at, action=act, by=by, object_id=decision.object_id, source_id=decision.source_id)


def digest(name: str) -> str:
    """Of an id, a Username or a UPN, in whatever case: what a row key may hold, and names nobody."""
    return hashlib.blake2s(name.strip().lower().encode(), digest_size=10).hexdigest()
