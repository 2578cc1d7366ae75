"""People found by words: everybody once, whichever side says so, and no more than a page."""

from hypothesis import given
from hypothesis import strategies as st

from shared.reports.found_people import MOST_FOUND, called, found_people
from tests.support.people import MAP, entra_user, hold, source_user

NUMBERS = st.sets(st.integers(0, 30))


@given(NUMBERS, NUMBERS, st.booleans())
def test_everybody_is_found_once(users: set[int], accounts: set[int], linked: bool) -> None:
    links = {f"s{n}": f"o{n}" for n in range(31)} if linked else {}
    found = found_people(
        [source_user(f"user{n}@contoso.com", source_id=f"s{n}") for n in users],
        [entra_user(f"USER{n}@contoso.com", object_id=f"o{n}") for n in accounts],
        links,
        MAP,
        {"o3": hold("o3")},
    )

    assert sorted(one.user_principal_name.lower() for one in found.people) == sorted(
        f"user{n}@contoso.com" for n in users | accounts
    )
    assert {one.object_id for one in found.people if one.object_id} >= {f"o{n}" for n in accounts}
    assert {one.object_id for one in found.people if one.hold} == {
        one.object_id for one in found.people if one.object_id == "o3"
    }


def test_all_the_words_have_to_appear_in_whatever_width() -> None:
    users = [source_user(source_id="s1", immutable_id="K1"), source_user("baba@contoso.com", source_id="s2")]

    assert called("青木 ＡＯＫＩ", users, MAP) == called("k1", users, MAP) == users[:1]
    assert called("青木 nobody", users, MAP) == []
    assert called("@contoso", users, MAP) == users


def test_a_page_says_that_there_are_more() -> None:
    users = [source_user(f"user{n}@contoso.com") for n in range(MOST_FOUND + 2)]

    assert len(called("user", users, MAP)) == MOST_FOUND + 1

    found = found_people(users, [], {}, MAP, {})

    assert (len(found.people), found.more) == (MOST_FOUND, True)
    assert not found_people(users[2:], [], {}, MAP, {}).more
