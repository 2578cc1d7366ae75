"""A sync taken up again: whom an earlier invocation created is known by their link before anybody is matched.

Somebody may have edited their UPN in the source since. Without the link they would look like two people, one to be
created a second time under the new UPN, and one to be deleted under the old.
"""

from shared.entra.batch import Batches
from shared.model.changes import Action
from shared.model.runs import Mode, Run
from shared.outbound.waiting import Guard
from shared.runs.doubts import settled_doubts
from shared.runs.recorder import Trail
from shared.services import Services
from shared.store.runs import Hold


async def take_up(services: Services, hold: Hold, run: Run, guard: Guard) -> Trail | None:
    """The trail that an earlier invocation of this sync left, None if there is none; LeaseLost if taken over."""
    if run.mode is not Mode.SYNC or not await services.audit_logs.begun(run):
        return None
    trail = await Trail.open(services.storage, services.audit_logs, run, hold.invocation)
    batches = Batches(services.graph, services.gate, guard, services.settings.batches_in_flight)
    creations = [change for change in trail.in_doubt if change.action is Action.ADD]
    looked_up = await settled_doubts(creations, batches)
    # Whoever is not there is planned again, or is looked for once more in the end.
    await trail.record([outcome for outcome in looked_up if outcome.succeeded])
    if trail.created:
        links = await services.links.read(run.domain)
        await services.links.write(run.domain, {**links, **trail.created})
    return trail
