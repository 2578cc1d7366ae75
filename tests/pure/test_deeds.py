"""The digest of what a plan does: the same for the same, another one for anything else."""

from dataclasses import replace
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, AttributeChange, Change
from shared.model.parts import verbatim
from shared.planning.deeds import digest

VALUES = st.sampled_from([None, True, False, "a", "b"])
ATTRIBUTES = st.lists(
    st.builds(AttributeChange, st.sampled_from(["givenName", "surname"]), VALUES, VALUES),
    max_size=2,
    unique_by=lambda one: one.attribute,
)
CHANGES = st.builds(
    Change,
    action=st.sampled_from(Action),
    upn=st.sampled_from(["a@contoso.com", "b@contoso.com"]),
    display_name=st.sampled_from(["A", "B"]),
    object_id=st.sampled_from([None, "1", "2"]),
    source_id=st.sampled_from([None, "x", "y"]),
    attributes=ATTRIBUTES.map(tuple),
)


@given(st.lists(CHANGES), st.randoms())
def test_neither_order_nor_skips_nor_words_count(changes: list[Change], chance: Random) -> None:
    other = [replace(one, reason=verbatim("otherwise"), attributes=one.attributes[::-1]) for one in changes]
    chance.shuffle(other)
    skips = [replace(one, action=Action.SKIP) for one in changes]

    assert digest([*other, *skips]) == digest(changes)


RENAME = Change(
    action=Action.RENAME,
    upn="a@contoso.com",
    display_name="A",
    object_id="1",
    attributes=(AttributeChange("userPrincipalName", "a@contoso.com", "b@contoso.com"),),
)


@pytest.mark.parametrize(
    "other",
    [
        [],
        [RENAME, replace(RENAME, object_id="2")],
        [replace(RENAME, action=Action.UPDATE)],
        [replace(RENAME, object_id="2")],
        [replace(RENAME, attributes=(AttributeChange("userPrincipalName", None, "c@contoso.com"),))],
    ],
)
def test_another_person_action_or_value_is_another_plan(other: list[Change]) -> None:
    assert digest(other) != digest([RENAME])
