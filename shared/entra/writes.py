"""Sends changes to Graph in waves, and turns the answers into outcomes.

Every write is idempotent: a create that finds its own earlier result counts as done, and so does a delete of a user
who is gone. No licence is ever assigned.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.entra.batch import BeforeSend, Request
from shared.entra.client import Answer, segment, text
from shared.entra.graph import Graph
from shared.entra.write_waves import goes_by_detour, patch, sent_again, values_of, waves_of
from shared.errors import GraphError, RunStopped
from shared.model.changes import Action, Change
from shared.model.parts import Parts, parts_of, say
from shared.model.results import Key, Outcome, Result, key
from shared.planning.mapping import IMMUTABLE_ID, UPN

# Eventual consistency: a new user may answer 404 for a while. Number of lookups before the failure is reported.
LOOK_UPS, LOOK_UPS_IN_DOUBT = 2, 6
# A create that conflicts on one of these may conflict with its own earlier try.
_MAY_BE_OURS = frozenset({UPN, IMMUTABLE_ID})


async def apply(
    writes: Sequence[Change], graph: Graph, before_send: BeforeSend[Change]
) -> AsyncGenerator[list[Outcome], None]:
    """Sends these writes; yields each change's outcome once.

    The order is renames, updates, restores, adds, deletes. `before_send` gets the requests of each batch before it
    is sent. Raises RunStopped between two batches, CallerRefused if Graph refuses the app itself.
    """
    failed: set[Key] = set()
    # Changes whose user has a temporary UPN now.
    aside: set[Key] = set()
    # Why changes were sent again, in another way or without what was refused.
    refusals: dict[Key, Outcome] = {}
    waves = deque(waves_of(writes, graph.clock.chance))
    while waves:
        wave = waves.popleft()
        ready = [request for request in wave.requests if key(request.subject) not in failed]
        stranded: list[Outcome] = []
        again: list[Change] = []
        stopped: RunStopped | None = None
        async for answers in graph.send(ready, before_send):
            ends = await asyncio.gather(*(_outcome(request, answer, graph) for request, answer in answers))
            final: list[Outcome] = []
            for (_, answer), end in zip(answers, ends, strict=True):
                if isinstance(end, RunStopped):
                    # An interrupted lookup leaves only this one change in doubt.
                    stopped = end
                elif end.succeeded:
                    if wave.steps_aside:
                        aside.add(key(end.change))
                    if wave.last:
                        final.append(end)
                elif other := _by_detour(end.change, answer) or _without_refused_id(end.change, answer):
                    refusals.setdefault(key(other), end)
                    again.append(other)
                else:
                    failed.add(key(end.change))
                    (stranded if key(end.change) in aside else final).append(end)
            if final:
                yield [_with_refusal(end, refusals.get(key(end.change))) for end in final]
        if stopped is not None:
            raise stopped
        if stranded:
            yield await _stepped_back(stranded, graph, before_send)
        waves.extendleft(reversed(sent_again(again)))


async def _outcome(request: Request[Change], answer: Answer, graph: Graph) -> Outcome | RunStopped:
    change: Change = request.subject
    if 200 <= answer.status < 300:
        object_id = change.object_id or str(answer.body.get("id") or "") or None
        return _took_effect(change, object_id, answer)
    if note := _done_before(request, answer):
        return _took_effect(change, change.object_id, answer, note)
    if change.action is Action.ADD and _may_exist(request, answer):
        return await _in_doubt(change, answer, _looked_up(change, request, answer, graph))
    if _is_a_step(request) and (request.in_doubt or answer.status == 0 or answer.status >= 500):
        return await _in_doubt(change, answer, _looked_at(request, answer, graph))
    if change.action is Action.RESTORE and request.method == "PATCH":
        state = say("write.restoredAside", upn=change.via) if change.via else say("write.restoredAsBefore")
        return _refused(change, answer, state)
    return _refused(change, answer)


def _done_before(request: Request[Change], answer: Answer) -> Parts:
    """Why a write that meets nobody counts as done; empty if it does not."""
    if answer.status != 404:
        return ()
    if request.method == "DELETE":
        return say("write.wasGone")
    return say("write.restoredBefore") if request.path.endswith("/restore") and request.in_doubt else ()


def _may_exist(request: Request[Change], answer: Answer) -> bool:
    """Whether a create that failed may have created the user all the same."""
    lost = request.in_doubt or answer.status == 0 or answer.status >= 500
    return lost or bool(_MAY_BE_OURS.intersection(answer.conflict_on()))


def _is_a_step(request: Request[Change]) -> bool:
    """Whether this is one of the steps of a detour, on which the next one depends."""
    change: Change = request.subject
    return change.action in (Action.RENAME, Action.UPDATE) and goes_by_detour(change)


def _by_detour(change: Change, answer: Answer) -> Change | None:
    """The change by its detour, if Graph refused the UPN or immutable ID itself, not because an object has it."""
    refused = (
        answer.status == 400 and not answer.conflict_on() and set(answer.invalid()) <= {UPN, IMMUTABLE_ID}
    )
    return replace(change, direct_first=False) if change.direct_first and refused else None


def _without_refused_id(change: Change, answer: Answer) -> Change | None:
    """The rest of a change of which Graph refused the immutable ID alone; None if there is no such rest."""
    rest = tuple(a for a in change.attributes if a.attribute != IMMUTABLE_ID)
    refused = {*answer.conflict_on(), *answer.invalid()} == {IMMUTABLE_ID}
    if (
        not refused
        or not rest
        or change.action not in (Action.UPDATE, Action.RENAME)
        or goes_by_detour(change)
    ):
        return None
    # Only a new UPN can still ask for a detour.
    direct_first = change.direct_first and change.action is Action.RENAME
    return replace(
        change, attributes=rest, via=change.via if direct_first else None, direct_first=direct_first
    )


def _with_refusal(end: Outcome, refusal: Outcome | None) -> Outcome:
    """How a change ended that was sent again, as a whole: with what was refused of it."""
    left_out = set(refusal.change.attributes) - set(end.change.attributes) if refusal else set()
    if not refusal or not left_out:
        return end
    if not end.succeeded:
        return replace(end, change=refusal.change)
    (refused,) = left_out
    return replace(end, refused=refused, error_code=refusal.error_code, error_message=refusal.error_message)


def _took_effect(change: Change, object_id: str | None, answer: Answer, note: Parts = ()) -> Outcome:
    return Outcome(
        change=change,
        result=Result.SUCCEEDED,
        object_id=object_id,
        note=note,
        request_id=answer.request_id,
    )


def _refused(change: Change, answer: Answer, addition: Parts = ()) -> Outcome:
    error = answer.error
    code = next((f"ObjectConflict:{target}" for target in answer.conflict_on()), error.code)
    if holders := tuple(answer.conflicting()):
        addition = say("write.heldBy", holders=holders) + addition
    return Outcome(
        change=change,
        result=Result.FAILED,
        object_id=change.object_id,
        error_code=code or str(answer.status),
        error_message=parts_of(error) + addition,
        request_id=answer.request_id,
    )


async def _stepped_back(
    stranded: Sequence[Outcome], graph: Graph, before_send: BeforeSend[Change]
) -> list[Outcome]:
    """Undoes the first step of renames whose second was refused: nobody can sign in with a temporary UPN."""
    refusals = {id(outcome.change): outcome for outcome in stranded}
    backs = [patch(outcome.change, {UPN: outcome.change.upn}) for outcome in stranded]
    ended: list[Outcome] = []
    async for answers in graph.send(backs, before_send):
        for request, answer in answers:
            change: Change = request.subject
            refusal, state = refusals[id(change)], say("write.hasUpnAgain", upn=change.upn)
            if not 200 <= answer.status < 300:
                state = (
                    say("write.staysAside", temporary=str(change.via), upn=change.upn)
                    + parts_of(answer.error)
                    + say("write.triedAgain")
                )
            ended.append(replace(refusal, error_message=refusal.error_message + state))
    return ended


async def _in_doubt(
    change: Change, answer: Answer, look: Coroutine[Any, Any, Outcome]
) -> Outcome | RunStopped:
    """Settles a write of unknown outcome by a lookup of its user, without a guess."""
    try:
        return await look
    except GraphError as error:
        return _refused(change, answer, say("write.unread") + parts_of(error))
    except RunStopped as stopped:
        return stopped


async def _looked_at(request: Request[Change], answer: Answer, graph: Graph) -> Outcome:
    """What a user has, whose answer to a step of a detour was lost."""
    change: Change = request.subject
    name = UPN if UPN in (request.body or {}) else IMMUTABLE_ID
    found = await graph.get(f"/users/{segment(str(change.object_id))}?$select=id,{name}")
    if found.status == 200 and _comparable(found.body.get(name)) == _comparable((request.body or {})[name]):
        return _took_effect(change, change.object_id, found, say("write.renamedBefore"))
    return _refused(change, answer)


async def _looked_up(change: Change, request: Request[Change], answer: Answer, graph: Graph) -> Outcome:
    """Who has the UPN that the create was to give.

    The create succeeded if that user has every value that was sent. A new user may answer 404 for a while.
    """
    wanted = values_of(change)
    path = f"/users/{segment(change.upn)}?$select=id,{','.join(dict.fromkeys(['displayName', *wanted]))}"
    tries = LOOK_UPS_IN_DOUBT if request.in_doubt else LOOK_UPS
    for attempt in range(tries):
        if attempt:
            await graph.pause(attempt)
        found = await graph.get(path)
        if found.status == 200:
            holder = found.body
            if shows(change, holder):
                return _took_effect(change, text(holder, "id"), found, say("write.createdBefore"))
            name, object_id = str(holder.get("displayName")), text(holder, "id")
            held = say("write.upnIsHeld", upn=change.upn, holder=name, objectId=object_id)
            return _refused(change, answer, held)
    return _refused(change, answer)


def shows(change: Change, user: Mapping[str, Any]) -> bool:
    """Whether the user has every value that the change sets; letter case is ignored."""
    return all(_comparable(user.get(a.attribute)) == _comparable(a.after) for a in change.attributes)


def _comparable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
