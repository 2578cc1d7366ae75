"""What makes an hour equal, and when a run is due although nothing has changed."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, Plan
from shared.model.domains import DomainSettings
from shared.model.leavers import Leaver
from shared.model.parts import Parts, say
from shared.model.people import Memory
from shared.model.questions import Decisions, Kind, Question
from shared.model.runs import Approval, Counts, Mode, Run, RunKind, Status, Trigger
from shared.planning.equal import (
    Ground,
    daily,
    due_at,
    is_alone,
    is_first_of_day,
    is_settled,
    left_digest,
)
from shared.planning.lookups import Lookups
from shared.planning.protection import Protection
from shared.planning.stages import Now, Staging
from shared.planning.surveyed import Survey, Terms
from tests.support.people import MAP, change, entra_user, hold

NOW = datetime(2026, 8, 3, 12, tzinfo=UTC)
A, B = "a.example", "b.example"
TERMS = Terms(attribute_map=MAP, protection=Protection())
AT_REST = Plan(changes=(), source=3, target=3, unchanged=3)
GROUND = Ground(
    code="1",
    terms=TERMS,
    decisions=Decisions(),
    syncing=frozenset({A, B}),
    people={A: "1", B: "1"},
    users={A: "1", B: "1"},
    facts="1",
    memory="1",
)
SETTINGS = DomainSettings()
QUESTION = Question(
    id="1", kind=Kind.SAME_UPN, source_id="aoki", object_id="1", user_principal_name="a", display_name="A"
)
RUN = Run(
    id="1",
    domain=A,
    mode=Mode.SYNC,
    trigger=Trigger.SCHEDULE,
    requested_by="schedule",
    status=Status.SUCCEEDED,
    created_at=NOW,
)


def seen(plan: Plan = AT_REST, **fields: Any) -> Survey:
    return replace(
        Survey(
            domain=A,
            initial_domain=A,
            source=[],
            target=[],
            memory=Memory(),
            protection=Protection(),
            plan=plan,
            terms=TERMS,
        ),
        **fields,
    )


@pytest.mark.parametrize("alone", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        {"code": "2"},
        {"terms": replace(TERMS, usage_location="JP")},
        {"decisions": Decisions(same={"aoki": "1"})},
        {"decisions": Decisions(apart=frozenset({("aoki", "1")}))},
        {"decisions": Decisions(holds={"1": hold("1")})},
        {"syncing": frozenset({A})},
        {"people": {**GROUND.people, A: "2"}},
        {"people": {B: "1"}},
        {"users": {**GROUND.users, A: "2"}},
        {"users": {B: "1"}},
        {"facts": "2"},
    ],
)
def test_anything_else_makes_another_ground(other: dict[str, Any], alone: bool) -> None:
    changed = replace(GROUND, **other)

    assert changed.digest(A, SETTINGS, alone=alone) != GROUND.digest(A, SETTINGS, alone=alone)


@pytest.mark.parametrize(
    "other",
    [
        {"people": {A: "1", B: "2"}},
        {"users": {A: "1"}},
        {"people": {**GROUND.people, "": "1"}},
        {"memory": "2"},
    ],
)
def test_others_matter_only_to_a_domain_that_is_not_alone(other: dict[str, Any]) -> None:
    changed = replace(GROUND, **other)

    assert changed.digest(A, SETTINGS, alone=True) == GROUND.digest(A, SETTINGS, alone=True)
    assert changed.digest(A, SETTINGS, alone=False) != GROUND.digest(A, SETTINGS, alone=False)


@given(st.permutations([A, B, ""]), st.permutations(["1", "2", "3"]))
def test_no_order_matters(domains: list[str], ids: list[str]) -> None:
    def made(domains: list[str], ids: list[str]) -> str:
        decisions = Decisions(
            same=dict.fromkeys(ids, "x"),
            apart=frozenset((one, "x") for one in ids),
            holds={one: replace_since(one) for one in ids},
        )
        sides = dict.fromkeys(domains, "1")
        ground = replace(GROUND, decisions=decisions, syncing=frozenset(domains), people=sides, users=sides)
        return ground.digest(A, SETTINGS, alone=False)

    def replace_since(one: str) -> Any:
        return hold(one).model_copy(update={"since": NOW, "until": NOW})

    assert made(domains, ids) == made([A, B, ""], ["1", "2", "3"])


def test_another_setting_of_the_domain_makes_another_ground() -> None:
    other = DomainSettings(max_allowed_deletions=21)

    assert GROUND.digest(A, other, alone=True) != GROUND.digest(A, SETTINGS, alone=True)


@pytest.mark.parametrize(
    "plan",
    [
        replace(AT_REST, source=4),
        replace(AT_REST, target=4),
        replace(AT_REST, unchanged=2),
        replace(AT_REST, changes=(change(Action.SKIP),)),
        replace(AT_REST, questions=(QUESTION,)),
    ],
)
def test_a_domain_is_alone_if_each_account_is_somebodys_and_all_is_done(plan: Plan) -> None:
    assert is_alone(AT_REST)
    assert not is_alone(plan)


@pytest.mark.parametrize(
    ("action", "reason", "alone"),
    [
        (Action.SKIP, say("protected.room"), True),
        (Action.SKIP, say("scope.account"), True),
        (Action.SKIP, say("protected.role", role="Administrator") + say("look.leavers"), True),
        (Action.SKIP, say("look.leavers") + say("protected.room"), False),
        (Action.SKIP, say("shield.who"), False),
        (Action.DELETE, say("protected.room"), False),
    ],
)
def test_whom_nothing_is_done_to_for_what_they_are_makes_no_difference(
    action: Action, reason: Parts, alone: bool
) -> None:
    assert is_alone(replace(AT_REST, changes=(replace(change(action), reason=reason),))) == alone


@pytest.mark.parametrize(
    "fields",
    [
        {"undoes": "2"},
        {"only": 1},
        {"approval": Approval(dry_run_id="2", approved_by="x", deletions=1)},
        {"status": Status.CANCELLED},
        {"status": Status.FAILED},
        {"counts": Counts(update=1)},
        {"counts": Counts(doubtful=1)},
        {"mode": Mode.DRY_RUN},
        {"warning_parts": say("look.leavers")},
        {"warning_parts": say("pause.until", until="2026-08-03 12:30")},
        {"warning_parts": say("pause.ended")},
    ],
)
def test_what_a_run_must_be_for_no_other_to_be_needed(fields: dict[str, Any]) -> None:
    assert is_settled(RUN, seen())
    assert is_settled(RUN.model_copy(update={"counts": Counts(failed=1, skipped=2)}), seen())

    assert not is_settled(RUN.model_copy(update=fields), seen())


@pytest.mark.parametrize(
    "plan",
    [
        replace(AT_REST, leavers={"1": None}),
        replace(AT_REST, signed_in=("1",)),
        replace(AT_REST, without_session_time=("1",)),
    ],
)
def test_what_goes_on_needs_another_run_but_for_a_watch(plan: Plan) -> None:
    watch = RUN.model_copy(update={"mode": Mode.DRY_RUN, "kind": RunKind.WATCH})

    assert not is_settled(RUN, seen(plan))
    assert is_settled(watch, seen(plan))


def test_nor_is_one_settled_that_does_not_rest_on_the_copy() -> None:
    assert not is_settled(RUN, seen(corrected=True))


def test_nor_is_one_that_is_in_doubt_settled() -> None:
    assert not is_settled(RUN, seen(memory=Memory(doubt=say("memory.anew"))))


def test_who_is_left_is_told_apart_by_person_and_reason() -> None:
    def of(*changes: Any) -> str:
        return left_digest(replace(AT_REST, changes=changes))

    one, other = change(Action.SKIP, "1"), change(Action.SKIP, "2")
    assert of() == ""
    assert of(one, other) == of(other, one) != of(one)
    assert of(replace(one, reason=say("protected.guest"))) != of(one)


class TestWhenARunIsDue:
    def due(self, run: Run = RUN, **fields: Any) -> datetime:
        return due_at(run, seen(**fields))

    def waiting(self, until: datetime, at: datetime = NOW, **fields: Any) -> dict[str, Any]:
        """A leaver who waits, as a plan of that time has found them."""
        row = Leaver(domain=A, upn="a", display_name="A", since=NOW, days=None, until=until)
        rows = {"1": row.model_copy(update=fields), "2": None}
        return {"lookups": Lookups(staging=Staging(rows=rows, now=Now(at, at)))}

    def test_at_the_domains_own_time_each_day(self) -> None:
        assert self.due() == daily(A, NOW)

    def test_which_has_come_if_it_came_while_the_run_was_at_work(self) -> None:
        time = daily(A, NOW)
        before = RUN.model_copy(update={"created_at": time - timedelta(seconds=1)})
        assert self.due(before) == time

    @given(st.timedeltas(timedelta(0), timedelta(days=400)).map(lambda passed: NOW + passed))
    def test_which_comes_within_a_day(self, now: datetime) -> None:
        first = daily(A, now)
        assert now < first <= now + timedelta(days=1)
        assert daily(A, first) == first + timedelta(days=1)

    def test_and_spreads_the_domains(self) -> None:
        hours = {daily(f"{number}.example", NOW).hour for number in range(500)}
        assert hours == set(range(24))

    @pytest.mark.parametrize(("waited", "again"), [(0, 1), (1, 1), (2, 2), (7.5, 7.5), (24, 24), (400, 24)])
    def test_for_those_who_were_left_later_and_later(self, waited: float, again: float) -> None:
        left = RUN.model_copy(update={"left_since": NOW - timedelta(hours=waited)})
        assert self.due(left) == min(daily(A, NOW), NOW + timedelta(hours=again, minutes=-10))

    @given(st.lists(st.timedeltas(timedelta(0), timedelta(minutes=5)), min_size=6, max_size=6))
    def test_by_the_hours_of_the_timer(self, late: list[timedelta]) -> None:
        hour, tried = daily(A, NOW), list[int]()
        first = hour
        for minutes in late:
            tried.append((hour - first) // timedelta(hours=1))
            update = {"created_at": hour + minutes, "left_since": first + late[0]}
            due = self.due(RUN.model_copy(update=update))
            while hour < due:
                hour += timedelta(hours=1)
        assert tried == [0, 1, 2, 4, 8, 16]

    def test_nobody_is_tried_again_by_a_watch(self) -> None:
        watch = RUN.model_copy(update={"kind": RunKind.WATCH, "left_since": NOW})
        assert self.due(watch) == daily(A, NOW)

    def test_when_a_wait_ends(self) -> None:
        until = NOW + timedelta(minutes=3)
        assert self.due(**self.waiting(until)) == until

    def test_also_if_it_has_ended_since_it_was_planned(self) -> None:
        until = NOW - timedelta(seconds=1)
        assert self.due(**self.waiting(until, at=NOW - timedelta(seconds=5))) == until

    def test_a_wait_that_had_ended_calls_for_no_other_run(self) -> None:
        assert self.due(**self.waiting(NOW - timedelta(seconds=1))) == daily(A, NOW)

    @pytest.mark.parametrize("fields", [{"domain": B}, {"back": True}, {"kept": "decided"}])
    def test_nor_does_one_of_another_domain_or_of_nobody_who_is_deleted(self, fields: dict[str, Any]) -> None:
        assert self.due(**self.waiting(NOW + timedelta(minutes=3), **fields)) == daily(A, NOW)

    def test_when_people_are_to_be_reminded_of_a_deletion(self) -> None:
        until = NOW + timedelta(days=1, minutes=3)
        assert self.due(**self.waiting(until)) == until - timedelta(days=1)

    @pytest.mark.parametrize("here", [True, False])
    def test_when_people_are_to_be_reminded_of_a_hold_here(self, here: bool) -> None:
        held = hold("1", until=NOW + timedelta(days=3, minutes=3))
        fields: dict[str, Any] = {
            "decisions": Decisions(holds={"1": held}),
            "target": [entra_user(object_id="1")] * here,
        }
        fields |= {"lookups": Lookups(staging=Staging(now=Now(NOW, NOW)))}
        assert self.due(**fields) == (NOW + timedelta(minutes=3) if here else daily(A, NOW))


def test_the_first_run_after_the_domains_time_is_that_of_the_day() -> None:
    time = daily(A, NOW)
    before = time - timedelta(minutes=1)

    assert is_first_of_day(A, before, time)
    assert not is_first_of_day(A, before, time - timedelta(seconds=1))
    assert not is_first_of_day(A, time, time + timedelta(hours=23))
    assert not is_first_of_day(A, None, time)
