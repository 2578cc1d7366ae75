"""However a sync ends, what it did is in its audit log and its counts: cancelled, unreadable, given up.

The sync was cut off before, and the answer to what it did last is lost.
"""

import base64
import uuid
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from local.access_control import Fault, User
from local.entra import Fault as GraphFault
from shared.model.changes import Action, AttributeChange, Change, Plan
from shared.model.memory import difference, linked
from shared.model.results import Outcome, Result
from shared.model.runs import Counts, Run, Status
from shared.planning.limits import check_deletions
from shared.planning.mapping import UPN
from shared.runs.messages import POISON_QUEUE, QUEUE, message
from shared.runs.recorder import Recorder
from shared.store.leases import take_lease
from tests.support.outcomes import undone
from tests.support.people import INITIAL_DOMAIN
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

EDITED = "edited@contoso.com"


def just_now() -> str:
    """As Graph writes times: who was there before a run, the run has not created."""
    return f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"


def add(name: str) -> Change:
    upn = AttributeChange(UPN, None, f"{name}@contoso.com")
    return Change(
        action=Action.ADD, upn=f"{name}@contoso.com", display_name=name, source_id=name, attributes=(upn,)
    )


async def cut_off(stack: Stack, *intended: str) -> Run:
    """A sync whose worker died after it sent these creations, of which only the first took effect."""
    return await cut_off_after(stack, [add(name) for name in intended or ("created",)])


async def cut_off_after(stack: Stack, intended: Sequence[Change]) -> Run:
    """A sync whose worker died after it sent these changes."""
    services, run = stack.services, await stack.start_without_message()
    fence = await services.runs.take(CONTOSO, run.id)
    assert fence is not None
    run = run.model_copy(update={"status": Status.RUNNING, "invocations": 1})
    await services.runs.save(fence, run)
    recorder = await Recorder.open(services, run, fence.invocation)
    await recorder.intend(intended)
    return run


async def send(stack: Stack, queue: str, run: Run) -> None:
    async with QueueClient.from_connection_string(stack.settings["AzureWebJobsStorage"], queue) as client:
        await client.send_message(base64.b64encode(message(CONTOSO, run.id).encode()).decode())


async def started(start_stack: StartStack) -> Stack:
    stack = await start_stack(
        source=[in_source("created")], entra=[in_entra("created", createdDateTime=just_now())]
    )
    await stack.dry_run()  # which makes the queues
    return stack


async def assert_told(stack: Stack, run: Run) -> None:
    """The creation that took effect has its row and is counted."""
    rows = [(r["userPrincipalName"], r["result"]) for r in await stack.audit_log(run)]
    assert rows == [("created@contoso.com", "succeeded")]
    assert (run.counts.add, run.counts.failed) == (1, 0)
    assert "1 of 1 changes were made and stand" in run.message


