"""Nobody is deleted for a wrong character, and nobody gets another's account: from the survey to the plan."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from shared.model.changes import Action, Change, Plan
from shared.model.people import EntraUser, SourceUser
from shared.model.questions import Decisions, Kind
from shared.model.results import AMBIGUOUS, NOT_LOOKED_AT, QUESTION, SHIELDED
from shared.planning.mapping import IMMUTABLE_ID
from shared.planning.protection import Protection
from shared.planning.surveyed import planned_again
from shared.words import said
from tests.support.model_tenant import OTHER_DOMAIN, ModelTenant
from tests.support.people import DOMAIN, entra_user, source_user, values
from tests.support.surveys import planned, surveyed

# Somebody is always on the domain: a source without anybody there stops the run.
STAYS = source_user("stays@contoso.com", values=values("滞 在", "在", "滞"))
STAYING = entra_user("stays@contoso.com", values=values("滞 在", "在", "滞"))
TARO = values("山田 太郎", "太郎", "山田")
ACCOUNT = replace(
    entra_user("taro@contoso.com", values=TARO),
    nickname="taro",
    aliases=("taro@contoso.com", "t@old.example"),
)


def tenant(*users: EntraUser, **known: Any) -> ModelTenant:
    return replace(ModelTenant(users={user.object_id: user for user in (STAYING, *users)}), **known)


def plan(here: ModelTenant, *people: SourceUser) -> Plan:
    return planned(here, [STAYS, *people])


def row(plan: Plan, object_id: str) -> Change:
    (found,) = (change for change in plan.changes if change.object_id == object_id)
    return found


def reason(plan: Plan, object_id: str = ACCOUNT.object_id) -> str:
    found = row(plan, object_id)
    assert found.action is Action.SKIP
    return said(found.reason)


def code(plan: Plan, object_id: str = ACCOUNT.object_id) -> str:
    obstacle = row(plan, object_id).obstacle
    return obstacle.code if obstacle else ""


def goes(plan: Plan, object_id: str = ACCOUNT.object_id) -> bool:
    return row(plan, object_id).action is Action.DELETE


def asked(plan: Plan) -> list[tuple[Kind, str, str]]:
    return sorted((one.kind, one.source_id, one.object_id) for one in plan.questions)


ALMOST = [
    "taro＠contoso.com",
    "taro@contoso.com\u200b",
    "taro@contoso.com.",
    "ｔａｒｏ@contoso.com",
    "taro@ｃｏｎｔｏｓｏ.com",
    "mailto:taro@contoso.com",
    "山田 太郎 <taro@contoso.com>",
    "t@example.org; taro@contoso.com",
]


class TestAlmostRight:
    @pytest.mark.parametrize("upn", ALMOST)
    def test_an_almost_right_upn_is_that_person_and_fails_saying_what_to_correct(self, upn: str) -> None:
        here = plan(tenant(ACCOUNT), source_user(upn, source_id="taro", values=TARO))

        change = row(here, ACCOUNT.object_id)
        assert (change.action, change.source_id) == (Action.RENAME, "taro")
        assert change.obstacle
        assert change.obstacle.code == "InvalidValue"
        assert "taro@contoso.com" in said(change.obstacle.message)
        assert here.matches == {"upn": 1, "folded": 1}

    def test_where_somebody_has_the_upn_exactly_the_other_alone_fails(self) -> None:
        almost = source_user("taro＠contoso.com", source_id="almost", values=values("別 人", "人", "別"))

        here = plan(tenant(ACCOUNT), source_user("taro@contoso.com", values=TARO), almost)

        (change,) = here.changes
        assert (change.action, change.source_id, change.obstacle is not None) == (Action.ADD, "almost", True)


class TestShields:
    @pytest.mark.parametrize(
        ("person", "says"),
        [
            (source_user("-", source_id="x", email="taro@contoso.com"), "is no address"),
            (source_user("taro@conotso.com", source_id="x", email="taro@contoso.com"), "one character"),
            (source_user("t@example.org", source_id="x", email="taro@contoso.com"), "example.org"),
            (source_user("a b@contoso.com", source_id="x", email="taro@contoso.com"), "see their own line"),
            (source_user("", source_id="taro"), "mailNickname"),
            (source_user("-", source_id="x", email="t@old.example"), "one of its aliases"),
            (source_user("x@contoso.com", email="taro@contoso.com", problem="odd"), "see their own line"),
            (source_user("x@unverified.example", email="taro@contoso.com"), "has not verified"),
        ],
    )
    def test_who_cannot_be_placed_or_added_shields_what_may_be_theirs(
        self, person: SourceUser, says: str
    ) -> None:
        here = plan(tenant(ACCOUNT), person)

        assert code(here) == (QUESTION if person.source_id == "taro" else SHIELDED)
        assert person.source_id in reason(here)
        assert says in reason(here)

    def test_an_immutable_id_shields_too(self) -> None:
        # Without a rule of its own the account of somebody with a sync elsewhere would go.
        account = replace(ACCOUNT, immutable_id="K")

        here = plan(tenant(account), source_user("", source_id="x", immutable_id="K"))

        assert reason(here).startswith("Still in the source, but without a UPN")

    def test_whoever_has_an_account_of_their_own_shields_nobody(self) -> None:
        own = entra_user(f"taro@{OTHER_DOMAIN}", object_id="own", values=TARO)
        person = source_user(f"taro@{OTHER_DOMAIN}", source_id="taro", email="taro@contoso.com", values=TARO)

        assert goes(plan(tenant(ACCOUNT, own), person))

    def test_people_on_foreign_domains_shield_by_email_alone(self) -> None:
        namesake = source_user("taro@example.org", source_id="taro", values=TARO)

        assert goes(plan(tenant(ACCOUNT), namesake))

    @pytest.mark.parametrize("by", ["alias", "mailNickname"])
    def test_a_newcomer_and_a_departed_ones_alias_do_not_block_each_other(self, by: str) -> None:
        wants = source_user("t@contoso.com", source_id="taro" if by == "mailNickname" else "x", problem="odd")
        account = replace(ACCOUNT, aliases=("t@contoso.com",))

        assert goes(plan(tenant(account, links={"left": account.object_id}), wants))

    def test_a_decision_ends_it(self) -> None:
        person = source_user("-", source_id="x", email="taro@contoso.com")
        apart = Decisions(apart=frozenset([("x", ACCOUNT.object_id)]))

        assert goes(plan(tenant(ACCOUNT, decisions=apart), person))

    def test_whom_entra_refused_to_add_shields_too(self) -> None:
        person = source_user("x@contoso.com", source_id="x", email="t@old.example")
        here = tenant(ACCOUNT)
        seen = surveyed(here, [STAYS, person])

        # Who is added with the leaver's alias as Email may be the same person; who could not be, still is somebody.
        assert code(seen.plan) == QUESTION
        assert code(planned_again(seen, [STAYS, person], ["x"])) == SHIELDED

    def test_who_comes_into_the_source_between_the_reads_shields(self) -> None:
        seen = surveyed(tenant(ACCOUNT), [STAYS])

        again = planned_again(seen, [STAYS, source_user("-", source_id="x", email="taro@contoso.com")], [])

        assert goes(seen.plan)
        assert code(again) == SHIELDED

    def test_unread_aliases_keep_everybody(self) -> None:
        here = plan(tenant(ACCOUNT, unread=frozenset({"find_users"})))

        assert code(here) == NOT_LOOKED_AT
        assert "aliases" in reason(here)


MOVED = [
    ("taro@example.org", True, None),
    ("taro@conotso.com", True, "FOREIGN_DOMAINS"),
    ("taro@other.com", True, "that domain's sync moves them"),
    ("taro@unverified.example", True, "has not verified"),
    ("-", True, "no address"),
    ("", True, "without a UPN"),
    ("taro@example.org", False, "Email alone"),
    ("tarō@example.org", True, "Email alone"),
]


class TestWhoLeftTheDomain:
    @pytest.mark.parametrize(("upn", "given", "says"), MOVED)
    def test_only_a_well_formed_upn_on_a_foreign_domain_makes_a_leaver(
        self, upn: str, given: bool, says: str | None
    ) -> None:
        person = source_user(upn, source_id="taro", upn_given=given, values=TARO)

        here = plan(tenant(ACCOUNT, links={"taro": ACCOUNT.object_id}), person)

        if says is None:
            assert goes(here)
        else:
            assert says in reason(here)

    def test_a_domain_whose_sync_is_off_moves_nobody(self) -> None:
        person = source_user("taro@other.com", source_id="taro", values=TARO)
        here = tenant(ACCOUNT, links={"taro": ACCOUNT.object_id}, syncing=frozenset({DOMAIN}))

        assert "switch on its sync" in reason(plan(here, person))

    def test_a_decision_ends_it(self) -> None:
        person = source_user("taro@conotso.com", source_id="taro", values=values("別", "人", "別"))
        apart = Decisions(apart=frozenset([("taro", ACCOUNT.object_id)]))
        here = tenant(ACCOUNT, links={"taro": ACCOUNT.object_id}, decisions=apart)

        assert goes(plan(here, person))


class TestWhoseImmutableIdMayBeAnothers:
    """An account elsewhere with somebody's new immutable ID makes a question of theirs, and so does one that may be."""

    person = source_user(
        "taro@contoso.com", source_id="taro", immutable_id="K1", values=values("別", "人", "名")
    )
    there = entra_user("t.yamada@other.com", object_id="there", immutable_id="K1")

    @pytest.mark.parametrize("links", [{}, {"taro": ACCOUNT.object_id}], ids=["by UPN", "by link"])
    @pytest.mark.parametrize("before", [None, "K0"])
    def test_nobody_is_written_to_while_nobody_knows_who_has_it(
        self, before: str | None, links: dict[str, str]
    ) -> None:
        account = replace(ACCOUNT, immutable_id=before)
        seen = tenant(account, self.there, links=links)
        unseen = replace(seen, unread=frozenset({"find_users"}))

        assert code(plan(seen, self.person)) == QUESTION
        unknown = plan(unseen, self.person)
        assert code(unknown) == AMBIGUOUS
        assert "K1. Whether another account has it could not be looked up" in reason(unknown)
        assert not unknown.questions

    def test_whoever_has_it_already_is_written_to(self) -> None:
        account = replace(ACCOUNT, immutable_id="K1")

        here = plan(tenant(account, unread=frozenset({"find_users"})), self.person)

        assert row(here, ACCOUNT.object_id).action is Action.UPDATE

    def test_a_decision_is_knowledge(self) -> None:
        decided = Decisions(same={"taro": ACCOUNT.object_id})

        here = plan(tenant(ACCOUNT, unread=frozenset({"find_users"}), decisions=decided), self.person)

        assert row(here, ACCOUNT.object_id).action is Action.UPDATE


