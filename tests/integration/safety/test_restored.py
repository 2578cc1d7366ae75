"""Who was restored, or may have been, gets no second account while Entra shows theirs nowhere."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from local.entra import Fault
from shared.errors import TimeBudgetSpent
from shared.model.changes import Change
from shared.model.memory import difference
from shared.model.runs import Run
from shared.runs.apply import Sync
from tests.support.outcomes import ANY_DELETION, names, rows_of, treated, undone
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

GONE = "00000000-0000-4000-8000-00000000000f"
LONG_AGO = "2026-01-01"
FEDERATED: list[Json] = [
    {"id": CONTOSO, "authenticationType": "Federated"},
    {"id": "contoso.onmicrosoft.com", "isInitial": True, "isDefault": True},
]


def unheard(path: str) -> Fault:
    return Fault(kind="status", status=504, where="inner", method="POST", path=path, took_effect=True)


def hide(stack: Stack) -> None:
    """Entra answers 404 for who was restored, and has them neither in its list of users nor of deleted ones."""
    stack.entra.faults.clear()
    stack.entra.faults.plan.fresh_not_found_seconds = 3_600
    stack.entra.faults.plan.stale_list_seconds = 120


def correct(stack: Stack) -> None:
    """Under the UPN that they had, Entra itself would refuse them a second account."""
    stack.access_control.users.edit("back", {"user_principal_name": "correct@contoso.com"})


async def begin(start_stack: StartStack, *, heard: bool) -> tuple[Stack, Run]:
    """Somebody whom earlier syncs had known for long, who was deleted by hand, and is restored by a sync."""
    stack = await start_stack(
        source=[in_source("back")],
        tenant={"deletedUsers": [in_entra("back", id=GONE)]},
        settings={"READ": "live"},
    )
    await remember(stack, LONG_AGO, back=GONE)
    stack.entra.faults.plan.fresh_not_found_seconds = 3_600
    if not heard:
        stack.entra.faults.add(unheard(f"*{GONE}/restore"))
    return stack, await stack.sync()


async def remember(stack: Stack, since: str, **links: str) -> None:
    memory = await stack.services.known_people.read(CONTOSO)
    aged = replace(memory, links={**memory.links, **links}, since=dict.fromkeys(links, since))
    await stack.services.known_people.write(difference(memory, aged), memory)


async def test_in_doubt(start_stack: StartStack) -> None:
    stack, sync = await begin(start_stack, heard=False)
    hide(stack)
    correct(stack)

    too_soon = await stack.sync()
    stack.entra.faults.clear()
    closing, after = await stack.sync(), await stack.sync()

    assert await treated(stack, sync) == {"back": ("restore", "inDoubt")}
    assert (await rows_of(stack, too_soon))["back"]["result"] == "inDoubt"
    assert (closing.counts.restore, closing.counts.rename + after.counts.rename) == (1, 1)
    assert names(stack.users()) == {"correct"}


async def test_in_doubt_and_cut_off_once_more(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second invocation knows nothing of the doubt that the first has told of."""
    stack, _ = await begin(start_stack, heard=False)
    hide(stack)
    correct(stack)
    cut_off_once(monkeypatch)

    too_soon = await stack.sync()

    assert (too_soon.invocations, names(stack.users())) == (2, {"back"})


async def test_restored_in_all_clarity(start_stack: StartStack) -> None:
    """By a sync that has heard so."""
    stack, sync = await begin(start_stack, heard=True)
    hide(stack)
    correct(stack)

    too_soon = await stack.sync()
    stack.entra.faults.clear()
    after = await stack.sync()

    assert (sync.counts.restore, too_soon.counts.add) == (1, 0)
    assert (after.counts.rename, names(stack.users())) == (1, {"correct"})


