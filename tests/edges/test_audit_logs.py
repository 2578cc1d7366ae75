"""The one blob of a domain's last dry run: each overwrites the one before, and none a later one."""

from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime, timedelta
from typing import cast

import pytest

from shared.clock import Clock
from shared.errors import AuditLogGone, LeaseLost
from shared.model.changes import Action, Change
from shared.model.results import Outcome
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.settings import Settings
from shared.store.account import Account
from shared.store.audit_logs import AuditLogs, DryRunVersions
from shared.store.storage import Storage
from tests.simulation.blobs import account_alone
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


def deletion(name: str) -> Outcome:
    return Outcome.planned(
        Change(action=Action.DELETE, upn=f"{name}@contoso.com", display_name=name, object_id=f"id-{name}")
    )


async def write(logs: AuditLogs, run: Run, name: str, versions: DryRunVersions | None = None) -> None:
    """A dry run's log and plan, which say `name`."""
    known = versions or await logs.read_dry_run_versions(run)
    await logs.write_dry_run(run, name.encode(), [deletion(name)], known)


async def test_a_dry_run_overwrites_the_one_before(logs: AuditLogs) -> None:
    first, second = dry_run(), dry_run()
    await write(logs, first, "first")
    await write(logs, second, "second")

    now = datetime.now(UTC)
    assert await logs.read(second, now) == b"second"
    assert await logs.read_plan(second, now) == [deletion("second")]
    with pytest.raises(AuditLogGone):
        await logs.read_plan(first, now)


@pytest.mark.parametrize("earlier", [False, True], ids=["the first of all", "with one before"])
async def test_one_that_wakes_late_does_not_overwrite_its_successor(logs: AuditLogs, earlier: bool) -> None:
    late, successor = dry_run(), dry_run()
    if earlier:
        await write(logs, late, "before")
    versions = await logs.read_dry_run_versions(late)
    await write(logs, successor, "successor", versions)

    with raises(LeaseLost, match="later dry run"):
        await write(logs, late, "late", versions)

    assert await logs.read(successor, datetime.now(UTC)) == b"successor"
    assert await logs.read_plan(successor, datetime.now(UTC)) == [deletion("successor")]


async def test_one_that_wakes_between_its_log_and_its_plan_does_not_overwrite_its_successors_plan(
    logs: AuditLogs,
) -> None:
    late, successor = dry_run(), dry_run()
    before = await logs.read_dry_run_versions(late)
    await write(logs, successor, "successor")
    after = await logs.read_dry_run_versions(late)

    with pytest.raises(LeaseLost):
        await write(logs, late, "late", DryRunVersions(after.log, before.plan))

    assert await logs.read_plan(late, datetime.now(UTC)) is None, (
        "what was planned for another is not its plan"
    )


@pytest.fixture(params=["azurite", "strict about ETags"])
async def expiring(request: pytest.FixtureRequest, logs: AuditLogs) -> AuditLogs:
    """Azurite takes ETags without quotes in conditions, which the service does not."""
    if request.param == "azurite":
        return logs
    settings = Settings.from_environment(
        {"AzureWebJobsStorage": "UseDevelopmentStorage=true", "SOURCE": "csv", "CSV_PATH": "-"}
    )
    return AuditLogs(Storage(settings, Clock(), lambda _: cast("Account", account_alone())))


async def test_a_plan_is_gone_with_its_log(expiring: AuditLogs) -> None:
    logs = expiring
    run = dry_run()
    await write(logs, run, "it")
    later = datetime.now(UTC) + timedelta(hours=25)

    with pytest.raises(AuditLogGone):
        await logs.read_plan(run, later)

    await logs.delete_expired(later)
    assert await logs.read_dry_run_versions(run) == DryRunVersions(None, None)
