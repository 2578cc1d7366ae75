"""Four eyes (`APPROVALS=two`): what waits for a second person, who confirms it, and who takes it back."""

from collections.abc import Iterable

import azure.functions as func

from shared.errors import PreconditionFailed
from shared.http.endpoint import AnyCall, AnyEndpoint, Call, Nothing
from shared.http.problems import Problem
from shared.http.put_off import ApprovalView, view
from shared.log import event
from shared.model.parts import say
from shared.model.pending import Pending
from shared.model.records import Author, Record


class ApprovalList(Record):
    approvals: list[ApprovalView]


async def list_approvals(call: Call[Nothing, Nothing]) -> ApprovalList:
    waiting = await call.services.pending.read_all(call.services.clock.now())
    return ApprovalList(approvals=[view(one) for one in waiting])


async def confirm(call: AnyCall, endpoints: Iterable[AnyEndpoint]) -> func.HttpResponse:
    """Carries out what was put off, as both of them. `endpoints`: those that may have put it off."""
    kept = await _find(call)
    if not call.caller.is_person:
        raise Problem(403, "A person is needed", say("second.program"))
    if kept.by_id == call.caller.object_id:
        raise Problem(403, "A second person is needed", say("second.samePerson", by=kept.by))
    endpoint = next((e for e in endpoints if (e.method, e.route) == (kept.method, kept.route)), None)
    if endpoint is None:  # put off by another version
        raise PreconditionFailed("second.changed")
    again = endpoint.again(kept, call, Author(f"{kept.by} + {call.author.name}", call.author.address))
    if await endpoint.asked(again) != kept.asked:
        raise PreconditionFailed("second.changed")
    if not await call.services.pending.take(kept.id):
        raise _unknown(kept.id)
    event("approval.confirmed", **call.facts, id=kept.id, asked=kept.by)
    try:
        return await endpoint.respond(again)
    except Exception:
        # It was refused, or it is not known whether it was done: as after any such answer, it can be tried again.
        await call.services.pending.write(kept)
        raise


async def take_back_approval(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    kept = await _find(call)
    await call.services.pending.take(kept.id)
    event("approval.withdrawn", **call.facts, id=kept.id, asked=kept.by)
    return func.HttpResponse(status_code=204)


async def _find(call: AnyCall) -> Pending:
    kept = await call.services.pending.find(call.approval)
    if kept is None:
        raise _unknown(call.approval)
    if kept.expires_at <= call.services.clock.now():
        raise Problem(410, "Expired", say("second.expired"))
    return kept


def _unknown(pending_id: str) -> Problem:
    return Problem(404, "Unknown request", say("second.unknown", id=repr(pending_id)))
