"""Who on one side is who on the other, and what is said of those of whom nobody can tell."""

import pytest

from shared.planning.matching import by_name_alone, match, set_aside
from shared.planning.names import Names
from shared.words import said
from tests.support.people import DOMAIN, MAP, entra_user, source_user, values

NAMES = Names(MAP)
DEPARTED = {"gone": "id-aoki"}


class TestPairs:
    def test_everybody_is_on_exactly_one_of_the_lists(self) -> None:
        both, new, gone = (
            source_user("a@contoso.com"),
            source_user("b@contoso.com"),
            entra_user("c@contoso.com"),
        )
        account = entra_user("a@contoso.com")

        matching = match(DOMAIN, [both, new, source_user("d@other.com")], [account, gone], {})

        assert (matching.pairs, matching.source_only, matching.target_only) == (
            [(both, account)],
            [new],
            [gone],
        )
        assert (matching.source, matching.ambiguous, matching.moved) == (2, [], {})

    def test_two_who_cannot_be_told_apart_cast_no_doubt_on_anybody_else(self) -> None:
        rivals = [source_user("x@contoso.com", source_id=name) for name in ("s1", "s2")]
        aoki, account = source_user(), entra_user()

        matching = match(DOMAIN, [*rivals, aoki], [account], {})

        assert matching.pairs == [(aoki, account)]
        assert [one.user for one in matching.ambiguous] == rivals

    def test_the_links_of_those_who_are_there_and_of_those_who_left_are_kept_apart(self) -> None:
        matching = match(DOMAIN, [source_user()], [], {"aoki": "o1", "left": "o2"})

        assert (matching.links, matching.departed) == ({"aoki": "o1"}, {"left": "o2"})


class TestAmbiguity:
    def test_two_with_one_upn_are_named_with_the_account_they_both_match(self) -> None:
        rivals = [source_user("a@contoso.com", source_id="s1"), source_user("A@contoso.com", source_id="s2")]
        account = entra_user("a@contoso.com")

        matching = match(DOMAIN, rivals, [account], {})

        assert [(one.user, one.targets) for one in matching.ambiguous] == [
            (user, (account,)) for user in rivals
        ]
        assert {said(one.reason) for one in matching.ambiguous} == {
            "s1 and s2 in the source all match a@contoso.com (id-a): "
            "none of them is touched until the source is clear."
        }

    def test_two_with_one_immutable_id_are_named_with_it(self) -> None:
        rivals = [
            source_user("a@contoso.com", immutable_id="K"),
            source_user("b@contoso.com", immutable_id="K"),
        ]

        matching = match(DOMAIN, rivals, [], {})

        assert [said(one.reason) for one in matching.ambiguous] == [
            f"a and b in the source all match {upn} or have the immutable ID K: "
            "none of them is touched until the source is clear."
            for upn in ("a@contoso.com", "b@contoso.com")
        ]

    def test_one_who_matches_two_is_named_with_both(self) -> None:
        user = source_user("b@contoso.com", source_id="s1", immutable_id="K")
        keyed, namesake = entra_user("a@contoso.com", immutable_id="K"), entra_user("b@contoso.com")

        matching = match(DOMAIN, [user], [keyed, namesake], {})

        (one,) = matching.ambiguous
        assert (one.user, one.targets) == (user, (keyed, namesake))
        assert said(one.reason) == (
            "s1 in the source matches two users in Entra, a@contoso.com (id-a) and b@contoso.com (id-b): "
            "none of them is touched until the source is clear."
        )


class TestHandedOnNames:
    """A UPN of somebody who has left, with the account that was theirs."""

    def test_another_immutable_id_is_another_person(self) -> None:
        new, account = source_user(source_id="new", immutable_id="NEW"), entra_user(immutable_id="OLD")

        matching = match(DOMAIN, [new], [account], DEPARTED)

        (one,) = matching.ambiguous
        assert (matching.pairs, matching.target_only) == ([], [])
        assert (one.user, one.targets) == (new, (account,))
        assert said(one.reason) == (
            "new in the source has the UPN of aoki@contoso.com (id-aoki), who was gone in an earlier sync and has "
            "another immutable ID: none of them is touched until the source is clear."
        )

    @pytest.mark.parametrize(("in_source", "in_entra"), [(None, None), (None, "K"), ("K", None), ("K", "K")])
    def test_without_two_immutable_ids_that_differ_the_name_is_the_person(
        self, in_source: str | None, in_entra: str | None
    ) -> None:
        user = source_user(source_id="new", immutable_id=in_source)
        account = entra_user(immutable_id=in_entra)

        assert match(DOMAIN, [user], [account], DEPARTED).pairs == [(user, account)]


