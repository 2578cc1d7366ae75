"""What an invocation says when it is done: whether its run's message is to be sent again."""

import asyncio

from local.entra import Fault
from shared.clock import Clock
from shared.runs.invocation import Busy, Continues, Finished, perform
from shared.services import Services
from shared.settings import Settings
from shared.store.leases import take_lease
from tests.support.stack import CONTOSO, StartStack, in_source, until


class PassingTime(Clock):
    """Time that passes in waits, which take none."""

    def __init__(self) -> None:
        super().__init__()
        self.elapsed = 0.0

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        self.elapsed += seconds
        await asyncio.sleep(0)


async def test_it_has_finished_a_run_also_one_that_had_ended_before(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], host=False)
    run = await stack.start_without_message()

    results = [await perform(stack.services, CONTOSO, run.id) for _ in range(2)]

    assert results == [Finished(), Finished()]
    ended = await stack.services.runs.get(CONTOSO, run.id)
    assert (ended.status, ended.invocations) == ("succeeded", 1)


async def test_it_continues_when_its_time_is_up(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], host=False, settings={"TIME_BUDGET_SECONDS": "1"})
    stack.entra.faults.add(Fault(kind="status", status=429, retry_after=30, path="/$batch", where="outer"))
    run = await stack.start_without_message()

    result = await perform(stack.services, CONTOSO, run.id)

    assert result == Continues("The invocation's time is up; the run goes on in the next one.")
    assert (await stack.services.runs.get(CONTOSO, run.id)).status == "running"


async def test_it_continues_when_another_invocation_may_hold_the_domain(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], host=False)
    later = Fault(kind="status", status=429, retry_after=30, path="/$batch", where="outer")
    stack.entra.faults.add(later)
    run = await stack.start_without_message()

    async def refused() -> int:
        return later.struck

    async with asyncio.TaskGroup() as tasks:
        performing = tasks.create_task(perform(stack.services, CONTOSO, run.id))
        await until(refused)
        await stack.services.runs.take(CONTOSO, run.id)

    assert performing.result() == Continues(
        f"Another invocation has taken over the run {run.id} of {CONTOSO}."
    )
    assert stack.writes() == []


async def test_it_is_busy_while_another_invocation_keeps_the_domain(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], host=False)
    run = await stack.start_without_message()
    impatient = Services(Settings.from_environment(stack.settings), PassingTime())

    async with take_lease(stack.services.storage, stack.services.settings, CONTOSO):
        result = await perform(impatient, CONTOSO, run.id)
    await impatient.aclose()

    assert result == Busy(f"Another run holds {CONTOSO} and is alive.")
    assert (await stack.services.runs.get(CONTOSO, run.id)).status == "queued"


async def test_what_a_later_invocation_is_warned_of_is_told_too(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], host=False)
    later = Fault(kind="status", status=429, retry_after=5, method="POST", path="/users", where="inner")
    stack.entra.faults.add(later)
    run = await stack.start_without_message()

    async def refused() -> int:
        return later.struck

    async with asyncio.TaskGroup() as tasks:
        performing = tasks.create_task(perform(stack.services, CONTOSO, run.id))
        await until(refused)
        await stack.services.runs.take(CONTOSO, run.id)
    assert isinstance(performing.result(), Continues)
    before = await stack.services.runs.get(CONTOSO, run.id)
    stack.let_go()
    stack.entra.faults.add(Fault(kind="status", status=400, path="/roleManagement/*"))

    await perform(stack.services, CONTOSO, run.id)

    ended = await stack.services.runs.get(CONTOSO, run.id)
    assert before.deletion_check is not None
    assert (ended.status, ended.counts.add, before.warning_parts) == ("succeeded", 1, ())
    assert [warning.code for warning in ended.warning_parts] == ["warning.rolesUnread"]
