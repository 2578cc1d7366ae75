"""Workers that die and leases that are stolen, all at the same time: a dead lease takes a minute to run out.

Twenty domains of 500 changes each are spread over three hosts, and every host is killed with SIGKILL while all its
domains are in the middle of something: four at places that are known to be tricky, the others wherever chance has it.
"""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from functools import partial

import pytest
import pytest_asyncio
from azure.storage.blob.aio import BlobLeaseClient, BlobServiceClient

from local.host import HostProcess
from shared.records import Run
from shared.store.storage import LOCKS
from tests.apart import Apart, People, Sides, apart, assert_settled, of_kind, people
from tests.stack import Json, until

pytestmark = [pytest.mark.asyncio(loop_scope="module"), pytest.mark.timeout(300)]

# The domains of each host, by their numbers.
SHARES = (range(40, 47), range(47, 54), range(54, 60))
STOLEN = 60
CHANGES = {"add": 200, "update": 140, "rename": 20, "swap": 40, "restore": 40, "delete": 60, "keep": 100}
TRICKY = 4
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
    free_after: float


@dataclass
class Doomed:
    """A host that is going to be killed, and the domains it is at work on, by their numbers."""

    product: Apart
    people: dict[int, People]


@dataclass
class Stolen:
    """A run whose lease was stolen, before and after it got over that."""

    product: Apart
    people: People
    run: Run
    rows: list[dict[str, str]]
    written_while_stolen: int
    log_while_stolen: tuple[bytes, bytes]


@dataclass
class Aftermath:
    killed: list[Killed]
    stolen: Stolen


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def aftermath(sides: Sides, storage_accounts: Iterator[str]) -> AsyncIterator[Aftermath]:
    """Everything that has to wait for a lease, once, side by side."""
    async with contextlib.AsyncExitStack() as ending:
        slow = people(STOLEN, update=100, keep=10)
        to_rob = await ending.enter_async_context(
            apart(sides, next(storage_accounts), slow, settings={"BATCHES_IN_FLIGHT": "1"})
        )
        await to_rob.faults(*slowed())
        to_kill = []
        for share in SHARES:
            own = await asyncio.to_thread(Sides)
            ending.push_async_callback(asyncio.to_thread, own.end)
            them = {number: people(number, **CHANGES) for number in share}
            storage = next(storage_accounts)
            product = await ending.enter_async_context(
                apart(own, storage, *them.values(), settings=ALL_AT_ONCE)
            )
            await product.faults(*tricky(share[0]), **LATENCY)
            to_kill.append(Doomed(product, them))
        robbed = asyncio.create_task(rob(to_rob, slow))
        chance = random.Random(20)
        killed = await asyncio.gather(
            kill(to_kill[0], None), *(kill(doomed, chance.randrange(50, 2_000)) for doomed in to_kill[1:])
        )
        yield Aftermath([one for some in killed for one in some], await robbed)


def tricky(number: int) -> list[Json]:
    """Calls that hang until after their worker is dead: three domains at once, all others when most is done."""

    def hanging(path: str, method: str, since: int) -> Json:
        nth = list(range(since, since + 1000))
        return {"kind": "delay", "ms": LATE_MS, "method": method, "path": path, "nth": nth}

    return [
        hanging(of_kind(number, "swap"), "PATCH", 1),  # before the first write
        hanging(of_kind(number + 1, "swap"), "PATCH", 52),  # all have stepped aside, some have gone on
        hanging(of_kind(number + 2, "restore"), "PATCH", 3),  # restored, and not yet made equal
        hanging(of_kind(number + 3, "delete").replace(f"{number + 3:04d}", "*", 1), "DELETE", 25),
    ]


def slowed() -> list[Json]:
    """The stolen run takes a few seconds a batch, so that there is something to steal."""
    return [{"kind": "delay", "ms": 200, "method": "PATCH", "path": of_kind(STOLEN, "update")}]


async def kill(doomed: Doomed, moment: int | None) -> list[Killed]:
    """Kills the host at that write, or when everything tricky hangs, and lets another one go on."""
    product = doomed.product
    host = await start(product)
    runs = {n: await product.start("sync", them.domain) for n, them in doomed.people.items()}
    if moment is not None:
        await product.written(moment)
    else:
        await until(partial(all_hang, product), 60, poll=0.2)
    host.kill()
    killed_at = asyncio.get_running_loop().time()
    await product.faults(**LATENCY)
    host = await start(product)
    try:
        resuming = (resumed(product, doomed.people[n], run, killed_at) for n, run in runs.items())
        return await asyncio.gather(*resuming)
    finally:
        await asyncio.to_thread(host.terminate)


