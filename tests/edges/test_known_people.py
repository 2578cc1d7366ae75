"""What is known of the tenant's people, on a real storage service: nobody undoes what a later writer knows."""

import gzip
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import date
from typing import Any

import httpx
import orjson
import pytest
from azure.storage.blob import ContentSettings

from shared.clock import Clock
from shared.model.memory import difference, linked
from shared.model.people import Memory
from shared.settings import Settings
from shared.store.domains import Domains
from shared.store.known_people import COLUMNS, LATER_COLUMNS, KnownPeople
from shared.store.runs import PEOPLE
from shared.store.storage import LINKS, RUNS, Storage
from tests.support.storage_control import StorageControl

ONE, TWO = "one.example", "two.example"
TODAY = date(2026, 3, 31)


@pytest.fixture
def connection(storage_accounts: Iterator[str]) -> str:
    return next(storage_accounts)


@pytest.fixture
async def storage(connection: str) -> AsyncIterator[Storage]:
    environment = {"AzureWebJobsStorage": connection, "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield storage
    await storage.aclose()


@pytest.fixture
def people(storage: Storage) -> KnownPeople:
    return KnownPeople(storage)


async def learn(people: KnownPeople, known: Memory, **links: str) -> Memory:
    return await people.write(difference(known, linked(known, known.links | links, TODAY)), known)


async def put(storage: Storage, name: str, content: bytes, **options: Any) -> None:
    container = await storage.open_container(LINKS)
    await container.upload_blob(name, content, overwrite=True, **options)


async def blobs(storage: Storage) -> dict[str, bytes]:
    container = await storage.open_container(LINKS)
    return {
        name: await (await container.download_blob(name)).readall()
        async for name in container.list_blob_names()
    }


async def synchronised(storage: Storage, domain: str, **columns: object) -> None:
    """The domain has a good sync on record, by an earlier version unless `memory` says otherwise."""
    await Domains(storage).remember(domain)
    table = await storage.open_table(RUNS)
    await table.upsert_entity({"PartitionKey": domain, "RowKey": "good-sync", "source": 3, **columns})


class TestWriting:
    async def test_what_is_written_is_read_by_every_domain(self, people: KnownPeople) -> None:
        known = await learn(people, await people.read(ONE), aoki="1")

        assert await people.read(TWO) == known
        assert (known.links, known.since, known.doubt) == ({"aoki": "1"}, {"aoki": "2026-03-31"}, ())

    async def test_every_column_comes_back(self, people: KnownPeople) -> None:
        known = await people.read(ONE)
        columns: dict[str, Any] = {column: {"aoki": f"a {column}"} for column in (*COLUMNS, *LATER_COLUMNS)}
        full = replace(known, **columns)

        await people.write(difference(known, full), known)

        read = await people.read(ONE)
        assert replace(read, writers=(), version=known.version) == full

    async def test_who_was_overtaken_adds_to_what_is_there_and_undoes_nothing(
        self, people: KnownPeople
    ) -> None:
        before = await learn(people, await people.read(ONE), aoki="1")
        await learn(people, before, aoki="2", baba="3")

        after = await learn(people, before, aoki="9", baba="9", chiba="4")

        assert after.links == {"aoki": "2", "baba": "3", "chiba": "4"}
        assert await people.read(ONE) == after

    async def test_what_a_domains_source_fills_is_written_over_what_it_filled(
        self, people: KnownPeople
    ) -> None:
        empty = await people.read(ONE)
        known = await people.write(difference(empty, replace(empty, filled={ONE: "surname"})), empty)
        emptied = replace(known, filled={ONE: "givenName"})

        await people.write(difference(known, emptied), known)

        assert (await people.read(TWO)).filled == {ONE: "givenName"}

    async def test_nothing_new_is_not_written(self, people: KnownPeople) -> None:
        known = await learn(people, await people.read(ONE), aoki="1")

        assert await learn(people, known) == known
        assert (await people.read(ONE)).version == known.version

    @pytest.mark.parametrize("took_effect", [True, False])
    async def test_a_lost_answer_is_no_other_writer(
        self, people: KnownPeople, connection: str, took_effect: bool
    ) -> None:
        known = await learn(people, await people.read(ONE), aoki="1")
        fault = {"kind": "drop", "tookEffect": took_effect, "operation": "PutBlob", "nth": 1}
        async with httpx.AsyncClient() as http:
            await StorageControl(http, connection).faults(fault | {"resource": f"{LINKS}/*"})

        known = await learn(people, known, aoki="2")

        assert await people.read(ONE) == known
        assert (known.links, len(known.writers)) == ({"aoki": "2"}, 2)


OF_NUMBERS = {name: {"aoki": 1} for name in COLUMNS}
DAMAGED = {
    "no gzip": b"\x00\xff",
    "empty": b"",
    "cut off": gzip.compress(b"{}")[:-4],
    "no JSON": gzip.compress(b"no JSON"),
    "a list": gzip.compress(b"[1]"),
    "without a column": gzip.compress(orjson.dumps({"links": {}})),
    "of another kind": gzip.compress(orjson.dumps(OF_NUMBERS | {"anew": "", "reviewed": [], "writers": []})),
}


class TestDamage:
    @pytest.mark.parametrize("content", DAMAGED.values(), ids=DAMAGED)
    async def test_it_is_set_aside_and_the_memory_begun_anew_in_doubt_everywhere(
        self, people: KnownPeople, storage: Storage, content: bytes
    ) -> None:
        await put(storage, PEOPLE, content)

        one, two = await people.read(ONE), await people.read(TWO)

        assert (one.links, one.version, one.anew) == ({}, two.version, two.anew)
        assert [part.parameters for part in one.doubt + two.doubt] == [
            {"domain": domain, "since": one.anew} for domain in (ONE, TWO)
        ]
        (kept,) = (name for name in await blobs(storage) if name != PEOPLE)
        assert kept.startswith("people-damaged-")
        assert (await blobs(storage))[kept] == content

    async def test_what_claims_another_encoding_is_damaged(
        self, people: KnownPeople, storage: Storage
    ) -> None:
        await put(storage, PEOPLE, b"\x1f\x8b\xff", content_settings=ContentSettings(content_encoding="gzip"))

        assert (await people.read(ONE)).doubt

    async def test_a_review_ends_the_doubt_of_its_domain(self, people: KnownPeople, storage: Storage) -> None:
        await put(storage, PEOPLE, b"damaged")
        known = await people.read(ONE)

        await people.write(difference(known, replace(known, reviewed=(ONE,))), known)

        assert not (await people.read(ONE)).doubt
        assert (await people.read(TWO)).doubt

    async def test_a_column_that_an_earlier_version_did_not_know_is_empty(
        self, people: KnownPeople, storage: Storage
    ) -> None:
        await learn(people, await people.read(ONE), aoki="1")
        content = orjson.loads(gzip.decompress((await blobs(storage))[PEOPLE]))
        del content["blocked"]
        await put(storage, PEOPLE, gzip.compress(orjson.dumps(content)))

        memory = await people.read(ONE)

        assert (memory.links, memory.blocked, memory.doubt) == ({"aoki": "1"}, {}, ())

    async def test_columns_of_a_later_version_are_passed_over(
        self, people: KnownPeople, storage: Storage
    ) -> None:
        await learn(people, await people.read(ONE), aoki="1")
        content = orjson.loads(gzip.decompress((await blobs(storage))[PEOPLE]))
        await put(storage, PEOPLE, gzip.compress(orjson.dumps(content | {"later": {}})))

        assert (await people.read(ONE)).links == {"aoki": "1"}

    async def test_a_column_that_an_earlier_version_did_not_write_is_empty(
        self, people: KnownPeople, storage: Storage
    ) -> None:
        await learn(people, await people.read(ONE), aoki="1")
        content = orjson.loads(gzip.decompress((await blobs(storage))[PEOPLE]))
        del content["outside"]
        await put(storage, PEOPLE, gzip.compress(orjson.dumps(content)))

        memory = await people.read(ONE)

        assert (memory.links, memory.outside, memory.doubt) == ({"aoki": "1"}, {}, ())


class TestMissing:
    async def test_where_nothing_was_synchronised_it_begins_without_a_doubt(
        self, people: KnownPeople, storage: Storage
    ) -> None:
        await Domains(storage).remember(ONE)

        memory = await people.read(ONE)

        assert memory == Memory(version=memory.version)
        assert memory.version

    @pytest.mark.parametrize("domains", [1, 40])
    async def test_where_a_domain_was_synchronised_it_is_lost(
        self, people: KnownPeople, storage: Storage, domains: int
    ) -> None:
        for number in range(domains - 1):
            await Domains(storage).remember(f"never{number}.example")
        await synchronised(storage, TWO, memory=PEOPLE)
        await put(storage, TWO, b'{"aoki": "out of date"}')

        memory = await people.read(ONE)

        assert (memory.links, bool(memory.doubt)) == ({}, True)


class TestTakingOver:
    async def test_what_each_domain_knew_is_known_for_the_tenant_and_left_for_a_rollback(
        self, people: KnownPeople, storage: Storage
    ) -> None:
        for domain, links in ((ONE, {"aoki": "1", "baba": "2"}), (TWO, {"baba": "9", "chiba": "3"})):
            await synchronised(storage, domain)
            await put(storage, domain, orjson.dumps(links))
        await put(storage, f"{ONE}.damaged", b"set aside by an earlier version")
        await put(storage, "notes from the auditor.docx", b"PK")
        before = await blobs(storage)

        memory = await people.read(ONE)

        assert memory.links == {"aoki": "1", "chiba": "3"}
        assert not memory.doubt
        assert before.items() <= (await blobs(storage)).items()

    async def test_it_happens_once(self, people: KnownPeople, storage: Storage) -> None:
        await put(storage, ONE, b'{"aoki": "1"}')
        await people.read(ONE)
        await put(storage, ONE, b'{"aoki": "2"}')

        assert (await people.read(ONE)).links == {"aoki": "1"}

    @pytest.mark.parametrize(
        ("content", "metadata", "links"),
        [
            (b"\x00\xff", {}, {}),
            (b"[1]", {}, {}),
            (b'{"baba": 1}', {}, {}),
            (b'{"baba": "2"}', {"doubt": "true"}, {"baba": "2"}),
            (None, {}, {}),
        ],
        ids=["no JSON", "a list", "of another kind", "in doubt", "gone"],
    )
    async def test_one_that_is_damaged_or_gone_puts_it_in_doubt(
        self,
        people: KnownPeople,
        storage: Storage,
        content: bytes | None,
        metadata: dict[str, str],
        links: dict[str, str],
    ) -> None:
        for domain in (ONE, TWO):
            await synchronised(storage, domain)
        await put(storage, ONE, b'{"aoki": "1"}')
        if content is not None:
            await put(storage, TWO, content, metadata=metadata)

        memory = await people.read(ONE)

        assert (memory.links, bool(memory.doubt)) == ({"aoki": "1"} | links, True)


async def test_a_small_read_begins_nothing(people: KnownPeople, storage: Storage) -> None:
    await people.check()

    assert await blobs(storage) == {}
