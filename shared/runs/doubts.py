"""What became of writes whose answers nobody got: each person is looked up in Entra, nothing is guessed.

A write is in doubt when the journal has its intent and the audit log has no row: the worker died, or the run was
stopped while an answer was lost.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.entra.batch import Batches, Request
from shared.entra.client import Answer, segment
from shared.entra.writes import shows
from shared.errors import GraphError, RunStopped
from shared.model.changes import Action, Change
from shared.model.parts import Parts, parts_of, say
from shared.model.results import Outcome, Result
from shared.planning.mapping import UPN

# A user who was created a moment ago may answer 404 for a while.
LOOK_UPS = 5


async def settled_doubts(changes: Sequence[Change], batches: Batches) -> list[Outcome]:
    """A row for everything that took effect or may have; none for what certainly did not."""
    waiting = list(changes)
    answers: dict[int, Answer] = {}
    unread = say("graph.tookTooLong")
    try:
        for attempt in range(1, LOOK_UPS + 1):
            async for answered in batches.send([_look(change) for change in waiting]):
                answers |= {id(request.subject): answer for request, answer in answered}
            waiting = [c for c in waiting if c.action is Action.ADD and answers[id(c)].status == 404]
            if not waiting or attempt == LOOK_UPS:
                break
            await batches.pause(attempt)
    except (GraphError, RunStopped) as error:
        unread = parts_of(error)
    outcomes = (_outcome(change, answers.get(id(change)), unread) for change in changes)
    return [outcome for outcome in outcomes if outcome is not None]


def _look(change: Change) -> Request:
    names = dict.fromkeys(["id", UPN, *(attribute.attribute for attribute in change.attributes)])
    path = f"/users/{segment(change.object_id or change.upn)}?$select={','.join(names)}"
    return Request("GET", path, subject=change)


def _outcome(change: Change, answer: Answer | None, unread: Parts) -> Outcome | None:
    if answer is None or answer.status not in (200, 404):
        why = parts_of(answer.error) if answer else unread
        return Outcome.failed(change, "InDoubt", say("doubt.unknown") + why)
    here = answer.status == 200
    if change.via and str(answer.body.get(UPN)).lower() == change.via.lower():
        return Outcome.failed(change, "SteppedAside", say("doubt.steppedAside", upn=change.via))
    if _took_effect(change, answer.body if here else None):
        object_id = str(answer.body["id"]) if here else change.object_id
        note = say("doubt.tookEffect")
        return Outcome(change=change, result=Result.SUCCEEDED, object_id=object_id, note=note)
    if change.action is Action.ADD and not here:
        return Outcome.failed(change, "InDoubt", say("doubt.notShown"))
    return None


def _took_effect(change: Change, user: Mapping[str, Any] | None) -> bool:
    if change.action is Action.DELETE:
        return user is None
    # Whoever is there again was restored; what else they were to get, the next run gives them.
    return user is not None and (change.action is Action.RESTORE or shows(change, user))
