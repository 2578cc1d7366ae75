"""What a sync records while it runs, and what the next invocation reads from it, wherever a crash strikes."""

import csv
import io
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from azure.storage.blob.aio import BlobClient

from shared.clock import Clock
from shared.entra.unheard import Unheard
from shared.errors import LeaseLost
from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.memory import difference
from shared.model.parts import say, verbatim
from shared.model.results import NOT_LOOKED_AT, Outcome, Result, Tried, key
from shared.model.runs import Mode, Run, Trigger, new_run_id
from shared.planning.sign_in import BLOCKED, CREATED
from shared.runs.recorder import Recorder
from shared.runs.recovery import close_doubts, link_created
from shared.services import Services
from shared.settings import Settings
from shared.store.journal import Journal
from shared.words import said
from tests.support.graph_client import connected
from tests.support.people import entra_user

NOW = datetime(2026, 3, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)
APPENDS = 9
CRASHES = [(first, *then) for first in range(1, APPENDS + 1) for then in ((), (1,), (2,), (1, 1))]


@pytest.fixture
async def services(storage_accounts: Iterator[str]) -> AsyncIterator[Services]:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    services = Services(Settings.from_environment(environment))
    yield services
    await services.aclose()


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


def add(name: str) -> Change:
    upn = AttributeChange("userPrincipalName", None, f"{name}@contoso.com")
    return Change(
        action=Action.ADD, upn=f"{name}@contoso.com", display_name="青木", source_id=name, attributes=(upn,)
    )


def skip(name: str) -> Change:
    return Change(
        action=Action.SKIP,
        upn=f"{name}@contoso.com",
        display_name="馬場",
        object_id=f"id-{name}",
        reason=say("protected.guest"),
    )


def done(change: Change, object_id: str = "o1", result: Result = Result.SUCCEEDED) -> Outcome:
    return Outcome(
        change=change, result=result, object_id=object_id, note=verbatim("As asked."), request_id="r"
    )


async def rows(services: Services, run: Run) -> list[dict[str, str]]:
    log = await services.audit_logs.read(run, datetime.now(UTC))
    return list(csv.DictReader(io.StringIO(log.decode("utf-8-sig"), newline="")))


class Killed(BaseException):
    """The worker died."""


