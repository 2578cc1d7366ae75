"""What Entra makes of a name: written once more, reported once, and then left until the source says something else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change
from shared.model.parts import verbatim
from shared.model.people import SourceUser
from shared.model.results import EXCHANGE_MASTERED, Outcome, Result
from shared.planning.forms import learned, noted
from shared.planning.lookups import Lookups
from shared.words import said
from tests.support.people import INITIAL_DOMAIN, change, entra_user, only, plan_of, source_user, values

KAMI, UNIFIED = "\ufa19", "\u795e"
WRITTEN = learned(change(attributes=[AttributeChange("surname", UNIFIED, KAMI)]), "", succeeded=True)
SOURCE, TARGET = source_user(values=values(surname=KAMI)), entra_user(values=values(surname=UNIFIED))


def around(known: str) -> Lookups:
    return Lookups(initial_domain=INITIAL_DOMAIN, forms={"aoki": known})


def test_a_value_that_comes_back_in_another_form_is_reported_and_not_written_again() -> None:
    told = only(plan_of([SOURCE], [TARGET], around(WRITTEN)))

    assert (told.action, told.attributes, told.obstacle) == (Action.SKIP, (), None)
    assert said(told.reason).startswith(
        f"Family name was written as '{KAMI}', and Entra shows '{UNIFIED}' again."
    )
    reported = learned(told, WRITTEN, succeeded=False)
    plan = plan_of([SOURCE], [TARGET], around(reported))
    assert (plan.changes, plan.unchanged) == ((), 1)
    assert learned(told, reported, succeeded=False) == reported


def test_what_else_differs_is_written_and_the_report_is_its_reason() -> None:
    user = replace(SOURCE, values=values(surname=KAMI, given_name="二郎"))

    update = only(plan_of([user], [TARGET], around(WRITTEN)))

    assert update.attributes == (AttributeChange("givenName", "花子", "二郎"),)
    assert "was written as" in said(update.reason)
    assert learned(update, WRITTEN, succeeded=True) == WRITTEN + "!"


@pytest.mark.parametrize("surname", ["青木", "\u795e\ufe00", None])
def test_another_value_of_the_source_is_written(surname: str | None) -> None:
    user = replace(SOURCE, values=values(surname=surname))

    assert only(plan_of([user], [TARGET], around(WRITTEN))).action is Action.UPDATE


def test_another_value_in_entra_is_no_other_form_and_replaced() -> None:
    target = replace(TARGET, values=values(surname="青木"))

    assert only(plan_of([SOURCE], [target], around(WRITTEN))).action is Action.UPDATE


def test_a_switch_has_no_forms() -> None:
    switched = change(
        attributes=[AttributeChange("accountEnabled", True, False), AttributeChange("surname", None, "A")]
    )

    assert learned(switched, "", succeeded=True) == ""


@given(st.lists(st.sampled_from([KAMI, UNIFIED, "神 ", "神\u200d"]), min_size=1), st.booleans())
def test_of_each_attribute_the_last_value_is_known(names: list[str], succeeded: bool) -> None:
    known = ""
    for name in names:
        difference = AttributeChange("surname", UNIFIED, name)
        known = learned(change(attributes=[difference]), known, succeeded=succeeded)

    assert len(known.split()) == succeeded


class TestAValueThatExchangeHasAuthorityOver:
    source, target = source_user(values=values(surname="鈴木")), entra_user()
    update = change(
        attributes=[
            AttributeChange("surname", "青木", "鈴木"),
            AttributeChange("accountEnabled", True, False),
        ]
    )

    def refused(self, today: str = "2026-03-08") -> str:
        """What is known after the refusal of `update`."""
        failed = Outcome.failed(self.update, EXCHANGE_MASTERED, verbatim("…"))
        return noted({}, failed, today)["aoki"]

    def plan_after(self, known: str, since: str = "2026-03-01", source: SourceUser | None = None) -> Change:
        lookups = replace(around(known), refused_since=since)
        return only(plan_of([source or self.source], [self.target], lookups))

    def test_is_left_alone_after_its_refusal_for_a_reason_that_is_told(self) -> None:
        left = self.plan_after(self.refused())

        assert (left.action, left.attributes) == (Action.SKIP, ())
        assert said(left.reason).startswith("Skipped, since Entra refused it once: family name.")

    def test_keeps_nothing_else_back(self) -> None:
        user = replace(self.source, values=values(surname="鈴木", given_name="次郎"))

        update = self.plan_after(self.refused(), source=user)

        assert (update.action, [a.attribute for a in update.attributes]) == (
            Action.UPDATE,
            ["givenName"],
        )
        assert "Skipped" in said(update.reason)

    def test_is_tried_again_a_week_later(self) -> None:
        assert self.plan_after(self.refused(), since="2026-03-08").action is Action.UPDATE

    def test_is_tried_again_when_the_source_changes(self) -> None:
        user = replace(self.source, values=values(surname="田中"))

        assert self.plan_after(self.refused(), source=user).action is Action.UPDATE

    def test_is_forgotten_once_it_is_written(self) -> None:
        assert learned(self.update, self.refused(), succeeded=True) == ""

    def test_is_known_too_where_the_rest_of_the_change_took_effect(self) -> None:
        surname, enabled = self.update.attributes
        rest = replace(self.update, attributes=(enabled,))
        ended = Outcome(
            change=rest, result=Result.SUCCEEDED, refused=(surname,), error_code=EXCHANGE_MASTERED
        )

        assert noted({}, ended, "2026-03-08")["aoki"] == self.refused()

    def test_another_refusal_tells_nothing(self) -> None:
        assert noted({}, Outcome.failed(self.update, "Request_BadRequest", verbatim("…")), "2026-03-08") == {}
