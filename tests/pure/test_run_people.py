"""The people of a run as data: each once, the worst news first, found by words, page by page."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Obstacle, Rule
from shared.model.parts import say
from shared.model.results import QUESTION, SHIELDED, UNLINKED, Outcome, Result
from shared.reports.run_people import PersonKind, RunPeople, RunPerson, kind_of, page_of_people
from tests.support.people import change

OUTCOMES = st.lists(
    st.builds(
        lambda action, result, code: Outcome(change=change(action), result=result, error_code=code),
        st.sampled_from(Action),
        st.sampled_from(Result),
        st.sampled_from(["", QUESTION, SHIELDED, UNLINKED, "Request_BadRequest"]),
    ),
    max_size=30,
).map(lambda found: [replace(one, object_id=f"id-{n}") for n, one in enumerate(found)])


def people(
    outcomes: Sequence[Outcome],
    kind: PersonKind | None = None,
    words: str = "",
    start: int = 0,
    limit: int = 100,
) -> RunPeople:
    return RunPeople.model_validate_json(page_of_people(outcomes, kind, words, start, limit))


@given(OUTCOMES, st.integers(1, 7))
def test_the_pages_have_everybody_once_and_the_worst_news_first(outcomes: list[Outcome], limit: int) -> None:
    found: list[RunPerson] = []
    cursor: str | None = "0"
    while cursor is not None:
        page = people(outcomes, start=int(cursor), limit=limit)
        found += page.people
        cursor = page.cursor

    assert sorted(str(one.object_id) for one in found) == sorted(str(one.object_id) for one in outcomes)
    kinds = [list(PersonKind).index(one.kind) for one in found]
    assert kinds == sorted(kinds)


@given(OUTCOMES)
def test_of_a_kind_are_those_and_no_others(outcomes: list[Outcome]) -> None:
    for kind in PersonKind:
        page = people(outcomes, kind)
        assert len(page.people) == sum(kind_of(one) is kind for one in outcomes)


@pytest.mark.parametrize(
    ("words", "found"),
    [("花子", True), ("ＡＯＫＩ 青木", True), ("new@contoso", True), ("ID-AOKI", True), ("aoki mori", False)],
)
def test_words_are_found_in_names_addresses_ids_and_new_values(words: str, found: bool) -> None:
    renamed = change(
        Action.RENAME,
        attributes=[AttributeChange("userPrincipalName", "aoki@contoso.com", "new@contoso.com")],
    )

    page = people([Outcome.planned(renamed)], words=words)

    assert bool(page.people) is found


def test_a_person_has_what_the_audit_log_says_and_how_they_were_matched() -> None:
    leaver = replace(
        change(Action.DELETE),
        rule=Rule.MEMORY,
        reason=say("leaver.notInSource") + say("leaver.knownSince", date="2026-01-31"),
        obstacle=Obstacle("Gone", say("undo.isBack")),
    )

    (person,) = people([Outcome.planned(leaver)]).people

    assert (person.kind, person.result, person.rule) == (PersonKind.FAILED, Result.PLANNED, Rule.MEMORY)
    assert (person.reason, person.obstacle) == (leaver.reason, say("undo.isBack"))
    assert (person.known_since, person.changes) == (date(2026, 1, 31), ())


def test_a_refused_attribute_comes_first_and_makes_it_a_failure() -> None:
    update = change(attributes=[AttributeChange("surname", "a", "b")])
    refused = AttributeChange("onPremisesImmutableId", "x", "y")
    outcome = Outcome(change=update, result=Result.SUCCEEDED, error_code="InvalidValue", refused=(refused,))

    (person,) = people([outcome]).people

    assert (person.kind, person.result) == (PersonKind.FAILED, Result.FAILED)
    assert [one.attribute for one in person.changes] == ["onPremisesImmutableId", "surname"]