class Killer:
    """Kills the worker at one append, before it takes effect or right after."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *, took_effect: bool) -> None:
        self.left: int | None = None
        append_block = BlobClient.append_block

        async def strike(blob: BlobClient, *given: Any, **options: Any) -> object:
            if self.left is not None:
                self.left -= 1
            if self.left == 0 and not took_effect:
                raise Killed
            answer = await append_block(blob, *given, **options)
            if self.left == 0:
                raise Killed
            return answer

        monkeypatch.setattr(BlobClient, "append_block", strike)


async def test_what_is_in_doubt_is_handed_on_with_when_it_was_sent(services: Services, run: Run) -> None:
    """What Entra shows may be older than a run in the middle, which only looked, or younger."""
    sent = NOW - 3 * HOUR, NOW - 2 * HOUR
    between = await Recorder.open(services, run, 1)
    between.carry([Unheard.of(add("aoki"), *sent)])
    await between.record([Outcome.in_doubt(add(name), say("graph.tookTooLong")) for name in ("aoki", "baba")])

    left = await Journal.read_finished(services.storage, run.domain, run.id)

    handed_on, own = left.in_doubt
    assert (handed_on.outcome.change.source_id, handed_on.sent) == ("aoki", sent)
    assert own.sent
    assert own.sent[0] == run.created_at < own.sent[1]


async def test_a_new_recorder_knows_of_nothing(services: Services, run: Run) -> None:
    recorder = await Recorder.open(services, run, 1)

    assert (recorder.results, recorder.in_doubt, recorder.created) == ({}, [], {})


async def test_what_was_recorded_is_settled_for_the_next_invocation(services: Services, run: Run) -> None:
    first = await Recorder.open(services, run, 1)
    await first.intend([add("aoki"), add("baba")])
    await first.record([done(add("aoki")), done(add("baba"), "", Result.FAILED)])

    second = await Recorder.open(services, run, 2)

    assert second.results == {key(add("aoki")): Result.SUCCEEDED, key(add("baba")): Result.FAILED}
    assert second.in_doubt == []
    assert second.created == {"aoki": "o1"}


async def test_who_failed_and_who_stayed_unseen_is_known_to_the_next_invocation(
    services: Services, run: Run
) -> None:
    kept = replace(skip("kept"), obstacle=Obstacle(NOT_LOOKED_AT, verbatim("Not deleted unseen.")))
    leaver = Change(action=Action.DELETE, upn="gone@contoso.com", display_name="青木", object_id="id-gone")
    first = await Recorder.open(services, run, 1)
    await first.intend([add("aoki"), leaver])
    await first.record([Outcome.not_sent(kept), Outcome.not_sent(skip("guest"))])
    await first.record(
        [
            done(add("aoki"), "", Result.FAILED),
            Outcome.failed(leaver, NOT_LOOKED_AT, verbatim("Not asked again.")),
        ]
    )

    second = await Recorder.open(services, run, 2)

    assert second.failed == first.failed == {"aoki", "id-gone"}
    assert second.unseen == first.unseen == {"id-kept", "id-gone"}


async def test_two_people_whom_a_spreadsheet_would_not_tell_apart_are_two(
    services: Services, run: Run
) -> None:
    first = await Recorder.open(services, run, 1)
    await first.intend([add("=x"), add("'=x")])
    await first.record([done(add("=x"))])

    second = await Recorder.open(services, run, 2)

    assert second.results == {("add", "=x"): Result.SUCCEEDED}
    assert second.in_doubt == [add("'=x")]


async def test_what_was_intended_and_never_recorded_is_in_doubt(services: Services, run: Run) -> None:
    first = await Recorder.open(services, run, 1)
    await first.intend([add("aoki"), add("baba")])
    await first.record([done(add("aoki"))])

    assert first.in_doubt == [add("baba")]
    assert (await Recorder.open(services, run, 2)).in_doubt == [add("baba")]


async def test_what_was_revoked_is_not_in_doubt(services: Services, run: Run) -> None:
    first = await Recorder.open(services, run, 1)
    await first.intend([add("aoki"), add("baba")])
    await first.revoke([add("aoki")])

    assert first.in_doubt == [add("baba")]
    assert (await Recorder.open(services, run, 2)).in_doubt == [add("baba")]


async def test_what_was_revoked_and_intended_again_is_in_doubt(services: Services, run: Run) -> None:
    first = await Recorder.open(services, run, 1)
    await first.intend([add("aoki")])
    await first.revoke([add("aoki")])
    await first.intend([add("aoki")])

    assert (await Recorder.open(services, run, 2)).in_doubt == [add("aoki")]


async def test_what_an_invocation_sends_again_is_one_try_and_what_the_next_one_sends_another(
    services: Services, run: Run
) -> None:
    whole, reduced, planned_anew = (
        replace(add("aoki"), attributes=(AttributeChange("surname", None, value),)) for value in "ABC"
    )
    first = await Recorder.open(services, run, 1)
    for change in (whole, whole, reduced):
        await first.intend([change])
    await (await Recorder.open(services, run, 2)).intend([planned_anew])

    journal = await Journal.read_finished(services.storage, run.domain, run.id)

    assert journal.tried == [Tried(reduced, None, None), Tried(planned_anew, None, None)]


async def test_what_certainly_did_not_take_effect_is_revoked_once_it_was_looked_up(
    services: Services, run: Run
) -> None:
    """An undo would take it for ours if somebody did the same later."""
    there, gone = entra_user("there@contoso.com"), entra_user("gone@contoso.com")
    changes = [replace(skip(name), action=Action.DELETE) for name in ("there", "gone")]
    recorder = await Recorder.open(services, run, 1)
    await recorder.intend(changes)

    async with connected(there) as tenant:
        looks = [recorder.unheard(change) for change in recorder.in_doubt]
        await recorder.record(await close_doubts(recorder, looks, tenant.graph()))

    journal = await Journal.read_finished(services.storage, run.domain, run.id)
    assert recorder.in_doubt == []
    assert [(one.object_id, one.made) for one in journal.tried] == [
        (there.object_id, False), (gone.object_id, True),
    ]  # fmt: skip


async def test_a_change_is_rendered_as_it_ended_not_as_it_was_intended(services: Services, run: Run) -> None:
    """Planned anew after an interruption, a change may have other values, or something in its way."""
    first = await Recorder.open(services, run, 1)
    await first.intend([add("aoki")])
    anew = Change(action=Action.ADD, upn="other@contoso.com", display_name="青木", source_id="aoki")

    await first.record([Outcome.failed(anew, "AddressTaken", verbatim("taken"))])

    assert [row["userPrincipalName"] for row in await rows(services, run)] == ["other@contoso.com"]
    journal = await Journal.read_finished(services.storage, run.domain, run.id)
    assert journal.outcomes[key(anew)].change == anew


async def test_a_late_survivor_can_write_neither_log_nor_journal(services: Services, run: Run) -> None:
    survivor = await Recorder.open(services, run, 1)
    successor = await Recorder.open(services, run, 2)

    with pytest.raises(LeaseLost):
        await survivor.intend([add("aoki")])
    with pytest.raises(LeaseLost):
        await survivor.record([done(add("aoki"))])

    await successor.intend([add("baba")])
    await successor.record([done(add("baba"))])
    assert (await Recorder.open(services, run, 3)).results == {key(add("baba")): Result.SUCCEEDED}


async def test_a_batch_costs_three_appends(
    services: Services, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorder = await Recorder.open(services, run, 1)
    killer = Killer(monkeypatch, took_effect=True)
    killer.left = 100
    people = [add(f"u{n}") for n in range(20)]

    await recorder.intend(people)
    await recorder.record([done(one) for one in people])

    assert killer.left == 97


@pytest.mark.parametrize("took_effect", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("crashes", CRASHES, ids=str)
async def test_whatever_append_a_crash_strikes_every_change_has_one_outcome_and_one_row(
    services: Services, run: Run, monkeypatch: pytest.MonkeyPatch, took_effect: bool, crashes: tuple[int, ...]
) -> None:
    """Each number is the append at which one more invocation dies; the last one goes through."""
    killer = Killer(monkeypatch, took_effect=took_effect)
    outcomes = [
        done(skip("guest"), "o0", Result.SKIPPED),
        done(add("aoki"), "o1"),
        done(add("=x"), "o2"),
        done(add("c"), "o3"),
    ]

    for invocation, killer.left in enumerate((*crashes, None), 1):
        try:
            await perform(await Recorder.open(services, run, invocation), outcomes)
        except Killed:
            continue

    written = await rows(services, run)
    assert Counter(row["objectId"] for row in written) == {o.object_id: 1 for o in outcomes}
    journal = await Journal.read_finished(services.storage, run.domain, run.id)
    assert {known: outcome.result for known, outcome in journal.outcomes.items()} == {
        key(o.change): o.result for o in outcomes
    }
    assert [(row["time"], row["reason"], row["requestId"]) for row in written] == [
        (f"{one.time:%Y-%m-%dT%H:%M:%S}.{one.time.microsecond // 1000:03}Z", row_reason(one.outcome), "r")
        for one in journal.recorded
    ]
    assert [one.made for one in journal.tried].count(True) == 3


async def perform(recorder: Recorder, outcomes: list[Outcome]) -> None:
    """What a sync does of these that is not done yet: some are not sent, others are, in two batches."""
    left = [outcome for outcome in outcomes if key(outcome.change) not in recorder.results]
    await recorder.record([outcome for outcome in left if outcome.change.action is Action.SKIP])
    for names in (("aoki", "=x"), ("c",)):
        batch = [outcome for outcome in left if outcome.change.source_id in names]
        if batch:
            await recorder.intend([outcome.change for outcome in batch])
            await recorder.record(batch)


def row_reason(outcome: Outcome) -> str:
    return said(outcome.change.reason + outcome.note)


async def test_whom_a_worker_that_died_had_blocked_memory_learns_from_its_records(
    services: Services, run: Run
) -> None:
    known = await services.known_people.read(run.domain)
    linked = replace(known, links={"baba": "id-baba"})
    await services.known_people.write(difference(known, linked), known)
    blocked = AttributeChange("accountEnabled", True, False)
    block = replace(skip("baba"), action=Action.BLOCK, source_id="baba", attributes=(blocked,))
    created = replace(add("aoki"), attributes=(AttributeChange("accountEnabled", None, False),))
    recorder = await Recorder.open(services, run, 1)
    await recorder.intend([block, created])
    await recorder.record([done(block, "id-baba"), done(created, "id-aoki")])

    await link_created(services, run.domain, await Recorder.open(services, run, 2))

    memory = await services.known_people.read(run.domain)
    assert memory.links == {"baba": "id-baba", "aoki": "id-aoki"}
    assert memory.blocked == {"baba": BLOCKED, "aoki": CREATED}
