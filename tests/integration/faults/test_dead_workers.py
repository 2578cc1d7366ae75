"""Workers that die and a lease that is stolen.

Twenty domains of 500 changes each are spread over three hosts, and every host is killed with SIGKILL while all its
domains are in the middle of something: three at places known to be tricky, all others where chance has it or at the
deletions.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient

from local.host import HostProcess
from shared.model.runs import Run, Status
from shared.store.storage import LOCKS
from tests.support.processes import Apart, People, Sides, apart, assert_settled, of_kind, people
from tests.support.stack import Json, until

pytestmark = pytest.mark.waits(120)

# The domains of each host, by their numbers.
SHARES = (range(40, 47), range(47, 54), range(54, 60))
STOLEN = 60
CHANGES = {"add": 200, "update": 140, "rename": 20, "swap": 40, "restore": 40, "delete": 60, "keep": 100}
MESSAGE_LOCK = 15
# A host takes no new message while it has more than this many: all its domains are to be at work.
ALL_AT_ONCE = {"AzureFunctionsJobHost__extensions__queues__newBatchThreshold": "8"}
LATENCY = {"latencyMs": 30, "jitterMs": 40}
# Calls that are under way when a worker dies are carried out all the same, after its death and before its lease ends.
LATE_MS = 20_000


@dataclass
class Killed:
    """One domain whose worker died, and how its run ended in another."""

    product: Apart
    people: People
    run: Run
    rows: list[dict[str, str]]


@dataclass
class Doomed:
    """A host that is going to be killed, and the domains it is at work on, by their numbers."""

    product: Apart
    people: dict[int, People]


async def test_every_killed_sync_goes_on_and_ends_as_if_undisturbed(storage_accounts: Iterator[str]) -> None:
    chance = random.Random(20)
    async with contextlib.AsyncExitStack() as ending:
        doomed = [
            await ending.enter_async_context(at_work(next(storage_accounts), share)) for share in SHARES
        ]
        await doomed[0].product.faults(*tricky(SHARES[0][0]), **LATENCY)

        killed = await asyncio.gather(
            kill(doomed[0], None), *(kill(one, chance.randrange(50, 2_000)) for one in doomed[1:])
        )

        endings = [one for some in killed for one in some]
        assert len(endings) == 20
        assert {(one.run.status, one.run.invocations) for one in endings} == {("succeeded", 2)}
        for one in endings:
            after, asked = await one.product.tenant(), await one.product.asked()
            assert_settled(one.run, one.people, one.rows, one.product.before, after, asked)


async def test_a_sync_whose_lease_is_stolen_stops_before_its_next_write_and_goes_on_when_it_is_free(
    sides: Sides, storage_accounts: Iterator[str]
) -> None:
    them = people(STOLEN, update=100, keep=10)
    settings = {"BATCHES_IN_FLIGHT": "1"}
    async with apart(sides, next(storage_accounts), them, settings=settings) as product:
        await product.faults(*slowed())
        host = await start(product)
        try:
            run = await product.start("sync", them.domain)
            await product.written(20)

            async with stolen_lease(product, them.domain):
                await asyncio.to_thread(host.wait_for, r"run\.interrupted.*could not be renewed", 40)
                writes, log = await product.writes(), await product.audit_log_bytes(run)
                # Nothing is what has to happen now; a batch would take four seconds.
                await asyncio.sleep(5)
                assert await product.writes() == writes
                assert await product.audit_log_bytes(run) == log

            await product.faults()
            ended = await product.finished(run, 120)
            assert (ended.status, ended.counts.update) == ("succeeded", 100)
            assert ended.invocations > 1
            await product.assert_settled(ended, them)
        finally:
            await asyncio.to_thread(host.terminate)


@contextlib.asynccontextmanager
async def at_work(storage: str, share: Iterable[int]) -> AsyncIterator[Doomed]:
    """A tenant and a source with these domains alone, and the product between them."""
    sides = await asyncio.to_thread(Sides)
    try:
        them = {number: people(number, **CHANGES) for number in share}
        async with apart(sides, storage, *them.values(), settings=ALL_AT_ONCE) as product:
            await product.faults(*unending(), **LATENCY)
            yield Doomed(product, them)
    finally:
        await asyncio.to_thread(sides.end)


def tricky(number: int) -> list[Json]:
    """Calls of three domains that hang until after their worker is dead."""
    return [
        hanging(of_kind(number, "swap"), "PATCH", 1),  # before the first write
        hanging(of_kind(number + 1, "swap"), "PATCH", 52),  # all have stepped aside, some have gone on
        hanging(of_kind(number + 2, "restore"), "PATCH", 3),  # restored, and not yet made equal
        *unending(),
    ]


def unending() -> list[Json]:
    """Deletions hang, so that no domain is done before its worker is killed."""
    return [hanging("/users/*", "DELETE", 25)]


def hanging(path: str, method: str, since: int) -> Json:
    nth = list(range(since, since + 1000))
    return {"kind": "delay", "ms": LATE_MS, "method": method, "path": path, "nth": nth}


def slowed() -> list[Json]:
    """The stolen run takes a few seconds a batch, so that there is something to steal."""
    return [{"kind": "delay", "ms": 200, "method": "PATCH", "path": of_kind(STOLEN, "update")}]


async def kill(doomed: Doomed, moment: int | None) -> list[Killed]:
    """Kills the host at that write, or when everything tricky hangs, and lets another one go on."""
    product = doomed.product
    host = await start(product)
    runs = {n: await product.start("sync", them.domain) for n, them in doomed.people.items()}
    # Whoever is still waiting for a reading of the source has no invocation that could be killed.
    await until(partial(all_at_work, product, runs.values()), 60, poll=0.2)
    if moment is not None:
        await product.written(moment)
    else:
        await until(partial(all_hang, product), 60, poll=0.2)
    host.kill()
    await product.faults(**LATENCY)
    host = await start(product)
    try:
        resuming = (resumed(product, doomed.people[n], run) for n, run in runs.items())
        return await asyncio.gather(*resuming)
    except TimeoutError:
        now = [await product.run(run) for run in runs.values()]
        stand = [(run.domain, run.status, run.invocations) for run in now]
        pytest.fail(f"not all went on: {stand}\n{host.output[-20_000:]}")
    finally:
        await asyncio.to_thread(host.terminate)


async def all_hang(product: Apart) -> bool:
    return all(await product.struck())


async def all_at_work(product: Apart, runs: Iterable[Run]) -> bool:
    return all([(await product.run(run)).status is Status.RUNNING for run in runs])


async def resumed(product: Apart, them: People, run: Run) -> Killed:
    ended = await product.finished(run, 300, poll=2)
    return Killed(product, them, ended, await product.audit_log(ended))


async def start(product: Apart) -> HostProcess:
    host = await asyncio.to_thread(HostProcess, product.settings, message_lock=MESSAGE_LOCK, drain=0.2)
    product.connect(host)
    return host


@contextlib.asynccontextmanager
async def stolen_lease(product: Apart, domain: str) -> AsyncIterator[None]:
    """What an administrator can do to a lease: break it, and hold another."""
    async with BlobServiceClient.from_connection_string(product.settings["AzureWebJobsStorage"]) as blobs:
        blob = blobs.get_blob_client(LOCKS, domain)
        await BlobLeaseClient(blob).break_lease(lease_break_period=0)
        thief = BlobLeaseClient(blob)
        await thief.acquire(lease_duration=60)
        yield
        await thief.release()
