"""A worker that dies after it has created federated users, and before it has ended their sessions of 12 hours."""

import pytest

from tests.integration.faults.conftest import StartApart
from tests.integration.faults.test_abandoned_runs import goes_on
from tests.support.processes import Apart, People, domain
from tests.support.stack import in_source, until

pytestmark = pytest.mark.waits(70)

NUMBER = 82
# A lease lasts a minute; the rest is for a new host to start and for its answers, on a busy machine too.
AT_MOST = 60 + 90


async def refused(product: Apart) -> bool:
    return any(await product.struck())


async def without_stamp(product: Apart) -> int:
    """How many users Entra asks to sign in every 12 hours."""
    return sum(not user.get("signInSessionsValidFromDateTime") for user in (await product.tenant())["users"])


async def test_leaves_that_to_the_next_invocation(start_apart: StartApart) -> None:
    name = domain(NUMBER)
    source = [in_source(f"add{n}", name, username=f"add{n}-{NUMBER}", immutable_id=f"K{n}") for n in range(5)]
    newcomers = People(name, federated=True, source=source)
    newcomers.counts["add"] = len(source)
    product = await start_apart(newcomers)
    # Refused, not hanging: a call under way would be carried out after the death.
    await product.faults(
        {"kind": "status", "status": 503, "retryAfter": 60, "path": "/users/*/revokeSignInSessions"}
    )
    with product.host() as host:
        run = await product.start("sync", name)
        await until(lambda: refused(product), 60)
        host.kill()
    before = await without_stamp(product)
    await product.faults()

    with product.host():
        await until(lambda: goes_on(product, newcomers, run), AT_MOST, poll=2)
        resumed = await product.finished(run)

    assert (before, await without_stamp(product)) == (5, 0)
    assert (resumed.status, resumed.invocations, resumed.counts.add) == ("succeeded", 2, 5)