async def all_hang(product: Apart) -> bool:
    return all(await product.struck())


async def resumed(product: Apart, them: People, run: Run, killed_at: float) -> Killed:
    async def taken_up() -> bool:
        return (await product.run(run)).invocations > 1

    await until(taken_up, 120, poll=2)
    free_after = asyncio.get_running_loop().time() - killed_at
    ended = await product.finished(run, 150)
    return Killed(product, them, ended, await product.audit_log(ended), free_after)


async def start(product: Apart) -> HostProcess:
    host = await asyncio.to_thread(HostProcess, product.settings, message_lock=MESSAGE_LOCK, drain=0.2)
    product.connect(host)
    return host


async def rob(product: Apart, them: People) -> Stolen:
    """Breaks the lease of a running sync, keeps it until the run has noticed, and a while longer."""
    host = await start(product)
    try:
        run = await product.start("sync", them.domain)

        async def under_way() -> bool:
            return (await product.run(run)).progress.done > 0

        await until(under_way, 60)
        async with BlobServiceClient.from_connection_string(product.settings["AzureWebJobsStorage"]) as blobs:
            lease = BlobLeaseClient(blobs.get_blob_client(LOCKS, them.domain))
            await lease.break_lease(lease_break_period=0)
            thief = BlobLeaseClient(blobs.get_blob_client(LOCKS, them.domain))
            await thief.acquire(lease_duration=60)
            await asyncio.to_thread(host.wait_for, r"run\.interrupted.*could not be renewed", 40)
            writes, log = await written_to(product, STOLEN), await product.audit_log_bytes(run)
            await asyncio.sleep(5)
            later, log_later = await written_to(product, STOLEN), await product.audit_log_bytes(run)
            await thief.release()
        ended = await product.finished(run, 120)
        return Stolen(product, them, ended, await product.audit_log(ended), later - writes, (log, log_later))
    finally:
        await asyncio.to_thread(host.terminate)


async def written_to(product: Apart, number: int) -> int:
    return sum(
        f"/users/{number:04d}" in call["url"] for call in await product.asked() if call["method"] != "GET"
    )


class TestKilledWorkers:
    async def test_each_run_ends_well_in_its_second_invocation(self, aftermath: Aftermath) -> None:
        endings = [(k.people.domain, k.run.status, k.run.invocations) for k in aftermath.killed]

        assert len(endings) == 20
        assert {ending[1:] for ending in endings} == {("succeeded", 2)}, endings

    async def test_entra_equals_the_source_and_every_write_has_its_row(self, aftermath: Aftermath) -> None:
        for killed in aftermath.killed:
            await assert_told(killed)

    async def test_a_dead_runs_domain_is_free_again_within_a_minute(self, aftermath: Aftermath) -> None:
        # To the minute come the start of a new host, and how often it looks.
        assert max(killed.free_after for killed in aftermath.killed) < 60 + 15


class TestAStolenLease:
    async def test_the_run_stops_before_its_next_write(self, aftermath: Aftermath) -> None:
        assert aftermath.stolen.written_while_stolen == 0

    async def test_nobody_writes_its_audit_log_meanwhile(self, aftermath: Aftermath) -> None:
        before, after = aftermath.stolen.log_while_stolen

        assert before == after

    async def test_the_run_goes_on_when_the_lease_is_free_again(self, aftermath: Aftermath) -> None:
        run = aftermath.stolen.run

        assert (run.status, run.counts.update) == ("succeeded", 100)
        assert run.invocations > 1

    async def test_the_interrupted_run_leaves_nothing_undone_and_nothing_untold(
        self, aftermath: Aftermath
    ) -> None:
        await assert_told(aftermath.stolen)


async def assert_told(one: Killed | Stolen) -> None:
    """Its host has ended by now, so the audit log is the one that was read before."""
    product = one.product
    after, asked = await product.tenant(), await product.asked()
    assert_settled(one.run, one.people, one.rows, product.before, after, asked)
