"""A `Change` as Graph requests, in the order in which they may go out, and what their answers mean.

Every write is safe to repeat: a create that meets its own earlier result counts as done, a delete of a user who
is gone counts as done. No licence is ever assigned.
"""

import asyncio
from collections.abc import AsyncGenerator, Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.clock import Chance
from shared.entra.batch import BeforeSend, Request
from shared.entra.client import Answer, segment, text
from shared.entra.graph import Graph
from shared.entra.passwords import random_password
from shared.errors import GraphError, RunStopped
from shared.model.changes import Action, Change
from shared.model.parts import Parts, parts_of, say
from shared.model.results import Outcome, Result
from shared.planning.mapping import IMMUTABLE_ID, UPN
from shared.planning.renames import in_waves

# A user created a moment ago may answer 404 for a while; looked up this often before the doubt is reported.
LOOK_UPS, LOOK_UPS_IN_DOUBT = 2, 6
# A create that meets one of these may have met its own earlier try.
_MAY_BE_OURS = frozenset({UPN, IMMUTABLE_ID})


async def apply(
    writes: Sequence[Change], graph: Graph, before_send: BeforeSend
) -> AsyncGenerator[list[Outcome], None]:
    """Sends these writes; yields each change's outcome once.

    Renames, updates, restores, adds, deletes last. `before_send` is told the requests of a batch before it goes
    out; RunStopped ends the iteration between two graph.
    """
    failed: set[int] = set()
    for requests, last in _waves(writes, graph.clock.chance):
        ready = [request for request in requests if id(request.subject) not in failed]
        stranded: list[Outcome] = []
        stopped: RunStopped | None = None
        async for answers in graph.send(ready, before_send):
            ends = await asyncio.gather(*(_outcome(request, answer, graph) for request, answer in answers))
            outcomes = [end for end in ends if isinstance(end, Outcome)]
            # A look-up that had to stop leaves that one person in doubt and nobody else.
            stopped = next((end for end in ends if isinstance(end, RunStopped)), stopped)
            failed.update(id(outcome.change) for outcome in outcomes if not outcome.succeeded)
            final: list[Outcome] = []
            for outcome in outcomes:
                if last or not outcome.succeeded:
                    (stranded if last and _stranded(outcome) else final).append(outcome)
            if final:
                yield final
        if stopped is not None:
            raise stopped
        if stranded:
            yield await _stepped_back(stranded, graph, before_send)


def _waves(writes: Sequence[Change], chance: Chance) -> list[tuple[list[Request], bool]]:
    """Requests that may go out together, wave after wave; True where a wave is the last word on its changes."""
    renames = [change for change in writes if change.action is Action.RENAME]
    restores = [change for change in writes if change.action is Action.RESTORE]
    waves: list[tuple[list[Request], bool]] = [
        ([_patch(change, {UPN: change.via}) for change in renames if change.via], False),
        *(([_patch(change, _values(change)) for change in wave], True) for wave in in_waves(renames)),
        ([_patch(c, _values(c)) for c in writes if c.action is Action.UPDATE], True),
        ([_restore(change) for change in restores if change.attributes], False),
        ([_restore(change) for change in restores if not change.attributes], True),
        ([_after_restore(change) for change in restores if change.attributes], True),
        ([_create(change, chance) for change in writes if change.action is Action.ADD], True),
        ([Request("DELETE", _user(c), subject=c) for c in writes if c.action is Action.DELETE], True),
    ]
    return [(requests, last) for requests, last in waves if requests]


def _user(change: Change) -> str:
    return f"/users/{segment(change.object_id or change.upn)}"


def _values(change: Change) -> dict[str, Any]:
    return {attribute.attribute: attribute.after for attribute in change.attributes}


def _patch(change: Change, body: dict[str, Any]) -> Request:
    return Request("PATCH", _user(change), body, subject=change)


def _restore(change: Change) -> Request:
    # Never by the former UPN where there is a new one: somebody else may have it by now.
    body = {"newUserPrincipalName": change.via or change.new_upn}
    return Request("POST", f"/directory/deletedItems/{change.object_id}/restore", body, subject=change)


