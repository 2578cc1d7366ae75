"""Who on one side is who on the other, and what is said of those of whom nobody can tell."""

from dataclasses import replace

import pytest

from shared.model.changes import Rule
from shared.model.parts import say
from shared.model.people import Memory, Value
from shared.model.questions import Decisions, Kind
from shared.planning.lookups import Lookups
from shared.planning.matching import against_memory, is_on, match, remembered_elsewhere, set_aside
from shared.planning.names import Names
from shared.planning.plan import decide
from shared.words import said
from tests.support.people import DOMAIN, MAP, entra_user, source_user, values

DEPARTED = {"gone": "id-aoki"}
NAMES = Names(MAP)
IN_DOUBT = Memory(doubt=say("memory.anew", domain=DOMAIN, since="2026-03-31"))


class TestPairs:
    def test_everybody_is_on_exactly_one_of_the_lists(self) -> None:
        both, new, gone = (
            source_user("a@contoso.com"),
            source_user("b@contoso.com"),
            entra_user("c@contoso.com"),
        )
        account = entra_user("a@contoso.com")

        matching = match(DOMAIN, [both, new, source_user("d@other.com")], [account, gone], Memory(), NAMES)

        assert (matching.pairs, matching.source_only, matching.target_only) == (
            [(both, account)],
            [new],
            [gone],
        )
        assert (matching.source, matching.ambiguous, matching.moved) == (2, [], {})

    def test_two_who_cannot_be_told_apart_cast_no_doubt_on_anybody_else(self) -> None:
        rivals = [source_user("x@contoso.com", source_id=name) for name in ("s1", "s2")]
        aoki, account = source_user(), entra_user()

        matching = match(DOMAIN, [*rivals, aoki], [account], Memory(), NAMES)

        assert matching.pairs == [(aoki, account)]
        assert [one.user for one in matching.ambiguous] == rivals

    def test_the_links_of_those_who_are_there_and_of_those_who_left_are_kept_apart(self) -> None:
        matching = match(DOMAIN, [source_user()], [], Memory({"aoki": "o1", "left": "o2"}), NAMES)

        assert (matching.links, matching.departed) == ({"aoki": "o1"}, {"left": "o2"})


class TestAmbiguity:
    def test_two_with_one_upn_are_named_with_the_account_they_both_match(self) -> None:
        rivals = [source_user("a@contoso.com", source_id="s1"), source_user("A@contoso.com", source_id="s2")]
        account = entra_user("a@contoso.com")

        matching = match(DOMAIN, rivals, [account], Memory(), NAMES)

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

        matching = match(DOMAIN, rivals, [], Memory(), NAMES)

        assert [said(one.reason) for one in matching.ambiguous] == [
            f"a and b in the source all match {upn} or have the immutable ID K: "
            "none of them is touched until the source is clear."
            for upn in ("a@contoso.com", "b@contoso.com")
        ]

    def test_one_who_matches_two_is_named_with_both(self) -> None:
        user = source_user("b@contoso.com", source_id="s1", immutable_id="K")
        keyed, namesake = entra_user("a@contoso.com", immutable_id="K"), entra_user("b@contoso.com")

        matching = match(DOMAIN, [user], [keyed, namesake], Memory(), NAMES)

        (one,) = matching.ambiguous
        assert (one.user, one.targets) == (user, (keyed, namesake))
        assert said(one.reason) == (
            "s1 in the source matches two users in Entra, a@contoso.com (id-a) and b@contoso.com (id-b): "
            "none of them is touched until the source is clear."
        )


OTHER_NAMES = values("佐藤 一郎", "一郎", "佐藤")


