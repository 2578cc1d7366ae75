"""Alerts fire on the lines that the app writes when something is wrong, and on no others.

The lines come from a running product to which all of that happens. Where an alert looks back over hours, the same
lines are told as if they had been written then.
"""

import contextlib
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from datetime import UTC, date, datetime, timedelta

import pytest
import pytest_asyncio

from local.access_control.faults import Fault
from local.access_control.users import User
from local.entra.faults import Fault as GraphFault
from shared.runs.messages import POISON_QUEUE, message
from shared.store.storage import DOMAINS
from tests.infra.bicep import INFRA, Expression, Value, dig, read
from tests.infra.kql import Row, result
from tests.integration.test_queue import send
from tests.support.outcomes import all_permissions_but
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source, running_stack, until

QUERIES = {path.stem: path for path in sorted((INFRA / "alerts").glob("*.kql"))}
PEOPLE = [f"user{number}" for number in range(10)]
# Has the address of somebody whom the source adds.
GROUP = {"displayName": "New", "proxyAddresses": ["SMTP:new@contoso.com"]}
WINDOWS = {
    "PT30M": timedelta(minutes=30),
    "PT2H": timedelta(hours=2),
    "P1D": timedelta(days=1),
    "P2D": timedelta(days=2),
}
NO_TIMER = "every domain: the hourly timer does not run"
UNREAD = "every domain: the source could not be read"
NOW = datetime(2026, 8, 1, 12, 30, tzinfo=UTC)
ENDS = date(2027, 3, 31)

# What happened → the lines that the app wrote meanwhile.
Written = dict[str, list[str]]

every_query = pytest.mark.parametrize("name", QUERIES)


