"""What every source holds its users to: each is somebody, and none comes twice."""

import json

import pytest

from shared.errors import SourceError
from shared.model.people import People
from shared.planning.mapping import AttributeMap
from shared.runs.survey import require_users_on
from shared.source import SourceUsers
from tests.support.errors import english, raises
from tests.support.people import MAP, source_user, values

AOKI = {
    "username": "aoki",
    "email": "aoki@contoso.com",
    "display_name": "青木 花子",
    "given_name": "花子",
    "family_name": "青木",
    "status": "enabled",
}
BABA = {**AOKI, "username": "baba", "email": "baba@contoso.com"}
AOKI_USER, BABA_USER = (
    source_user("", source_id=name, email=f"{name}@contoso.com", values=values(nickname=name))
    for name in ("aoki", "baba")
)


def gathered(*records: object, attribute_map: AttributeMap = MAP) -> People:
    users = SourceUsers("people", attribute_map, "item", People())
    for number, record in enumerate(records, 1):
        users.add(record, number)
    return users.complete()


def complaint(*records: object, attribute_map: AttributeMap = MAP) -> str:
    with pytest.raises(SourceError) as raised:
        gathered(*records, attribute_map=attribute_map)
    return english(raised.value)


def test_everybody_is_gathered_in_the_order_of_the_source() -> None:
    assert gathered(BABA, AOKI) == [BABA_USER, AOKI_USER]


def test_the_built_in_administrator_is_nobody() -> None:
    assert gathered(AOKI, {**BABA, "username": "HdeAdmin"}) == [AOKI_USER]


@pytest.mark.parametrize(
    ("record", "said"),
    [
        ("aoki", "str where a user was expected."),
        ({**AOKI, "username": " "}, "a user without a username; the fields are display_name, email, "),
        ({**AOKI, "status": ["enabled"]}, "a user whose status is a list, not one value."),
        (BABA, "the username baba stands there more than once, first at item 1; usernames are unique,"),
    ],
)
def test_a_record_that_is_no_user_is_named_by_its_place(record: object, said: str) -> None:
    assert complaint(BABA, record).startswith(f"people, item 2: {said}")


def test_a_source_without_users_is_none() -> None:
    assert complaint().startswith("people has no user at all;")


def test_a_mapped_field_that_only_some_have_is_empty_for_the_others() -> None:
    attribute_map = AttributeMap.of({"department": "Section"})

    aoki, baba = gathered(AOKI, {**BABA, "Section": "営業部"}, attribute_map=attribute_map)

    assert (aoki.values[-1], baba.values[-1]) == (None, "営業部")


def test_a_run_stops_unless_the_source_has_somebody_on_exactly_its_domain() -> None:
    here = source_user("AOKI@Contoso.com")
    elsewhere = [
        source_user("a@sub.contoso.com"),
        source_user("b@notcontoso.com"),
        source_user("", source_id="c"),
    ]

    require_users_on("contoso.com", People([*elsewhere, here]))
    with raises(SourceError, match=r"no user on contoso\.com"):
        require_users_on("contoso.com", People(elsewhere))


OTHERWISE = {
    "login": "aoki@contoso.com",
    "userName": "aoki",
    "sn": "青木",
    "isDisabled": False,
    "immutable": "x9JTMfoqaXvEWYKDpMG3UQ==",
    "apiToken": "aoki@contoso.com",
}


def test_of_fields_that_nobody_has_those_that_look_right_are_named() -> None:
    people = gathered(OTHERWISE)

    assert json.loads(people.fitting) == {
        "userPrincipalName": "login",
        "onPremisesImmutableId": "immutable",
        "surname": "sn",
        "accountEnabled": "!isDisabled",
    }
    with raises(
        SourceError, match=r'By name or values this looks right, in ATTRIBUTE_MAP: \{"userPrincipalName"'
    ):
        require_users_on("contoso.com", people)


def test_what_is_not_wanted_is_not_named() -> None:
    attribute_map = AttributeMap.of({"surname": None, "accountEnabled": None, "userPrincipalName": "Login"})

    people = gathered(OTHERWISE, attribute_map=attribute_map)

    assert json.loads(people.fitting) == {"onPremisesImmutableId": "immutable"}
    assert gathered(AOKI).fitting == ""


def test_an_immutable_id_that_is_left_alone_on_purpose_is_not_named() -> None:
    attribute_map = AttributeMap.of({"onPremisesImmutableId": None})

    assert "onPremisesImmutableId" not in gathered(OTHERWISE, attribute_map=attribute_map).fitting


def test_a_username_by_another_name_is_named() -> None:
    said = complaint({"userId": "aoki", "email": "aoki@contoso.com"})

    assert 'looks right, in ATTRIBUTE_MAP: {"sourceId": "userId"}' in said
