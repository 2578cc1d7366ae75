"""The history of people on storage: found by every name, kept once, gone when it has expired or was erased."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.data.tables.aio import TableClient

from shared.model.changes import Action, AttributeChange
from shared.model.history import Act, Entry, digest
from shared.model.results import Outcome, Result
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.runs.recorder import Recorder
from shared.services import Services
from shared.settings import Settings
from shared.store.journal import Journal
from tests.integration.test_pause import Later
from tests.support.people import change

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture
def account(storage_accounts: Iterator[str]) -> str:
    return next(storage_accounts)


@asynccontextmanager
async def opened(account: str, later: timedelta = timedelta(0), **settings: str) -> AsyncIterator[Services]:
    environment = {"AzureWebJobsStorage": account, "SOURCE": "csv", "CSV_PATH": "people.csv", **settings}
    services = Services(Settings.from_environment(environment), Later(later))
    try:
        yield services
    finally:
        await services.aclose()


@pytest.fixture
async def services(account: str) -> AsyncIterator[Services]:
    async with opened(account) as services:
        yield services


def entry(
    object_id: str | None = "o1",
    source_id: str | None = "aoki",
    upn: str = "aoki@contoso.com",
    action: Action | Act = Action.UPDATE,
    ago: float = 0,
    run: int = 1,
) -> Entry:
    at = NOW - timedelta(days=ago)
    return Entry(
        at=at, action=action, result=Result.SUCCEEDED, by="admin", run_id=f"r{run}",
        object_id=object_id, source_id=source_id, user_principal_name=upn,
    )  # fmt: skip


async def tables(services: Services) -> list[str]:
    return [one.name async for one in services.storage.tables.list_tables() if one.name.startswith("history")]


async def test_somebody_is_found_by_object_id_username_and_any_upn_they_had(services: Services) -> None:
    failed = entry(None, ago=70, run=1, action=Action.ADD)
    added = entry(ago=60, run=2, action=Action.ADD)
    renamed = entry(ago=30, run=3, action=Action.RENAME, upn="maiden@contoso.com")
    deleted = entry(source_id=None, run=4, action=Action.DELETE)
    await services.history.note([failed, added, renamed, deleted, entry("o2", "baba", "baba@contoso.com")])

    for name in ("o1", "AOKI", "maiden@contoso.com", "Aoki@contoso.com"):
        assert await services.history.read([name]) == [deleted, renamed, added, failed], name
    assert await services.history.read(["nobody"]) == []


async def test_a_upn_that_went_to_somebody_else_leads_to_both_and_an_id_to_one(services: Services) -> None:
    first = entry(ago=2, run=1, action=Action.RENAME, upn="info@contoso.com")
    second = entry("o2", "baba", "info@contoso.com", action=Action.DELETE, run=2)
    await services.history.note([first, second])

    assert await services.history.read(["info@contoso.com"]) == [second, first]
    assert await services.history.read(["o1"]) == [first]

    await services.history.erase(["o1"])

    assert await services.history.read(["info@contoso.com"]) == [second]


async def test_what_is_kept_again_in_other_rows_is_read_once(services: Services) -> None:
    entries = [entry(f"o{n}", f"s{n}", f"u{n}@contoso.com") for n in range(30)]
    await services.history.note(entries)
    await services.history.note(entries[7:])

    assert [await services.history.read([f"o{n}"]) for n in range(30)] == [[one] for one in entries]


async def test_two_of_one_row_are_erased_at_once(services: Services) -> None:
    await services.history.note([entry(f"o{n}", f"s{n}", f"u{n}@contoso.com") for n in range(5)])

    await asyncio.gather(*(services.history.erase([f"o{n}"]) for n in range(4)))

    (left,) = await everything(services)
    assert [one for n in range(4) for one in await services.history.read([f"o{n}"])] == []
    assert left["entries"].count("objectId") == 1


async def test_the_same_write_again_is_no_other_entry(services: Services) -> None:
    for _ in range(2):
        await services.history.note([entry(action=Action.RENAME)])

    assert len(await services.history.read(["o1"])) == 1


async def test_more_than_a_batch_goes_into_several_transactions(services: Services) -> None:
    entries = [entry(f"o{n}", f"s{n}", f"u{n}@contoso.com", Action.RENAME) for n in range(45)]

    await services.history.note(entries)

    assert [await services.history.read([f"o{n}"]) for n in range(45)] == [[one] for one in entries]


async def test_values_that_do_not_fit_into_a_row_are_left_out(services: Services) -> None:
    values = (AttributeChange("otherMails", "x" * 20_000, "y" * 20_000),)
    long = entry().model_copy(update={"values": values})

    await services.history.note([long])

    assert await services.history.read(["o1"]) == [entry()]


async def test_what_is_older_is_neither_shown_nor_kept(account: str, services: Services) -> None:
    await services.history.note([entry(ago=100, run=1), entry(ago=10, run=2), entry(run=3)])

    assert [one.run_id for one in await services.history.read(["o1"])] == ["r3", "r2"]
    assert len(await tables(services)) >= 2
    await services.history.drop_expired()
    assert [one.run_id for one in await services.history.read(["o1"])] == ["r3", "r2"]

    async with opened(account, timedelta(days=91)) as later:
        assert await later.history.read(["o1"]) == []
    async with opened(account, timedelta(days=125)) as later:
        await later.history.drop_expired()
        assert await tables(later) == []


async def test_zero_days_write_nothing_and_drop_what_there_is(account: str, services: Services) -> None:
    await services.history.note([entry()])

    async with opened(account, HISTORY_DAYS="0") as off:
        assert await off.history.read(["o1"]) == []
        await off.history.drop_expired()
        await off.history.note([entry()])

        assert await tables(off) == []


@pytest.mark.parametrize("name", ["o1", "aoki", "maiden@contoso.com"])
async def test_erasing_leaves_no_row_of_the_person(services: Services, name: str) -> None:
    theirs = [
        entry(None, ago=70, run=1, action=Action.ADD),
        entry(ago=60, run=2, action=Action.RENAME, upn="maiden@contoso.com"),
        entry(action=Act.HOLD),
        entry(source_id=None, run=4, action=Action.DELETE),
    ]
    await services.history.note(theirs)
    another = entry("o2", "baba", "baba@contoso.com", Action.DELETE, run=4)
    await services.history.note([*theirs[3:], another])

    await services.history.erase([name])

    (left,) = await everything(services)
    assert await services.history.read(["o2"]) == [another]
    assert sorted(one for one in left if one.startswith("n")) == sorted(
        f"n{digest(name)[:4]}" for name in another.names
    )
    assert "o1" not in left["entries"]


async def everything(services: Services) -> list[dict[str, str]]:
    found: list[dict[str, str]] = []
    for name in await tables(services):
        table = services.storage.tables.get_table_client(name)
        found += [dict(row) async for row in table.list_entities()]
    return found


class Killed(BaseException):
    """The worker died."""


@pytest.mark.parametrize("took_effect", [True, False])
async def test_what_a_crash_left_out_comes_from_the_journal(
    services: Services, monkeypatch: pytest.MonkeyPatch, took_effect: bool
) -> None:
    run = Run(
        id=new_run_id(NOW, "3a0b02ae"), domain="contoso.com", mode=Mode.SYNC, trigger=Trigger.MANUAL,
        requested_by="a test", created_at=NOW,
    )  # fmt: skip
    submit = TableClient.submit_transaction

    async def dies(table: TableClient, *given: Any, **options: Any) -> Any:
        if took_effect:
            await submit(table, *given, **options)
        raise Killed

    recorder = await Recorder.open(services, run, 1)
    await recorder.intend([change()])
    monkeypatch.setattr(TableClient, "submit_transaction", dies)
    with pytest.raises(Killed):
        await recorder.record([Outcome(change=change(), result=Result.SUCCEEDED)])
    monkeypatch.undo()

    await Recorder.open(services, run, 2)

    (kept,) = await services.history.read(["id-aoki"])
    assert (kept.action, kept.run_id) == (Action.UPDATE, run.id)
    journal = await Journal.read_finished(services.storage, run.domain, run.id)
    assert [one.time for one in journal.recorded] == [kept.at]
