"""Who is restored instead of created."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from shared.model.changes import Action, Change, Obstacle
from shared.model.parts import verbatim
from shared.model.people import EntraUser, SourceUser, Value
from shared.model.questions import Decisions
from shared.planning.names import Names
from shared.planning.recycle_bin import matches, may_be, with_former_holders
from shared.words import said
from tests.support.people import MAP, add, change, entra_user, rename, source_user, values

NAMES = Names(MAP)


def found(
    people: Sequence[SourceUser], deleted: Sequence[EntraUser], links: Mapping[str, str]
) -> dict[str, EntraUser]:
    certain, asked = matches(people, deleted, links, {}, NAMES)
    assert asked == {}
    return certain


def test_an_immutable_id_finds_the_deleted_user_under_any_upn() -> None:
    gone = entra_user("old@contoso.com", immutable_id="K")

    assert found([source_user(immutable_id="K")], [gone], {}) == {"aoki": gone}


def test_a_remembered_link_finds_the_deleted_user_under_any_upn() -> None:
    gone = entra_user("old@contoso.com", object_id="o1")

    assert found([source_user(source_id="s1")], [gone], {"s1": "o1"}) == {"s1": gone}


def test_a_former_upn_finds_the_deleted_user_in_any_case() -> None:
    gone = entra_user("Aoki@contoso.com")

    assert found([source_user("AOKI@contoso.com")], [gone], {}) == {"aoki": gone}


def test_the_last_deleted_of_several_namesakes_is_the_one() -> None:
    newest, oldest = entra_user(object_id="newest"), entra_user(object_id="oldest")

    assert found([source_user()], [newest, oldest], {}) == {"aoki": newest}


def test_an_immutable_id_goes_before_a_link_and_a_link_before_a_former_upn() -> None:
    by_key = entra_user("x@contoso.com", object_id="o1", immutable_id="K")
    by_link = entra_user("y@contoso.com", object_id="o2")
    by_upn = entra_user("aoki@contoso.com", object_id="o3")
    keyed, keyless = source_user(immutable_id="K"), source_user()

    assert found([keyed], [by_upn, by_link, by_key], {"aoki": "o2"}) == {"aoki": by_key}
    assert found([keyless], [by_upn, by_link, by_key], {"aoki": "o2"}) == {"aoki": by_link}


def test_a_name_given_to_somebody_new_does_not_open_the_old_ones_mailbox() -> None:
    gone = entra_user(immutable_id="OLD")

    assert found([source_user(immutable_id="NEW")], [gone], {}) == {}


def test_nobody_is_restored_twice() -> None:
    gone = entra_user(immutable_id="K")
    two = [source_user(source_id="s1", immutable_id="K"), source_user(source_id="s2")]

    assert found(two, [gone], {}) == {"s1": gone}


def test_a_namesake_who_comes_first_does_not_get_the_mailbox_of_whom_the_immutable_id_names() -> None:
    gone = entra_user("aoki@contoso.com", immutable_id="K")
    namesake = source_user("aoki@contoso.com", source_id="namesake")
    owner = source_user("aoki.h@contoso.com", source_id="owner", immutable_id="K")

    assert found([namesake, owner], [gone], {}) == {"owner": gone}


def test_a_former_upn_does_not_open_the_mailbox_of_somebody_else_in_the_source() -> None:
    gone = entra_user("aoki@contoso.com", object_id="o1")
    # The owner is synchronised with another domain now, and is not asked about here.
    heir = source_user("aoki@contoso.com", source_id="heir")

    assert found([heir], [gone], {"owner": "o1"}) == {}
    assert found([heir], [gone], {"owner": "o1", "heir": "o1"}) == {"heir": gone}


def test_whoever_is_not_there_is_not_restored() -> None:
    assert found([source_user()], [entra_user("b@contoso.com")], {"aoki": "gone-for-good"}) == {}


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
    assert found([source_user(immutable_id="K")], [gone], links) == {}


OTHER_NAMES = values("佐藤 一郎", "一郎", "佐藤")


@pytest.mark.parametrize(
    ("departed", "immutable_ids", "names", "outcome"),
    [
        (False, (None, None), values(), "found"),
        (False, (None, None), OTHER_NAMES, "neither"),
        (False, ("NEW", "OLD"), values(), "neither"),
        (True, (None, None), values(), "asked"),
        (True, ("NEW", "OLD"), values(), "asked"),
        (True, (None, None), OTHER_NAMES, "neither"),
    ],
)
def test_a_former_upn_alone_opens_nobodys_mailbox(
    departed: bool, immutable_ids: tuple[str | None, str | None], names: tuple[Value, ...], outcome: str
) -> None:
    new, old = immutable_ids
    user, gone = source_user(source_id="new", immutable_id=new, values=names), entra_user(immutable_id=old)

    certain, asked = matches([user], [gone], {}, {gone.object_id} if departed else set(), NAMES)

    assert (certain, asked) == (
        {"new": gone} if outcome == "found" else {},
        {"new": gone} if outcome == "asked" else {},
    )


@pytest.mark.parametrize(("names", "outcome"), [(values(), "found"), (OTHER_NAMES, "asked")])
def test_a_link_finds_whoever_has_another_immutable_id_by_now(names: tuple[Value, ...], outcome: str) -> None:
    user = source_user("other@contoso.com", source_id="s1", immutable_id="NEW", values=names)
    gone = entra_user(immutable_id="OLD")

    certain, asked = matches([user], [gone], {"s1": gone.object_id}, {}, NAMES)

    assert (certain, asked) == (
        {"s1": gone} if outcome == "found" else {},
        {"s1": gone} if outcome == "asked" else {},
    )


@pytest.mark.parametrize("same", [True, False])
def test_a_decision_settles_who_is_restored(same: bool) -> None:
    user, gone = source_user(source_id="new", immutable_id="NEW"), entra_user(immutable_id="OLD")
    links = {"new": gone.object_id} if same else {}
    pair = ("new", gone.object_id)
    decided = Decisions(same=links, apart=frozenset() if same else frozenset([pair]))

    certain, asked = matches([user], [gone], links, {gone.object_id}, NAMES, decided)

    assert (certain, asked) == ({"new": gone} if same else {}, {})


@pytest.mark.parametrize(
    ("given_name", "family_name", "restored"), [("花子", "佐藤", True), (None, None, False)]
)
def test_while_memory_is_in_doubt_a_name_has_to_agree(
    given_name: str | None, family_name: str | None, restored: bool
) -> None:
    user = source_user(values=values("佐藤", given_name, family_name))

    certain, _ = matches([user], [entra_user()], {}, {}, NAMES, in_doubt=True)

    assert (certain != {}) is restored


class TestAnAddressOfADeletedUser:
    @staticmethod
    def reason(wanted: Change) -> str:
        gone = entra_user("gone@contoso.com", object_id="o9")
        (told,) = with_former_holders([wanted], [gone], {"o9": ["New@contoso.com", "b@contoso.com"]})
        return said(told.reason)

    @pytest.mark.parametrize("wanted", [add("new@contoso.com"), rename("a", "B")])
    def test_is_told_to_whoever_gets_it(self, wanted: Change) -> None:
        assert self.reason(wanted) == (
            f"{wanted.new_upn} was an address of the deleted user gone@contoso.com (o9): if Entra refuses it, delete "
            "that user for good, or change the address here."
        )

    @pytest.mark.parametrize(
        "other",
        [
            add("other@contoso.com"),
            change(Action.RESTORE, "new@contoso.com"),
            change(Action.UPDATE, "b@contoso.com"),
            rename("a", "b", obstacle=Obstacle("AddressTaken", verbatim("…"))),
        ],
    )
    def test_is_told_to_nobody_else(self, other: Change) -> None:
        assert self.reason(other) == ""
