"""The chains of runs and changes on a real storage service: however they are written, nothing of them is lost."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any, Literal, cast

import pytest
from azure.core.exceptions import ServiceResponseError
from azure.data.tables.aio import TableClient

from shared.clock import Clock
from shared.model.holds import Hold
from shared.model.questions import Decision, pair_id
from shared.model.records import Author
from shared.model.runs import Mode, Run, Status, Trigger, new_run_id
from shared.settings import Settings
from shared.store import integrity
from shared.store.chain import HEAD, NOTHING, Break, Walk, mark_of
from shared.store.changes import Changes
from shared.store.decisions import DecisionStore
from shared.store.domains import Domains
from shared.store.integrity import Integrity, Page
from shared.store.runs import Runs
from shared.store.storage import DOMAINS, RUNS, Storage

DOMAIN = "contoso.com"
AUTHOR = Author("somebody", "192.0.2.1")
Moment = Literal["before", "after"]


@pytest.fixture
async def storage(storage_accounts: Iterator[str]) -> AsyncIterator[Storage]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield storage
    await storage.aclose()


class Died(BaseException):
    """The worker is gone: nothing in it goes on."""


class Table:
    """A table whose nth call strikes: its answer is lost, or the worker dies, before or after it took effect."""

    def __init__(self, table: TableClient, nth: int, moment: Moment, error: BaseException) -> None:
        self._table = table
        self._left = nth
        self._moment = moment
        self._error = error

    @property
    def struck(self) -> bool:
        return self._left <= 0

    async def _call(self, call: Any) -> Any:
        self._left -= 1
        if self._left == 0 and self._moment == "before":
            call.close()
            raise self._error
        answer = await call
        if self._left == 0:
            raise self._error
        return answer

    async def get_entity(self, *given: Any, **named: Any) -> Any:
        return await self._call(self._table.get_entity(*given, **named))

    async def update_entity(self, *given: Any, **named: Any) -> Any:
        return await self._call(self._table.update_entity(*given, **named))

    async def submit_transaction(self, *given: Any, **named: Any) -> Any:
        return await self._call(self._table.submit_transaction(*given, **named))

    async def query_entities(self, *given: Any, **named: Any) -> AsyncIterator[Any]:
        async def read() -> list[Any]:
            return [row async for row in self._table.query_entities(*given, **named)]

        for row in await self._call(read()):
            yield row


class Struck:
    """What the stores need of a storage account; its tables strike."""

    def __init__(self, storage: Storage, table: Table) -> None:
        self.clock = storage.clock
        self.forget_existing = storage.forget_existing
        self._table = table

    async def open_table(self, _name: str) -> Table:
        return self._table


async def striking(
    storage: Storage, name: str, nth: int, moment: Moment, error: BaseException
) -> tuple[Table, Storage]:
    table = Table(await storage.open_table(name), nth, moment, error)
    return table, cast("Storage", Struck(storage, table))


def new_run(created: datetime | None = None) -> Run:
    created = created or datetime.now(UTC)
    return Run(
        id=new_run_id(created, Clock().token(4)),
        domain=DOMAIN,
        mode=Mode.SYNC,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=created,
    )


async def performed(storage: Storage, run: Run | None = None) -> Run:
    run, runs = run or new_run(), Runs(storage)
    await runs.start(run)
    await ended(runs, run)
    return run


async def ended(runs: Runs, run: Run) -> None:
    if fence := await runs.take(DOMAIN, run.id):
        await runs.finish(fence, run.model_copy(update={"status": Status.SUCCEEDED}), {"good": True})


async def verified(storage: Storage, domain: str = DOMAIN, kept: str = "") -> list[Page]:
    """Every page, the last one first."""
    pages, walk, mark = list[Page](), None, mark_of(kept)
    assert mark is not None
    while True:
        pages.insert(0, await Integrity(storage).verify(domain, walk, mark))
        walk = pages[0].following
        if walk is None:
            return pages
        walk = Walk.model_validate_json(walk.model_dump_json())


async def whole(storage: Storage, domain: str = DOMAIN) -> int:
    """How many rows of the last chain there are; that chain, and the one before it, must be whole."""
    last, *others = await verified(storage, domain)
    assert [one.broken for one in (last, *others) if one.broken] == []
    return last.walk.checked


async def runs_checked(storage: Storage) -> int:
    return max(page.walk.checked for page in await verified(storage) if page.walk.log == "runs")


async def alter(storage: Storage, table: str, partition: str, key: str, **columns: object) -> None:
    await (await storage.open_table(table)).update_entity(
        {"PartitionKey": partition, "RowKey": key, **columns}
    )


async def change_keys(storage: Storage, partition: str) -> list[str]:
    """Newest first."""
    rows = (await storage.open_table(DOMAINS)).query_entities(
        "PartitionKey eq @partition and RowKey ge 'change-' and RowKey lt 'change.'",
        parameters={"partition": partition},
    )
    return [row["RowKey"] async for row in rows]


def decision(number: int) -> Decision:
    source_id, object_id = f"user{number}", "00000000-0000-0000-0000-000000000001"
    return Decision(
        id=pair_id(source_id, object_id),
        source_id=source_id,
        object_id=object_id,
        same=False,
        by="somebody",
        address="",
        at=datetime.now(UTC),
    )


def hold(number: int) -> Hold:
    now = datetime.now(UTC)
    name = f"00000000-0000-0000-0000-{number:012d}"
    until = now + timedelta(days=9)
    return Hold(object_id=name, until=until, reason="a birth", scope="all", by="somebody", since=now)


class TestWriting:
    async def test_an_empty_log_is_whole(self, storage: Storage) -> None:
        assert await whole(storage) == 0
        assert await Integrity(storage).read_heads(DOMAIN) == {}

    async def test_each_run_and_each_change_is_one_more_link(self, storage: Storage) -> None:
        for _ in range(3):
            await performed(storage)
        for percent in (1, 2):
            await Domains(storage).change(DOMAIN, {"max_allowed_deletions": percent}, AUTHOR)

        assert await runs_checked(storage) == 3
        assert await whole(storage) == 2
        heads = await Integrity(storage).read_heads(DOMAIN)
        assert {name: head.partition("/")[0] for name, head in heads.items()} == {"runs": "3", "changes": "2"}

    async def test_writers_at_once_lose_none(self, storage: Storage) -> None:
        changes, decisions, domains = Changes(storage), DecisionStore(storage), Domains(storage)
        await domains.remember(DOMAIN)

        await asyncio.gather(
            *(changes.record(DOMAIN, AUTHOR, {"leaver": f"{n}"}, {"leaver": f"{n}"}) for n in range(5)),
            domains.change(DOMAIN, {"max_allowed_deletions": 30}, AUTHOR),
            *(decisions.decide([decision(n), hold(n)], AUTHOR) for n in range(5)),
        )

        assert await whole(storage) == 6
        assert await whole(storage, "") == 10

    async def test_a_hundred_decisions_at_once_fit(self, storage: Storage) -> None:
        await DecisionStore(storage).decide([decision(n) for n in range(100)], AUTHOR)

        assert await whole(storage, "") == 100

    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("nth", range(1, 7))
    async def test_a_lost_answer_adds_none(self, storage: Storage, nth: int, moment: Moment) -> None:
        """Whatever call it was to."""
        lost = ServiceResponseError("silent")
        await Domains(storage).change(DOMAIN, {"max_allowed_deletions": 20}, AUTHOR)
        await performed(storage)
        run = new_run()
        await Runs(storage).start(run)

        _, struck = await striking(storage, DOMAINS, nth, moment, lost)
        await Domains(struck).change(DOMAIN, {"max_allowed_deletions": 30}, AUTHOR)
        _, struck = await striking(storage, DOMAINS, nth, moment, lost)
        await Changes(struck).record(DOMAIN, AUTHOR, {"leaver": "1"}, {"leaver": "1"})
        _, struck = await striking(storage, DOMAINS, nth, moment, lost)
        await DecisionStore(struck).decide([decision(1)], AUTHOR)
        _, struck = await striking(storage, RUNS, nth, moment, lost)
        await ended(Runs(struck), run)

        assert await runs_checked(storage) == 2
        assert await whole(storage) == 3
        assert await whole(storage, "") == 1

    @pytest.mark.parametrize("moment", ["before", "after"])
    @pytest.mark.parametrize("nth", range(1, 5))
    async def test_a_worker_that_dies_between_two_calls_leaves_it_whole(
        self, storage: Storage, nth: int, moment: Moment
    ) -> None:
        """The run ends once, whether its end was written by the worker that died or by the one after it."""
        await performed(storage)
        run = new_run()
        await Runs(storage).start(run)
        table, struck = await striking(storage, RUNS, nth, moment, Died())

        with suppress(Died):
            await ended(Runs(struck), run)
        await ended(Runs(storage), run)
        await performed(storage)

        assert table.struck == (nth <= 3)
        assert await runs_checked(storage) == 3

    async def test_the_head_that_a_run_tells_is_that_of_the_log(self, storage: Storage) -> None:
        run, runs = new_run(), Runs(storage)
        await runs.start(run)
        fence = await runs.take(DOMAIN, run.id)
        assert fence is not None

        told = await runs.finish(fence, run.model_copy(update={"status": Status.FAILED}), {})

        assert await Integrity(storage).read_heads(DOMAIN) == {"runs": str(told.mark)}
        finished = await runs.find_finished(DOMAIN, run.id)
        assert finished is not None
        assert finished[2] == told.mark


class TestAges:
    async def test_a_purge_is_no_break(self, storage: Storage) -> None:
        now = datetime.now(UTC)
        for days in (95, 92, 91, 40, 1):
            await performed(storage, new_run(now - timedelta(days=days)))

        await Runs(storage).purge(DOMAIN, now)

        assert await runs_checked(storage) == 2

    async def test_nor_is_one_that_left_nothing(self, storage: Storage) -> None:
        now = datetime.now(UTC)
        await performed(storage, new_run(now - timedelta(days=95)))
        await Runs(storage).purge(DOMAIN, now)
        assert await runs_checked(storage) == 0

        await performed(storage)

        assert await runs_checked(storage) == 1
        assert (await Integrity(storage).read_heads(DOMAIN))["runs"].startswith("2/")

    async def test_what_an_earlier_version_wrote_is_from_before_the_chain(self, storage: Storage) -> None:
        now = datetime.now(UTC)
        old = await performed(storage, new_run(now - timedelta(hours=3)))
        await without_chain(storage, RUNS, DOMAIN, old.id)
        await Domains(storage).change(DOMAIN, {"max_allowed_deletions": 20}, AUTHOR)
        await without_chain(storage, DOMAINS, DOMAIN, *await change_keys(storage, DOMAIN))
        assert await whole(storage) == 0

        await performed(storage)
        await Domains(storage).change(DOMAIN, {"max_allowed_deletions": 30}, AUTHOR)

        changes, runs = await verified(storage)
        assert [(page.broken, page.walk.checked, page.walk.unchained) for page in (runs, changes)] == [
            (None, 1, 1)
        ] * 2


async def without_chain(storage: Storage, name: str, partition: str, *keys: str) -> None:
    """As an earlier version left these rows."""
    table = await storage.open_table(name)
    for key in keys:
        row = dict(await table.get_entity(partition, key))
        del row["follows"], row["hash"]
        await table.upsert_entity(row, mode="replace")
    await table.delete_entity(partition, HEAD)


class TestPages:
    async def test_a_break_on_a_later_page_is_found(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(integrity, "_PAGE", 2)
        ids = [(await performed(storage)).id for _ in range(7)]
        assert len(await verified(storage)) == 5
        assert await runs_checked(storage) == 7

        await alter(storage, RUNS, DOMAIN, ids[1], status="failed")

        assert (await verified(storage))[0].broken == Break("altered", ids[1])

    async def test_what_is_written_meanwhile_is_no_break(
        self, storage: Storage, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Also if its key says that it began before what was verified: clocks differ."""
        monkeypatch.setattr(integrity, "_PAGE", 2)
        for _ in range(3):
            await performed(storage)
        log = Integrity(storage)
        first = await log.verify(DOMAIN, None, NOTHING)
        assert first.following is not None
        await performed(storage, new_run(datetime.now(UTC) - timedelta(minutes=1)))

        second = await log.verify(DOMAIN, first.following, NOTHING)
        while second.following and second.following.log == "runs":
            second = await log.verify(DOMAIN, second.following, NOTHING)

        assert (second.broken, second.walk.checked) == (None, 3)
        assert await runs_checked(storage) == 4

    async def test_a_head_that_was_kept_is_compared(self, storage: Storage) -> None:
        await performed(storage)
        first = (await Integrity(storage).read_heads(DOMAIN))["runs"]
        last = await performed(storage)
        kept = (await Integrity(storage).read_heads(DOMAIN))["runs"]
        for head in (first, kept):
            assert (await verified(storage, kept=head))[0].broken is None

        # The last run never was, and another takes its place.
        table = await storage.open_table(RUNS)
        await table.delete_entity(DOMAIN, last.id)
        await alter(storage, RUNS, DOMAIN, HEAD, mark=first)
        await performed(storage)

        assert (await verified(storage))[0].broken is None
        broken = (await verified(storage, kept=kept))[0].broken
        assert broken is not None
        assert broken.flaw == "kept"