async def test_known_for_long(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("back")], entra=[in_entra("back", id=GONE)])
    await remember(stack, LONG_AGO, back=GONE)
    stack.entra.directory.delete(stack.entra.directory.users[GONE])

    sync = await stack.sync()

    memory = await stack.services.known_people.read(CONTOSO)
    assert (sync.counts.restore, memory.links) == (1, {"back": GONE})
    assert memory.since["back"] == f"{datetime.now(UTC):%Y-%m-%d}"


async def test_by_an_undo(start_stack: StartStack) -> None:
    """It does not say who in the source they are."""
    stack = await start_stack(
        source=[in_source("stays")], entra=[in_entra("stays"), in_entra("back", id=GONE)]
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    await remember(stack, LONG_AGO, back=GONE)
    sync = await stack.sync()

    undo = await undone(stack, sync)

    memory = await stack.services.known_people.read(CONTOSO)
    assert (sync.counts.delete, undo.counts.restore, memory.links["back"]) == (1, 1, GONE)
    assert memory.since["back"] == f"{datetime.now(UTC):%Y-%m-%d}"


async def test_a_restore_that_is_refused_gives_nobody_that_account(start_stack: StartStack) -> None:
    """The immutable ID in the source was a mistake."""
    stack = await start_stack(
        source=[in_source("new", immutable_id="K"), in_source("stays", immutable_id="K9")],
        entra=[in_entra("stays", onPremisesImmutableId="K9")],
        tenant={"deletedUsers": [in_entra("boss", id=GONE, onPremisesImmutableId="K")]},
    )
    stack.entra.faults.add(
        Fault(kind="status", status=400, where="inner", method="POST", path=f"*{GONE}/restore")
    )
    sync = await stack.sync()
    stack.entra.faults.clear()
    stack.access_control.users.edit("new", {"immutable_id": "K1"})

    after = await stack.sync()

    assert await treated(stack, sync) == {"boss": ("restore", "failed")}
    assert (after.counts.add, after.counts.restore, names(stack.users())) == (1, 0, {"stays", "new"})


@pytest.mark.parametrize("heard", [False, True])
async def test_left_at_the_temporary_upn(start_stack: StartStack, heard: bool) -> None:
    """Nothing but their link tells whose account that is."""
    stack = await start_stack(
        domains=FEDERATED,
        source=[in_source("back", immutable_id="K2"), in_source("stays", immutable_id="K9")],
        entra=[in_entra("stays", onPremisesImmutableId="K9")],
        tenant={"deletedUsers": [in_entra("back", id=GONE)]},
    )
    refused = Fault(kind="status", status=400, where="inner", method="PATCH", path=f"/users/{GONE}")
    stack.entra.faults.add(refused if heard else unheard(f"*{GONE}/restore"))
    stack.entra.faults.plan.fresh_not_found_seconds = 0 if heard else 3_600
    await stack.sync()
    stack.entra.faults.clear()
    correct(stack)

    after = await stack.sync()

    assert (after.counts.add, after.counts.rename) == (0, 1)
    assert stack.users().keys() == {"stays@contoso.com", "correct@contoso.com"}


async def test_an_undo_again_leaves_the_doubt_open(start_stack: StartStack) -> None:
    """It can't restore whom it finds nowhere; that says nothing of what became of the first."""
    stack = await start_stack(
        source=[in_source("stays")], entra=[in_entra("stays"), in_entra("back", id=GONE)]
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    sync = await stack.sync()
    stack.entra.faults.plan.fresh_not_found_seconds = 3_600
    stack.entra.faults.add(unheard("*/restore"))
    first = await undone(stack, sync)
    hide(stack)

    again = await undone(stack, sync)

    assert await treated(stack, first) == {"back": ("restore", "inDoubt")}
    assert await treated(stack, again) == {"back": ("restore", "inDoubt")}


def cut_off_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """The next sync is out of time before its first write."""
    apply, struck = Sync._apply, list[bool]()

    async def cut_off(self: Sync, changes: list[Change]) -> None:
        if not struck:
            struck.append(True)
            raise TimeBudgetSpent("run.timeIsUp")
        await apply(self, changes)

    monkeypatch.setattr(Sync, "_apply", cut_off)
