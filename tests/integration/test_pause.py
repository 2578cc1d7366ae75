"""A pause: no hour starts anything, what a person starts still works, and it ends by itself."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import Clock
from shared.model.runs import Mode, Run, Trigger
from shared.runs import hourly, lifecycle
from shared.runs.invocation import perform
from shared.services import Services
from shared.settings import Settings
from tests.integration.test_http_api import problem
from tests.integration.test_tenant_settings import change
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source, until

UNTIL = datetime.now(UTC).replace(microsecond=0) + timedelta(days=2)
SAID = f"Periodic sync is paused until {UNTIL:%Y-%m-%d %H:%M} UTC: 人事プロジェクト"
PAUSE = {"pausedUntil": UNTIL.isoformat(), "pauseReason": "人事プロジェクト"}


class Later(Clock):
    """The machine's clock, but so much later by the time of day."""

    def __init__(self, later: timedelta) -> None:
        super().__init__()
        self._later = later

    def now(self) -> datetime:
        return super().now() + self._later


@asynccontextmanager
async def moved(stack: Stack, later: timedelta) -> AsyncIterator[Services]:
    services = Services(Settings.from_environment(stack.settings), Later(later))
    try:
        yield services
    finally:
        await services.aclose()


async def started(start_stack: StartStack, periodic: object = True) -> Stack:
    """A domain with periodic sync and a good sync, and somebody whose name has changed since."""
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    assert (await stack.sync()).status == "succeeded"
    await stack.set(periodicSync=periodic)
    stack.access_control.users.edit("aoki", {"family_name": "鈴木"})
    return stack


async def hour(stack: Stack, later: timedelta = timedelta(0)) -> list[Run]:
    """What the timer starts then, as it has ended."""
    async with moved(stack, later) as services:
        queued = (await hourly.tick(services, past_due=False)).queued
        for domain, run_id in queued.items():
            await perform(services, domain, run_id)
        return [await services.runs.get(domain, run_id) for domain, run_id in queued.items()]


def logged(caplog: pytest.LogCaptureFixture, name: str) -> list[Json]:
    lines: list[Json] = [json.loads(one.getMessage()) for one in caplog.records if one.name == "sync"]
    return [line for line in lines if line["event"] == name]


async def pause(stack: Stack, place: str) -> None:
    await (change(stack, **PAUSE) if place == "tenant" else stack.set(**PAUSE))


async def shown(stack: Stack) -> Json:
    listed: list[Json] = (await stack.get("domains")).json()["domains"]
    return next(one for one in listed if one["name"] == CONTOSO)


@pytest.mark.parametrize("place", ["tenant", "domain"])
@pytest.mark.parametrize(("periodic", "kind"), [(True, "whole"), ("watch", "watch")])
async def test_hours_pass_with_one_line_at_each_end(
    start_stack: StartStack, caplog: pytest.LogCaptureFixture, place: str, periodic: object, kind: str
) -> None:
    stack = await started(start_stack, periodic)
    await pause(stack, place)
    asked = len(stack.access_control.requests.calls)

    (first,) = await hour(stack)
    later = [await hour(stack, timedelta(hours=hours)) for hours in (1, 2, 46)]

    assert (first.kind, first.status) == (kind, "cancelled")
    assert (await detail(stack, first))["message"] == f"{SAID} Nothing was applied."
    assert later == [[], [], []]
    assert (len(stack.access_control.requests.calls), stack.writes()) == (asked, [])
    assert [tick["domains"] for tick in logged(caplog, "timer.tick")] == [[]] * 4
    assert [line["runId"] for line in logged(caplog, "run.paused")] == [first.id]

    (again,) = await hour(stack, timedelta(days=2, hours=1))
    (more,) = await hour(stack, timedelta(days=2, hours=2))

    assert (again.status, again.counts.update) == ("succeeded", 1)
    assert "The pause of periodic sync has ended." in (await detail(stack, again))["warnings"]
    assert more.status == "succeeded"
    assert (await detail(stack, more))["warnings"] == []
    assert logged(caplog, "timer.tick")[-1]["domains"] == ([CONTOSO] if periodic is True else [])


async def detail(stack: Stack, run: Run) -> Json:
    found: Json = (await stack.get(f"domains/{CONTOSO}/runs/{run.id}")).json()
    return found