async def test_a_cancelled_sync_tells_what_was_under_way(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    run = await cut_off(stack)
    await stack.post(f"domains/{CONTOSO}/runs/{run.id}/cancel")

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert ended.status == "cancelled"
    await assert_told(stack, ended)


async def test_what_entra_does_not_show_is_named_as_in_doubt(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    run = await cut_off(stack, "created", "lost")
    await stack.post(f"domains/{CONTOSO}/runs/{run.id}/cancel")

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    rows = {(r["userPrincipalName"], r["result"], r["errorCode"]) for r in await stack.audit_log(ended)}
    assert rows == {("created@contoso.com", "succeeded", ""), ("lost@contoso.com", "inDoubt", "InDoubt")}
    assert "1 of 2 changes were made and stand; the next run does the rest. 1 are in doubt" in ended.message


async def test_a_sync_whose_source_cannot_be_read_any_more_tells_what_was_under_way(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)
    run = await cut_off(stack)
    stack.access_control.faults.add(Fault(kind="status", status=403))

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert ended.status == "failed"
    await assert_told(stack, ended)


async def test_a_sync_that_is_denied_in_the_end_tells_who_has_stepped_aside(start_stack: StartStack) -> None:
    """The denial is of the second step: the first one was made by the worker that died."""
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    await stack.sync()
    (account,) = (user["id"] for user in stack.users().values())
    aside = f"sync-{account}@{INITIAL_DOMAIN}"
    renamed = AttributeChange(UPN, "aoki@contoso.com", EDITED)
    change = Change(
        action=Action.RENAME, upn="aoki@contoso.com", display_name="aoki", object_id=account, source_id="aoki",
        attributes=(renamed,), via=aside,
    )  # fmt: skip
    run = await cut_off_after(stack, [change])
    stack.entra.directory.update(stack.entra.directory.users[account], {"userPrincipalName": aside})
    stack.access_control.users.put(User.model_validate(in_source("aoki", user_principal_name=EDITED)))
    stack.entra.faults.add(GraphFault(kind="status", status=403, where="inner", method="PATCH"))

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    (row,) = await stack.audit_log(ended)
    assert (ended.status, row["objectId"], row["result"], row["errorCode"]) == (
        "failed", account, "failed", "SteppedAside",
    )  # fmt: skip
    stack.entra.faults.clear()
    undo = await undone(stack, ended)
    assert (undo.counts.rename, list(stack.users())) == (1, ["aoki@contoso.com"])


async def test_a_sync_that_was_given_up_tells_what_was_under_way(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    run = await cut_off(stack)

    await send(stack, POISON_QUEUE, run)

    ended = await stack.finished(run)
    assert ended.message.startswith("Given up after five failed tries")
    await assert_told(stack, ended)


async def test_a_sync_that_somebody_performs_is_not_given_up(start_stack: StartStack) -> None:
    """A message may come twice: one of the two may fail five times while the other does the work."""
    stack = await started(start_stack)
    run = await cut_off(stack)

    async with take_lease(stack.services.storage, stack.services.settings, CONTOSO):
        await send(stack, POISON_QUEUE, run)
        with pytest.raises(TimeoutError):
            await stack.finished(run, seconds=2)

    assert (await stack.finished(run)).status == "failed"


async def test_whose_upn_is_edited_while_their_creation_is_in_doubt_is_renamed_and_not_created_again(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)
    run = await cut_off(stack)
    stack.access_control.users.put(User.model_validate(in_source("created", user_principal_name=EDITED)))
    await stack.set(maxAllowedDeletions=100)
    (account,) = (user["id"] for user in stack.users().values())

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert (ended.status, ended.counts.add, ended.counts.rename, ended.counts.delete) == (
        "succeeded",
        1,
        1,
        0,
    )
    assert {upn: user["id"] for upn, user in stack.users().items()} == {EDITED: account}
    rows = [(r["action"], r["objectId"], r["result"]) for r in await stack.audit_log(ended)]
    assert rows == [("add", account, "succeeded"), ("rename", account, "succeeded")]


async def synchronised(start_stack: StartStack) -> Stack:
    """Aoki is known from an earlier sync. The account `created` is there, and nobody knows of it."""
    stack = await start_stack(
        source=[in_source("aoki"), in_source("created")],
        entra=[in_entra("aoki"), in_entra("created", createdDateTime=just_now())],
    )
    await stack.set(maxAllowedDeletions=100)
    assert (await stack.sync()).status == "succeeded"
    memory = await stack.services.known_people.read(CONTOSO)
    known = linked(memory, {"aoki": memory.links["aoki"]}, date(2026, 3, 31))
    await stack.services.known_people.write(difference(memory, known), memory)
    return stack


async def assert_renamed_by_the_next_sync(stack: Stack) -> None:
    accounts = {upn: user["id"] for upn, user in stack.users().items()}
    stack.access_control.users.put(User.model_validate(in_source("created", user_principal_name=EDITED)))

    after = await stack.sync()

    assert (after.counts.add, after.counts.rename, after.counts.delete) == (0, 1, 0)
    assert stack.users()[EDITED]["id"] == accounts["created@contoso.com"]


@pytest.mark.parametrize("queue", [QUEUE, POISON_QUEUE])
async def test_whom_a_sync_created_that_then_ended_early_is_known_to_the_next(
    start_stack: StartStack, queue: str
) -> None:
    stack = await synchronised(start_stack)
    run = await cut_off(stack)
    if queue == QUEUE:
        await stack.post(f"domains/{CONTOSO}/runs/{run.id}/cancel")

    await send(stack, queue, run)

    await stack.finished(run)
    await assert_renamed_by_the_next_sync(stack)


async def test_a_creation_in_doubt_is_known_after_its_audit_log_is_gone(start_stack: StartStack) -> None:
    stack = await synchronised(start_stack)
    run = await cut_off(stack)
    await stack.services.audit_logs.delete_expired(datetime.now(UTC) + timedelta(hours=25))
    (account,) = (user["id"] for upn, user in stack.users().items() if upn.startswith("created"))
    stack.access_control.users.put(User.model_validate(in_source("created", user_principal_name=EDITED)))

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert (ended.counts.add, ended.counts.rename, ended.counts.delete) == (1, 1, 0)
    assert stack.users()[EDITED]["id"] == account


async def test_a_queued_sync_that_is_cancelled_touches_nobody(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    run = await stack.start_without_message()
    await stack.post(f"domains/{CONTOSO}/runs/{run.id}/cancel")

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert (ended.status, stack.writes()) == ("cancelled", [])
    assert ended.message.endswith("Nothing was applied.")


async def test_a_message_that_comes_twice_starts_the_run_once(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source(f"u{n}") for n in range(30)])
    await stack.dry_run()
    run = await stack.start_without_message()

    await send(stack, QUEUE, run)
    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert (ended.status, ended.counts.add, ended.invocations) == ("succeeded", 30, 1)
    assert stack.entra.requests.count("POST", "/users") == 30


async def test_the_limit_holds_for_a_run_and_not_for_each_of_its_invocations(start_stack: StartStack) -> None:
    """Of twelve users the first invocation deleted four, two of them unheard; two more are left to delete."""
    stays, left = [f"stays{n}" for n in range(6)], ["left0", "left1"]
    stack = await start_stack(
        source=[in_source(name) for name in stays], entra=[in_entra(name) for name in (*stays, *left)]
    )
    await stack.set(maxAllowedDeletions=50)
    await stack.dry_run()
    run = await cut_off_deleting(stack, [f"gone{n}" for n in range(4)], of=12)

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    assert (ended.status, set(stack.users())) == (
        "cancelled",
        {f"{name}@contoso.com" for name in (*stays, *left)},
    )
    assert ended.message.startswith(
        "Cancelled, 4 changes of an earlier invocation stand: 6 of 12 users = 50% ≥ 50%."
    )
    check = ended.deletion_check
    assert check is not None
    assert (check.deletions, check.target, check.exceeded) == (6, 12, True)
    rows = [
        (row["userPrincipalName"].partition("@")[0], row["result"]) for row in await stack.audit_log(ended)
    ]
    assert sorted(rows) == [
        *((f"gone{n}", "succeeded") for n in range(4)),
        ("left0", "notApplied"),
        ("left1", "notApplied"),
    ]
    assert (ended.counts.delete, ended.counts.target, ended.counts.source) == (4, 12, 6)


async def cut_off_deleting(stack: Stack, names: list[str], *, of: int) -> Run:
    """A sync whose worker died after it sent these deletions, and heard of the first two."""
    services, run = stack.services, await stack.start_without_message()
    fence = await services.runs.take(CONTOSO, run.id)
    assert fence is not None
    deletes = [
        Change(
            action=Action.DELETE, upn=f"{name}@contoso.com", display_name=name, object_id=str(uuid.uuid4())
        )
        for name in names
    ]
    check = check_deletions(Plan(changes=tuple(deletes), source=6, target=of, unchanged=6), 50)
    run = run.model_copy(
        update={
            "status": Status.RUNNING,
            "invocations": 1,
            "deletion_check": check,
            "counts": Counts(source=6, target=of, unchanged=6),
        }
    )
    await services.runs.save(fence, run)
    recorder = await Recorder.open(services, run, fence.invocation)
    await recorder.intend(deletes)
    await recorder.record([Outcome(change=one, result=Result.SUCCEEDED) for one in deletes[:2]])
    return run


async def test_a_creation_has_its_row_after_somebody_corrected_the_name(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("created")])
    await stack.dry_run()
    run = await cut_off(stack)
    directory = stack.entra.directory
    created = directory.create({"userPrincipalName": "created@contoso.com", "displayName": "Wrong"})
    directory.update(created, {"displayName": "Corrected", "surname": "By hand"})

    await send(stack, QUEUE, run)

    ended = await stack.finished(run)
    rows = {(row["action"], row["result"], row["objectId"]) for row in await stack.audit_log(ended)}
    assert rows == {("add", "succeeded", created.id), ("update", "succeeded", created.id)}
    assert (ended.counts.add, ended.counts.update) == (1, 1)
