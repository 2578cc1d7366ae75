"""The one blob of a domain's last dry run: each overwrites the one before, and none a later one."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime

import pytest

from shared.clock import Clock
from shared.errors import LeaseLost
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.settings import Settings
from shared.store.audit_logs import AuditLogs
from shared.store.storage import Storage
from tests.support.errors import raises


@pytest.fixture
async def logs(storage_accounts: Iterator[str]) -> AsyncIterator[AuditLogs]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    storage = Storage(Settings.from_environment(environment), Clock())
    yield AuditLogs(storage)
    await storage.aclose()


def dry_run() -> Run:
    now = datetime.now(UTC)
    return Run(
        id=new_run_id(now, Clock().token(4)),
        domain="contoso.com",
        mode=Mode.DRY_RUN,
        trigger=Trigger.MANUAL,
        requested_by="a test",
        created_at=now,
    )


async def test_a_dry_run_overwrites_the_one_before(logs: AuditLogs) -> None:
    for content in (b"first", b"second"):
        run = dry_run()
        await logs.write_dry_run(run, content, await logs.dry_run_version(run))

    assert await logs.read(run, datetime.now(UTC)) == b"second"


@pytest.mark.parametrize("earlier", [False, True], ids=["the first of all", "with one before"])
async def test_one_that_wakes_late_does_not_overwrite_its_successor(logs: AuditLogs, earlier: bool) -> None:
    late, successor = dry_run(), dry_run()
    if earlier:
        await logs.write_dry_run(late, b"before", None)
    version = await logs.dry_run_version(late)
    await logs.write_dry_run(successor, b"successor", version)

    with raises(LeaseLost, match="later dry run"):
        await logs.write_dry_run(late, b"late", version)

    assert await logs.read(successor, datetime.now(UTC)) == b"successor"