class TestLinksInDoubt:
    """Somebody's account may be that of a person who left, and of whom nothing is remembered any more."""

    def test_another_immutable_id_at_the_same_upn_may_be_another_person(self) -> None:
        new, account = source_user(source_id="new", immutable_id="NEW"), entra_user(immutable_id="OLD")

        matching = match(DOMAIN, [new], [account], {}, NAMES)

        (one,) = matching.ambiguous
        assert (matching.pairs, one.user, one.targets) == ([], new, (account,))
        assert said(one.reason).startswith("new in the source has the UPN of aoki@contoso.com (id-aoki)")

    @pytest.mark.parametrize("immutable_id", [None, "K"])
    def test_other_names_at_the_same_upn_may_be_another_person(self, immutable_id: str | None) -> None:
        new = source_user(
            source_id="new", immutable_id=immutable_id, values=values("赤木 太郎", "太郎", "赤木")
        )
        account = entra_user()

        matching = match(DOMAIN, [new], [account], {}, NAMES)

        (one,) = matching.ambiguous
        assert (matching.pairs, one.user, one.targets) == ([], new, (account,))
        assert "neither the family name nor the given name is the same" in said(one.reason)

    @pytest.mark.parametrize("given_name", ["花子", "太郎", None])
    def test_who_has_one_of_the_two_names_is_paired(self, given_name: str | None) -> None:
        user, account = source_user(values=values(given_name=given_name)), entra_user()

        assert match(DOMAIN, [user], [account], {}, NAMES).pairs == [(user, account)]

    @pytest.mark.parametrize("links", [{"aoki": "id-aoki"}, {}], ids=["linked", "the same ID"])
    def test_who_is_known_otherwise_is_paired(self, links: dict[str, str]) -> None:
        user = source_user(immutable_id="NEW", values=values("赤木 太郎", "太郎", "赤木"))
        account = entra_user(immutable_id="OLD" if links else "NEW")

        assert match(DOMAIN, [user], [account], links, NAMES).pairs == [(user, account)]


class TestByNameAlone:
    def test_who_is_remembered_as_another_account_is_doubted(self) -> None:
        links = {"aoki": "id-elsewhere"}
        matching = match(DOMAIN, [source_user()], [entra_user()], links)

        assert by_name_alone(matching, links) == {"id-elsewhere": "aoki"}

    def test_who_has_the_same_immutable_id_is_not_doubted(self) -> None:
        links = {"aoki": "id-elsewhere"}
        matching = match(DOMAIN, [source_user(immutable_id="K")], [entra_user(immutable_id="K")], links)

        assert by_name_alone(matching, links) == {}

    def test_whoever_is_not_remembered_or_is_who_they_were_is_not_doubted(self) -> None:
        links = {"b": "id-b"}
        people = ("a@contoso.com", "b@contoso.com")

        matching = match(
            DOMAIN, [source_user(upn) for upn in people], [entra_user(upn) for upn in people], links
        )

        assert len(matching.pairs) == 2
        assert by_name_alone(matching, links) == {}

    def test_setting_one_aside_leaves_the_others_paired(self) -> None:
        people = ("a@contoso.com", "b@contoso.com", "c@contoso.com")
        source, target = [source_user(upn) for upn in people], [entra_user(upn) for upn in people]
        matching = match(DOMAIN, source, target, {})

        set_aside(matching, {"b": entra_user("b@other.com", object_id="id-other")}, {"id-old": "c"})

        assert matching.pairs == [(source[0], target[0])]
        assert [(one.user, one.targets, said(one.reason)) for one in matching.ambiguous] == [
            (
                source[1],
                (target[1],),
                "b in the source matches two users in Entra, b@other.com (id-other) by an earlier sync, "
                "b@contoso.com (id-b) by UPN: none of them is touched until the source is clear.",
            ),
            (
                source[2],
                (target[2],),
                "c in the source matches two users in Entra, id-old, which could not be looked up, by an earlier "
                "sync, c@contoso.com (id-c) by UPN: none of them is touched until the source is clear.",
            ),
        ]
