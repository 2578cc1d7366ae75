"""Which of a run's questions are still open, and which may be answered together."""

from datetime import UTC, datetime

import pytest

from shared.model.parts import say
from shared.model.questions import Decision, Kind, OpenQuestions, Pair, Question, pair_id


def asked(user: str, account: str, kind: Kind = Kind.SAME_UPN, *, alike: bool = True) -> Question:
    return Question(
        id=pair_id(user, account),
        kind=kind,
        source_id=user,
        object_id=account,
        user_principal_name=f"{account}@contoso.com",
        display_name=account,
        speaks_against=() if alike else say("question.otherNames"),
        alike=alike,
    )


def decided(user: str, account: str, *, same: bool) -> Decision:
    return Decision(
        id=pair_id(user, account),
        source_id=user,
        object_id=account,
        same=same,
        by="somebody",
        address="127.0.0.1",
        at=datetime(2026, 1, 1, tzinfo=UTC),
    )


FOUR = OpenQuestions(run_id="run", questions=tuple(asked(user, one) for user in "cd" for one in "ab"))


@pytest.mark.parametrize(
    ("same", "left"), [(True, [("d", "b")]), (False, [("c", "b"), ("d", "a"), ("d", "b")])]
)
def test_one_person_settles_every_question_about_both_and_two_people_only_their_own(
    same: bool, left: list[Pair]
) -> None:
    assert [one.pair for one in FOUR.still_open([decided("c", "a", same=same)])] == left


def test_a_pair_is_offered_until_it_is_decided_or_asked_about() -> None:
    one = OpenQuestions(
        run_id="run", questions=(asked("c", "a"),), offered=(("c", "a"), ("d", "b"), ("e", "f"))
    )

    assert one.still_offered([]) == [("d", "b"), ("e", "f")]
    assert one.still_offered([decided("d", "b", same=False)]) == [("e", "f")]


def test_together_go_questions_of_a_kind_without_anything_against_and_without_a_second_one() -> None:
    single = asked("e", "f")
    others = (asked("g", "h", alike=False), asked("i", "j", Kind.BOTH_NAMES))
    one = OpenQuestions(run_id="run", questions=(*FOUR.questions, single, *others))

    assert one.alike(Kind.SAME_UPN) == [single]
