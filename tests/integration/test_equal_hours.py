"""Hours in which nothing has changed: a line in the Sync Logs, no run; and all that makes a run needed."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

import pytest

from local.access_control import Fault
from local.access_control.users import User
from local.entra import Fault as GraphFault
from local.host.limits import PLATFORM
from shared.model.records import Author
from shared.model.runs import Counts, Mode, Run, Trigger
from shared.planning import equal
from shared.runs import hourly, lifecycle
from shared.runs.invocation import perform
from shared.runs.messages import POISON_QUEUE, RunMessage, hour_message, read_message
from shared.runs.reading import perform_reading
from shared.store.changes import TENANT
from shared.store.hours import Settled
from shared.store.storage import DOMAINS
from tests.integration.test_queue import send
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source, until
from tests.support.storage_control import storage_of

OTHER = "other.com"
AUTHOR = Author("somebody", "127.0.0.1")


@pytest.fixture
async def stack(start_stack: StartStack, monkeypatch: pytest.MonkeyPatch) -> Stack:
    """Two domains that are as they are to be, after their first hour."""
    # The time of day of each is far from now.
    monkeypatch.setattr(equal, "daily", lambda _domain, after: after + timedelta(hours=12))
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba", OTHER), in_source("date", OTHER)],
        entra=[in_entra("aoki"), in_entra("baba", OTHER), in_entra("date", OTHER)],
        domains=[{"id": CONTOSO, "isDefault": True}, {"id": OTHER}],
        settings={"READ": "mirror"},
        host=PLATFORM,
    )
    for domain in (CONTOSO, OTHER):
        await stack.set(domain, periodicSync=True, maxAllowedDeletions=100)
    await stack.hour(CONTOSO, OTHER)
    await kept(stack, CONTOSO, OTHER)
    return stack


async def kept(stack: Stack, *domains: str) -> dict[str, Settled]:
    """What is kept of the last runs of these domains: a moment after their end."""

    async def there() -> dict[str, Settled] | None:
        hours = await stack.services.hours.read_all()
        return hours if hours.keys() >= {*domains} else None

    return await until(there)


def is_line(run: Run) -> bool:
    return run.unchanged_since is not None


async def test_it_has_a_line_and_no_run(stack: Stack) -> None:
    (before,) = await stack.runs()
    stack.entra.requests.clear()

    lines = await stack.hour(CONTOSO, OTHER)

    assert [is_line(line) for line in lines] == [True, True]
    line = lines[0]
    assert (line.unchanged_since, line.status, line.counts) == (before.created_at, "succeeded", before.counts)
    assert (line.trigger, line.requested_by, line.audit_log.available) == ("schedule", "schedule", False)
    assert line.message.startswith("Nothing has changed since the run of ")
    assert line.read.source is not None
    assert line.read.source.version == 2
    assert line.read.entra is not None
    assert not line.read.entra.live
    assert len(stack.events.named("run.started")) == 2
    assert [one["good"] for one in stack.events.named("run.finished")] == [True] * 4
    page = (await stack.get(f"domains/{CONTOSO}")).json()
    assert page["lastSync"]["id"] == line.id


async def test_every_hour_has_its_line_and_the_chain_leads_through_them(stack: Stack) -> None:
    for number in range(2, 5):
        (line, _) = await stack.hour(CONTOSO, OTHER)
        assert line.read.source
        assert (is_line(line), line.read.source.version) == (True, number)
        entries = await kept(stack, CONTOSO)
        await until(reads(stack, number))
        assert entries[CONTOSO].run.id == (await stack.runs())[-1].id

    verified = (await stack.get(f"integrity?domain={CONTOSO}")).json()
    assert (verified["log"], verified.get("break")) == ("runs", None)


def reads(stack: Stack, number: int) -> Callable[[], Awaitable[bool]]:
    async def all_read() -> bool:
        return all(one.reading == number for one in (await stack.services.hours.read_all()).values())

    return all_read


async def test_costs_one_operation_of_storage_for_each_domain(stack: Stack) -> None:
    await stack.hour(CONTOSO, OTHER)
    await until(reads(stack, 2))
    storage = storage_of(stack)
    await storage.forget()

    await stack.hour(CONTOSO, OTHER)
    await until(reads(stack, 3))

    of_domains = [str(one) for one in await storage.writes() if "log-head" in one.resource]
    assert len(of_domains) == 2, await storage.writes()


class TestWhatNeedsARun:
    async def of_hour(self, stack: Stack) -> list[bool]:
        """Which of both domains had a run."""
        return [not is_line(run) for run in await stack.hour(CONTOSO, OTHER)]

    async def test_somebody_new_in_the_source(self, stack: Stack) -> None:
        stack.access_control.users.add(User.model_validate(in_source("chiba")))
        assert await self.of_hour(stack) == [True, False]
        assert "chiba@contoso.com" in stack.users()

    async def test_somebody_who_left_it(self, stack: Stack) -> None:
        stack.access_control.users.remove("baba")
        assert await self.of_hour(stack) == [False, True]
        assert list(stack.users(OTHER)) == ["date@other.com"]

    async def test_a_value_that_was_edited_in_entra(self, stack: Stack) -> None:
        user = next(
            one for one in stack.entra.directory.users.values() if "aoki" in str(one["userPrincipalName"])
        )
        stack.entra.directory.update(user, {"surname": "Edited"})
        assert await self.of_hour(stack) == [True, False]
        assert "Edited" not in str(stack.users()["aoki@contoso.com"])

    async def test_an_account_that_nobody_in_the_source_has(self, stack: Stack) -> None:
        stack.entra.directory.create({**in_entra("extra", OTHER)})
        assert await self.of_hour(stack) == [False, True]

    async def test_other_settings_of_the_domain(self, stack: Stack) -> None:
        await stack.set(OTHER, maxAllowedDeletions=50)
        assert await self.of_hour(stack) == [False, True]

    async def test_a_run_by_hand_is_never_compared_with(self, stack: Stack) -> None:
        await stack.dry_run()
        assert await self.of_hour(stack) == [True, False]

    async def test_a_copy_that_can_not_be_read(self, stack: Stack) -> None:
        stack.entra.faults.add(GraphFault(kind="status", status=403, path="/users/delta"))
        assert await self.of_hour(stack) == [True, True]

    async def test_the_time_of_the_day(self, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hourly, "is_first_of_day", lambda *_: True)
        entries = await kept(stack, CONTOSO)
        due = replace(entries[CONTOSO], due_at=datetime.now(UTC) - timedelta(seconds=1))
        await stack.services.hours.keep([due])

        run, line = await stack.hour(CONTOSO, OTHER)

        assert (is_line(run), is_line(line)) == (False, True)
        assert run.listed
        assert run.read.entra
        assert run.read.entra.live
        assert run.read.source
        assert (await kept(stack, CONTOSO))[CONTOSO].run.id == run.id


async def test_a_sync_by_hand_does_not_take_the_place_of_the_list_of_the_day(stack: Stack) -> None:
    services, now = stack.services, stack.services.clock.now()
    pointers = await services.runs.read_pointers(CONTOSO)
    assert pointers.listed_at is None
    assert pointers.last_sync
    listed = hourly_run(stack, listed=True)
    await lifecycle.start(services, listed)
    await perform(services, CONTOSO, listed.id)

    sync = await stack.sync()

    assert not sync.read.entra or not sync.read.entra.live
    kept_at = (await services.runs.read_pointers(CONTOSO)).listed_at
    assert kept_at
    # Tables keep milliseconds.
    assert now < listed.created_at < kept_at + timedelta(milliseconds=1)


def hourly_run(stack: Stack, **fields: object) -> Run:
    run = lifecycle.new_run(stack.services.clock, CONTOSO, Mode.SYNC, Trigger.SCHEDULE, AUTHOR)
    return run.model_copy(update={"read_after": 1, **fields})


@pytest.mark.parametrize("listed", [False, True])
async def test_an_edit_that_brings_back_what_the_copy_alone_had_seen_has_a_run(
    stack: Stack, monkeypatch: pytest.MonkeyPatch, listed: bool
) -> None:
    monkeypatch.setattr(hourly, "is_first_of_day", lambda *_: listed)
    services, users = stack.services, stack.entra.directory.users.values()
    user = next(one for one in users if "aoki" in str(one["userPrincipalName"]))
    right = user["surname"]
    stack.entra.directory.update(user, {"surname": "Edited"})
    await perform_reading(services, 2)
    stack.entra.directory.update(user, {"surname": right})
    (sent,) = await hourly.after_reading(services, 2)
    order = read_message(sent.encode())
    assert isinstance(order, RunMessage)
    await perform(services, order.domain, order.run_id)
    assert (await stack.runs())[0].counts.unchanged == 1
    stack.entra.directory.update(user, {"surname": "Edited"})

    (run, _) = await stack.hour(CONTOSO, OTHER)

    assert (is_line(run), run.counts.update) == (False, 1)


async def test_a_source_that_fails_fails_every_domain(stack: Stack) -> None:
    stack.access_control.faults.add(Fault(kind="status", status=403))

    lines = await stack.hour(CONTOSO, OTHER)

    assert [(line.status, line.read.failed) for line in lines] == [("failed", 2)] * 2
    assert "Nothing was applied" in lines[0].message
    assert [(line.counts, line.matches) for line in lines] == [(Counts(), {})] * 2
    assert len(stack.events.named("run.started")) == 2
    assert [one["good"] for one in stack.events.named("run.finished")] == [True] * 2 + [False] * 2
    assert await hourly.after_reading(stack.services, 2) == []

    stack.access_control.faults.clear()
    await until(reads(stack, 2))
    assert [(is_line(line), line.status) for line in await stack.hour(CONTOSO, OTHER)] == [
        (True, "succeeded")
    ] * 2
    verified = (await stack.get(f"integrity?domain={CONTOSO}")).json()
    assert verified.get("break") is None


async def test_who_changed_while_the_source_could_not_be_read_has_a_run(stack: Stack) -> None:
    stack.access_control.faults.add(Fault(kind="status", status=403))
    await stack.hour(CONTOSO, OTHER)
    await until(reads(stack, 2))
    stack.access_control.faults.clear()
    stack.access_control.users.add(User.model_validate(in_source("chiba")))

    run, line = await stack.hour(CONTOSO, OTHER)

    assert (is_line(run), run.counts.add, is_line(line)) == (False, 1, True)


async def test_no_line_is_written_beside_an_active_run(stack: Stack) -> None:
    await stack.hour(CONTOSO, OTHER)
    await until(reads(stack, 2))
    entries = await stack.services.hours.read_all()
    run = lifecycle.new_run(stack.services.clock, CONTOSO, Mode.SYNC, Trigger.MANUAL, AUTHOR)
    await lifecycle.start(stack.services, run)
    # As if the start had not deleted it.
    await stack.services.hours.keep(list(entries.values()))
    before = await stack.runs()

    assert await stack.services.runs.add_equal(run, {}, entries[CONTOSO].head) is None

    assert await stack.runs() == before


async def test_the_same_message_twice_adds_nothing(stack: Stack) -> None:
    await stack.hour(CONTOSO, OTHER)
    await until(reads(stack, 2))
    before = [await stack.runs(domain) for domain in (CONTOSO, OTHER)]

    assert await hourly.after_reading(stack.services, 2) == []

    assert [await stack.runs(domain) for domain in (CONTOSO, OTHER)] == before


async def test_nor_does_one_whose_end_was_lost(stack: Stack) -> None:
    entries = await stack.services.hours.read_all()
    await stack.hour(CONTOSO, OTHER)
    await until(reads(stack, 2))
    await stack.services.hours.keep(list(entries.values()))
    before = [await stack.runs(domain) for domain in (CONTOSO, OTHER)]

    assert await hourly.after_reading(stack.services, 2) == []

    assert [await stack.runs(domain) for domain in (CONTOSO, OTHER)] == before


@pytest.mark.parametrize("meanwhile", ["due", "paused"])
async def test_what_became_due_while_the_hour_was_read_has_a_run(stack: Stack, meanwhile: str) -> None:
    services, now = stack.services, datetime.now(UTC)
    await perform_reading(services, 2)
    if meanwhile == "due":
        (entry,) = [one for one in (await services.hours.read_all()).values() if one.run.domain == CONTOSO]
        await services.hours.keep([replace(entry, due_at=now)])
    else:
        await stack.set(pausedUntil=(now + timedelta(hours=1)).isoformat())

    (sent,) = await hourly.after_reading(services, 2)

    assert f'"domain":"{CONTOSO}"' in sent
    assert is_line((await stack.runs(OTHER))[0])


async def test_whom_somebody_ran_otherwise_while_the_hour_was_read_has_a_run(stack: Stack) -> None:
    await perform_reading(stack.services, 2)
    await stack.dry_run()

    (sent,) = await hourly.after_reading(stack.services, 2)

    assert f'"domain":"{CONTOSO}"' in sent
    assert is_line((await stack.runs(OTHER))[0])


async def test_whom_somebody_synchronised_meanwhile_has_had_its_hour(stack: Stack) -> None:
    await perform_reading(stack.services, 2)
    sync = await stack.sync()

    assert await hourly.after_reading(stack.services, 2) == []

    assert (await stack.runs())[0] == sync
    assert is_line((await stack.runs(OTHER))[0])


async def test_what_can_not_be_read_gives_each_a_run(stack: Stack) -> None:
    services = stack.services
    await perform_reading(services, 2)
    table = await services.storage.open_table(DOMAINS)
    await table.upsert_entity({"PartitionKey": TENANT, "RowKey": "decision-1", "decision": "damaged"})

    sent = await hourly.after_reading(services, 2)

    assert len(sent) == 2


async def test_an_hour_that_was_given_up_has_runs(stack: Stack) -> None:
    await perform_reading(stack.services, 2)

    await send(stack, POISON_QUEUE, hour_message(2))

    async def both() -> list[Run] | None:
        newest = [(await stack.runs(domain))[0] for domain in (CONTOSO, OTHER)]
        return newest if all(run.read_after == 1 and not run.status.active for run in newest) else None

    assert [(is_line(run), run.status) for run in await until(both)] == [(False, "succeeded")] * 2
    assert stack.events.named("hour.poisoned")


async def test_where_storage_can_not_keep_what_waits_each_has_a_run(stack: Stack) -> None:
    await storage_of(stack).faults(
        {"kind": "refuse", "code": "AuthorizationFailure", "resource": "Runs(PUT wait-~hour*", "count": 99}
    )

    runs = await stack.hour(CONTOSO, OTHER)

    assert [is_line(run) for run in runs] == [False, False]


async def test_a_run_ends_well_though_nothing_can_be_kept_of_it(stack: Stack) -> None:
    await storage_of(stack).faults(
        {"kind": "refuse", "code": "AuthorizationFailure", "resource": f"Runs(PUT {CONTOSO})", "count": 9}
    )

    sync = await stack.sync()

    await until(partial(told, stack, "hours.unkept"))
    assert [one["runId"] for one in stack.events.named("run.finished")].count(sync.id) == 1


async def told(stack: Stack, name: str) -> bool:
    return bool(stack.events.named(name))


async def test_who_was_left_is_tried_again_within_the_hour(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki")], entra=[in_entra("aoki"), in_entra("guest", userType="Guest")],
        settings={"READ": "mirror"}, host=PLATFORM,
    )  # fmt: skip
    await stack.set(periodicSync=True)
    (run,) = await stack.hour()
    assert run.left_digest

    entry = (await kept(stack, CONTOSO))[CONTOSO]

    assert entry.alone
    assert timedelta(minutes=45) < entry.due_at - run.created_at < timedelta(minutes=55)


async def test_a_watched_domain_compares_with_its_last_watch(stack: Stack) -> None:
    await stack.set(periodicSync="watch")
    (watch,) = await stack.hour()
    await kept(stack, CONTOSO)

    (line,) = await stack.hour()

    assert (watch.kind, line.kind, is_line(watch), is_line(line)) == ("watch", "watch", False, True)
    assert line.same_since == watch.same_since
    page = (await stack.get(f"domains/{CONTOSO}")).json()
    assert page["lastWatch"]["id"] == line.id


async def test_never_with_a_sync_by_hand(stack: Stack) -> None:
    await stack.set(periodicSync="watch")
    await stack.hour()
    await kept(stack, CONTOSO)
    sync = await stack.sync()

    async def is_kept() -> bool:
        return (await kept(stack, CONTOSO))[CONTOSO].run.id == sync.id

    await until(is_kept)

    (watch,) = await stack.hour()

    assert (watch.kind, is_line(watch)) == ("watch", False)


async def test_with_read_live_each_hour_has_runs(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")], settings={"READ": "live"})
    await stack.set(periodicSync=True)
    await stack.hour()

    (run,) = await stack.hour()

    assert not is_line(run)
    assert await stack.services.hours.read_all() == {}
