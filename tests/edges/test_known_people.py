"""The links of a domain, on a real storage service: nobody undoes what a later writer knows."""

from collections.abc import AsyncIterator, Iterator

import httpx
import pytest
from shared.store.links import Links

from shared.clock import Clock
from shared.errors import LeaseLost
from shared.settings import Settings
from shared.store.storage import LINKS, Storage
from tests.support.storage_control import StorageControl

DOMAIN = "contoso.com"


@pytest.fixture
def connection(storage_accounts: Iterator[str]) -> str:
    return next(storage_accounts)


@pytest.fixture
async def links(connection: str) -> AsyncIterator[Links]:
    environment = {"AzureWebJobsStorage": connection, "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield Links(storage)
    await storage.aclose()


async def test_what_is_written_is_read_and_can_be_written_on(links: Links) -> None:
    first = await links.write(DOMAIN, {"a": "1"}, in_doubt=False, version="")
    second = await links.write(DOMAIN, {"a": "1", "b": "2"}, in_doubt=True, version=first)

    memory = await links.read(DOMAIN)

    assert (memory.links, memory.version, bool(memory.doubt)) == ({"a": "1", "b": "2"}, second, True)


@pytest.mark.parametrize("known", [True, False])
async def test_whoever_was_overtaken_writes_nothing(links: Links, known: bool) -> None:
    before = await links.write(DOMAIN, {"a": "1"}, in_doubt=False, version="") if known else ""
    newer = await links.write(DOMAIN, {"a": "1", "b": "2"}, in_doubt=False, version=before)

    with pytest.raises(LeaseLost):
        await links.write(DOMAIN, {"a": "1"}, in_doubt=False, version=before)

    memory = await links.read(DOMAIN)
    assert (memory.links, memory.version) == ({"a": "1", "b": "2"}, newer)


@pytest.mark.parametrize("took_effect", [True, False])
async def test_a_lost_answer_is_no_other_writer(links: Links, connection: str, took_effect: bool) -> None:
    version = await links.write(DOMAIN, {"a": "1"}, in_doubt=False, version="")
    fault = {
        "kind": "drop",
        "tookEffect": took_effect,
        "operation": "PutBlob",
        "resource": f"{LINKS}/*",
        "nth": 1,
    }
    async with httpx.AsyncClient() as http:
        await StorageControl(http, connection).faults(fault)

    version = await links.write(DOMAIN, {"b": "2"}, in_doubt=False, version=version)

    memory = await links.read(DOMAIN)
    assert (memory.links, memory.version) == ({"b": "2"}, version)