class Lines(logging.Handler):
    """The app's log, line by line as it goes to Application Insights."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.seen.append(record.getMessage())

    async def until_written(self, event: str) -> None:
        async def written() -> bool:
            return bool(_of(event, self.seen))

        await until(written)

    def taken(self) -> list[str]:
        lines, self.seen = self.seen, []
        return lines


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def written(storage_accounts: Iterator[str]) -> AsyncIterator[Written]:
    people = [in_source(name) for name in PEOPLE], [in_entra(name) for name in PEOPLE]
    tenant = {"groups": [GROUP]}
    settings = {"HENNGE_SECRET_EXPIRES_ON": ENDS.isoformat()}
    async with running_stack(
        next(storage_accounts), source=people[0], entra=people[1], tenant=tenant, settings=settings
    ) as stack:
        with _listening() as lines:
            yield await _all_that_can_happen(stack, lines)


async def _all_that_can_happen(stack: Stack, lines: Lines) -> Written:
    written: Written = {}
    faults, people = stack.access_control.faults, stack.access_control.users

    async def told(what: str, event: str) -> None:
        await lines.until_written(event)
        written[what] = lines.taken()

    await stack.tick()
    await told("a tick with periodic sync off", "timer.tick")

    assert (await stack.dry_run()).status == "succeeded"
    await told("a dry run", "run.finished")

    assert (await stack.sync()).status == "succeeded"
    await told("a good run", "run.finished")

    await _what_entra_refuses(stack, told)

    gone = [people[name] for name in PEOPLE[:3]]
    for person in gone:
        people.remove(person.username)
    cancelled = await stack.sync()
    assert cancelled.deletion_check is not None
    assert (cancelled.status, cancelled.deletion_check.exceeded) == ("cancelled", True)
    await told("a run that Max Allowed Deletions cancelled", "run.finished")
    for person in gone:
        people.put(person)

    waiting = await stack.start_without_message()
    await stack.post(f"domains/{CONTOSO}/runs/{waiting.id}/cancel")
    assert (await stack.finished(waiting)).status == "cancelled"
    await told("a run that somebody cancelled", "run.finished")

    faults.add(Fault(kind="status", call="token", status=401))
    assert (await stack.sync()).status == "failed"
    await told("a run that failed", "run.finished")
    faults.clear()

    lost = await stack.start_without_message()
    await send(stack, POISON_QUEUE, message(CONTOSO, lost.id))
    await told("a run that was given up", "run.poisoned")

    await send(stack, POISON_QUEUE, '{"domain": "contoso.com"}')
    await told("a message that can't be read", "queue.unreadable")

    await stack.set(periodicSync=True, pausedUntil=(datetime.now(UTC) + timedelta(hours=1)).isoformat())
    await stack.tick()
    await told("a tick under a pause", "run.finished")

    await stack.set(pausedUntil=None)
    await stack.tick()
    await told("a tick with periodic sync on", "run.finished")
    return written


async def _what_entra_refuses(stack: Stack, told: Callable[[str, str], Awaitable[None]]) -> None:
    people = stack.access_control.users

    people.add(User.model_validate(in_source("new")))
    assert (await stack.sync()).status == "completedWithErrors"
    await told("a run in which nothing succeeded", "run.finished")

    people.edit("user9", {"display_name": "New"})
    assert (await stack.sync()).status == "completedWithErrors"
    await told("a run that failed for one person", "run.finished")

    stack.entra.faults.add(
        GraphFault(kind="status", status=400, method="PATCH", path="/users/*", where="inner")
    )
    for name in PEOPLE:
        people.edit(name, {"display_name": "Newer"})
    refused = await stack.sync()
    assert (refused.counts.update, refused.counts.failed) == (0, len(PEOPLE) + 1)
    await told("a run that was refused all its writes", "run.finished")
    stack.entra.faults.clear()
    people.remove("new")

    stack.entra.permissions = frozenset(all_permissions_but("MailboxSettings.Read"))
    left = people[PEOPLE[0]]
    people.remove(left.username)
    unseen = await stack.sync()
    assert (unseen.status, unseen.counts.skipped) == ("succeeded", 1)
    await told("a run that deleted nobody for want of a permission", "run.finished")
    people.put(left)
    stack.entra.permissions = None


@pytest.mark.parametrize(
    ("name", "happened"),
    [
        ("run-failed", {"a run that failed", "a run that Max Allowed Deletions cancelled"}),
        ("mostly-failed", {"a run in which nothing succeeded", "a run that was refused all its writes"}),
        ("not-deleted", {"a run that deleted nobody for want of a permission"}),
        ("people-failing", set()),
        ("poisoned", {"a run that was given up", "a message that can't be read"}),
        ("secret-expiry", set()),
    ],
)
def test_an_alert_fires_on_what_it_is_for_and_on_nothing_else(
    written: Written, name: str, happened: set[str]
) -> None:
    just_now = NOW - timedelta(minutes=5)
    fires = {what for what, lines in written.items() if _fired(name, ((just_now, line) for line in lines))}

    assert fires == happened


def test_they_fire_once_for_each_when_everything_happens_at_once(written: Written) -> None:
    lines = [(NOW - timedelta(minutes=5), line) for all_lines in written.values() for line in all_lines]

    assert [row["status"] for row in _fired("run-failed", lines)] == ["cancelled", "failed"]
    assert len(_fired("poisoned", lines)) == 2


def test_a_failed_run_is_told_with_what_a_person_needs_to_act(written: Written) -> None:
    for what in ("a run that failed", "a run that Max Allowed Deletions cancelled"):
        (line,) = _of("run.finished", written[what])
        (row,) = _fired("run-failed", [(NOW - timedelta(minutes=5), line)])
        run = json.loads(line)

        assert {name: row[name] for name in ("domain", "status", "message", "mode", "runId")} == {
            name: run[name] for name in ("domain", "status", "message", "mode", "runId")
        }
        assert row["message"]


def test_what_was_set_aside_is_told_by_its_domain_or_its_error(written: Written) -> None:
    def told(what: str) -> dict[str, object]:
        (row,) = _fired("poisoned", [(NOW - timedelta(minutes=5), line) for line in written[what]])
        return row

    assert told("a run that was given up")["domain"] == CONTOSO
    assert "runId" in str(told("a message that can't be read")["error"])


@pytest.mark.parametrize(
    ("days", "notices"),
    [
        (31, []),
        (29, ["ends within 30 days"]),
        (8, ["ends within 30 days"]),
        (6, ["ends within 7 days"]),
        (-1, ["has ended"]),
        (-400, ["has ended"]),
    ],
)
def test_a_secret_that_ends_is_told(written: Written, days: int, notices: list[str]) -> None:
    ends = (NOW + timedelta(days=days)).date()
    ticks = [_told_then(written, ENDS.isoformat(), ends.isoformat(), hours) for hours in (0.5, 1.5, 2.5)]

    assert [row["notice"] for row in _fired("secret-expiry", ticks)] == notices


def test_a_new_date_ends_the_notice(written: Written) -> None:
    past, new = (NOW - timedelta(days=1)).date(), (NOW + timedelta(days=365)).date()
    ticks = [
        _told_then(written, ENDS.isoformat(), past.isoformat(), 1.5),
        _told_then(written, ENDS.isoformat(), new.isoformat(), 0.5),
    ]

    assert _fired("secret-expiry", ticks) == []
    assert dig(_alerts()["secret-expiry"], "autoMitigate") is True


def test_no_date_is_no_notice(written: Written) -> None:
    tick = _told_then(written, f'"{ENDS.isoformat()}"', "null", 0.5)

    assert _fired("secret-expiry", [tick]) == []


class TestNoGoodRun:
    """`run` ended so many `hours` ago; `on` and `off` are the hours ago at which the timer ticked.

    The domain's periodic sync is on in the ticks of `on` alone. A tick says that the next one comes `every` so many
    hours; `forget` names what the lines do not say.
    """

    @staticmethod
    def fired(
        written: Written,
        run: str = "",
        hours: float = 0,
        *,
        on: Iterable[float] = (),
        off: Iterable[float] = (),
        every: float = 1,
        forget: Iterable[str] = (),
    ) -> list[object]:
        told = [(ago, "a tick with periodic sync on", "timer.tick") for ago in on]
        told += [(ago, "a tick with periodic sync off", "timer.tick") for ago in off]
        told += [(hours, run, "run.finished")] if run else []
        lines = [
            (NOW - timedelta(hours=ago), _with_schedule(line, every, forget))
            for ago, what, event in told
            for line in _of(event, written[what])
        ]
        return [row["domain"] for row in _fired("no-good-run", lines)]

    HOURLY = (5.5, 4.5, 3.5, 2.5, 1.5, 0.5)

    @pytest.mark.parametrize("run", ["a good run", "a run that failed for one person"])
    def test_is_silent_for_three_hours_after_a_good_run(self, written: Written, run: str) -> None:
        assert self.fired(written, run, 2.95, on=self.HOURLY) == []

    @pytest.mark.parametrize("run", ["a good run", "a run that failed for one person"])
    def test_fires_when_three_hours_are_over(self, written: Written, run: str) -> None:
        assert self.fired(written, run, 3.05, on=self.HOURLY) == [CONTOSO]

    @pytest.mark.parametrize(
        "run",
        [
            "a run in which nothing succeeded",
            "a run that was refused all its writes",
            "a run that deleted nobody for want of a permission",
            "a run that failed",
            "a run that Max Allowed Deletions cancelled",
            "a run that somebody cancelled",
            "a dry run",
        ],
    )
    def test_takes_no_other_run_for_a_good_one(self, written: Written, run: str) -> None:
        assert self.fired(written, run, 0.4, on=self.HOURLY) == [CONTOSO]

    def test_gives_a_periodic_sync_that_was_just_switched_on_its_three_hours(self, written: Written) -> None:
        assert self.fired(written, off=(5.5, 4.5, 3.5), on=(2.5, 1.5, 0.5)) == []
        assert self.fired(written, off=(5.5, 4.5), on=(3.5, 2.5, 1.5, 0.5)) == [CONTOSO]

    def test_leaves_a_domain_alone_whose_periodic_sync_is_off_by_now(self, written: Written) -> None:
        assert self.fired(written, on=(5.5, 4.5, 3.5, 2.5, 1.5), off=(0.5,)) == []

    def test_is_silent_while_the_timer_runs_for_nobody(self, written: Written) -> None:
        assert self.fired(written, off=self.HOURLY) == []

    @pytest.mark.parametrize("hours", [3.05, 12, 23.5, 25, 24 * 7])
    def test_fires_once_for_a_timer_that_stopped_and_goes_on_however_long_ago_that_was(
        self, written: Written, hours: float
    ) -> None:
        stopped = [hours + later for later in (0.0, 1.0, 2.0)]

        assert self.fired(written, "a good run", hours, on=stopped) == [NO_TIMER]

    def test_fires_for_a_timer_of_which_nothing_is_known(self, written: Written) -> None:
        assert self.fired(written) == [NO_TIMER]

    def test_ends_when_the_timer_ticks_again_and_a_run_is_good(self, written: Written) -> None:
        assert self.fired(written, "a good run", 0.4, on=(12.0, 11.0, 0.5)) == []

    @pytest.mark.parametrize("hours", [0.5, 2.9, 5.0, 23.5])
    def test_follows_a_schedule_that_ticks_once_a_day(self, written: Written, hours: float) -> None:
        """The last tick was so many hours ago, and its run takes a minute."""
        on = (hours, hours + 24)

        assert self.fired(written, "a good run", hours - 0.02, on=on, every=24) == []
        assert self.fired(written, "a run that failed", hours - 0.02, on=on, every=24) == [CONTOSO]
        # In the first 3 hours the run of this tick may still become good; then the one of the day before is too old.
        yesterday = self.fired(written, "a good run", hours + 23.98, on=on, every=24)
        assert yesterday == ([] if hours < 3 else [CONTOSO])

    def test_gives_a_daily_timer_an_hour_more_than_its_day(self, written: Written) -> None:
        assert self.fired(written, "a good run", 24.9, on=(24.95,), every=24) == []
        assert self.fired(written, "a good run", 25.0, on=(25.05,), every=24) == [NO_TIMER]

    def test_reads_the_lines_of_earlier_versions(self, written: Written) -> None:
        old = ("at", "next", "good")

        assert self.fired(written, "a good run", 2.95, on=self.HOURLY, forget=old) == []
        assert self.fired(written, "a good run", 3.0, on=(3.05, 4.05), forget=old) == [NO_TIMER]
        assert self.fired(written, "a run that failed", 0.4, on=self.HOURLY, forget=old) == [CONTOSO]

    def test_fires_after_three_hours_of_refused_writes(self, written: Written) -> None:
        runs = {3.6: "a good run"} | dict.fromkeys((2.6, 1.6, 0.6), "a run that was refused all its writes")
        (tick,) = _of("timer.tick", written["a tick with periodic sync on"])
        lines = [
            (NOW - timedelta(hours=ago), line)
            for ago, run in runs.items()
            for line in (tick, *_of("run.finished", written[run]))
        ]

        assert [row["domain"] for row in _fired("no-good-run", lines)] == [CONTOSO]
        assert {row["domain"] for row in _fired("mostly-failed", lines)} == {CONTOSO}

    def test_may_resolve_itself_because_silence_keeps_it_firing(self) -> None:
        assert dig(_alerts()["no-good-run"], "autoMitigate") is True
        assert "3 hours" in str(dig(_alerts()["no-good-run"], "description"))


class TestPeopleFailing:
    """`syncs`: how a sync ended, and so many hours ago."""

    ONE = "a run that failed for one person"
    ALL = "a run that was refused all its writes"

    @staticmethod
    def users(written: Written, *syncs: tuple[str, Iterable[float]]) -> list[object]:
        lines = [
            (NOW - timedelta(hours=ago), line)
            for how, hours in syncs
            for ago in hours
            for line in _of("run.finished", written[how])
        ]
        return [row["users"] for row in _fired("people-failing", lines)]

    def test_fires_when_somebody_failed_in_each_sync_of_24_hours_and_in_the_one_before(
        self, written: Written
    ) -> None:
        assert self.users(written, (self.ONE, range(24))) == []
        assert self.users(written, (self.ONE, range(25))) == [1]

    @pytest.mark.parametrize("hours", [0.5, 12.5, 23.5])
    def test_ends_when_a_sync_did_not_fail_for_them(self, written: Written, hours: float) -> None:
        assert self.users(written, (self.ONE, range(30)), ("a good run", [hours])) == []

    def test_counts_those_alone_who_failed_all_the_time(self, written: Written) -> None:
        assert self.users(written, (self.ALL, range(48))) == [len(PEOPLE) + 1]
        assert self.users(written, (self.ONE, range(20)), (self.ALL, range(20, 48))) == [1]

    def test_looks_past_what_did_not_come_to_everybody(self, written: Written) -> None:
        early = ("a run that failed", [0.2, 5.2, 24.2]), ("a run that somebody cancelled", [0.4])

        assert self.users(written, (self.ONE, range(30)), *early, ("a dry run", [1.2])) == [1]

    def test_follows_a_daily_schedule(self, written: Written) -> None:
        assert self.users(written, (self.ONE, [2, 26])) == [1]
        assert self.users(written, (self.ONE, [2])) == []


def test_the_lines_say_who_failed_without_a_name(written: Written) -> None:
    (line,) = _of("run.finished", written["a run that was refused all its writes"])
    said = json.loads(line)

    assert len(set(said["failing"])) == len(PEOPLE) + 1
    assert not any(name in line for name in PEOPLE)


async def test_a_source_that_can_not_be_read_for_all_domains_is_one_alert(start_stack: StartStack) -> None:
    names = [CONTOSO, "other.com", "third.com"]
    stack = await start_stack(domains=[{"id": name} for name in names], settings={"READ": "mirror"})
    for name in names:
        await stack.set(name, periodicSync=True)
    stack.access_control.faults.add(Fault(kind="status", call="token", status=401))
    with _listening() as lines:
        runs = await stack.hour(*names)
    told = [line for event in ("timer.tick", "run.finished") for line in _of(event, lines.seen)]

    assert [run.status for run in runs] == ["failed"] * 3
    assert {run.read.failed for run in runs} == {1}
    now = [(NOW - timedelta(minutes=5), line) for line in told]
    assert {row["domain"] for row in _fired("run-failed", now)} == {UNREAD}
    hours = [(NOW - timedelta(hours=ago), line) for ago in TestNoGoodRun.HOURLY for line in told]
    assert [row["domain"] for row in _fired("no-good-run", hours)] == [UNREAD]


async def test_domains_that_are_told_in_several_lines_of_one_tick_do_not_alert(
    written: Written, start_stack: StartStack
) -> None:
    names = [f"{number:03}.{'x' * 60}.{'y' * 60}.example" for number in range(500)]
    stack = await start_stack(domains=[{"id": name} for name in names])
    table = await stack.services.storage.open_table(DOMAINS)
    for name in names:
        # Starts no run, and is told as a domain whose sync is on.
        row = {"PartitionKey": name, "RowKey": "settings", "periodic_sync": "of a newer version"}
        await table.create_entity(row)
    await stack.tick()
    tick = [json.dumps(line) for line in stack.events.named("timer.tick")]
    (good,) = _of("run.finished", written["a good run"])
    ticks = [(NOW - timedelta(hours=ago), line) for ago in TestNoGoodRun.HOURLY for line in tick]
    runs = [(NOW - timedelta(hours=0.4), good.replace(CONTOSO, name)) for name in names]

    assert len(tick) > 1
    assert _fired("no-good-run", ticks + runs) == []
    assert {row["domain"] for row in _fired("no-good-run", ticks + runs[2:])} == set(names[:2])


def test_every_query_has_its_alert() -> None:
    assert set(QUERIES) == set(_alerts())


@every_query
def test_an_alert_is_named_after_the_query_it_runs(name: str) -> None:
    assert dig(_alerts()[name], "query") == Expression(f"loadTextContent('alerts/{name}.kql')")


@every_query
def test_a_query_gives_the_column_that_its_alert_names_filled_in(name: str, written: Written) -> None:
    dimension = str(dig(_alerts()[name], "dimension"))
    lines = [(NOW - timedelta(minutes=5), line) for all_lines in written.values() for line in all_lines]
    if name == "no-good-run":
        lines = []
    elif name == "secret-expiry":
        lines = [_told_then(written, ENDS.isoformat(), NOW.date().isoformat(), 0.5)]
    elif name == "people-failing":
        (line,) = _of("run.finished", written["a run that failed for one person"])
        lines = [(NOW - timedelta(hours=hours), line) for hours in range(30)]
    rows = result(QUERIES[name], NOW, AppTraces=lines)

    assert rows
    assert all(row[dimension] for row in rows)


def test_the_first_deployment_is_not_refused_for_tables_that_are_still_empty() -> None:
    assert (
        dig(read(INFRA / "alerts.bicep").resources["rule"].body, "properties", "skipQueryValidation") is True
    )


def _fired(name: str, lines: Iterable[tuple[datetime, str]]) -> list[dict[str, object]]:
    """What an alert finds now among these lines: Azure shows its query those of its window only."""
    window = WINDOWS[str(dig(_alerts()[name], "window"))]
    seen: list[Row] = [(at, line) for at, line in lines if NOW - window <= at <= NOW]
    return result(QUERIES[name], NOW, AppTraces=seen)


def _told_then(written: Written, here: str, instead: str, hours: float) -> tuple[datetime, str]:
    """The line of a tick so many hours ago, with another date in it."""
    (line,) = _of("timer.tick", written["a tick with periodic sync on"])
    assert here in line
    return NOW - timedelta(hours=hours), line.replace(here, instead)


def _with_schedule(line: str, hours: float, forget: Iterable[str]) -> str:
    fields = json.loads(line)
    if "next" in fields:
        fields["next"] = (datetime.fromisoformat(fields["at"]) + timedelta(hours=hours)).isoformat()
    return json.dumps({name: value for name, value in fields.items() if name not in forget})


def _alerts() -> dict[str, Value]:
    rules = read(INFRA / "alerts.bicep").variables["rules"]
    assert isinstance(rules, list)
    return {str(dig(rule, "name")): rule for rule in rules}


def _of(event: str, lines: Iterable[str]) -> list[str]:
    return [line for line in lines if line.startswith("{") and json.loads(line)["event"] == event]


@contextlib.contextmanager
def _listening() -> Iterator[Lines]:
    logger, lines = logging.getLogger("sync"), Lines()
    logger.addHandler(lines)
    try:
        yield lines
    finally:
        logger.removeHandler(lines)
