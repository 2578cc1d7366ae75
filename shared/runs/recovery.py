"""What an invocation that was cut off left behind. Each write in doubt is looked up in Entra, nothing is guessed.

A write is in doubt when the journal has its intent and no outcome: the worker died, or the run was stopped while an
answer was lost. So is one that an earlier sync could not settle: its row there says so, and this run has the last word.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from shared.entra.graph import Graph
from shared.entra.unheard import Found, Unheard, look_up
from shared.errors import GraphError, JournalGone, RunStopped
from shared.model.changes import Action
from shared.model.leavers import without_old
from shared.model.memory import difference, linked, with_blocked, with_leavers
from shared.model.parts import parts_of, say
from shared.model.results import STEPPED_ASIDE, Outcome, key
from shared.model.runs import Mode, Run
from shared.planning.mapping import UPN
from shared.planning.stages import leaver_after
from shared.runs.recorder import Recorder
from shared.runs.sync_log import SyncLog
from shared.services import Services
from shared.store.journal import Journal
from shared.store.runs import Fence

LOOK_UP_SECONDS = 60.0
_LOOKED_UP_FIRST = (Action.ADD, Action.DELETE, Action.RESTORE, Action.BLOCK)


async def take_up(services: Services, fence: Fence, run: Run, graph: Graph) -> Recorder | None:
    """The records of a sync that was cut off, None if it left none. Raises LeaseLost if it was taken over.

    Whom the sync created, or restored, is linked before anybody is matched: their UPN may have been edited in the
    source since. Without the link they would look like two people, one to be created under the new UPN, one to be
    deleted. Whom it deleted is recorded, too: they count towards the limit of the whole run. So is whom it blocked:
    whoever is back in the source by now is unblocked only if it is known whose block it is.
    """
    recorder = await _reopen(services, fence, run, has_written=False)
    if recorder is None:
        return None
    doubts = [change for change in recorder.in_doubt if change.action in _LOOKED_UP_FIRST]
    looked_up = await settle_doubts([recorder.unheard(change) for change in doubts], graph)
    # What did not take effect is planned again, or is looked for once more in the end.
    await recorder.record([outcome for outcome in looked_up if outcome.succeeded])
    recorder.back |= {str(one.change.object_id): one.change.source_id for one in looked_up if one.may_be_back}
    await link_created(services, run.domain, recorder)
    return recorder


async def link_created(services: Services, domain: str, recorder: Recorder) -> None:
    """Remembers whom the run has created, restored or blocked, and which leavers.

    Raises LeaseLost if others keep writing.
    """
    if recorder.created or recorder.back or recorder.marks or recorder.staged:
        memory = await services.known_people.read(domain)
        back = {source_id: account for account, source_id in recorder.back.items() if source_id}
        links, today = {**memory.links, **recorder.created, **back}, services.clock.now().date()
        now = await services.clock.in_thread(linked, memory, links, today, recorder.back.keys())
        now = with_blocked(now, memory.blocked | recorder.marks)
        time, undone = services.clock.now(), recorder.undoes
        leavers = dict(memory.leavers)
        for account, change in recorder.staged.items():
            leavers |= leaver_after(leavers, change, account, time, undone=undone)
        now = with_leavers(now, without_old(leavers, time))
        delta = await services.clock.in_thread(difference, memory, now)
        await services.known_people.write(delta, memory)


async def settle(services: Services, fence: Fence, log: SyncLog) -> None:
    """Completes the records of a sync that ends early, and counts it anew by them: no write is without its row.

    Whom it created is linked: nobody will read this journal again.
    Raises LeaseLost if the run was taken over.
    """
    recorder = await _reopen(services, fence, log.run, has_written=True)
    if recorder is None:
        return
    graph = services.graph().within(LOOK_UP_SECONDS)
    await recorder.record(await close_doubts(recorder, map(recorder.unheard, recorder.in_doubt), graph))
    await link_created(services, log.run.domain, recorder)
    log.recount(recorder.results)
    log.take_over(recorder)


async def _reopen(services: Services, fence: Fence, run: Run, *, has_written: bool) -> Recorder | None:
    """`has_written`: this invocation may have; an earlier one of the run in any case."""
    if run.mode is not Mode.SYNC:
        return None
    others = fence.invocation > 1
    begun = (has_written or others) and await services.audit_logs.has_begun(run)
    if others and not begun:
        # The audit log goes after a day, also that of a run which was interrupted for longer; the journal stays.
        begun = await Journal.exists(services.storage, run.domain, run.id)
    left = await _left_in_doubt(services, run)
    if not begun and not left:
        return None
    recorder = await Recorder.open(services, run, fence.invocation)
    recorder.carry(left)
    return recorder


async def _left_in_doubt(services: Services, run: Run) -> list[Unheard]:
    """What the last sync of the domain could not settle."""
    left_by = (await services.runs.read_pointers(run.domain)).in_doubt
    earlier = await services.runs.find(run.domain, left_by) if left_by else None
    if earlier is None:
        return []
    try:
        journal = await Journal.read_finished(services.storage, run.domain, earlier.id)
    except JournalGone:
        return []
    # The previous version did not say when.
    sent = earlier.created_at, earlier.finished_at or services.clock.now()
    return [Unheard.of(one.outcome.change, *(one.sent or sent)) for one in journal.in_doubt]


async def close_doubts(recorder: Recorder, looks: Iterable[Unheard], graph: Graph) -> list[Outcome]:
    """An outcome for everything that took effect or may have. The intents of what certainly did not are revoked.

    What an earlier run has left in doubt has an outcome in any case: its audit log has announced one.
    """
    looks = list(looks)
    outcomes = await settle_doubts(looks, graph)
    ended = {key(outcome.change) for outcome in outcomes}
    await recorder.revoke([look.change for look in looks if key(look.change) not in ended])
    return outcomes


async def settle_doubts(looks: Sequence[Unheard], graph: Graph) -> list[Outcome]:
    """As `close_doubts`, and nothing is revoked: what certainly did not take effect has no outcome."""
    unread = say("graph.tookTooLong")
    found: dict[Unheard, Found] = {}
    try:
        async for some in look_up(looks, graph):
            found |= dict(some)
    except (GraphError, RunStopped) as error:
        unread = parts_of(error)
    unknown = Found(made=None, unread=unread)
    outcomes = (_outcome(look, found.get(look, unknown), graph.clock.now()) for look in looks)
    return [outcome for outcome in outcomes if outcome is not None]


def _outcome(look: Unheard, found: Found, now: datetime) -> Outcome | None:
    change = look.change
    if found.made is None:
        return Outcome.in_doubt(change, found.unread)
    # Whoever was restored has a link, by which the next run gives them their UPN.
    via = None if change.action is Action.RESTORE else change.via
    if found.user and via and str(found.user.get(UPN)).lower() == via.lower():
        return Outcome.failed(change, STEPPED_ASIDE, say("doubt.steppedAside", upn=via))
    if found.made:
        return Outcome.took_effect(change, str(found.user["id"]) if found.user else change.object_id)
    if look.until and (found.user or not look.may_be_hidden(now)):
        return Outcome.failed(change, "NotMade", say("doubt.notMade"))
    # Whether somebody was changed whom another has deleted meanwhile, nobody can tell any more.
    if change.action is not Action.DELETE and found.user is None:
        return Outcome.in_doubt(change, say("doubt.notShown"))
    return None
