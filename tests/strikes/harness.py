"""Runs a scenario without faults to learn its writes, then again with a fault at one of them."""

import asyncio
import itertools
import logging
import os
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial

from local.host import Limits
from tests.strikes.matrix import LEASE, QUEUE_TIMEOUT, STORAGE_TIMEOUT, Write, writes_of
from tests.strikes.scenarios import SCENARIOS, Case, Scenario, judge, perform
from tests.support.stack import running_stack, until
from tests.support.storage_control import StorageControl

# They share one event loop, in which more would wait for each other.
AT_ONCE = 3 * (os.cpu_count() or 1)
SETTINGS = {"STORAGE_TIMEOUT_SECONDS": str(STORAGE_TIMEOUT), "LEASE_SECONDS": str(LEASE)}
# On a busy machine the host may give up a message that it was given: it comes again after the lock.
LIMITS = Limits(storage_answer=QUEUE_TIMEOUT, message_lock=20)
_numbers = itertools.count(1)


@dataclass(frozen=True, slots=True)
class Strike:
    """One write of one scenario, and the fault that strikes it."""

    scenario: str
    write: Write
    fault: str

    def __str__(self) -> str:
        return f"{self.scenario}: {self.write}: {self.fault}"


async def writes_in_peace(scenario: Scenario, storage: str) -> list[Write]:
    """Every write of the scenario without faults, in order; asserts that the scenario ends as it should."""
    async with _prepared(scenario, storage) as (case, control):
        await perform(scenario, case)
        asked = await control.writes()
        await judge(scenario, case)
        assert case.wrong == [], case.wrong
        return writes_of(asked, case.domain)


async def struck(strikes: Iterable[Strike], storage: Iterator[str]) -> dict[Strike, list[str]]:
    """What is wrong after each strike; several run at a time, each with its own stack and storage account."""
    turns = asyncio.Semaphore(AT_ONCE)

    async def one(strike: Strike) -> tuple[Strike, list[str]]:
        async with turns:
            return strike, await _struck(strike, next(storage))

    return dict(await asyncio.gather(*map(one, strikes)))


async def _struck(strike: Strike, storage: str) -> list[str]:
    scenario = SCENARIOS[strike.scenario]
    async with _prepared(scenario, storage) as (case, control):
        await control.faults(strike.write.rule(strike.fault))
        await perform(scenario, case)
        await judge(scenario, case)
        if not any(await control.struck()):
            case.wrong.append("not struck: this write did not come")
        return case.wrong


async def _no_message_left(control: StorageControl) -> bool:
    """The host deletes a message after the end of its run: that is no write of the scenario."""
    answered = Counter(one.operation for one in await control.writes() if one.status > 0)
    return answered["PutMessage"] == answered["DeleteMessage"]


@asynccontextmanager
async def _prepared(scenario: Scenario, storage: str) -> AsyncIterator[tuple[Case, StorageControl]]:
    domain = f"strike{next(_numbers)}.example"
    # Each stack restores the level that it found. As several run at a time, all must find this one.
    logging.getLogger("sync").setLevel(logging.INFO)
    source, entra = scenario.people(domain)
    domains = [{"id": domain, "isDefault": True}]
    async with running_stack(
        storage, source=source, entra=entra, domains=domains, settings=SETTINGS, host=LIMITS
    ) as stack:
        case, control = Case(stack, domain), StorageControl(stack.http, storage)
        if scenario.prepare:
            await scenario.prepare(case)
            await until(partial(_no_message_left, control))
        case.before = await case.tenant()
        stack.events.seen.clear()
        stack.entra.requests.clear()
        await control.forget()
        yield case, control