async def test_the_list_names_the_later_end_and_the_next_run_after_it(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    await change(stack, pausedUntil=(UNTIL - timedelta(days=1)).isoformat(), pauseReason="shorter")
    await stack.set(**PAUSE)

    listed = await shown(stack)

    assert datetime.fromisoformat(listed["pausedUntil"]) == UNTIL
    assert listed["pauseReason"] == "人事プロジェクト"
    assert UNTIL <= datetime.fromisoformat(listed["nextRunAt"]) <= UNTIL + timedelta(hours=1)
    await stack.set(pausedUntil=None)
    assert (await shown(stack))["pauseReason"] == "shorter"
    await change(stack, pausedUntil=None)
    listed = await shown(stack)
    assert (listed["pausedUntil"], listed["pauseReason"]) == (None, None)


async def test_what_a_person_starts_works_with_a_warning(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    await stack.set(**PAUSE)

    dry_run, sync = await stack.dry_run(), await stack.sync()

    assert (dry_run.status, sync.status, sync.counts.update) == ("succeeded", "succeeded", 1)
    assert SAID in (await detail(stack, dry_run))["warnings"]
    assert SAID in (await detail(stack, sync))["warnings"]
    assert await hour(stack) == []  # that line tells of the pause


async def test_a_run_that_waits_ends_before_it_reads(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    services = stack.services
    run = lifecycle.new_run(services.clock, CONTOSO, Mode.SYNC, Trigger.SCHEDULE, lifecycle.SCHEDULE)
    await lifecycle.start(services, run)
    await stack.set(**PAUSE)
    asked = len(stack.access_control.requests.calls)

    await perform(services, CONTOSO, run.id)

    ended = await detail(stack, run)
    assert (ended["status"], len(stack.access_control.requests.calls)) == ("cancelled", asked)
    assert ended["message"] == f"{SAID} Nothing was applied."


@pytest.mark.parametrize("periodic", [False, "watch"])
async def test_a_periodic_sync_that_waits_ends_where_the_domain_has_none_any_more(
    start_stack: StartStack, periodic: object
) -> None:
    stack = await started(start_stack)
    services = stack.services
    run = lifecycle.new_run(services.clock, CONTOSO, Mode.SYNC, Trigger.SCHEDULE, lifecycle.SCHEDULE)
    await lifecycle.start(services, run)
    await stack.set(periodicSync=periodic)

    await perform(services, CONTOSO, run.id)

    ended = await detail(stack, run)
    assert (ended["status"], stack.writes()) == ("cancelled", [])
    assert "switched off" in ended["message"]


@pytest.mark.usefixtures("every_hour_has_runs")
async def test_a_run_that_reads_ends_before_it_writes(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    asked = len(stack.access_control.requests.calls)
    stack.hold_up()
    await stack.tick()
    (run, *_) = await stack.runs()

    async def reads() -> bool:
        return len(stack.access_control.requests.calls) > asked

    await until(reads)
    await stack.set(**PAUSE)
    stack.let_go()
    ended = await stack.finished(run)

    assert (ended.status, stack.writes()) == ("cancelled", [])
    assert SAID in (await detail(stack, ended))["message"]


@pytest.mark.usefixtures("every_hour_has_runs")
async def test_one_that_has_begun_to_write_goes_on_and_is_named(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    stack.hold_up(method="PATCH", where="inner", path="/users/*")
    await stack.tick()
    (run, *_) = await stack.runs()

    async def begun() -> bool:
        return await stack.services.audit_logs.has_begun(run)

    await until(begun)
    await stack.set(**PAUSE)

    assert (await shown(stack))["activeRun"]["id"] == run.id
    stack.let_go()
    ended = await stack.finished(run)
    assert (ended.status, ended.counts.update) == ("succeeded", 1)


@pytest.mark.parametrize("ahead", [timedelta(minutes=-1), timedelta(days=367)])
@pytest.mark.parametrize("path", ["settings", f"domains/{CONTOSO}"])
async def test_an_end_in_the_past_or_far_ahead_is_refused(
    start_stack: StartStack, ahead: timedelta, path: str
) -> None:
    stack = await start_stack()

    answer = await stack.patch(path, {"pausedUntil": (datetime.now(UTC) + ahead).isoformat()})

    (error,) = problem(answer, 400)["errors"]
    assert error["field"] == "pausedUntil"
    assert "in the future, by at most 366 days" in error["detail"]


async def test_a_new_pause_has_no_reason_of_an_earlier_one_and_changes_record_it(
    start_stack: StartStack,
) -> None:
    stack = await start_stack()
    await stack.set(**PAUSE)
    await stack.set(pausedUntil=(UNTIL + timedelta(days=1)).isoformat())

    assert (await shown(stack))["pauseReason"] is None
    latest = (await stack.changes())[0]
    assert "人事" in latest["before"].encode().decode("unicode_escape")
    assert '"pauseReason": null' in latest["after"]


async def test_rows_of_an_earlier_version_have_no_pause(start_stack: StartStack) -> None:
    stack = await start_stack()
    await stack.set(periodicSync=True)
    row = await stack.services.domains.find(CONTOSO)

    assert row is not None
    assert "paused_until" not in row.given
    assert (await shown(stack))["pausedUntil"] is None
