"""What a sync leaves behind while it runs, and what the next invocation reads from it."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from shared.clock import Clock
from shared.errors import LeaseLost
from shared.model.changes import Action, AttributeChange, Change
from shared.model.results import Outcome, Result, key
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.runs.recorder import Trail
from shared.settings import Settings
from shared.store.audit_logs import AuditLogs
from shared.store.journal import Journal
from shared.store.storage import JOURNAL, Storage

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
async def storage(storage_accounts: Iterator[str]) -> AsyncIterator[Storage]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield storage
    await storage.aclose()


@pytest.fixture
def run() -> Run:
    return Run(
        id=new_run_id(NOW, Clock().token(4)),
        domain="contoso.com",
        mode=Mode.SYNC,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=NOW,
    )


async def opened(storage: Storage, run: Run, invocation: int) -> Trail:
    return await Trail.open(storage, AuditLogs(storage), run, invocation)


def add(name: str) -> Change:
    upn = AttributeChange("userPrincipalName", None, f"{name}@contoso.com")
    return Change(Action.ADD, f"{name}@contoso.com", "青木", source_id=name, attributes=(upn,))


def done(change: Change, object_id: str = "o1", result: Result = Result.SUCCEEDED) -> Outcome:
    return Outcome(change=change, result=result, object_id=object_id)


async def test_a_new_trail_knows_of_nothing(storage: Storage, run: Run) -> None:
    trail = await opened(storage, run, 1)

    assert (trail.results, trail.in_doubt) == ({}, [])


async def test_what_was_recorded_is_settled_for_the_next_invocation(storage: Storage, run: Run) -> None:
    first = await opened(storage, run, 1)
    await first.intend([add("aoki"), add("baba")])
    await first.record([done(add("aoki")), done(add("baba"), "", Result.FAILED)])

    second = await opened(storage, run, 2)

    assert second.results == {key(add("aoki")): Result.SUCCEEDED, key(add("baba")): Result.FAILED}
    assert second.in_doubt == []


async def test_what_was_intended_and_never_recorded_is_in_doubt(storage: Storage, run: Run) -> None:
    first = await opened(storage, run, 1)
    await first.intend([add("aoki"), add("baba")])
    await first.record([done(add("aoki"))])

    second = await opened(storage, run, 2)

    assert second.in_doubt == [add("baba")]


async def test_what_was_withdrawn_is_not_in_doubt(storage: Storage, run: Run) -> None:
    first = await opened(storage, run, 1)
    await first.intend([add("aoki"), add("baba")])
    await first.withdraw([add("aoki")])

    second = await opened(storage, run, 2)

    assert second.in_doubt == [add("baba")]


async def test_what_was_withdrawn_and_intended_again_is_in_doubt(storage: Storage, run: Run) -> None:
    first = await opened(storage, run, 1)
    await first.intend([add("aoki")])
    await first.withdraw([add("aoki")])
    await first.intend([add("aoki")])

    assert (await opened(storage, run, 2)).in_doubt == [add("aoki")]


async def test_a_late_survivor_can_write_neither_log_nor_journal(storage: Storage, run: Run) -> None:
    survivor = await opened(storage, run, 1)
    successor = await opened(storage, run, 2)

    with pytest.raises(LeaseLost):
        await survivor.intend([add("aoki")])
    with pytest.raises(LeaseLost):
        await survivor.record([done(add("aoki"))])

    await successor.intend([add("baba")])
    await successor.record([done(add("baba"))])
    assert (await opened(storage, run, 3)).results == {key(add("baba")): Result.SUCCEEDED}


async def test_a_row_whose_outcome_a_crash_kept_from_the_journal_is_made_up_for(
    storage: Storage, run: Run
) -> None:
    """Else an undo, which asks the journal, would forget a user whom the audit log shows."""
    first = await opened(storage, run, 1)
    await first.intend([add("aoki")])
    await first.record([done(add("aoki"), "o1")])
    journal = (await storage.container(JOURNAL)).get_blob_client(f"{run.domain}/{run.id}")
    content = await (await journal.download_blob()).readall()
    await journal.delete_blob()
    crashed = await Journal.open(storage, run.domain, run.id, 1)
    await crashed.intend([add("aoki")])
    assert content.startswith(await (await journal.download_blob()).readall()), (
        "the outcome is what is missing"
    )

    await opened(storage, run, 2)

    finished = await Journal.read_finished(storage, run.domain, run.id)
    assert finished.outcomes == {key(add("aoki")): (Result.SUCCEEDED, "o1")}
