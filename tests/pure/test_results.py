"""Whoever is left alone for several reasons."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, Obstacle
from shared.model.parts import Parts, say
from shared.model.results import Outcome, Result, key, one_each
from tests.support.people import change

WHOSE = st.sampled_from(["a", "b", None])
REASONS = st.sampled_from([(), say("undo.purged"), say("reading.awaited")])


@st.composite
def skips(draw: st.DrawFn) -> Outcome:
    left = change(Action.SKIP, object_id=draw(st.sampled_from(["1", "2"])))
    return Outcome(
        change=replace(left, source_id=draw(WHOSE), reason=draw(REASONS)),
        result=Result.SKIPPED,
        note=draw(REASONS),
        error_code=draw(st.sampled_from(["", "Question", "Shielded"])),
        error_message=draw(REASONS),
    )


def said(outcomes: list[Outcome]) -> Parts:
    """All that their rows say, in order."""
    return tuple(part for one in outcomes for part in one.change.reason + one.note + one.error_message)


@given(st.lists(skips(), max_size=8))
def test_each_has_one_row_that_says_everything_and_the_first_code_there_is(left: list[Outcome]) -> None:
    rows = one_each(left)

    whose = [(key(one.change), one.change.source_id) for one in rows]
    assert whose == list(dict.fromkeys((key(one.change), one.change.source_id) for one in left))
    for who, row in zip(whose, rows, strict=True):
        theirs = [one for one in left if (key(one.change), one.change.source_id) == who]
        assert sorted(said([row]), key=repr) == sorted(said(theirs), key=repr)
        assert row.error_code == next((one.error_code for one in theirs if one.error_code), "")


def test_two_reasons_with_a_code_each_are_told_under_the_first() -> None:
    question = Outcome.not_sent(change(Action.SKIP, obstacle=Obstacle("Question", say("undo.purged"))))
    shielded = Outcome.not_sent(change(Action.SKIP, obstacle=Obstacle("Shielded", say("reading.awaited"))))

    assert [(one.error_code, one.error_message) for one in one_each([question, shielded])] == [
        ("Question", say("undo.purged") + say("reading.awaited"))
    ]
