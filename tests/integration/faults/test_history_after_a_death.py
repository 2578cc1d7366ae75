"""A worker that dies among its writes: the history of each person has every write once, with no gap."""

import pytest

from tests.integration.faults.conftest import StartApart
from tests.integration.faults.test_abandoned_runs import goes_on
from tests.support.processes import Apart, domain, people
from tests.support.stack import until

pytestmark = pytest.mark.waits(70)

NUMBER = 83
COUNT = 45
# A lease lasts a minute; the rest is for a new host to start and for its answers, on a busy machine too.
AT_MOST = 60 + 90


async def entries(product: Apart, name: str) -> list[tuple[str, str]]:
    found = (await product.get(f"people/{name}/history")).json()["entries"]
    return [(one["action"], one["result"]) for one in found]


async def test_has_no_gap_and_nothing_twice(start_apart: StartApart) -> None:
    name = domain(NUMBER)
    them = people(NUMBER, keep=1, update=COUNT)
    product = await start_apart(them)
    # The third batch is refused until the worker is dead.
    await product.faults(
        *(
            {
                "kind": "status",
                "status": 503,
                "retryAfter": 60,
                "method": "PATCH",
                "path": f"/users/*{n:012d}",
            }
            for n in range(40, COUNT)
        )
    )
    with product.host() as host:
        run = await product.start("sync", name)
        await product.written(40)
        host.kill()
    await product.faults()

    with product.host():
        await until(lambda: goes_on(product, them, run), AT_MOST, poll=2)
        resumed = await product.finished(run)
        told = [await entries(product, f"update{n}-{NUMBER}") for n in range(COUNT)]

    assert (resumed.status, resumed.counts.update) == ("succeeded", COUNT)
    assert told == [[("update", "succeeded")]] * COUNT