@dataclass
class Forgetful(ModelTenant):
    """No list but that of a domain has these accounts (object ids); with `mute`, their own ids are not answered."""

    forgotten: frozenset[str] = frozenset()
    mute: bool = False

    async def find_users(self, **wanted: Any) -> list[EntraUser]:
        found = await super().find_users(**wanted)
        return [user for user in found if user.object_id not in self.forgotten]

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser | None]:
        found = await super().look_up_users(object_ids)
        kept = found.keys() - (self.forgotten if self.mute else set())
        return {object_id: found[object_id] for object_id in kept}


class TestWhoseAccountIsOnAnotherDomain:
    there = entra_user("t.yamada@other.com", object_id="there", values=TARO)
    person = source_user("new@contoso.com", source_id="taro", values=values("別", "人", "名"))

    def plan(self, **known: Any) -> Plan:
        users = {user.object_id: user for user in (STAYING, self.there)}
        return plan(Forgetful(users=users, links={"taro": "there"}, **known), self.person)

    def test_they_get_no_second_one_where_a_list_leaves_it_out(self) -> None:
        made = self.plan(forgotten=frozenset({"there"}))

        assert made == self.plan()
        assert row(made, "there").action is Action.RENAME

    def test_they_wait_where_nobody_knows_whether_it_is_still_there(self) -> None:
        (change,) = self.plan(forgotten=frozenset({"there"}), mute=True).changes

        assert (change.action, change.source_id) == (Action.SKIP, "taro")
        assert "could not be" in said(change.reason)

    def test_they_get_another_once_it_is_gone(self) -> None:
        (change,) = plan(tenant(links={"taro": "there"}), self.person).changes

        assert change.action is Action.ADD

    @pytest.mark.parametrize(
        ("age", "action"), [(0, Action.SKIP), (1, Action.SKIP), (2, Action.ADD), (300, Action.ADD)]
    )
    def test_of_a_new_one_graph_may_not_know_yet(self, age: int, action: Action) -> None:
        linked = (datetime.now(UTC) - timedelta(days=age)).date().isoformat()

        (change,) = plan(tenant(links={"taro": "there"}, since={"taro": linked}), self.person).changes

        assert (change.action, change.source_id) == (action, "taro")
        assert "may take some time to appear" in said(change.reason) or action is Action.ADD

    def test_a_new_one_that_is_among_the_deleted_is_restored(self) -> None:
        linked = datetime.now(UTC).date().isoformat()

        (change,) = plan(
            tenant(deleted={"there": self.there}, links={"taro": "there"}, since={"taro": linked}),
            self.person,
        ).changes

        assert (change.action, change.object_id) == (Action.RESTORE, "there")


