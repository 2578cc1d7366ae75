"""A pause beyond the 180 seconds at which the SDK gives up, and three times as long as a lease: really waited for."""

import pytest

from tests.integration.faults.conftest import StartApart
from tests.support.processes import people

pytestmark = pytest.mark.waits(200)

NUMBER, PAUSE = 90, 200


async def test_a_retry_after_of_200_seconds_is_honoured_and_not_fatal(start_apart: StartApart) -> None:
    them = people(NUMBER, update=60, keep=5)
    product = await start_apart(them, BATCHES_IN_FLIGHT="1")
    await product.faults(
        {"kind": "status", "status": 429, "retryAfter": PAUSE, "where": "inner", "method": "PATCH", "nth": 30}
    )

    with product.host():
        run = await product.sync(them.domain, seconds=PAUSE + 60)
        await product.assert_settled(run, them)

    assert (run.status, run.counts.update, run.invocations) == ("succeeded", 60, 1)
    writes = [call for call in await product.asked() if call["method"] == "PATCH"]
    told_at = next(call["at"] for call in writes if call["status"] == 429)
    # The rest of that batch of 20 is answered with it; then nothing is sent until the time is up.
    assert len(writes) == 61
    assert min(call["at"] for call in writes[40:]) > told_at + PAUSE - 1
