"""The storage goes away in the middle of a sync and comes back: nobody waits for a new run."""

from pathlib import Path

from local.azurite import Azurite
from tests.support.processes import Sides, apart, people

NUMBER = 70


async def test_a_sync_outlives_a_restart_of_its_storage(sides: Sides, tmp_path: Path) -> None:
    them = people(NUMBER, add=200, update=100, delete=20, keep=60)
    with Azurite(tmp_path) as azurite:
        async with apart(sides, azurite.connection_string, them) as product:
            await product.faults(latencyMs=200)
            with product.host(message_lock=5):
                run = await product.start("sync", them.domain)
                await product.written(60)

                azurite.restart()

                ended = await product.finished(run, 100)
                assert ended.status == "succeeded", ended.message
                await product.assert_settled(ended, them)
