"""What an invocation that was cut off left behind. Each write in doubt is looked up in Entra, nothing is guessed.

A write is in doubt when the journal has its intent and no outcome: the worker died, or the run was stopped while an
answer was lost.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.entra.batch import Request
from shared.entra.client import Answer, segment
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.writes import shows
from shared.errors import GraphError, RunStopped
from shared.model.changes import Action, Change
from shared.model.memory import difference, linked
from shared.model.parts import Parts, parts_of, say
from shared.model.results import Outcome, Result
from shared.model.runs import Mode, Run
from shared.planning.mapping import UPN
from shared.runs.recorder import Recorder
from shared.runs.sync_log import SyncLog
from shared.services import Services
from shared.store.journal import Journal
from shared.store.runs import Fence

# A user who was created a moment ago may answer 404 for a while.
LOOK_UPS = 5
LOOK_UP_SECONDS = 60.0


async def take_up(services: Services, fence: Fence, run: Run, directory: Directory) -> Recorder | None:
    """The records of a sync that was cut off, None if it left none. Raises LeaseLost if it was taken over.

    Whom the sync created is linked before anybody is matched: their UPN may have been edited in the source since.
    Without the link they would look like two people, one to be created under the new UPN, one to be deleted.
    """
    recorder = await _reopen(services, fence, run)
    if recorder is None:
        return None
    creations = [change for change in recorder.in_doubt if change.action is Action.ADD]
    looked_up = await settle_doubts(creations, directory.graph)
    # A user who is not there is planned again, or is looked for once more in the end.
    await recorder.record([outcome for outcome in looked_up if outcome.succeeded])
    await link_created(services, run.domain, recorder)
    return recorder


async def link_created(services: Services, domain: str, recorder: Recorder) -> None:
    """Remembers whom the run has created. Raises LeaseLost if others keep writing."""
    if recorder.created:
        memory = await services.known_people.read(domain)
        links = {**memory.links, **recorder.created}
        now = linked(memory, links, services.clock.now().date())
        await services.known_people.write(difference(memory, now), memory)


async def settle(services: Services, fence: Fence, log: SyncLog) -> None:
    """Completes the records of a sync that ends early, and counts it anew by them: no write is without its row.

    Whom it created is linked: nobody will read this journal again.
    Raises LeaseLost if the run was taken over.
    """
    recorder = await _reopen(services, fence, log.run)
    if recorder is None:
        return
    directory = services.directory().within(LOOK_UP_SECONDS)
    await recorder.record(await settle_doubts(recorder.in_doubt, directory.graph))
    await link_created(services, log.run.domain, recorder)
    log.recount(recorder.results)
    log.take_over(recorder)


async def _reopen(services: Services, fence: Fence, run: Run) -> Recorder | None:
    if run.mode is not Mode.SYNC:
        return None
    begun = await services.audit_logs.has_begun(run)
    if not begun and fence.invocation > 1:
        # The audit log goes after a day, also that of a run which was interrupted for longer; the journal stays.
        begun = await Journal.exists(services.storage, run.domain, run.id)
    return await Recorder.open(services, run, fence.invocation) if begun else None


async def settle_doubts(changes: Sequence[Change], graph: Graph) -> list[Outcome]:
    """An outcome for everything that took effect or may have; none for what certainly did not."""
    waiting = list(changes)
    answers: dict[int, Answer] = {}
    unread = say("graph.tookTooLong")
    try:
        for attempt in range(1, LOOK_UPS + 1):
            async for answered in graph.send([_look(change) for change in waiting]):
                answers |= {id(request.subject): answer for request, answer in answered}
            waiting = [c for c in waiting if c.action is Action.ADD and answers[id(c)].status == 404]
            if not waiting or attempt == LOOK_UPS:
                break
            await graph.pause(attempt)
    except (GraphError, RunStopped) as error:
        unread = parts_of(error)
    outcomes = (_outcome(change, answers.get(id(change)), unread) for change in changes)
    return [outcome for outcome in outcomes if outcome is not None]


def _look(change: Change) -> Request[Change]:
    names = dict.fromkeys(["id", UPN, *(attribute.attribute for attribute in change.attributes)])
    path = f"/users/{segment(change.object_id or change.upn)}?$select={','.join(names)}"
    return Request(method="GET", path=path, subject=change)


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
