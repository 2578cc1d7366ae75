"""A worker that died holds nobody up: a minute later its run goes on, or ends, for whoever asks.

The platform would give the dead worker's message to another one only after ten minutes.
"""

import asyncio

import pytest

from shared.errors import RunActive
from shared.model.runs import Run
from tests.integration.faults.conftest import StartApart
from tests.support.errors import english
from tests.support.processes import Apart, People, people
from tests.support.stack import until

pytestmark = pytest.mark.waits(70)

WRITING, READING = 80, 81
# A lease lasts a minute; the rest is for a new host to start and for its answers, on a busy machine too. By itself the
# message would come back after ten minutes.
AT_MOST = 60 + 90


async def test_a_minute_after_a_worker_died_its_runs_go_on_or_end_for_whoever_asks(
    start_apart: StartApart,
) -> None:
    writing, reading = people(WRITING, update=100, delete=10, keep=60), people(READING, add=5, keep=5)
    product = await start_apart(writing, reading, BATCHES_IN_FLIGHT="1")
    await product.faults({"kind": "delay", "ms": 300, "path": "/$batch"})
    with product.host() as host:
        cut_off = await product.start("sync", writing.domain)
        await product.written(40)
        await product.source_faults({"kind": "delay", "ms": 60_000})
        stuck = await product.start("sync", reading.domain)
        await until(lambda: running(product, stuck))
        host.kill()
    died_at = asyncio.get_running_loop().time()
    await product.faults()
    await product.source_faults()

    with product.host():
        await product.post(f"domains/{reading.domain}/runs/{stuck.id}/cancel")
        await until(lambda: goes_on(product, writing, cut_off), AT_MOST, poll=2)
        ended = await product.finished(stuck, AT_MOST)
        assert asyncio.get_running_loop().time() - died_at < AT_MOST
        resumed = await product.finished(cut_off)

        assert (resumed.status, resumed.invocations) == ("succeeded", 2)
        await product.assert_settled(resumed, writing)
        assert (ended.status, ended.message) == (
            "cancelled",
            "Cancelled by function key. Nothing was applied.",
        )
        assert (await product.sync(reading.domain)).status == "succeeded"


async def running(product: Apart, run: Run) -> bool:
    return (await product.run(run)).status == "running"


async def goes_on(product: Apart, them: People, run: Run) -> bool:
    """Asks for another sync: refused as long as the run is active, and told once that it goes on."""
    answer = await product.post(f"domains/{them.domain}/sync")
    assert (answer.status_code, answer.json()["runId"]) == (409, run.id)
    return bool(answer.json()["detail"] == english(RunActive(them.domain, run.id, taken_up=True)))