class TestHandedOnNames:
    """A UPN of somebody who has left, with the account that was theirs."""

    @pytest.mark.parametrize(
        ("in_source", "in_entra", "names"),
        [
            (None, None, values()),
            (None, "K", OTHER_NAMES),
            ("K", None, OTHER_NAMES),
            ("NEW", "OLD", values()),
            ("NEW", "OLD", values("青木 一郎", "一郎", "青木")),
            ("NEW", "OLD", values("花子 青木", "青木", "花子")),
            ("NEW", "OLD", values("佐藤", None, "佐藤")),
        ],
    )
    @pytest.mark.parametrize("upn", ["aoki@contoso.com", "ａｏｋｉ@contoso.com"])
    def test_a_new_username_is_asked_about(
        self, upn: str, in_source: str | None, in_entra: str | None, names: tuple[Value, ...]
    ) -> None:
        new = source_user(upn, source_id="new", immutable_id=in_source, values=names)
        account = entra_user(immutable_id=in_entra)

        matching = match(DOMAIN, [new], [account], Memory(DEPARTED), NAMES)

        (one,) = matching.ambiguous
        assert (matching.pairs, matching.source_only, matching.target_only) == ([], [], [])
        assert (one.user, one.targets, one.kind) == (new, (account,), Kind.SAME_UPN)
        assert "was gone in an earlier sync" in said(one.reason)

    def test_other_immutable_ids_and_other_names_are_another_person(self) -> None:
        new = source_user(source_id="new", immutable_id="NEW", values=OTHER_NAMES)
        account = entra_user(immutable_id="OLD")

        matching = match(DOMAIN, [new], [account], Memory(DEPARTED), NAMES)

        assert (matching.source_only, matching.target_only, matching.ambiguous) == ([new], [account], [])
        assert matching.apart == {("new", account.object_id)}

    def test_the_same_immutable_id_is_the_same_person(self) -> None:
        user, account = source_user(source_id="new", immutable_id="K"), entra_user(immutable_id="K")

        assert match(DOMAIN, [user], [account], Memory(DEPARTED), NAMES).pairs == [(user, account)]

    def test_who_has_an_account_of_their_own_keeps_it_and_the_leaver_goes(self) -> None:
        user, own = source_user(source_id="user"), entra_user("old@contoso.com")
        links = {**DEPARTED, "user": own.object_id}

        matching = match(DOMAIN, [user], [own, entra_user()], Memory(links), NAMES)

        assert (matching.pairs, matching.target_only) == ([(user, own)], [entra_user()])

    @pytest.mark.parametrize("same", [True, False])
    def test_a_decision_settles_it(self, same: bool) -> None:
        user, account = source_user(source_id="new"), entra_user()
        pair = ("new", account.object_id)
        decided = Decisions(same=dict([pair])) if same else Decisions(apart=frozenset([pair]))

        matching = match(DOMAIN, [user], [account], Memory(DEPARTED), NAMES, decisions=decided)

        assert matching.ambiguous == []
        assert matching.pairs == ([(user, account)] if same else [])
        assert matching.target_only == ([] if same else [account])
        assert list(matching.rules.values()) == ([Rule.DECISION] if same else [])