class TestAddBesideDeletion:
    @pytest.mark.parametrize("name", ["山田 太郎", "山田　太郎", "山田太郎"])
    def test_the_same_display_name_is_a_question(self, name: str) -> None:
        person = source_user("tarp@contoso.com", source_id="tarp", values=values(name, "太郎", "山田"))

        here = plan(tenant(ACCOUNT), person)

        assert asked(here) == [(Kind.ADD_BESIDE_DELETION, "tarp", ACCOUNT.object_id)]
        assert [change.action for change in here.changes] == [Action.SKIP, Action.SKIP]
        assert code(here) == QUESTION

    @pytest.mark.parametrize("links", [{}, {"left": ACCOUNT.object_id}])
    def test_a_mailnickname_is_one_only_where_memory_does_not_know_the_account(
        self, links: dict[str, str]
    ) -> None:
        person = source_user(
            "tarp@contoso.com", source_id="taro@contoso.com", values=values("別", "人", "別")
        )

        here = plan(tenant(ACCOUNT, links=links), person)

        assert asked(here) == (
            [] if links else [(Kind.ADD_BESIDE_DELETION, "taro@contoso.com", ACCOUNT.object_id)]
        )

    def test_an_email_that_is_the_accounts_upn_is_one(self) -> None:
        person = source_user("tarp@contoso.com", email="taro@contoso.com", values=values("別", "人", "別"))

        assert asked(plan(tenant(ACCOUNT), person)) == [(Kind.ADD_BESIDE_DELETION, "tarp", ACCOUNT.object_id)]

    def test_it_is_asked_of_adds_on_another_domain(self) -> None:
        person = source_user(f"tarp@{OTHER_DOMAIN}", values=TARO)

        assert asked(plan(tenant(ACCOUNT), person)) == [(Kind.ADD_BESIDE_DELETION, "tarp", ACCOUNT.object_id)]

    def test_it_is_asked_of_accounts_on_another_domain(self) -> None:
        there = entra_user(f"taro@{OTHER_DOMAIN}", object_id="there", values=TARO)
        person = source_user("tarp@contoso.com", values=TARO)

        assert asked(plan(tenant(there), person)) == [(Kind.ADD_BESIDE_DELETION, "tarp", "there")]

    @pytest.mark.parametrize("why", ["listed", "off", "protected", "linked"])
    def test_it_is_not_asked_of_accounts_there_that_stay(self, why: str) -> None:
        there = entra_user(
            f"taro@{OTHER_DOMAIN}",
            object_id="there",
            values=TARO,
            kind="guest" if why == "protected" else "person",
        )
        people = [source_user("tarp@contoso.com", values=TARO)]
        if why == "listed":
            people.append(source_user(f"taro@{OTHER_DOMAIN}", values=TARO))
        if why == "linked":
            people.append(source_user(f"t@{OTHER_DOMAIN}", values=TARO))
        here = tenant(there, links={"t": "there"} if why == "linked" else {})
        if why == "off":
            here = replace(here, syncing=frozenset({DOMAIN}))

        assert asked(plan(here, *people)) == []

    @pytest.mark.parametrize("links", [{}, {"left": ACCOUNT.object_id}])
    def test_it_is_asked_of_leavers_in_the_recycle_bin(self, links: dict[str, str]) -> None:
        here = tenant(deleted={ACCOUNT.object_id: ACCOUNT}, links=links)
        person = source_user("tarp@contoso.com", values=TARO)

        assert asked(plan(here, person)) == (
            [(Kind.ADD_BESIDE_DELETION, "tarp", ACCOUNT.object_id)] if links else []
        )

    def test_two_leave_and_two_come_are_four_pairs(self) -> None:
        others = [entra_user(f"{name}@contoso.com", values=TARO) for name in ("a", "b")]
        people = [source_user(f"{name}@contoso.com", values=TARO) for name in ("c", "d")]
        pairs = [(Kind.ADD_BESIDE_DELETION, who, one.object_id) for who in ("c", "d") for one in others]

        assert asked(plan(tenant(*others), *people)) == pairs

    def test_same_is_a_rename_and_closes_every_other_pair_of_both(self) -> None:
        others = [entra_user(f"{name}@contoso.com", values=TARO) for name in ("a", "b")]
        people = [source_user(f"{name}@contoso.com", values=TARO) for name in ("c", "d")]
        decided = Decisions(same={"c": "id-a"})

        here = plan(tenant(*others, decisions=decided), *people)

        assert row(here, "id-a").action is Action.RENAME
        assert asked(here) == [(Kind.ADD_BESIDE_DELETION, "d", "id-b")]

    @pytest.mark.parametrize("names", [("a", "b"), ("a",)])
    def test_not_the_same_closes_this_pair(self, names: Sequence[str]) -> None:
        person = source_user("c@contoso.com", values=TARO)
        others = [entra_user(f"{name}@contoso.com", values=TARO) for name in names]
        here = tenant(*others, decisions=Decisions(apart=frozenset([("c", "id-a")])))

        assert goes(plan(here, person), "id-a")
        adds = list(plan(here, person).of(Action.ADD))
        # Each side goes on once none of its pairs is open.
        assert len(adds) == (1 if names == ("a",) else 0)

    def test_immutable_ids_that_differ_answer_nothing(self) -> None:
        account = replace(ACCOUNT, immutable_id="OLD")
        person = source_user("tarp@contoso.com", immutable_id="NEW", values=TARO)

        (question,) = plan(tenant(account), person).questions

        assert said(question.speaks_against) == "Their immutable IDs differ."

    @pytest.mark.parametrize(
        ("purpose", "told"), [("user", "It has a mailbox."), ("none", "It has no mailbox.")]
    )
    def test_it_says_whether_the_account_has_a_mailbox(self, purpose: str, told: str) -> None:
        known = Protection(mailboxes={ACCOUNT.object_id: purpose})
        person = source_user("tarp@contoso.com", values=TARO)

        (question,) = plan(tenant(ACCOUNT, protection=known), person).questions

        assert told in said(question.speaks_for)

    def test_protected_accounts_are_not_asked_about(self) -> None:
        account = replace(ACCOUNT, kind="onPremisesSynced")

        here = plan(tenant(account), source_user("tarp@contoso.com", values=TARO))

        assert asked(here) == []
        assert len(list(here.of(Action.ADD))) == 1


