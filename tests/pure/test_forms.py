"""What Entra makes of a name: written once more, reported once, and then left until the source says something else."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange
from shared.planning.forms import learned
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
        f"surname was written as '{KAMI}', and Entra shows '{UNIFIED}' again."
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
