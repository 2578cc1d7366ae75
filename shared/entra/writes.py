"""A `Change` as Graph requests, in the order in which they may go out, and what their answers mean.

Every write is safe to repeat: a create that meets its own earlier result counts as done, a delete of a user who
is gone counts as done. No licence is ever assigned.
"""

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any

from shared.entra.batch import Batches, BeforeSend, Request
from shared.entra.client import Answer, segment, text
from shared.entra.passwords import random_password
from shared.mapping import UPN
from shared.model import Action, Change
from shared.renames import in_waves

# A user created a moment ago may answer 404 for a while; looked up this often before the doubt is reported.
LOOK_UPS, LOOK_UPS_IN_DOUBT = 2, 6


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a change ended: `error_code` is empty when it took effect."""

    change: Change
    object_id: str | None
    error_code: str = ""
    error_message: str = ""
    request_id: str = ""
    note: str = ""

    @property
    def succeeded(self) -> bool:
        return not self.error_code


async def apply(
    writes: Sequence[Change], batches: Batches, before_send: BeforeSend
) -> AsyncIterator[list[Outcome]]:
    """Sends these writes; yields each change's outcome once.

    Renames, updates, restores, adds, deletes last. `before_send` is told the requests of a batch before it goes
    out; RunStopped ends the iteration between two batches.
    """
    failed: set[int] = set()
    for requests, last in _waves(writes):
        ready = [request for request in requests if id(request.subject) not in failed]
        async for answers in batches.send(ready, before_send):
            outcomes = [await _outcome(request, answer, batches) for request, answer in answers]
            failed.update(id(outcome.change) for outcome in outcomes if not outcome.succeeded)
            final = [outcome for outcome in outcomes if last or not outcome.succeeded]
            if final:
                yield final


def _waves(writes: Sequence[Change]) -> list[tuple[list[Request], bool]]:
    """Requests that may go out together, wave after wave; True where a wave is the last word on its changes."""
    renames = [change for change in writes if change.action is Action.RENAME]
    restores = [change for change in writes if change.action is Action.RESTORE]
    waves: list[tuple[list[Request], bool]] = [
        ([_patch(change, {UPN: change.via}) for change in renames if change.via], False),
        *(([_patch(change, _values(change)) for change in wave], True) for wave in in_waves(renames)),
        ([_patch(c, _values(c)) for c in writes if c.action is Action.UPDATE], True),
        ([_restore(change) for change in restores if change.attributes], False),
        ([_restore(change) for change in restores if not change.attributes], True),
        ([_patch(change, _values(change)) for change in restores if change.attributes], True),
        ([_create(change) for change in writes if change.action is Action.ADD], True),
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
    # Straight to the new UPN: somebody else may have the former one by now.
    body = {"newUserPrincipalName": change.new_upn} if change.after(UPN) else {}
    return Request("POST", f"/directory/deletedItems/{change.object_id}/restore", body, subject=change)


def _create(change: Change) -> Request:
    profile = {"password": random_password(), "forceChangePasswordNextSignIn": True}
    return Request("POST", "/users", {**_values(change), "passwordProfile": profile}, subject=change)


async def _outcome(request: Request, answer: Answer, batches: Batches) -> Outcome:
    change: Change = request.subject
    if 200 <= answer.status < 300:
        object_id = change.object_id or str(answer.body.get("id") or "") or None
        return Outcome(change, object_id, request_id=answer.request_id)
    if change.action is Action.DELETE and answer.status == 404:
        return Outcome(change, change.object_id, request_id=answer.request_id, note="Was gone already.")
    if request.path == "/users" and (answer.status == 0 or UPN in answer.conflict_on()):
        return await _create_in_doubt(change, request, answer, batches)
    if request.path.endswith("/restore") and request.in_doubt and answer.status == 404:
        return Outcome(
            change, change.object_id, request_id=answer.request_id, note="Restored by an earlier try."
        )
    return _refused(change, answer)


def _refused(change: Change, answer: Answer, addition: str = "") -> Outcome:
    error = answer.error
    code = next((f"ObjectConflict:{target}" for target in answer.conflict_on()), error.code)
    return Outcome(
        change, change.object_id, code or str(answer.status), f"{error}{addition}", answer.request_id
    )


async def _create_in_doubt(change: Change, request: Request, answer: Answer, batches: Batches) -> Outcome:
    """A create whose answer was lost, or that met somebody with its UPN: the user is looked up, nothing guessed.

    Ours is whoever has the UPN and every value that was sent; a user made a moment ago may answer 404 for a while.
    """
    wanted = _values(change)
    path = f"/users/{segment(change.upn)}?$select=id,{','.join(dict.fromkeys(['displayName', *wanted]))}"
    for attempt in range(1, (LOOK_UPS_IN_DOUBT if request.in_doubt else LOOK_UPS) + 1):
        found = await batches.get(path)
        if found.status == 200:
            holder = found.body
            if all(_comparable(holder.get(name)) == _comparable(value) for name, value in wanted.items()):
                return Outcome(
                    change, text(holder, "id"), request_id=found.request_id, note="Created by an earlier try."
                )
            name, object_id = holder.get("displayName"), text(holder, "id")
            return _refused(change, answer, f" {change.upn} belongs to {name} ({object_id}).")
        await batches.pause(attempt)
    return _refused(change, answer)


def _comparable(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
