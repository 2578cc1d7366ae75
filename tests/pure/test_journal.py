"""A journal, line by line: whatever is written is read back, as it was."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import groupby

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.parts import Part, say
from shared.model.results import Outcome, Result, Tried, key
from shared.store.journal import JournalContent
from shared.store.outcomes import change_document, outcome_document, read_change, read_outcome

TEXT = st.text(max_size=8)
VALUES = TEXT | st.none() | st.booleans()
ATTRIBUTES = st.lists(st.builds(AttributeChange, TEXT, VALUES, VALUES), max_size=3).map(tuple)
PARTS = st.lists(st.builds(Part, TEXT, st.dictionaries(TEXT, TEXT, max_size=2)), max_size=2).map(tuple)
CHANGES = st.builds(
    Change,
    action=st.sampled_from(Action),
    upn=TEXT,
    display_name=TEXT,
    object_id=st.none() | TEXT,
    source_id=st.none() | TEXT,
    attributes=ATTRIBUTES,
    reason=PARTS,
    via=st.none() | TEXT,
    direct_first=st.booleans(),
)
OUTCOMES = st.builds(
    Outcome,
    change=CHANGES,
    result=st.sampled_from(Result),
    object_id=st.none() | TEXT.filter(bool),
    note=PARTS,
    error_code=TEXT,
    error_message=PARTS,
    request_id=TEXT,
)


@given(OUTCOMES)
def test_an_outcome_comes_back_from_its_document(outcome: Outcome) -> None:
    change = orjson.loads(orjson.dumps(change_document(outcome.change)))
    document = orjson.loads(orjson.dumps(outcome_document(outcome)))

    assert read_outcome(document, read_change(change)) == outcome


def test_what_is_foreseen_to_obstruct_a_change_stands_in_its_outcome_alone() -> None:
    obstructed = Change(
        action=Action.UPDATE,
        upn="a@contoso.com",
        display_name="a",
        obstacle=Obstacle("TooLong", say("upn.dot", upn="a")),
    )

    assert "obstacle" not in change_document(obstructed)
    assert outcome_document(Outcome.planned(obstructed))["errorCode"] == "TooLong"


class TestLinesOfThePreviousVersion:
    """They name people as cells of the audit log: with an apostrophe before what looks like a formula."""

    @staticmethod
    def journal(*lines: object) -> JournalContent:
        return JournalContent.parse(b"".join(orjson.dumps(line) + b"\n" for line in lines))

    @staticmethod
    def intent(*source_ids: str) -> dict[str, object]:
        people = (
            Change(action=Action.ADD, upn=f"{who}@contoso.com", display_name=who, source_id=who)
            for who in source_ids
        )
        return {"intent": [change_document(change) for change in people]}

    def test_they_are_not_complete(self) -> None:
        assert not self.journal(self.intent("a")).complete
        assert not JournalContent.parse(b"").complete

    def test_an_outcome_finds_its_intent(self) -> None:
        journal = self.journal(
            self.intent("=a", "b", "'=c"),
            {"outcome": [["add", "'=a", "succeeded", "o1"], ["add", "b", "failed", None]]},
            {"outcome": [["add", "'=c", "succeeded", "o3"]]},
        )

        assert {known: outcome.result for known, outcome in journal.outcomes.items()} == {
            ("add", "=a"): "succeeded",
            ("add", "b"): "failed",
            ("add", "'=c"): "succeeded",
        }
        assert [(one.change.source_id, one.object_id) for one in journal.tried if one.made] == [
            ("=a", "o1"),
            ("'=c", "o3"),
        ]

    def test_an_intent_that_was_withdrawn_is_none(self) -> None:
        journal = self.journal(self.intent("=a", "b"), {"withdrawn": [["add", "'=a"]]})

        assert set(journal.intents) == {("add", "b")}

    def test_an_outcome_without_an_intent_is_known_from_the_audit_log_alone(self) -> None:
        assert self.journal({"outcome": [["skip", "o1", "skipped", None]]}).outcomes == {}


def test_an_outcome_without_an_intent_brings_its_change() -> None:
    skipped = Change(action=Action.SKIP, upn="a@contoso.com", display_name="a", object_id="o1")
    line = {
        "ended": ["skip", "o1"],
        "result": "skipped",
        "change": change_document(skipped),
        "time": "2026-03-01T00:00:00.000+00:00",
        "position": 7,
    }

    (recorded,) = JournalContent.parse(orjson.dumps(line)).recorded

    assert recorded.outcome == Outcome(change=skipped, result=Result.SKIPPED)
    assert (recorded.time, recorded.position) == (datetime(2026, 3, 1, tzinfo=UTC), 7)


class TestWhatSeveralInvocationsDid:
    """An undo is told of each try, in this order; what became of the last one is known."""

    surname = AttributeChange("surname", "A", "B")

    @staticmethod
    def change(
        action: Action = Action.UPDATE, *attributes: AttributeChange, via: str | None = None
    ) -> Change:
        upn = "a@contoso.com"
        return Change(
            action=action, upn=upn, display_name="a", object_id="o1", attributes=attributes, via=via
        )

    @staticmethod
    def intent(change: Change) -> dict[str, object]:
        return {"intent": [change_document(change)]}

    @staticmethod
    def ended(change: Change, result: str, *, other: bool = False) -> dict[str, object]:
        """`other`: the change is not the one that was intended."""
        line = {
            "ended": key(change),
            "result": result,
            "time": "2026-03-01T00:00:00.000+00:00",
            "position": 7,
        }
        return {**line, "change": change_document(change)} if other else line

    @staticmethod
    def tried(*lines: object) -> list[Tried]:
        return JournalContent.parse(b"\n".join(map(orjson.dumps, lines))).tried

    @given(st.lists(TEXT, min_size=1, max_size=5))
    def test_nobody_knows_of_the_others_that_were_tried_otherwise(self, values: list[str]) -> None:
        updates = [self.change(Action.UPDATE, AttributeChange("surname", "", value)) for value in values]

        tried = self.tried(*map(self.intent, updates), self.ended(updates[-1], "succeeded"))

        *earlier, last = (one for one, _ in groupby(updates))
        assert tried == [*(Tried(one, "o1", None) for one in earlier), Tried(last, "o1")]

    @pytest.mark.parametrize("value", ["B", "C"])
    @pytest.mark.parametrize(
        ("result", "made"), [("unchanged", False), ("succeeded", True), ("inDoubt", None)]
    )
    def test_one_that_an_invocation_has_sent_again_is_the_same(
        self, value: str, result: str, made: bool | None
    ) -> None:
        """Throttled, or as a whole without what was refused of it."""
        first = self.change(Action.UPDATE, self.surname)
        second = self.change(Action.UPDATE, AttributeChange("surname", "A", value))
        code = {"errorCode": "InDoubt"} if made is None else {}

        tried = self.tried(
            self.intent(first),
            {**self.intent(second), "again": [key(second)]},
            {**self.ended(second, result), **code},
        )

        assert tried == [Tried(second, "o1", made)]

    def test_nor_of_one_that_was_begun_before_an_obstacle_was_found(self) -> None:
        """What was never sent says what its user was like."""
        cut_off = self.change(Action.RENAME, self.surname, via="sync-o1@contoso.onmicrosoft.com")
        never_sent = self.change(Action.RENAME)

        tried = self.tried(self.intent(cut_off), self.ended(never_sent, "failed", other=True))

        assert tried == [Tried(cut_off, "o1", None), Tried(never_sent, "o1", False)]

    @pytest.mark.parametrize("action", [Action.RESTORE, Action.UPDATE])
    def test_nor_of_one_that_was_looked_up_as_all_that_was_begun(self, action: Action) -> None:
        """That of a restore is without the rest, that of an update from before the invocations."""
        intended = self.change(action, self.surname)
        found = self.change(action, *[AttributeChange("surname", "0", "B")] * (action is Action.UPDATE))

        tried = self.tried(self.intent(intended), self.ended(found, "succeeded", other=True))

        assert tried == [Tried(intended, "o1", None)]

    @pytest.mark.parametrize("result", ["succeeded", "inDoubt"])
    def test_what_closes_a_doubt_of_an_earlier_sync_was_not_tried(self, result: str) -> None:
        code = {"errorCode": "InDoubt"} if result == "inDoubt" else {}

        assert self.tried({**self.ended(self.change(), result, other=True), **code}) == []

    @pytest.mark.parametrize(("line", "made"), [("revoked", False), ("replaced", None)])
    def test_nor_of_one_that_another_goes_on_with_but_of_one_that_had_no_effect(
        self, line: str, made: bool | None
    ) -> None:
        begun = self.change(Action.UPDATE, self.surname, via="sync-o1@contoso.onmicrosoft.com")

        assert self.tried(self.intent(begun), {line: [key(begun)]}) == [Tried(begun, "o1", made)]

    @pytest.mark.parametrize(("result", "made"), [("failed", None), ("succeeded", True)])
    def test_nor_of_a_restore_whose_second_step_was_refused(self, result: str, made: bool | None) -> None:
        restore = self.change(Action.RESTORE)

        assert self.tried(self.intent(restore), self.ended(restore, result)) == [Tried(restore, "o1", made)]


@given(CHANGES, TEXT)
def test_somebody_whose_upn_is_edited_stays_the_same_person(change: Change, upn: str) -> None:
    known = change.object_id or change.source_id if change.action is not Action.ADD else change.source_id

    assert (key(replace(change, upn=upn)) == key(change)) or not known
