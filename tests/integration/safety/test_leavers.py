"""Leavers in stages, over HTTP and on moved clocks: blocked, signed out, waiting, back or deleted."""

import random
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from local.access_control.users import User
from shared.entra.client import GraphClient
from shared.model.leavers import Leaver, read, written
from shared.model.memory import difference, with_leavers
from shared.model.records import Author
from shared.model.runs import Mode, Run, Trigger
from shared.runs import lifecycle
from shared.runs.invocation import perform
from shared.services import Services
from shared.settings import Settings
from shared.store.journal import Journal
from shared.store.storage import Storage
from tests.integration.test_pause import Later
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

STAYING = [f"stays{n}" for n in range(9)]
MONTH = {"block": True, "deleteAfterDays": 30}
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


async def started(start_stack: StartStack, *leavers: str, terms: object = MONTH, limit: int = 20) -> Stack:
    """Nine people who stay, and these, whom the source does not have."""
    stack = await start_stack(
        source=[in_source(name) for name in STAYING],
        entra=[in_entra(name) for name in (*STAYING, *leavers)],
    )
    await stack.set(leavers=terms, maxAllowedDeletions=limit)
    return stack


@asynccontextmanager
async def at(stack: Stack, later: timedelta) -> AsyncIterator[Services]:
    """The app so much later, by its clock and by Entra's."""
    stack.entra.ahead = later
    services = Services(Settings.from_environment(stack.settings), Later(later))
    try:
        yield services
    finally:
        await services.aclose()


async def sync(stack: Stack, later: timedelta, mode: Mode = Mode.SYNC) -> Run:
    async with at(stack, later) as services:
        run = await queued(services, mode)
        await perform(services, CONTOSO, run.id)
        return await services.runs.get(CONTOSO, run.id)


async def undo(stack: Stack, sync: Run, later: timedelta) -> None:
    async with at(stack, later) as services:
        run = await lifecycle.start_undo(
            services, CONTOSO, sync.id, Author("admin", ""), dry_run=False, disable_added=False
        )
        await perform(services, CONTOSO, run.id)


async def queued(services: Services, mode: Mode = Mode.SYNC) -> Run:
    run = lifecycle.new_run(services.clock, CONTOSO, mode, Trigger.MANUAL, Author("test", ""))
    return await lifecycle.start(services, run)


async def rows(stack: Stack) -> dict[str, Leaver]:
    """UPN's local part → row, of those who wait."""
    memory = await stack.services.known_people.read(CONTOSO)
    found = {row.upn.partition("@")[0]: row for text in memory.leavers.values() if (row := read(text))}
    return {name: row for name, row in found.items() if row.waits}


def account(stack: Stack, name: str) -> Json | None:
    return stack.users().get(f"{name}@{CONTOSO}")


def enabled(stack: Stack, name: str) -> bool | None:
    found = account(stack, name)
    return found["accountEnabled"] if found else None


def set_enabled(stack: Stack, name: str, state: bool) -> None:
    user = stack.entra.directory.user(f"{name}@{CONTOSO}")
    assert user is not None
    stack.entra.directory.update(user, {"accountEnabled": state})


def joins(stack: Stack, person: Json) -> None:
    """As HR registers somebody in Access Control."""
    stack.access_control.users.add(User.model_validate(person))


def join_entra(stack: Stack, name: str) -> None:
    stack.entra.directory.create(in_entra(name, accountEnabled=True, mailNickname=name))


def signed_out(stack: Stack) -> int:
    return sum("revokeSignInSessions" in write for write in stack.writes())


