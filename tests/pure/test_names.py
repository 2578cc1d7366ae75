"""Family and given names: whether both sides mean the same, and what is remembered of them."""

import pytest

from shared.planning.mapping import AttributeMap
from shared.planning.names import Names
from tests.support.people import MAP, entra_user, source_user, values

NAMES = Names(MAP)


@pytest.mark.parametrize(
    ("family", "given", "agree"),
    [
        ("Aoki", "Hanako", True),
        ("ＡＯＫＩ", None, True),
        ("Akagi", " hana\u200bko ", True),
        ("Hanako", "Aoki", False),
        ("Akagi", "Taro", False),
        (None, None, False),
    ],
)
def test_one_name_however_it_is_written_is_enough(family: str | None, given: str | None, agree: bool) -> None:
    user, account = (
        source_user(values=values("x", given, family)),
        entra_user(values=values("y", "Hanako", "Aoki")),
    )

    assert NAMES.agree(user, account) is agree


def test_names_that_both_sides_lack_do_not_agree() -> None:
    nameless = values("x", None, None)

    assert not NAMES.agree(source_user(values=nameless), entra_user(values=nameless))


def test_names_that_the_attribute_map_leaves_out_are_empty() -> None:
    names = Names(AttributeMap.of({"surname": None, "givenName": None}))
    user = source_user(values=("青木 花子", True))

    assert names.digests(user) == " "
    assert not names.agree(user, entra_user(values=("青木 花子", True)))


def test_digests_tell_two_names_apart_and_not_two_spellings() -> None:
    aoki, same, other, family_alone = (
        NAMES.digests(source_user(values=values("x", given, family)))
        for given, family in (("Hanako", "Aoki"), ("ＨＡＮＡＫＯ", " aoki"), ("Taro", "Aoki"), (None, "Aoki"))
    )

    assert aoki == same
    assert [a == b for a, b in zip(aoki.split(), other.split(), strict=True)] == [True, False]
    assert family_alone == f"{aoki.split()[0]} "


def test_digests_do_not_show_who_has_the_same_name() -> None:
    one, another = NAMES.digests(source_user(source_id="s1")), NAMES.digests(source_user(source_id="s2"))

    assert set(one.split()).isdisjoint(another.split())


@pytest.mark.parametrize("source_id", ["\ud800", "x" * 200])
def test_any_source_id_is_a_key(source_id: str) -> None:
    assert NAMES.digests(source_user(source_id=source_id)).strip()
