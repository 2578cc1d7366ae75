"""What the queue may do to a run: deliver nonsense, fail five times, give up."""

import base64
from datetime import timedelta

import pytest
from azure.storage.queue.aio import QueueClient

from local.entra import FaultPlan
from local.host import Limits
from shared.runs import lifecycle
from shared.runs.messages import POISON_QUEUE, QUEUE, message
from shared.store.runs import PEOPLE
from shared.store.storage import AUDIT_LOGS, DOMAINS, JOURNAL, LINKS, LOCKS, RUNS
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source, until
from tests.support.storage_control import storage_of

FORBIDDEN = {"kind": "refuse", "code": "AuthorizationPermissionMismatch"}


async def send(stack: Stack, queue: str, text: str) -> None:
    """As an output binding sends it: in Base64."""
    async with QueueClient.from_connection_string(stack.settings["AzureWebJobsStorage"], queue) as client:
        await client.send_message(base64.b64encode(text.encode()).decode())


async def emptied(stack: Stack) -> None:
    """Waits until every message of the queue has been dealt with, those under way included."""
    connection = stack.settings["AzureWebJobsStorage"]
    async with QueueClient.from_connection_string(connection, QUEUE) as queue:

        async def empty() -> bool:
            return not (await queue.get_queue_properties()).approximate_message_count

        await until(empty)


async def test_a_run_whose_message_was_given_up_fails_with_a_reason_and_frees_the_domain(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    run = await stack.start_without_message()

    await send(stack, POISON_QUEUE, message(CONTOSO, run.id))

    ended = await stack.finished(run)
    assert ended.status == "failed"
    assert ended.message.startswith("Given up after five failed tries")
    assert (await stack.sync()).status == "succeeded"


async def test_a_run_that_raises_five_times_is_given_up(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    storage = storage_of(stack)
    await storage.faults({**FORBIDDEN, "operation": "AcquireBlobLease", "count": 5})

    run = await stack.sync()

    assert (run.status, run.message.split(";")[0]) == ("failed", "Given up after five failed tries")
    assert (await storage.struck(), stack.writes()) == ([5], [])


async def test_a_run_that_storage_lets_nobody_end_is_left_to_the_timer(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it can't be told whether an invocation performs it, nothing is ended."""
    stack = await start_stack(source=[in_source("aoki")])
    storage = storage_of(stack)
    refused = {**FORBIDDEN, "operation": "AcquireBlobLease"}
    await storage.faults(refused)
    run = await stack.start("sync")

    async def poisoned() -> bool:
        return await storage.struck() == [6]

    await until(poisoned)
    assert (await stack.run(run)).status == "queued"
    await storage.faults()
    monkeypatch.setattr(lifecycle, "abandoned_after", lambda _settings: timedelta(0))
    await stack.tick()

    assert (await stack.finished(run)).status == "succeeded"


async def test_a_run_that_storage_lets_nobody_end_for_a_moment_is_ended_when_its_message_comes_again(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(source=[in_source("aoki")], host=Limits(message_lock=1))
    run = await stack.start_without_message()
    await storage_of(stack).faults({**FORBIDDEN, "operation": "AcquireBlobLease", "count": 1})

    await send(stack, POISON_QUEUE, message(CONTOSO, run.id))

    ended = await stack.finished(run)
    assert (ended.status, ended.message.split(";")[0]) == ("failed", "Given up after five failed tries")
    assert await storage_of(stack).struck() == [1]


async def test_a_second_message_that_fails_five_times_never_ends_a_healthy_run(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(source=[in_source(f"u{n}") for n in range(30)])
    await stack.dry_run()
    stack.entra.faults.load(FaultPlan(latency_ms=300))
    run = await stack.start("sync")
    await stack.written(1)
    storage = storage_of(stack)
    await storage.faults({**FORBIDDEN, "operation": "AcquireBlobLease", "count": 7})

    await send(stack, QUEUE, message(CONTOSO, run.id))

    ended = await stack.finished(run)
    assert (ended.status, ended.counts.add, ended.invocations) == ("succeeded", 30, 1)
    assert len(await stack.audit_log(ended)) >= 30


@pytest.mark.parametrize("container", [LOCKS, AUDIT_LOGS, JOURNAL])
async def test_a_container_that_is_deleted_while_the_app_runs_is_made_anew(
    start_stack: StartStack, container: str
) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    await stack.sync()
    await stack.services.storage.blobs.delete_container(container)

    assert (await stack.sync()).status == "succeeded"


async def test_a_table_that_is_deleted_while_the_app_runs_is_made_anew(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    await stack.sync()
    for table in (RUNS, DOMAINS):
        await stack.services.storage.tables.delete_table(table)

    assert (await stack.sync()).status == "succeeded"


async def test_a_run_that_gets_nothing_done_in_three_invocations_is_given_up(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    refused = {"kind": "refuse", "code": "AuthorizationFailure", "resource": f"{LINKS}/{PEOPLE}"}
    await storage_of(stack).faults(refused)

    run = await stack.sync()

    assert (run.status, run.invocations) == ("failed", 3)
    assert run.message.startswith("Given up: 3 invocations in a row got nothing done.")


async def test_a_message_that_makes_no_sense_keeps_nobody_waiting(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    await stack.dry_run()

    for queue in (QUEUE, POISON_QUEUE):
        await send(stack, queue, '{"domain": "contoso.com"}')

    assert (await stack.sync()).status == "succeeded"
    assert len(await until(lambda: both_unreadable(stack))) == 2


async def both_unreadable(stack: Stack) -> list[dict[str, object]] | None:
    found = stack.events.named("queue.unreadable")
    return found if len(found) == 2 else None


async def test_a_queued_run_that_lost_its_message_is_cancelled_at_once(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    run = await stack.start_without_message()

    await stack.post(f"domains/{CONTOSO}/runs/{run.id}/cancel")

    ended = await stack.finished(run)
    assert (ended.status, ended.message) == ("cancelled", "Cancelled by function key. Nothing was applied.")


async def test_a_second_click_on_cancel_ends_a_run_whose_first_message_was_lost(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    run = await stack.start_without_message()
    await storage_of(stack).faults({**FORBIDDEN, "operation": "PutMessage", "count": 1})
    cancel = f"domains/{CONTOSO}/runs/{run.id}/cancel"

    answers = [(await stack.post(cancel)).status_code for _ in range(2)]

    assert answers == [500, 202]
    assert (await stack.finished(run)).status == "cancelled"
    assert stack.writes() == []


async def test_a_message_that_comes_twice_makes_one_run(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])

    run = await stack.start("sync")
    await send(stack, QUEUE, message(CONTOSO, run.id))
    await stack.finished(run)
    await emptied(stack)

    assert len(stack.events.named("run.started")) == 1
    assert stack.writes() == ["POST /users"]


async def test_a_message_of_a_run_that_has_ended_does_nothing(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    ended = await stack.dry_run()

    await send(stack, QUEUE, message(CONTOSO, ended.id))
    await emptied(stack)

    assert await stack.run(ended) == ended
    assert len(stack.events.named("run.started")) == 1