async def test_block_then_wait_then_delete(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")

    blocked = await sync(stack, timedelta(0))
    assert (blocked.status, blocked.counts.block, blocked.counts.delete) == ("succeeded", 1, 0)
    assert (enabled(stack, "leaver"), signed_out(stack)) == (False, 1)
    assert blocked.deletion_check is not None
    assert (blocked.deletion_check.deletions, blocked.deletion_check.target) == (1, 10)

    assert [part.code for part in blocked.warning_parts] == ["warning.leaversBlocked"]

    writes = len(stack.writes())
    for days in (1, 15, 29):
        waiting = await sync(stack, days * DAY)
        assert (waiting.status, waiting.counts.made, waiting.counts.skipped) == ("succeeded", 0, 1)
        assert waiting.deletion_check is not None
        assert (waiting.deletion_check.deletions, waiting.deletion_check.target) == (0, 9)
        told = ["warning.leaversDue"] if days == 29 else []
        assert [part.code for part in waiting.warning_parts] == told
    assert len(stack.writes()) == writes

    deleted = await sync(stack, 30 * DAY + HOUR)
    assert (deleted.status, deleted.counts.delete, deleted.counts.block) == ("succeeded", 1, 0)
    assert account(stack, "leaver") is None
    assert await rows(stack) == {}


async def test_a_dry_run_shows_stage_and_date(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    before = await stack.dry_run()
    await stack.sync()
    waiting = await stack.dry_run()

    assert (before.counts.block, before.counts.delete) == (1, 0)
    assert "1 accounts would be blocked" in before.message or before.counts.block == 1
    (row,) = await stack.audit_log(waiting)
    due = (await rows(stack))["leaver"].due
    assert due is not None
    assert (row["action"], row["errorCode"]) == ("skip", "Waits")
    assert f"Deleted on {due.date().isoformat()}, unless the source has them again." in row["reason"]


async def test_one_clock_that_runs_ahead_deletes_nobody(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    for ours, graphs in ((31 * DAY, 0 * DAY), (0 * DAY, 31 * DAY)):
        services = Services(Settings.from_environment(stack.settings), Later(ours))
        stack.entra.ahead = graphs
        run = await queued(services)
        await perform(services, CONTOSO, run.id)
        await services.aclose()
        assert account(stack, "leaver")


async def test_who_returns_is_unblocked_and_an_ordinary_user_again(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    joins(stack, in_source("leaver", given_name="次郎"))

    back = await sync(stack, 10 * DAY)

    assert (back.status, back.counts.update, back.counts.unblock) == ("succeeded", 1, 1)
    assert enabled(stack, "leaver")
    assert await rows(stack) == {}
    # Who leaves again waits again from the beginning.
    stack.access_control.users.remove("leaver")
    again = await sync(stack, 31 * DAY)
    assert (again.counts.block, again.counts.delete) == (1, 0)


@pytest.mark.parametrize("by_hand", [False, True])
@pytest.mark.parametrize("blocked_before", [False, True])
async def test_who_was_deleted_and_returns_is_restored_and_may_sign_in_unless_somebody_else_blocked_them(
    start_stack: StartStack, by_hand: bool, blocked_before: bool
) -> None:
    stack = await started(start_stack, "leaver")
    set_enabled(stack, "leaver", not blocked_before)
    await sync(stack, timedelta(0))
    if by_hand:
        user = stack.entra.directory.user(f"leaver@{CONTOSO}")
        assert user is not None
        stack.entra.directory.delete(user)
    await sync(stack, 30 * DAY + HOUR)
    assert account(stack, "leaver") is None
    await sync(stack, 32 * DAY)
    joins(stack, in_source("leaver"))

    back = await sync(stack, 50 * DAY)

    assert (back.status, back.counts.restore) == ("succeeded", 1)
    assert enabled(stack, "leaver") is not blocked_before
    memory = await stack.services.known_people.read(CONTOSO)
    assert memory.leavers == {}


async def test_whoever_returns_after_their_deletion_was_undone_may_sign_in(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver", terms={"block": True, "deleteAfterDays": 0})
    await sync(stack, timedelta(0))
    deleted = await sync(stack, HOUR)
    await undo(stack, deleted, 2 * HOUR)
    restored = enabled(stack, "leaver")
    joins(stack, in_source("leaver"))

    back = await sync(stack, 3 * HOUR)

    assert (restored, back.counts.unblock, enabled(stack, "leaver")) == (False, 1, True)


async def test_a_block_of_an_administrator_outlives_wait_and_return(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    set_enabled(stack, "leaver", False)
    first = await sync(stack, timedelta(0))
    joins(stack, in_source("leaver"))

    back = await sync(stack, DAY)

    assert (first.counts.block, signed_out(stack)) == (0, 1)
    assert (back.counts.unblock, enabled(stack, "leaver")) == (0, False)
    assert await rows(stack) == {}


async def test_who_is_enabled_after_the_block_is_kept(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    await sync(stack, HOUR)
    set_enabled(stack, "leaver", True)

    once = await sync(stack, 2 * HOUR)
    twice = await sync(stack, 3 * HOUR)
    later = await sync(stack, 60 * DAY)

    assert [run.counts.made for run in (once, twice, later)] == [0, 0, 0]
    assert "warning.leaversKept" not in {part.code for part in once.warning_parts}
    assert all("warning.leaversKept" in {p.code for p in run.warning_parts} for run in (twice, later))
    assert enabled(stack, "leaver")


async def test_who_is_unblocked_before_the_block_was_seen_is_blocked_again(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    set_enabled(stack, "leaver", True)

    again = await sync(stack, 31 * DAY)

    assert (again.counts.block, again.counts.delete, enabled(stack, "leaver")) == (1, 0, False)


async def test_an_undone_block_keeps_the_account(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    blocked = await stack.sync()
    undo = Run.model_validate((await stack.post(f"domains/{CONTOSO}/runs/{blocked.id}/undo")).json())

    assert (await stack.finished(undo)).counts.unblock == 1
    later = await sync(stack, 60 * DAY)

    assert (later.counts.made, enabled(stack, "leaver")) == (0, True)
    assert "warning.leaversKept" in {part.code for part in later.warning_parts}


async def test_a_row_that_is_lost_begins_anew_and_nobody_is_unblocked(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    await forget_rows(stack)

    anew = await sync(stack, 31 * DAY)
    joins(stack, in_source("leaver"))
    back = await sync(stack, 32 * DAY)

    assert (anew.counts.made, back.counts.unblock, enabled(stack, "leaver")) == (0, 0, False)


async def forget_rows(stack: Stack) -> None:
    memory = await stack.services.known_people.read(CONTOSO)
    await stack.services.known_people.write(difference(memory, with_leavers(memory, {})), memory)


async def test_a_refused_sign_out_is_tried_again_until_it_succeeds(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    stack.entra.permissions = frozenset({"User.ReadWrite.All"}) | _ALL_BUT_SESSIONS
    refused = await sync(stack, timedelta(0))
    stack.entra.permissions = None

    done = await sync(stack, HOUR)
    count = signed_out(stack)
    await sync(stack, 2 * HOUR)

    assert "warning.notSignedOut" in {part.code for part in refused.warning_parts}
    assert "warning.notSignedOut" not in {part.code for part in done.warning_parts}
    assert signed_out(stack) == count


_ALL_BUT_SESSIONS = frozenset(
    {
        "Domain.Read.All",
        "Organization.Read.All",
        "RoleManagement.Read.Directory",
        "GroupMember.Read.All",
        "MailboxSettings.Read",
        "PrivilegedEligibilitySchedule.Read.AzureADGroup",
        "User-LifeCycleInfo.ReadWrite.All",
        "OrgContact.Read.All",
        "User.DeleteRestore.All",
        "Directory.Read.All",
    }
)


class TestLimits:
    async def test_nineteen_percent_an_hour_is_stopped_in_the_second(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, "left0")
        first = await sync(stack, timedelta(0))
        stack.access_control.users.remove("stays0")

        second = await sync(stack, HOUR)
        still, waiting = enabled(stack, "stays0"), await rows(stack)
        day_after = await sync(stack, 25 * HOUR)

        assert (first.status, first.counts.block) == ("succeeded", 1)
        # One more of nine would be few; with the one of the hour before, they are two of ten.
        assert (second.status, still, set(waiting)) == ("cancelled", True, {"left0"})
        assert second.deletion_check is not None
        assert (second.deletion_check.deletions, second.deletion_check.target) == (2, 10)
        assert (day_after.status, day_after.counts.block) == ("succeeded", 1)

    async def test_a_run_that_blocks_nobody_is_not_cancelled_by_earlier_blocks(
        self, start_stack: StartStack
    ) -> None:
        stack = await started(start_stack, "left0", limit=11)
        await sync(stack, timedelta(0))
        await stack.set(maxAllowedDeletions=1)

        assert (await sync(stack, HOUR)).status == "succeeded"

    async def test_more_than_the_limit_due_at_once_are_left_and_wait_for_approval(
        self, start_stack: StartStack
    ) -> None:
        stack = await started(start_stack, "left0", "left1", "left2", limit=100)
        await stack.sync()
        await stack.sync()
        await make_older(stack, 31 * DAY)
        await stack.set(maxAllowedDeletions=20)
        stack.access_control.users.edit("stays0", {"given_name": "次郎"})

        left = await stack.sync()
        listed = await stack.dry_run()
        order = {"approve": {"dryRunId": listed.id}}
        approved = Run.model_validate((await stack.post(f"domains/{CONTOSO}/sync", order)).json())
        done = await stack.finished(approved)

        assert (left.status, left.counts.update, left.counts.delete) == ("succeeded", 1, 0)
        assert "warning.dueLeft" in {part.code for part in left.warning_parts}
        assert listed.counts.delete == 3
        assert (done.status, done.counts.delete) == ("succeeded", 3)
        assert done.approval is not None
        assert done.approval.deletions == 3

    async def test_who_was_approved_is_not_counted_again(self, start_stack: StartStack) -> None:
        stack = await started(start_stack, "left0", "left1", "left2")
        listed = await stack.dry_run()
        order = {"approve": {"dryRunId": listed.id}}
        approved = Run.model_validate((await stack.post(f"domains/{CONTOSO}/sync", order)).json())
        assert (await stack.finished(approved)).counts.block == 3

        stack.access_control.users.remove("stays0")
        assert (await stack.sync()).counts.block == 1


async def make_older(stack: Stack, passed: timedelta) -> None:
    """As if every row had been written so much earlier."""
    people = stack.services.known_people
    memory = await people.read(CONTOSO)
    rows = {account: read(text) for account, text in memory.leavers.items()}
    older = {
        account: written(
            row.model_copy(
                update={
                    name: getattr(row, name) - passed
                    for name in ("since", "blocked", "stands")
                    if getattr(row, name)
                }
            )
        )
        for account, row in rows.items()
        if row
    }
    await people.write(difference(memory, with_leavers(memory, older)), memory)


async def test_no_days_are_deleted_by_the_next_run_and_still_count(start_stack: StartStack) -> None:
    stack = await started(start_stack, "left0", terms={"block": True, "deleteAfterDays": 0})
    await sync(stack, timedelta(0))
    deleted = await sync(stack, HOUR)
    stack.access_control.users.remove("stays0")

    stopped = await sync(stack, 2 * HOUR)

    assert (deleted.counts.delete, account(stack, "left0")) == (1, None)
    assert (stopped.status, enabled(stack, "stays0")) == ("cancelled", True)


async def test_whoever_is_restored_begins_anew(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver", terms={"block": True, "deleteAfterDays": 0})
    await sync(stack, timedelta(0))
    deleted = await sync(stack, HOUR)
    await undo(stack, deleted, 2 * HOUR)
    assert account(stack, "leaver")

    begun = await sync(stack, 3 * HOUR)

    assert begun.counts.made == 0
    assert (await rows(stack))["leaver"].since > deleted.created_at + HOUR


async def test_an_account_on_another_domain_waits_there(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    user = stack.entra.directory.user(f"leaver@{CONTOSO}")
    assert user is not None
    initial = next(d for d in stack.entra.directory.domains if d.endswith("onmicrosoft.com"))
    stack.entra.directory.update(user, {"userPrincipalName": f"leaver@{initial}"})

    moved = await sync(stack, 31 * DAY)

    assert moved.counts.made == 0
    assert (await rows(stack))["leaver"].domain == initial


async def test_a_decision_that_they_are_the_same_ends_the_wait(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    joins(stack, in_source("leaver"))
    await stack.sync()
    stack.access_control.users.remove("leaver")
    await stack.sync()
    joins(stack, in_source("other", display_name="Leaver 太郎", family_name="Leaver"))
    asked = await stack.sync()
    (question,) = (await stack.get(f"domains/{CONTOSO}/decisions")).json()["questions"]
    still = enabled(stack, "leaver")

    pair = {"sourceId": "other", "objectId": question["objectId"], "same": True}
    await stack.post(f"domains/{CONTOSO}/decisions", {"decisions": [pair]})
    back = await stack.sync()

    assert (asked.counts.made, still) == (0, False)
    assert (back.status, back.counts.rename, back.counts.unblock) == ("succeeded", 1, 1)
    assert (enabled(stack, "other"), await rows(stack)) == (True, {})


async def test_a_hold_keeps_a_leaver_also_from_an_order(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    (waiting,) = (await stack.get(f"domains/{CONTOSO}/leavers")).json()["leavers"]
    hold = {"until": (datetime.now(UTC) + 60 * DAY).isoformat(), "reason": "audit", "scope": "delete"}
    assert (await stack.http.put(f"/api/people/{waiting['objectId']}/hold", json=hold)).status_code == 200

    due = await sync(stack, 40 * DAY)
    order = await stack.post(f"domains/{CONTOSO}/leavers/{waiting['objectId']}", {"do": "delete"})
    ordered = await stack.finished(Run.model_validate(order.json()))
    over = await sync(stack, 61 * DAY)

    assert (due.counts.made, ordered.counts.made) == (0, 0)
    assert over.counts.delete == 1


class Died(BaseException):
    """What no code of the app may take for an answer."""


@dataclass
class Death:
    """Ends the worker before its nth call to storage or Graph that may write."""

    left: int
    calls: list[str] = field(default_factory=list)

    def strike(self, name: str) -> None:
        self.calls.append(name)
        self.left -= 1
        if not self.left:
            raise Died


@pytest.fixture
def dying(monkeypatch: pytest.MonkeyPatch) -> Iterator[Death]:
    death = Death(0)
    for kind, name in ((Storage, "open_container"), (Storage, "open_table"), (GraphClient, "post_batch")):
        original = getattr(kind, name)

        async def call(
            self: object, *args: object, _original: object = original, _name: str = name
        ) -> object:
            death.strike(_name)
            return await _original(self, *args)  # type: ignore[operator]

        monkeypatch.setattr(kind, name, call)
    yield death


@pytest.mark.waits(60)
@pytest.mark.parametrize("stage", ["block", "delete"])
async def test_a_death_anywhere_blocks_and_deletes_everybody_once(
    start_stack: StartStack, dying: Death, stage: str
) -> None:
    """A worker dies at every third of its calls, from a chance one on; the run goes on in another."""
    stack = await started(start_stack, limit=100)
    later, died, place = timedelta(0), True, random.randrange(3)
    names: list[str] = []
    while died:
        place += 3
        names.append(f"left{place}")
        join_entra(stack, names[-1])
        if stage == "delete":
            await sync(stack, later)
            later += 31 * DAY
        died = await cut_off(stack, later, dying, place)
        later += HOUR
    assert len(names) > 10
    left, wanted = await rows(stack), Counter({"PATCH": len(names)})
    if stage == "block":
        assert {name for name in names if enabled(stack, name) is False} == left.keys() == set(names)
        assert all(row.ours and row.blocked for row in left.values())
    else:
        assert (left, [name for name in names if account(stack, name)]) == ({}, [])
        wanted["DELETE"] = len(names)
    made = Counter(one.partition(" ")[0] for one in stack.writes() if "revokeSignInSessions" not in one)
    assert made == wanted


@pytest.mark.parametrize("back_before_it_goes_on", [False, True])
async def test_a_block_that_its_worker_did_not_live_to_record_is_taken_back_when_they_return(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch, back_before_it_goes_on: bool
) -> None:
    stack = await started(start_stack, "leaver")
    # So the run reads the source anew when it goes on.
    stack.settings["READ"] = "live"
    original = Journal.record

    async def record(self: Journal, *args: Any) -> None:
        if enabled(stack, "leaver") is False:
            raise Died
        await original(self, *args)

    async with at(stack, timedelta(0)) as services:
        run = await queued(services)
        with monkeypatch.context() as patched, pytest.raises(Died):
            patched.setattr(Journal, "record", record)
            await perform(services, CONTOSO, run.id)
    if back_before_it_goes_on:
        joins(stack, in_source("leaver"))
    async with at(stack, 2 * HOUR) as services:
        await perform(services, CONTOSO, run.id)
        ended = await services.runs.get(CONTOSO, run.id)
    if not back_before_it_goes_on:
        joins(stack, in_source("leaver"))

    await sync(stack, DAY)

    assert (ended.counts.block, enabled(stack, "leaver")) == (1, True)
    memory = await stack.services.known_people.read(CONTOSO)
    assert memory.leavers == {}


async def cut_off(stack: Stack, later: timedelta, dying: Death, place: int) -> bool:
    """A sync whose worker dies there, and which goes on; whether it came to that."""
    died = False
    async with at(stack, later) as services:
        run = await queued(services)
        dying.left = place
        try:
            await perform(services, CONTOSO, run.id)
        except Died:
            died = True
        dying.left = 0
    async with at(stack, later + timedelta(minutes=5)) as services:
        await perform(services, CONTOSO, run.id)
        ended = await services.runs.get(CONTOSO, run.id)
    assert ended.status in ("succeeded", "completedWithErrors")
    return died