class TestHandedOn:
    def test_the_leaver_goes_and_the_add_follows(self) -> None:
        account = replace(ACCOUNT, immutable_id="OLD")
        new = source_user(
            "taro@contoso.com", source_id="new", immutable_id="NEW", values=values("佐藤", "一郎", "佐藤")
        )
        here = tenant(account, links={"old": account.object_id})

        first = plan(here, new)
        here.apply(first)
        second = plan(here, new)

        (add,) = first.of(Action.ADD)
        assert add.obstacle
        assert "who left" in said(add.obstacle.message)
        assert goes(first)
        assert [change.action for change in second.writes] == [Action.ADD]

    def test_neither_the_live_account_nor_the_deleted_one_goes_to_a_new_username(self) -> None:
        new = source_user("taro@contoso.com", source_id="new", values=TARO)
        links = {"old": ACCOUNT.object_id}

        live = plan(tenant(ACCOUNT, links=links), new)
        deleted = plan(tenant(deleted={ACCOUNT.object_id: ACCOUNT}, links=links), new)

        assert asked(live) == asked(deleted) == [(Kind.SAME_UPN, "new", ACCOUNT.object_id)]
        assert list(live.writes) == list(deleted.writes) == []

    @pytest.mark.parametrize("live", [True, False])
    def test_same_hands_it_over(self, live: bool) -> None:
        new = source_user("taro@contoso.com", source_id="new", values=TARO)
        where = {"users": {STAYING.object_id: STAYING, ACCOUNT.object_id: ACCOUNT}} if live else {}
        gone = {} if live else {"deleted": {ACCOUNT.object_id: ACCOUNT}}
        decided = Decisions(same={"new": ACCOUNT.object_id})
        here = tenant(links={"old": ACCOUNT.object_id}, decisions=decided, **where, **gone)

        made = plan(here, new)

        assert made.questions == ()
        assert [change.action for change in made.writes] == ([] if live else [Action.RESTORE])
        assert made.links["new"] == ACCOUNT.object_id


