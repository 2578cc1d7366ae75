"""What the queue may do to a run: deliver nonsense, fail five times, give up."""

import base64

from azure.storage.queue.aio import QueueClient

from shared.runs.messages import POISON_QUEUE, QUEUE, message
from shared.store.storage import LINKS, LOCKS
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source, until


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
    await stack.dry_run()
    await stack.services.storage.blobs.delete_container(LOCKS)

    run = await stack.sync()

    assert (run.status, run.message.split(";")[0]) == ("failed", "Given up after five failed tries")
    assert stack.writes() == []


async def test_a_run_that_gets_nothing_done_in_three_invocations_is_given_up(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")])
    container = await stack.services.storage.open_container(LINKS)
    await container.upload_blob(CONTOSO, b"not JSON")

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
