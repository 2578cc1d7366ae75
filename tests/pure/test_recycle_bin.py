"""Who is restored instead of created."""

from dataclasses import replace

import pytest

from shared.planning.recycle_bin import matches, may_be
from tests.support.people import MAP, entra_user, source_user, values


def test_an_immutable_id_finds_the_deleted_user_under_any_upn() -> None:
    gone = entra_user("old@contoso.com", immutable_id="K")

    assert matches([source_user(immutable_id="K")], [gone], {}) == {"aoki": gone}


def test_a_remembered_link_finds_the_deleted_user_under_any_upn() -> None:
    gone = entra_user("old@contoso.com", object_id="o1")

    assert matches([source_user(source_id="s1")], [gone], {"s1": "o1"}) == {"s1": gone}


def test_a_former_upn_finds_the_deleted_user_in_any_case() -> None:
    gone = entra_user("Aoki@contoso.com")

    assert matches([source_user("AOKI@contoso.com")], [gone], {}) == {"aoki": gone}


def test_the_last_deleted_of_several_namesakes_is_the_one() -> None:
    newest, oldest = entra_user(object_id="newest"), entra_user(object_id="oldest")

    assert matches([source_user()], [newest, oldest], {}) == {"aoki": newest}


def test_an_immutable_id_goes_before_a_link_and_a_link_before_a_former_upn() -> None:
    by_key = entra_user("x@contoso.com", object_id="o1", immutable_id="K")
    by_link = entra_user("y@contoso.com", object_id="o2")
    by_upn = entra_user("aoki@contoso.com", object_id="o3")
    keyed, keyless = source_user(immutable_id="K"), source_user()

    assert matches([keyed], [by_upn, by_link, by_key], {"aoki": "o2"}) == {"aoki": by_key}
    assert matches([keyless], [by_upn, by_link, by_key], {"aoki": "o2"}) == {"aoki": by_link}


def test_a_name_given_to_somebody_new_does_not_open_the_old_ones_mailbox() -> None:
    gone = entra_user(immutable_id="OLD")

    assert matches([source_user(immutable_id="NEW")], [gone], {}) == {}


def test_nobody_is_restored_twice() -> None:
    gone = entra_user(immutable_id="K")
    two = [source_user(source_id="s1", immutable_id="K"), source_user(source_id="s2")]

    assert matches(two, [gone], {}) == {"s1": gone}


def test_a_namesake_who_comes_first_does_not_get_the_mailbox_of_whom_the_immutable_id_names() -> None:
    gone = entra_user("aoki@contoso.com", immutable_id="K")
    namesake = source_user("aoki@contoso.com", source_id="namesake")
    owner = source_user("aoki.h@contoso.com", source_id="owner", immutable_id="K")

    assert matches([namesake, owner], [gone], {}) == {"owner": gone}


def test_whoever_is_not_there_is_not_restored() -> None:
    assert matches([source_user()], [entra_user("b@contoso.com")], {"aoki": "gone-for-good"}) == {}


@pytest.mark.parametrize(
    ("immutable_id", "name", "links", "maybe"),
    [
        ("K", "Somebody else", {}, True),
        ("K2", "青木 花子", {}, False),
        (None, "青木 花子", {}, True),
        (None, "Somebody else", {}, False),
        (None, None, {}, True),
        ("K2", "Somebody else", {"aoki": "id-gone"}, True),
    ],
    ids=["same key", "other key", "same name", "other name", "no name at all", "remembered"],
)
def test_a_deleted_user_without_a_upn_may_be_whoever_nothing_tells_apart(
    immutable_id: str | None, name: str | None, links: dict[str, str], maybe: bool
) -> None:
    gone = replace(entra_user("gone@contoso.com", immutable_id=immutable_id, values=values(name)), upn="")

    assert may_be(source_user(immutable_id="K"), gone, links, MAP) == maybe
    assert matches([source_user(immutable_id="K")], [gone], links) == {}