def _after_restore(change: Change) -> Request:
    values = _values(change)
    return _patch(change, {**values, UPN: change.new_upn} if change.via else values)


def _create(change: Change, chance: Chance) -> Request:
    profile = {"password": random_password(chance), "forceChangePasswordNextSignIn": True}
    return Request("POST", "/users", {**_values(change), "passwordProfile": profile}, subject=change)


async def _outcome(request: Request, answer: Answer, graph: Graph) -> Outcome | RunStopped:
    change: Change = request.subject
    if 200 <= answer.status < 300:
        object_id = change.object_id or str(answer.body.get("id") or "") or None
        return _took_effect(change, object_id, answer)
    if note := _done_before(request, answer):
        return _took_effect(change, change.object_id, answer, note)
    if change.action is Action.ADD and _may_exist(request, answer):
        return await _in_doubt(change, answer, _looked_up(change, request, answer, graph))
    if _is_second_step(request) and (request.in_doubt or answer.status == 0 or answer.status >= 500):
        return await _in_doubt(change, answer, _looked_at(change, answer, graph))
    if change.action is Action.RESTORE and request.method == "PATCH":
        state = say("write.restoredAside", upn=change.via) if change.via else say("write.restoredAsBefore")
        return _refused(change, answer, state)
    return _refused(change, answer)


def _done_before(request: Request, answer: Answer) -> Parts:
    """Why a write that meets nobody counts as done; empty if it does not."""
    if answer.status != 404:
        return ()
    if request.method == "DELETE":
        return say("write.wasGone")
    return say("write.restoredBefore") if request.path.endswith("/restore") and request.in_doubt else ()


def _may_exist(request: Request, answer: Answer) -> bool:
    """Whether a create that failed may have created the user all the same."""
    lost = request.in_doubt or answer.status == 0 or answer.status >= 500
    return lost or bool(_MAY_BE_OURS.intersection(answer.conflict_on()))


def _is_second_step(request: Request) -> bool:
    """Whether this takes a renamed user on from their temporary UPN."""
    change: Change = request.subject
    return change.action is Action.RENAME and change.via is not None and request.body != {UPN: change.via}


def _stranded(outcome: Outcome) -> bool:
    """Whether the user has a temporary UPN now; whoever could not step aside never comes to a last wave."""
    change = outcome.change
    return change.action is Action.RENAME and change.via is not None and not outcome.succeeded


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
    return Outcome(
        change=change,
        result=Result.FAILED,
        object_id=change.object_id,
        error_code=code or str(answer.status),
        error_message=parts_of(error) + addition,
        request_id=answer.request_id,
    )


async def _stepped_back(stranded: Sequence[Outcome], graph: Graph, before_send: BeforeSend) -> list[Outcome]:
    """Undoes the first step of renames whose second was refused: nobody can sign in with a temporary UPN."""
    refusals = {id(outcome.change): outcome for outcome in stranded}
    backs = [_patch(outcome.change, {UPN: outcome.change.upn}) for outcome in stranded]
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
    """Nobody knows what became of a write: whoever it was about is looked at, nothing guessed."""
    try:
        return await look
    except GraphError as error:
        return _refused(change, answer, say("write.unread") + parts_of(error))
    except RunStopped as stopped:
        return stopped


async def _looked_at(change: Change, answer: Answer, graph: Graph) -> Outcome:
    """Which UPN a user has, whose answer to the second step of a rename was lost."""
    found = await graph.get(f"{_user(change)}?$select=id,{UPN}")
    if found.status == 200 and str(found.body.get(UPN)).lower() == change.new_upn.lower():
        return _took_effect(change, change.object_id, found, say("write.renamedBefore"))
    return _refused(change, answer)


async def _looked_up(change: Change, request: Request, answer: Answer, graph: Graph) -> Outcome:
    """Who has the UPN that the create was to give.

    Ours is whoever has the UPN and every value that was sent; a user made a moment ago may answer 404 for a while.
    """
    wanted = _values(change)
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
    """Whether the user has every value that the change was to set."""
    return all(_comparable(user.get(a.attribute)) == _comparable(a.after) for a in change.attributes)


def _comparable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