class TestGuessesAreNotRemembered:
    def test_who_was_paired_by_a_folded_upn_does_not_keep_the_account(self) -> None:
        almost = source_user("ｔａｒｏ@contoso.com", source_id="x", values=TARO)

        made = plan(tenant(ACCOUNT), almost)

        assert "x" not in made.links

    def test_nor_do_they_shield_nobody(self) -> None:
        almost = source_user("ｔａｒｏ@contoso.com", source_id="x", email="b@contoso.com", values=TARO)
        other = entra_user("b@contoso.com", values=values("別 人", "人", "別"))

        assert code(plan(tenant(ACCOUNT, other), almost), other.object_id) == SHIELDED

    def test_a_upn_that_is_an_alias_here_cannot_be_added_elsewhere(self) -> None:
        account = replace(ACCOUNT, aliases=(f"tt@{OTHER_DOMAIN}",))
        person = source_user(f"tt@{OTHER_DOMAIN}", source_id="x", values=values("別 人", "人", "別"))

        assert code(plan(tenant(account), person)) == SHIELDED

    def test_a_departed_ones_account_elsewhere_is_nobody_elses(self) -> None:
        there = entra_user(f"taro@{OTHER_DOMAIN}", object_id="there", values=TARO)
        person = source_user(f"taro@{OTHER_DOMAIN}", source_id="x", email="taro@contoso.com", values=TARO)
        here = tenant(ACCOUNT, there, links={"left": "there"})

        assert not goes(plan(here, person))


