"""A worker that freezes, is given up for dead and wakes: it can neither write nor close its successor's log."""

import asyncio
import os
import signal

import pytest

from local.host import HostProcess
from tests.integration.faults.conftest import StartApart
from tests.support.processes import people
from tests.support.stack import until

pytestmark = pytest.mark.waits(70)

NUMBER, MESSAGE_LOCK = 91, 10


async def test_a_frozen_worker_that_wakes_while_another_goes_on_changes_nothing(
    start_apart: StartApart,
) -> None:
    them = people(NUMBER, add=200, update=100, delete=10, keep=200)
    product = await start_apart(them, BATCHES_IN_FLIGHT="2")
    await product.faults({"kind": "delay", "ms": 700, "path": "/$batch"})
    frozen = await asyncio.to_thread(HostProcess, product.settings, message_lock=MESSAGE_LOCK, drain=0.2)
    product.connect(frozen)
    run = await product.start("sync", them.domain)
    await product.written(60)
    os.kill(frozen.pid, signal.SIGSTOP)

    with product.host(message_lock=MESSAGE_LOCK):

        async def taken_over() -> bool:
            return (await product.run(run)).invocations > 1

        await until(taken_over, 120, poll=1)
        before = await product.writes()
        await product.written(before + 1)
        os.kill(frozen.pid, signal.SIGCONT)
        await asyncio.to_thread(frozen.wait_for, r"run\.interrupted")

        ended = await product.finished(run, 100)

        assert (ended.status, ended.counts.failed) == ("succeeded", 0)
        await product.assert_settled(ended, them)
    await asyncio.to_thread(frozen.terminate)