class TestFoldedUpns:
    @pytest.mark.parametrize(
        "upn",
        [
            "aoki＠contoso.com",
            "aoki@contoso.com\u200b",
            "aoki@contoso.com.",
            "ａｏｋｉ@contoso.com",
            "SMTP:aoki@contoso.com",
            "Aoki <aoki@contoso.com>",
            "aoki@contoso.com; aoki@example.org",
        ],
    )
    def test_an_almost_right_upn_is_that_person(self, upn: str) -> None:
        user, account = source_user(upn, source_id="aoki"), entra_user()

        matching = match(DOMAIN, [user], [account], Memory(), NAMES)

        assert (matching.pairs, matching.rules) == ([(user, account)], {user.source_id: Rule.FOLDED})

    @pytest.mark.parametrize("by", ["upn", "link", "immutable ID"])
    def test_whoever_is_certain_goes_before(self, by: str) -> None:
        almost = source_user("aoki＠contoso.com", source_id="almost")
        account = entra_user(immutable_id="K")
        certain = {
            "upn": source_user(),
            "link": source_user("b@contoso.com"),
            "immutable ID": source_user("b@contoso.com", immutable_id="K"),
        }[by]
        links = {"b": account.object_id} if by == "link" else {}

        matching = match(DOMAIN, [almost, certain], [account], Memory(links), NAMES)

        assert (matching.pairs, matching.source_only) == ([(certain, account)], [almost])

    def test_two_who_fold_to_one_account_are_left_alone(self) -> None:
        users = [source_user(upn, source_id=upn) for upn in ("aoki＠contoso.com", "aoki@contoso.com.")]

        matching = match(DOMAIN, users, [entra_user()], Memory(), NAMES)

        assert [one.user for one in matching.ambiguous] == users
        assert [one.kind for one in matching.ambiguous] == [None, None]
        assert matching.target_only == []

    def test_a_cell_that_names_two_accounts_is_asked_about(self) -> None:
        user = source_user("aoki@contoso.com, baba@contoso.com", source_id="s1")

        (one,) = match(
            DOMAIN, [user], [entra_user(), entra_user("baba@contoso.com")], Memory(), NAMES
        ).ambiguous

        assert (one.kind, len(one.targets)) == (Kind.TWO_ACCOUNTS, 2)

    @pytest.mark.parametrize(
        "upn", ["aoki@contoso.com", "aoki@ＣＯＮＴＯＳＯ.com.", "x@example.org; aoki@contoso.com"]
    )
    def test_who_is_on_the_domain_once_folded_is_on_it(self, upn: str) -> None:
        assert is_on(DOMAIN, upn)

    @pytest.mark.parametrize("upn", ["", "-", "aoki@sub.contoso.com", "aoki@contoso.com.example"])
    def test_others_are_not(self, upn: str) -> None:
        assert not is_on(DOMAIN, upn)


class TestLinksInDoubt:
    """Somebody's account may be that of a person who left, and of whom nothing is remembered any more."""

    def test_another_immutable_id_at_the_same_upn_may_be_another_person(self) -> None:
        new, account = source_user(source_id="new", immutable_id="NEW"), entra_user(immutable_id="OLD")

        matching = match(DOMAIN, [new], [account], IN_DOUBT, NAMES)

        (one,) = matching.ambiguous
        assert (matching.pairs, one.user, one.targets) == ([], new, (account,))
        assert said(one.reason).startswith("new in the source has the UPN of aoki@contoso.com (id-aoki)")

    @pytest.mark.parametrize("immutable_id", [None, "K"])
    def test_other_names_at_the_same_upn_may_be_another_person(self, immutable_id: str | None) -> None:
        new = source_user(
            source_id="new", immutable_id=immutable_id, values=values("赤木 太郎", "太郎", "赤木")
        )
        account = entra_user()

        matching = match(DOMAIN, [new], [account], IN_DOUBT, NAMES)

        (one,) = matching.ambiguous
        assert (matching.pairs, one.user, one.targets) == ([], new, (account,))
        assert "neither the family name nor the given name is the same" in said(one.reason)

    @pytest.mark.parametrize("given_name", ["花子", "太郎", None])
    def test_who_has_one_of_the_two_names_is_paired(self, given_name: str | None) -> None:
        user, account = source_user(values=values(given_name=given_name)), entra_user()

        assert match(DOMAIN, [user], [account], IN_DOUBT, NAMES).pairs == [(user, account)]

    @pytest.mark.parametrize("links", [{"aoki": "id-aoki"}, {}], ids=["linked", "the same ID"])
    def test_who_is_known_otherwise_is_paired(self, links: dict[str, str]) -> None:
        user = source_user(immutable_id="NEW", values=values("赤木 太郎", "太郎", "赤木"))
        account = entra_user(immutable_id="OLD" if links else "NEW")

        assert match(DOMAIN, [user], [account], replace(IN_DOUBT, links=links), NAMES).pairs == [
            (user, account)
        ]


