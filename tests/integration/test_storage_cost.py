"""How often a run asks storage. Whatever is added is paid for by every domain, every hour, so it is to be seen here."""

from collections import Counter
from typing import get_args

import pytest

from shared.model.notifications import Event, Notification
from shared.model.records import Author
from shared.model.runs import Mode, Trigger
from shared.runs import lifecycle
from shared.runs.invocation import Finished, perform
from shared.services import Services
from shared.settings import Settings
from tests.integration.test_invocation import PassingTime
from tests.support.stack import CONTOSO, StartStack, in_entra, in_source
from tests.support.storage_control import Asked, storage_of

AUTHOR = Author("somebody", "127.0.0.1")
EVERYTHING = Notification.model_validate(
    {"id": "ops", "kind": "slack", "url": "https://hooks.test/x", "events": get_args(Event)}
)
# Two batches of writes.
PEOPLE = [f"user{n}" for n in range(40)]
EVERY_RUN = {
    # One for the domain, one for the source, which this run reads for all domains.
    "AcquireBlobLease locks": 2,
    "EntityGroupTransaction Domains": 1,
    "GetBlob links": 1,
    "GetBlob tenant": 1,
    "GetEntity Domains": 5,
    "MergeEntity Runs": 1,
    "QueryEntities Domains": 2,
    # The copy of Entra's users: to go on from, and the domain's part. Both sides are written.
    "GetBlob snapshots": 2,
    "PutBlob snapshots": 2,
    # The pointers; who may write the run, with the head of the chain of runs. Three for the source: at the run's
    # start, before it is read, and for those who wait.
    "QueryEntities Runs": 5,
    "ReleaseBlobLease locks": 2,
}
EVERY_SYNC = {
    **EVERY_RUN,
    # One for the person who starts it: whether a dry run has shown a changed map.
    "QueryEntities Runs": 7,
    # Two for the source: it is begun, and ended.
    "EntityGroupTransaction Runs": 7,
    "PutBlob audit-logs": 1,
    "PutBlob journal": 1,
}
# Planned a second time, with what was read live.
PLANNED_TWICE = {"GetBlob links": 2, "GetEntity Domains": 6, "QueryEntities Domains": 4}
COSTS = {
    (Mode.DRY_RUN, "changed"): {
        **EVERY_RUN,
        **PLANNED_TWICE,
        "EntityGroupTransaction Runs": 6,
        "GetBlobProperties audit-logs": 3,
        "GetEntity Runs": 3,
        "PutBlob audit-logs": 2,
        # What the pre-check has found.
        "PutBlob tenant": 1,
    },
    # One to keep what it found: the next hours may need no run.
    (Mode.SYNC, "as before"): {
        **EVERY_SYNC,
        "AppendBlock audit-logs": 1,
        "EntityGroupTransaction Runs": 8,
        "GetEntity Runs": 2,
    },
    (Mode.SYNC, "changed"): {
        **EVERY_SYNC,
        **PLANNED_TWICE,
        "AppendBlock audit-logs": 3,
        "AppendBlock journal": 4,
        "EntityGroupTransaction history": 2,
        # Of the write quota's row, which is read where the process has not written it before.
        "EntityGroupTransaction Runs": 8,
        # Before each batch that writes, and once before what only reads: no second passes.
        "GetEntity Runs": 5,
        "PutBlob links": 1,
    },
}


def kind(asked: Asked) -> str:
    """The operation and its table or container, without the month of a table of histories."""
    return f"{asked.operation} {asked.resource.partition('(')[0].partition('/')[0].rstrip('0123456789')}"


async def perform_one(services: Services, mode: Mode) -> None:
    run = lifecycle.new_run(services.clock, CONTOSO, mode, Trigger.MANUAL, AUTHOR)
    await lifecycle.start(services, run)
    assert isinstance(await perform(services, CONTOSO, run.id), Finished)


@pytest.mark.parametrize(("mode", "people"), COSTS)
@pytest.mark.parametrize("notifications", [(), (EVERYTHING,)], ids=["nobody", "somebody"])
async def test_a_run_asks_for_exactly_so_much(
    start_stack: StartStack, mode: Mode, people: str, notifications: tuple[Notification, ...]
) -> None:
    """Also where somebody wants word of it: messages go with what the run writes anyway."""
    stack = await start_stack(
        source=[in_source(name) for name in PEOPLE],
        entra=[in_entra(name) for name in PEOPLE],
        settings={"BATCHES_IN_FLIGHT": "1"},
        host=False,
    )
    services = Services(Settings.from_environment(stack.settings), PassingTime())
    await services.tenant_settings.change({"notifications": notifications}, AUTHOR, None)
    # The first run makes the tables and containers.
    for first in Mode:
        await perform_one(services, first)
    if people == "changed":
        await services.storage.open_table(f"history{services.clock.now():%Y%m}")
    for name in PEOPLE if people == "changed" else ():
        stack.access_control.users.edit(name, {"given_name": "New"})
    await storage_of(stack).forget()

    await perform_one(services, mode)
    await services.aclose()

    # A heartbeat comes only on a slow machine.
    asked = Counter(kind(one) for one in await storage_of(stack).operations())
    del asked["RenewBlobLease locks"]
    assert asked == COSTS[mode, people]