class TestTwoInTheSourceWithOneAccount:
    def test_neither_is_moved_or_added(self) -> None:
        there = entra_user(f"t@{OTHER_DOMAIN}", object_id="there", values=TARO)
        people = [source_user(f"{who}@contoso.com", values=TARO) for who in ("n", "w")]

        made = plan(tenant(there, links={"n": "there", "w": "there"}), *people)

        assert list(made.writes) == []
        reasons = [said(change.reason) for change in made.changes if change.source_id]
        assert len([one for one in reasons if "another user's in the source" in one]) == 2


@pytest.mark.parametrize(("given_name", "alike"), [("太郎", True), ("次郎", False)])
def test_only_the_same_names_are_answered_with_others(given_name: str, alike: bool) -> None:
    new = source_user("taro@contoso.com", source_id="new", values=values("山田", given_name, "山田"))

    (question,) = plan(tenant(ACCOUNT, links={"left": ACCOUNT.object_id}), new).questions

    assert question.alike is alike


def test_whoever_is_not_deleted_anyway_is_not_shielded() -> None:
    guest = entra_user("taro@contoso.com", values=values(None), kind="guest")

    leaver = entra_user("b@contoso.com", values=values("別 人", "人", "別"))

    here = plan(tenant(guest, leaver), source_user("-", source_id="x", email="taro@contoso.com"))

    assert goes(here, leaver.object_id)

    assert (row(here, guest.object_id).action, code(here, guest.object_id)) == (Action.SKIP, "")