class TestAgainstMemory:
    def test_who_is_remembered_as_another_account_is_doubted(self) -> None:
        links = {"aoki": "id-elsewhere"}
        matching = match(DOMAIN, [source_user()], [entra_user()], Memory(links), NAMES)

        assert against_memory(matching) == {"id-elsewhere": "aoki"}

    def test_an_immutable_id_that_says_otherwise_is_doubted_too(self) -> None:
        links = {"aoki": "id-elsewhere"}
        matching = match(
            DOMAIN, [source_user(immutable_id="K")], [entra_user(immutable_id="K")], Memory(links), NAMES
        )

        assert against_memory(matching) == {"id-elsewhere": "aoki"}

    def test_whoever_is_not_remembered_or_is_who_they_were_is_not_doubted(self) -> None:
        links = {"b": "id-b"}
        people = ("a@contoso.com", "b@contoso.com")

        matching = match(
            DOMAIN,
            [source_user(upn) for upn in people],
            [entra_user(upn) for upn in people],
            Memory(links),
            NAMES,
        )

        assert len(matching.pairs) == 2
        assert against_memory(matching) == {}

    def test_setting_one_aside_leaves_the_others_paired(self) -> None:
        people = ("a@contoso.com", "b@contoso.com", "c@contoso.com")
        source, target = [source_user(upn) for upn in people], [entra_user(upn) for upn in people]
        matching = match(DOMAIN, source, target, Memory(), NAMES)

        live = {"b": entra_user("b@other.com", object_id="id-other")}
        set_aside(matching, remembered_elsewhere(matching, live, {"id-old": "c"}))

        assert matching.pairs == [(source[0], target[0])]
        assert [(one.user, one.targets, said(one.reason)) for one in matching.ambiguous] == [
            (
                source[1],
                (target[1],),
                "b in the source matches two users in Entra, b@other.com (id-other) by an earlier sync, "
                "b@contoso.com (id-b) by immutable ID or UPN: none of them is touched until the source is clear.",
            ),
            (
                source[2],
                (target[2],),
                "c in the source matches two users in Entra, id-old, which could not be looked up, by an earlier "
                "sync, c@contoso.com (id-c) by immutable ID or UPN: none of them is touched until the source is clear.",
            ),
        ]


class TestBothNamesNew:
    """A Username that has another family name and another given name than at the last good sync."""

    KNOWN = Memory({"aoki": "id-aoki"}, {"aoki": NAMES.digests(source_user())})

    @pytest.mark.parametrize("upn", ["aoki@contoso.com", "renamed@contoso.com"])
    def test_may_be_somebody_elses(self, upn: str) -> None:
        user = source_user(upn, source_id="aoki", values=OTHER_NAMES)

        (one,) = match(DOMAIN, [user], [entra_user()], self.KNOWN, NAMES).ambiguous

        assert (one.kind, one.targets) == (Kind.BOTH_NAMES, (entra_user(),))

    @pytest.mark.parametrize("why", ["one name", "exchanged", "immutable ID", "decided"])
    def test_is_theirs_where_something_confirms_it(self, why: str) -> None:
        names = {"one name": values("青木 一郎", "一郎", "青木"), "exchanged": values("花子", "青木", "花子")}
        key = "K" if why == "immutable ID" else None
        user, account = (
            source_user(values=names.get(why, OTHER_NAMES), immutable_id=key),
            entra_user(immutable_id=key),
        )
        decided = Decisions(same={"aoki": "id-aoki"} if why == "decided" else {})

        assert match(DOMAIN, [user], [account], self.KNOWN, NAMES, decided).pairs == [(user, account)]

    def test_is_asked_about_before_a_restore_too(self) -> None:
        user, gone = source_user(values=OTHER_NAMES), entra_user("old@contoso.com", object_id="id-aoki")

        matching = match(DOMAIN, [user], [], self.KNOWN, NAMES)
        plan = decide(matching, Lookups(deleted={"aoki": gone}), MAP)

        assert [one.kind for one in plan.questions] == [Kind.BOTH_NAMES]
        assert list(plan.writes) == []


def test_an_immutable_id_is_nobodys_once_a_person_has_said_so() -> None:
    user, account = source_user("new@contoso.com", immutable_id="K"), entra_user(immutable_id="K")
    apart = Decisions(apart=frozenset([("new", account.object_id)]))

    matching = match(DOMAIN, [user], [account], Memory(), NAMES, apart)

    assert (matching.source_only, matching.target_only) == ([user], [account])
