"""A journal, line by line: whatever is written is read back, as it was."""

from dataclasses import replace
from datetime import UTC, datetime
from itertools import pairwise

import orjson
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.parts import Part, say
from shared.model.results import Outcome, Result, key
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
        assert [(change.source_id, object_id) for change, object_id in journal.done] == [
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
    """An undo goes back to what was before the first of them."""

    @staticmethod
    def made(*changes: Change) -> Change:
        intents = [orjson.dumps({"intent": [change_document(change)]}) for change in changes]
        ended = {
            "ended": key(changes[-1]),
            "result": "succeeded",
            "time": "2026-03-01T00:00:00.000+00:00",
            "position": 7,
        }
        ((change, _),) = JournalContent.parse(b"\n".join([*intents, orjson.dumps(ended)])).done
        return change

    @staticmethod
    def change(action: Action, upn: str, *attributes: AttributeChange, via: str | None = None) -> Change:
        return Change(
            action=action, upn=upn, display_name="a", object_id="o1", attributes=attributes, via=via
        )

    def test_a_rename_that_goes_on_from_its_temporary_upn_is_one_from_the_first(self) -> None:
        left, via, right = "left@contoso.com", "sync-o1@contoso.onmicrosoft.com", "right@contoso.com"
        surname = AttributeChange("surname", "A", "B")
        cut_off = self.change(
            Action.RENAME, left, AttributeChange("userPrincipalName", left, right), surname, via=via
        )
        going_on = self.change(Action.RENAME, via, AttributeChange("userPrincipalName", via, right))

        assert self.made(cut_off, going_on, going_on) == cut_off

    def test_a_rename_that_cannot_go_on_from_its_temporary_upn_is_one_from_the_first(self) -> None:
        left, via, right = "left@contoso.com", "sync-o1@contoso.onmicrosoft.com", "right@contoso.com"
        cut_off = self.change(Action.RENAME, left, AttributeChange("userPrincipalName", left, right), via=via)
        never_sent = self.change(Action.RENAME, via, AttributeChange("userPrincipalName", via, right))
        lines = (
            {"intent": [change_document(cut_off)]},
            {
                "ended": key(never_sent), "result": "failed", "change": change_document(never_sent),
                "time": "2026-03-01T00:00:00.000+00:00", "position": 7,
            },
        )  # fmt: skip

        journal = JournalContent.parse(b"\n".join(map(orjson.dumps, lines)))

        assert (journal.done, journal.unsettled) == ([(cut_off, "o1")], {key(cut_off)})

    def test_a_restore_that_was_looked_up_has_all_that_it_was_to_change(self) -> None:
        renamed = AttributeChange("userPrincipalName", "a@contoso.com", "b@contoso.com")
        intended = self.change(Action.RESTORE, "a@contoso.com", renamed)
        lines = (
            {"intent": [change_document(intended)]},
            {
                "ended": key(intended), "result": "succeeded", "time": "2026-03-01T00:00:00.000+00:00",
                "position": 7, "change": change_document(replace(intended, attributes=())),
            },
        )  # fmt: skip

        journal = JournalContent.parse(b"\n".join(map(orjson.dumps, lines)))

        assert journal.done == [(intended, "o1")]

    @given(st.lists(TEXT, min_size=2, max_size=5, unique=True))
    def test_updates_that_go_on_from_each_other_are_one_from_the_first(self, values: list[str]) -> None:
        updates = [
            self.change(Action.UPDATE, "a@contoso.com", AttributeChange("surname", before, after))
            for before, after in pairwise(values)
        ]

        assert self.made(*updates).attributes == (AttributeChange("surname", values[0], values[-1]),)

    def test_an_update_of_what_somebody_else_has_set_meanwhile_is_from_that(self) -> None:
        first, second = (
            self.change(Action.UPDATE, "a@contoso.com", AttributeChange("surname", before, "B"))
            for before in ("A", "By hand")
        )

        assert self.made(first, second) == second


def test_a_restore_whose_second_step_was_refused_is_unsettled() -> None:
    restore = Change(action=Action.RESTORE, upn="a@contoso.com", display_name="a", object_id="o1")
    intent = orjson.dumps({"intent": [change_document(restore)]})
    ended = {
        "ended": key(restore), "result": "failed", "time": "2026-03-01T00:00:00.000+00:00", "position": 7,
    }  # fmt: skip

    journal = JournalContent.parse(intent + b"\n" + orjson.dumps(ended))

    assert (journal.done, journal.unsettled) == ([(restore, "o1")], {key(restore)})


@given(CHANGES, TEXT)
def test_somebody_whose_upn_is_edited_stays_the_same_person(change: Change, upn: str) -> None:
    known = change.object_id or change.source_id if change.action is not Action.ADD else change.source_id

    assert (key(replace(change, upn=upn)) == key(change)) or not known