class TestAccountsOnTwoDomains:
    """Immutable ID on one side, link or UPN on the other: two live accounts, and neither is touched."""

    HERE = entra_user("aoki@contoso.com", immutable_id="OLD")
    THERE = entra_user("aoki@other.com", object_id="id-there", immutable_id="NEW")
    USER = source_user(immutable_id="NEW", values=values("青木", "花子", "青木"))

    @pytest.mark.parametrize("links", [{}, {"aoki": "id-aoki"}], ids=["by UPN", "by link"])
    def test_the_immutable_id_is_on_another_domain(self, links: dict[str, str]) -> None:
        here = plan(tenant(self.HERE, self.THERE, links=links), self.USER)

        assert list(here.writes) == []
        assert asked(here) == [
            (Kind.TWO_ACCOUNTS, "aoki", "id-aoki"), (Kind.TWO_ACCOUNTS, "aoki", "id-there"),
        ]  # fmt: skip
        assert here.target == 2

    def test_the_link_is_on_another_domain(self) -> None:
        account = replace(self.HERE, immutable_id="NEW")
        remembered = replace(self.THERE, immutable_id="OLD")

        here = plan(tenant(account, remembered, links={"aoki": "id-there"}), self.USER)

        assert list(here.writes) == []
        assert asked(here) == [(Kind.TWO_ACCOUNTS, "aoki", "id-aoki")]

    def test_both_are_on_another_domain(self) -> None:
        linked = entra_user("a.oki@other.com", object_id="id-linked", immutable_id="OLD")

        here = plan(tenant(self.THERE, linked, links={"aoki": "id-linked"}), self.USER)

        assert list(here.writes) == []
        assert [question.object_id for question in here.questions] == ["id-linked", "id-there"]

    @pytest.mark.parametrize("whose", ["listed", "departed"])
    def test_who_is_known_as_another_is_no_question(self, whose: str) -> None:
        people = [self.USER, *([source_user("x@other.com", source_id="x")] if whose == "listed" else [])]

        here = plan(tenant(self.HERE, self.THERE, links={"x": "id-there"}), *people)

        assert asked(here) == []
        update, left = (change for change in here.changes if change.object_id == "id-aoki")
        assert (update.action, update.after("displayName"), update.after(IMMUTABLE_ID)) == (
            Action.UPDATE, "青木", None,
        )  # fmt: skip
        assert (left.action, left.obstacle and left.obstacle.code) == (Action.SKIP, "ImmutableIdTaken")

    @pytest.mark.parametrize("account", ["id-aoki", "id-there"])
    @pytest.mark.parametrize("same", [True, False])
    def test_a_decision_ends_it(self, account: str, same: bool) -> None:
        pairs = frozenset([("aoki", account)])
        decided = Decisions(same={"aoki": account}) if same else Decisions(apart=pairs)

        here = plan(tenant(self.HERE, self.THERE, decisions=decided), self.USER)

        assert asked(here) == []
