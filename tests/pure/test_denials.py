"""Denied writes: the app's, or a person's."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import DENIED, CallerRefused
from shared.model.changes import Action
from shared.model.parts import verbatim
from shared.model.results import Outcome, Result
from shared.runs.denials import ENOUGH, Denials
from tests.support.errors import raises
from tests.support.people import change

WRITES = [Action.RENAME, Action.UPDATE, Action.RESTORE, Action.ADD, Action.DELETE]
ENDINGS = st.lists(
    st.tuples(st.sampled_from(WRITES), st.sampled_from(["", DENIED, "ObjectConflict"])), max_size=60
)


def ended(action: Action, code: str = "", number: int = 0) -> Outcome:
    one = change(action, f"u{number}@contoso.com")
    return Outcome.failed(one, code, verbatim("no")) if code else Outcome(change=one, result=Result.SUCCEEDED)


@given(ENDINGS)
def test_each_outcome_is_recorded_once_or_held_back(endings: list[tuple[Action, str]]) -> None:
    denials = Denials([])
    outcomes = [ended(action, code, number) for number, (action, code) in enumerate(endings)]

    recorded = [one for outcome in outcomes for one in denials.sift([outcome])] + denials.rest()

    changes = [outcome.change for outcome in recorded] + denials.held
    assert sorted(map(id, changes)) == sorted(id(outcome.change) for outcome in outcomes)
    assert all(
        code == DENIED
        for outcome, (_, code) in zip(outcomes, endings, strict=True)
        if outcome not in recorded
    )


@given(st.integers(0, ENOUGH - 1), st.sampled_from(WRITES))
def test_one_that_ends_otherwise_makes_all_of_its_kind_personal(before: int, action: Action) -> None:
    denials = Denials([])
    assert denials.sift(ended(action, DENIED, number) for number in range(before)) == []

    assert len(denials.sift([ended(action)])) == before + 1
    assert len(denials.sift(ended(action, DENIED, number) for number in range(ENOUGH))) == ENOUGH
    denials.check()


@pytest.mark.parametrize(
    ("action", "permission"),
    [
        (Action.UPDATE, "User.ReadWrite.All"),
        (Action.ADD, "User.ReadWrite.All"),
        (Action.RESTORE, "User.DeleteRestore.All"),
    ],
)
def test_twenty_of_a_kind_are_about_the_app(action: Action, permission: str) -> None:
    denials = Denials([])
    denials.sift(ended(action, DENIED, number) for number in range(ENOUGH - 1))
    denials.check()

    denials.sift([ended(action, DENIED, ENOUGH)])

    with raises(
        CallerRefused, match=f"grant the app {permission}. .* may take a day to reach a managed identity"
    ):
        denials.check()


def test_a_kind_that_an_earlier_invocation_got_done_is_never_about_the_app() -> None:
    denials = Denials([Action.DELETE])

    assert len(denials.sift(ended(Action.DELETE, DENIED, number) for number in range(ENOUGH))) == ENOUGH
    denials.check(enough=1)


def test_fewer_are_about_the_app_if_nothing_shows_that_the_permission_is_granted() -> None:
    denials = Denials([])
    denials.sift([ended(Action.UPDATE, DENIED), ended(Action.RESTORE, DENIED), ended(Action.ADD)])

    assert [outcome.change.action for outcome in denials.rest()] == [Action.UPDATE]
    with raises(CallerRefused, match="every restore of this run"):
        denials.check(enough=1)


@pytest.mark.parametrize(
    ("succeeded", "denied"),
    [
        (Action.DELETE, Action.ADD),  # User.DeleteRestore.All is enough to delete
        (Action.DELETE, Action.RESTORE),  # and so is User.ReadWrite.All
        (Action.RESTORE, Action.UPDATE),
    ],
)
def test_one_permission_that_is_granted_shows_nothing_of_the_other(succeeded: Action, denied: Action) -> None:
    denials = Denials([])
    denials.sift([ended(denied, DENIED), ended(succeeded)])

    assert denials.rest() == []
    with raises(CallerRefused, match=f"every {denied.value} of this run"):
        denials.check(enough=1)


@pytest.mark.parametrize("succeeded", [Action.RESTORE, Action.UPDATE])
def test_either_permission_makes_a_denied_deletion_personal(succeeded: Action) -> None:
    denials = Denials([])
    denials.sift([ended(Action.DELETE, DENIED), ended(succeeded)])

    assert [outcome.change.action for outcome in denials.rest()] == [Action.DELETE]