async def test_only_a_run_that_is_going_on_is_none_of_the_log(storage: Storage) -> None:
    await performed(storage)
    running = new_run()
    await Runs(storage).start(running)
    assert await runs_checked(storage) == 1

    document = running.model_copy(update={"status": Status.SUCCEEDED}).model_dump_json(by_alias=True)
    for added in (document, "no JSON", "[]"):
        await alter(storage, RUNS, DOMAIN, running.id, run=added)
        assert (await verified(storage))[0].broken == Break("added", running.id)


async def test_a_copy_of_the_last_run_that_was_altered_is_named(storage: Storage) -> None:
    run = await performed(storage)
    table = await storage.open_table(RUNS)
    copy = await table.get_entity(DOMAIN, "last-sync")
    for document in (str(copy["run"]).replace("succeeded", "failed"), "no JSON", "[]"):
        await alter(storage, RUNS, DOMAIN, "last-sync", run=document)
        assert (await verified(storage))[0].broken == Break("altered", "last-sync")
    await alter(storage, RUNS, DOMAIN, "last-sync", run=str(copy["run"]).replace(run.id, new_run().id))
    assert (await verified(storage))[0].broken == Break("altered", "last-sync")


async def test_a_head_that_was_altered_is_named_and_runs_go_on(storage: Storage) -> None:
    await performed(storage)
    await alter(storage, RUNS, DOMAIN, HEAD, mark="nothing")

    last = await performed(storage)

    broken = (await verified(storage))[0].broken
    assert broken is not None
    assert last.id != broken.row
