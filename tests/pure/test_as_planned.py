"""After a reviewed sync: as planned, or exactly what differed from the dry run that was approved."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change, Obstacle, Plan
from shared.model.parts import say
from shared.model.results import UNLINKED, Outcome, Result
from shared.model.runs import DIFFERENCES_NAMED, Compared, Departure
from shared.planning.deeds import NONE, Deed, Deeds, deeds
from shared.planning.limits import leaving
from shared.reports.as_planned import compared
from tests.support.people import change, many

GONE = change(Action.DELETE, "gone@contoso.com")
NEW_NAME = change(attributes=[AttributeChange("displayName", "青木", "赤木")])
FAILING = change(Action.ADD, "new@contoso.com", obstacle=Obstacle("Bad", say("undo.purged")))
LISTS = st.lists(st.sampled_from(Action), max_size=30).map(
    lambda actions: [change(action, f"user{n}@contoso.com") for n, action in enumerate(actions)]
)


def carried_out(one: Change) -> Outcome:
    if one.action is Action.SKIP or one.obstacle:
        return Outcome.not_sent(one)
    return Outcome(change=one, result=Result.SUCCEEDED)


def differing(
    planned: list[Outcome], done: list[Outcome], approved: Deeds = NONE, *, named: bool = False
) -> list[tuple[Departure, Action | None, Action | None]]:
    found = compared(planned, done, approved, named=named)
    return [(one.how, one.planned, one.done) for one in found.some]


@given(LISTS)
def test_what_is_done_as_listed_is_as_planned(changes: list[Change]) -> None:
    planned = [Outcome.planned(one) for one in changes]

    assert compared(planned, [carried_out(one) for one in changes], NONE, named=False) == Compared()


@given(LISTS, st.data())
def test_everybody_who_was_treated_otherwise_is_counted_once(
    changes: list[Change], data: st.DataObject
) -> None:
    dropped = {one.upn for one in changes if data.draw(st.booleans())}
    done = [carried_out(one) for one in changes if one.upn not in dropped]

    found = compared([Outcome.planned(one) for one in changes], done, NONE, named=False)

    meant = [one for one in changes if one.action is not Action.SKIP and one.upn in dropped]
    assert found.people == len(meant)
    assert [one.user_principal_name for one in found.some] == [one.upn for one in meant]


def test_a_failure_that_was_foreseen_is_as_planned() -> None:
    assert differing([Outcome.planned(FAILING)], [carried_out(FAILING)]) == []


@pytest.mark.parametrize(
    ("after", "how"),
    [
        (None, ("gone", Action.UPDATE, None)),
        (Outcome.already_so(NEW_NAME, None, ()), ("gone", Action.UPDATE, None)),
        (Outcome.failed(NEW_NAME, "Bad", ()), ("failed", Action.UPDATE, None)),
        (Outcome.in_doubt(NEW_NAME, ()), ("failed", Action.UPDATE, None)),
        (Outcome.left(NEW_NAME, ()), ("left", Action.UPDATE, None)),
        (
            replace(carried_out(NEW_NAME), refused=NEW_NAME.attributes),
            ("failed", Action.UPDATE, Action.UPDATE),
        ),
        (
            carried_out(replace(NEW_NAME, attributes=(AttributeChange("displayName", "青木", "黒木"),))),
            ("otherwise", Action.UPDATE, Action.UPDATE),
        ),
        (carried_out(replace(NEW_NAME, action=Action.DELETE)), ("otherwise", Action.UPDATE, Action.DELETE)),
    ],
)
def test_how_somebody_was_treated_otherwise_is_said(
    after: Outcome | None, how: tuple[Departure, Action | None, Action | None]
) -> None:
    assert differing([Outcome.planned(NEW_NAME)], [after] if after else []) == [how]


def test_what_nobody_planned_is_said() -> None:
    assert differing([], [carried_out(GONE)]) == [("unplanned", None, Action.DELETE)]
    assert differing([], [Outcome.failed(GONE, "Bad", ())]) == [("failed", None, None)]
    assert differing([Outcome.planned(FAILING)], [carried_out(replace(FAILING, obstacle=None))]) == [
        ("unplanned", Action.ADD, Action.ADD)
    ]


def test_a_deletion_that_was_not_approved_by_name_was_not_meant() -> None:
    left = Outcome.left(replace(GONE, action=Action.SKIP), ())

    assert differing([Outcome.planned(GONE)], [left], named=True) == []
    assert differing([Outcome.planned(GONE)], [left]) == [("left", Action.DELETE, None)]


def test_an_account_that_no_sync_knew_and_that_was_approved_was_meant() -> None:
    kept = replace(GONE, action=Action.SKIP, obstacle=Obstacle(UNLINKED, say("leaver.unlinked")))
    approved = frozenset({Deed("delete", str(GONE.object_id))})

    assert differing([Outcome.planned(kept)], [carried_out(GONE)], approved, named=True) == []
    assert differing([Outcome.planned(kept)], [], approved, named=True) == [("gone", Action.DELETE, None)]


def test_a_log_names_as_many_as_it_has_room_for() -> None:
    planned = [Outcome.planned(one) for one in many(Action.UPDATE, DIFFERENCES_NAMED + 7)]

    found = compared(planned, [], NONE, named=False)

    assert (found.people, len(found.some)) == (DIFFERENCES_NAMED + 7, DIFFERENCES_NAMED)


@given(LISTS, st.data())
def test_where_deletions_are_approved_by_name_all_others_are_left(
    changes: list[Change], data: st.DataObject
) -> None:
    named = [one for one in changes if one.action is Action.DELETE and data.draw(st.booleans())]
    approved = frozenset(deed for one in named for deed in deeds(one))

    plan = leaving(Plan(changes=tuple(changes), source=0, target=0, unchanged=0), approved)

    assert [one for one in plan.changes if one.action is Action.DELETE] == named
    others = [one for one in changes if one.action not in (Action.DELETE, Action.SKIP)]
    assert [one for one in plan.changes if one.action not in (Action.DELETE, Action.SKIP)] == others
