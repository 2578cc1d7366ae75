"""Match + compare → Plan: who is added, updated, renamed, restored, deleted or skipped, and why."""

from dataclasses import replace

import pytest

from shared.model.changes import Action, AttributeChange, Change, Obstacle, Plan, Rule
from shared.model.parts import say
from shared.model.people import EntraUser, Memory
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.mapping import DEFAULT_MAP, AttributeMap
from shared.planning.matching import match, named
from shared.planning.names import Names
from shared.planning.plan import decide
from shared.planning.protection import Protection
from shared.words import said
from tests.support.people import (
    DOMAIN,
    INITIAL_DOMAIN,
    entra_user,
    only,
    plan_of,
    source_user,
    summary,
    values,
)

ADD, DELETE, RENAME, RESTORE = Action.ADD, Action.DELETE, Action.RENAME, Action.RESTORE
SKIP, UPDATE = Action.SKIP, Action.UPDATE
IN_DOUBT = Lookups(memory_doubt=say("memory.anew", domain="contoso.com", since="2026-03-31"))


def foreseen(plan: Plan) -> str:
    """What stands in the way of the one change of this plan."""
    obstacle = only(plan).obstacle
    return said(obstacle.message) if obstacle else ""


def codes(plan: Plan) -> dict[str, str | None]:
    """The obstacle's code by the UPN of each change."""
    return {c.upn.partition("@")[0]: c.obstacle.code if c.obstacle else None for c in plan.changes}


class TestMatching:
    def test_somebody_equal_on_both_sides_is_unchanged(self) -> None:
        plan = plan_of([source_user()], [entra_user()])

        assert (plan.changes, plan.unchanged, plan.source, plan.target) == ((), 1, 1, 1)

    def test_a_upn_is_matched_in_any_case(self) -> None:
        plan = plan_of([source_user("AOKI@contoso.com")], [entra_user("aoki@Contoso.com")])

        assert plan.changes == ()

    def test_somebody_in_the_source_only_is_added(self) -> None:
        assert summary(plan_of([source_user()], [])) == [(ADD, "aoki@contoso.com")]

    def test_somebody_in_entra_only_is_deleted(self) -> None:
        plan = plan_of(
            [source_user("a@contoso.com")], [entra_user("a@contoso.com"), entra_user("b@contoso.com")]
        )

        assert summary(plan) == [(DELETE, "b@contoso.com")]

    def test_with_a_memory_in_doubt_leavers_stay_and_adds_wait(self) -> None:
        plan = plan_of([source_user("new@contoso.com")], [entra_user("old@contoso.com")], IN_DOUBT)

        assert summary(plan) == [(SKIP, "new@contoso.com"), (SKIP, "old@contoso.com")]

    @pytest.mark.parametrize(
        "protection",
        [Protection(missing_permissions=("MailboxSettings.Read",)), Protection(roles={"id-old": "Reader"})],
        ids=["a missing permission", "a role"],
    )
    def test_a_memory_in_doubt_lets_adds_wait_for_whatever_keeps_the_leaver(
        self, protection: Protection
    ) -> None:
        source, target = [source_user("new@contoso.com")], [entra_user("old@contoso.com")]

        plan = plan_of(source, target, replace(IN_DOUBT, protection=protection))

        assert {change.action for change in plan.changes} == {SKIP}

    def test_with_a_memory_in_doubt_an_add_that_can_be_no_rename_goes_on(self) -> None:
        assert summary(plan_of([source_user()], [], IN_DOUBT)) == [(ADD, "aoki@contoso.com")]

    def test_with_a_memory_in_doubt_an_add_that_can_be_a_move_from_another_domain_waits(self) -> None:
        in_doubt = replace(IN_DOUBT, other_domains=True)

        assert summary(plan_of([source_user()], [], in_doubt)) == [(SKIP, "aoki@contoso.com")]

    def test_an_immutable_id_makes_another_upn_a_rename(self) -> None:
        plan = plan_of(
            [source_user("new@contoso.com", immutable_id="K")],
            [entra_user("old@contoso.com", immutable_id="K")],
        )

        assert only(plan).action is RENAME
        assert only(plan).attributes == (
            AttributeChange("userPrincipalName", "old@contoso.com", "new@contoso.com"),
        )

    def test_a_remembered_link_makes_another_upn_a_rename(self) -> None:
        plan = plan_of(
            [source_user("new@contoso.com", source_id="s1")],
            [entra_user("old@contoso.com", object_id="o1")],
            links={"s1": "o1"},
        )

        assert summary(plan) == [(RENAME, "old@contoso.com")]

    def test_the_pairs_are_the_links_of_the_next_run(self) -> None:
        plan = plan_of([source_user(source_id="s1")], [entra_user(object_id="o1")])

        assert plan.links == {"s1": "o1"}

    def test_the_link_of_somebody_ambiguous_is_not_forgotten_or_the_next_run_would_delete_one_of_the_two(
        self,
    ) -> None:
        people = [entra_user("a@contoso.com", immutable_id="K"), entra_user("b@contoso.com")]

        plan = plan_of([source_user("c@contoso.com", immutable_id="K")], people, links={"c": "id-b"})

        assert only(plan).action is SKIP
        assert plan.links == {"c": "id-b"}

    def test_the_link_of_somebody_who_left_is_kept_until_somebody_else_has_the_account(self) -> None:
        people = [
            entra_user("a@contoso.com", object_id="o1", immutable_id="K"),
            entra_user("b@contoso.com", object_id="o2"),
        ]
        links = {"left": "o2", "former": "o1"}

        assert plan_of([source_user("a@contoso.com")], people, links=links).links == links
        keyed = plan_of([source_user("a@contoso.com", immutable_id="K")], people, links=links)
        assert keyed.links == {"a": "o1", "left": "o2"}

    def test_a_upn_that_was_given_to_somebody_new_follows_the_rename_of_its_former_owner(self) -> None:
        plan = plan_of(
            [source_user("aoki.h@contoso.com", immutable_id="K"), source_user("aoki@contoso.com")],
            [entra_user("aoki@contoso.com", immutable_id="K")],
        )

        assert summary(plan) == [(RENAME, "aoki@contoso.com"), (ADD, "aoki@contoso.com")]
        assert codes(plan) == {"aoki": None}

    @pytest.mark.parametrize("upn", ["aoki@sub.contoso.com", "aoki@notcontoso.com", ""])
    def test_people_of_other_domains_are_out_of_scope(self, upn: str) -> None:
        plan = plan_of([source_user(upn, source_id="s1")], [])

        assert (plan.changes, plan.source) == ((), 0)


class TestAmbiguity:
    def test_one_who_matches_two_is_reported_with_both_and_neither_is_touched(self) -> None:
        plan = plan_of(
            [source_user("b@contoso.com", source_id="s1", immutable_id="K")],
            [entra_user("a@contoso.com", immutable_id="K"), entra_user("b@contoso.com")],
        )

        change = only(plan)
        assert (change.action, codes(plan)) == (SKIP, {"b": "Question"})
        assert "s1" in said(change.reason)
        assert "a@contoso.com (id-a)" in said(change.reason)
        assert "b@contoso.com (id-b)" in said(change.reason)

    def test_two_who_match_one_are_reported_with_both_names_and_it_is_not_touched(self) -> None:
        plan = plan_of(
            [
                source_user("a@contoso.com", source_id="s1", immutable_id="K"),
                source_user("b@contoso.com", source_id="s2"),
            ],
            [entra_user("x@contoso.com", object_id="o1", immutable_id="K")],
            links={"s2": "o1"},
        )

        assert summary(plan) == [(SKIP, "a@contoso.com"), (SKIP, "b@contoso.com")]
        assert all("s1 and s2" in said(change.reason) for change in plan.changes)

    def test_two_with_the_same_upn_are_both_left_alone(self) -> None:
        people = [source_user("a@contoso.com", source_id="s1"), source_user("A@contoso.com", source_id="s2")]

        assert [c.action for c in plan_of(people, [entra_user("a@contoso.com")]).changes] == [SKIP, SKIP]
        assert [c.action for c in plan_of(people, []).changes] == [SKIP, SKIP]

    def test_two_with_the_same_immutable_id_are_left_alone_even_before_entra_knows_either(self) -> None:
        people = [
            source_user("a@contoso.com", immutable_id="K"),
            source_user("b@contoso.com", immutable_id="K"),
        ]

        plan = plan_of(people, [])

        assert [c.action for c in plan.changes] == [SKIP, SKIP]
        assert "a and b in the source all match a@contoso.com or have the immutable ID K" in said(
            plan.changes[0].reason
        )

    def test_a_person_of_another_domain_with_the_same_immutable_id_takes_nobodys_account(self) -> None:
        here, there = (
            source_user("a@contoso.com", immutable_id="K"),
            source_user("b@other.com", immutable_id="K"),
        )
        account = entra_user("b@other.com", immutable_id="K")

        plan = plan_of([here, there], [], Lookups(outside={"a": account}))

        assert only(plan).action is SKIP

    def test_an_account_that_carries_the_immutable_id_of_somebody_elsewhere_is_not_moved_here_by_a_link(
        self,
    ) -> None:
        here, there = source_user("a@contoso.com"), source_user("b@other.com", immutable_id="K")
        account = entra_user("b@other.com", immutable_id="K")

        plan = plan_of([here, there], [], Lookups(outside={"a": account}), links={"a": "id-b"})

        assert (only(plan).action, codes(plan)) == (SKIP, {"a": "AmbiguousMatch"})
        assert "a and b in the source both match b@other.com (id-b)" in said(only(plan).reason)

    def test_nobody_is_given_the_deleted_mailbox_of_somebody_elsewhere_in_the_source(self) -> None:
        namesake, owner = source_user("a@contoso.com"), source_user("b@other.com", immutable_id="K")
        gone = entra_user("a@contoso.com", immutable_id="K")

        plan = plan_of([namesake, owner], [], Lookups(deleted={"a": gone}))

        assert only(plan).action is SKIP

    def test_the_skip_names_the_person_the_first_account_and_the_reason_as_its_obstacle(self) -> None:
        people = [source_user("x@contoso.com", source_id=name) for name in ("s1", "s2")]

        first, second = plan_of(people, [entra_user("x@contoso.com")]).changes
        nameless = plan_of(people, []).changes[0]

        reason = say("match.sameAccount", users=("s1", "s2"), account=named(entra_user("x@contoso.com")))
        assert first == Change(
            action=SKIP, upn="x@contoso.com", display_name="青木 花子", object_id="id-x", source_id="s1", reason=reason,
            obstacle=Obstacle("AmbiguousMatch", reason),
        )  # fmt: skip
        assert second == replace(first, source_id="s2")
        assert nameless.object_id is None

    def test_an_account_elsewhere_that_two_claim_is_named_in_the_skip(self) -> None:
        here, there = source_user("a@contoso.com"), source_user("b@other.com", immutable_id="K")
        account = entra_user("b@other.com", immutable_id="K")

        plan = plan_of([here, there], [], Lookups(outside={"a": account}))

        assert only(plan).object_id == "id-b"


class TestAdding:
    def test_an_add_carries_what_entra_requires(self) -> None:
        attributes = {
            a.attribute: a.after for a in only(plan_of([source_user(immutable_id="K")], [])).attributes
        }

        assert attributes == {
            "userPrincipalName": "aoki@contoso.com",
            "mailNickname": "aoki",
            "onPremisesImmutableId": "K",
            "displayName": "青木 花子",
            "givenName": "花子",
            "surname": "青木",
            "accountEnabled": True,
        }

    def test_an_add_is_enabled_where_the_status_is_not_mapped(self) -> None:
        attribute_map = AttributeMap.of({name: None for name in DEFAULT_MAP if name != "displayName"})
        user = attribute_map.source_user({"username": "a", "upn": "a@contoso.com", "display name": "A"})

        plan = decide(match(DOMAIN, [user], [], Memory(), Names(attribute_map)), Lookups(), attribute_map)

        assert only(plan).after("accountEnabled") is True

    def test_the_usage_location_of_the_settings_is_set_on_created_users_only(self) -> None:
        around = Lookups(usage_location="JP")

        assert only(plan_of([source_user()], [], around)).after("usageLocation") == "JP"
        assert plan_of([source_user()], [entra_user()], around).changes == ()

    def test_a_federated_domain_takes_nobody_back_and_nobody_over_without_an_immutable_id(self) -> None:
        there, gone = entra_user("a@other.com"), entra_user("b@contoso.com")
        around = Lookups(federated=True, outside={"a": there}, deleted={"b": gone})

        plan = plan_of([source_user("a@contoso.com"), source_user("b@contoso.com")], [], around)

        assert codes(plan) == {"a": "ImmutableIdMissing", "b": "ImmutableIdMissing"}

    def test_who_gets_their_immutable_id_with_the_restore_comes_back_over_onmicrosoft_com(self) -> None:
        around = Lookups(federated=True, initial_domain=INITIAL_DOMAIN, deleted={"aoki": entra_user()})

        plan = plan_of([source_user(immutable_id="K")], [], around)

        assert (only(plan).action, only(plan).via) == (RESTORE, f"sync-id-aoki@{INITIAL_DOMAIN}")

    def test_a_federated_domain_takes_nobody_without_an_immutable_id(self) -> None:
        federated = Lookups(federated=True)

        plan = plan_of(
            [source_user("a@contoso.com"), source_user("b@contoso.com", immutable_id="K")], [], federated
        )

        assert codes(plan) == {"a": "ImmutableIdMissing", "b": None}


class TestForeseenFailures:
    def test_a_value_that_entra_refuses_stops_that_one_user_only(self) -> None:
        plan = plan_of(
            [source_user("a@contoso.com", values=values(given_name="長" * 65)), source_user("b@contoso.com")],
            [],
        )

        assert codes(plan) == {"a": "ValueTooLong", "b": None}
        assert [c.upn for c in plan.writes] == ["b@contoso.com"]

    def test_a_user_with_a_problem_is_not_written(self) -> None:
        plan = plan_of([source_user(values=values("別名"), problem="its name is odd")], [entra_user()])

        assert codes(plan) == {"aoki": "InvalidValue"}
        assert "its name is odd" in foreseen(plan)

    def test_somebody_without_any_name_is_not_added(self) -> None:
        plan = plan_of([source_user(values=values(None, None, None))], [])

        assert codes(plan) == {"aoki": "DisplayNameMissing"}

    def test_an_address_that_a_group_has_is_named_with_its_holder(self) -> None:
        around = Lookups(addresses={"sales@contoso.com": Holder(object_id="g1", name="Sales", kind="group")})

        plan = plan_of([source_user("Sales@contoso.com")], [], around)

        assert codes(plan) == {"Sales": "AddressTaken"}
        assert "the group Sales (g1)" in foreseen(plan)

    def test_the_address_somebody_has_already_is_no_conflict_with_themselves(self) -> None:
        around = Lookups(addresses={"b@contoso.com": Holder(object_id="id-a", name="青木")})

        plan = plan_of(
            [source_user("b@contoso.com", source_id="a")],
            [entra_user("a@contoso.com")],
            around,
            links={"a": "id-a"},
        )

        assert codes(plan) == {"a": None}

    def test_an_address_that_a_rename_of_this_run_frees_is_free(self) -> None:
        around = Lookups(addresses={"a@contoso.com": Holder(object_id="id-a", name="青木")})

        plan = plan_of(
            [source_user("b@contoso.com", source_id="s1"), source_user("a@contoso.com", source_id="s2")],
            [entra_user("a@contoso.com")],
            around,
            links={"s1": "id-a"},
        )

        assert [(c.action, c.obstacle) for c in plan.changes] == [(RENAME, None), (ADD, None)]

    def test_an_address_whose_holder_cannot_be_renamed_is_not_free(self) -> None:
        around = Lookups(addresses={"a@contoso.com": Holder(object_id="id-a", name="青木")})

        plan = plan_of(
            [source_user("青木@contoso.com", source_id="s1"), source_user("a@contoso.com", source_id="s2")],
            [entra_user("a@contoso.com")],
            around,
            links={"s1": "id-a"},
        )

        assert [c.obstacle.code for c in plan.changes if c.obstacle] == ["InvalidValue", "AddressTaken"]

    def test_whoever_waits_for_a_rename_that_cannot_succeed_is_foreseen_down_the_whole_chain(self) -> None:
        chain = {"a": "b", "b": "c", "c": "d"}
        source = [source_user(f"{new}@contoso.com", source_id=f"s-{old}") for old, new in chain.items()]
        target = [entra_user(f"{old}@contoso.com") for old in chain]
        around = Lookups(addresses={"d@contoso.com": Holder(object_id="g1", name="D team", kind="group")})

        plan = plan_of(source, target, around, links={f"s-{old}": f"id-{old}" for old in chain})

        assert codes(plan) == {"a": "AddressTaken", "b": "AddressTaken", "c": "AddressTaken"}

    def test_nobody_steps_aside_in_a_circle_that_cannot_be_closed(self) -> None:
        plan = plan_of(
            [
                source_user("b@contoso.com", source_id="s-a"),
                source_user("a@contoso.com", source_id="s-b", values=values(surname="長" * 65)),
            ],
            [entra_user("a@contoso.com"), entra_user("b@contoso.com")],
            links={"s-a": "id-a", "s-b": "id-b"},
        )

        assert codes(plan) == {"a": "AddressTaken", "b": "ValueTooLong"}
        assert list(plan.writes) == []

    @pytest.mark.parametrize("target", [(), (entra_user(),)], ids=["add", "update"])
    def test_an_immutable_id_that_somebody_else_has_is_named_with_its_holder(
        self, target: tuple[EntraUser, ...]
    ) -> None:
        around = Lookups(
            immutable_ids={"K": Holder(object_id="o9", name="old@contoso.com", kind="deleted user")}
        )

        plan = plan_of([source_user(immutable_id="K")], target, around)

        assert codes(plan) == {"aoki": "ImmutableIdTaken"}
        assert "the deleted user old@contoso.com (o9)" in foreseen(plan)


class TestRestoring:
    def test_somebody_in_the_recycle_bin_is_restored_and_then_made_equal(self) -> None:
        gone = entra_user("old@contoso.com", values=values(surname="鈴木"))

        plan = plan_of([source_user()], [], Lookups(deleted={"aoki": gone}))

        assert (only(plan).action, only(plan).object_id, only(plan).new_upn) == (
            RESTORE,
            "id-old",
            "aoki@contoso.com",
        )
        assert only(plan).after("surname") == "青木"

    @pytest.mark.parametrize(
        ("gone", "reason"),
        [
            (entra_user(kind="onPremisesSynced"), "Active Directory"),
            (entra_user(object_id="protected"), "PROTECTED_USERS"),
        ],
    )
    def test_a_protected_user_is_not_even_restored(self, gone: EntraUser, reason: str) -> None:
        protection = Protection(protected_users=frozenset({"protected"}))

        plan = plan_of([source_user()], [], Lookups(protection=protection, deleted={"aoki": gone}))

        assert only(plan).action is SKIP
        assert reason in said(only(plan).reason)


class TestMoving:
    def test_who_left_for_another_domain_is_not_deleted_here(self) -> None:
        plan = plan_of(
            [source_user("aoki@other.com", immutable_id="K")],
            [entra_user("aoki@contoso.com", immutable_id="K")],
        )

        assert summary(plan) == [(SKIP, "aoki@contoso.com")]
        assert "now on other.com" in said(only(plan).reason)

    def test_who_lost_their_upn_is_not_deleted(self) -> None:
        plan = plan_of([source_user("", source_id="s1")], [entra_user(object_id="o1")], links={"s1": "o1"})

        assert only(plan) == Change(
            action=SKIP, upn="aoki@contoso.com", display_name="青木 花子", object_id="o1", source_id="s1",
            reason=say("leaver.withoutUpn"),
        )  # fmt: skip

    def test_who_left_is_remembered_for_the_run_of_their_new_domain(self) -> None:
        plan = plan_of(
            [source_user("aoki@other.com", source_id="s1", immutable_id="K")],
            [entra_user(object_id="o1", immutable_id="K")],
        )

        assert plan.links == {"s1": "o1"}

    def test_who_comes_from_another_domain_is_renamed_and_not_added(self) -> None:
        account = entra_user("aoki@other.com")

        plan = plan_of([source_user()], [], Lookups(outside={"aoki": account}))

        assert (only(plan).action, only(plan).upn, only(plan).new_upn) == (
            RENAME,
            "aoki@other.com",
            "aoki@contoso.com",
        )
        assert plan.target == 0

    def test_onto_a_federated_domain_the_way_leads_over_onmicrosoft_com(self) -> None:
        around = Lookups(
            federated=True, initial_domain=INITIAL_DOMAIN, outside={"aoki": entra_user("aoki@other.com")}
        )

        plan = plan_of([source_user(immutable_id="K")], [], around)

        assert only(plan).via == f"sync-id-aoki@{INITIAL_DOMAIN}"


class TestSessionTimes:
    @pytest.mark.parametrize(("federated", "waiting"), [(True, ("id-a",)), (False, ())])
    def test_who_stays_on_a_federated_domain_without_one_is_remembered(
        self, federated: bool, waiting: tuple[str, ...]
    ) -> None:
        source = [source_user(f"{name}@contoso.com") for name in "abr"]
        target = [
            entra_user("a@contoso.com", without_session_time=True),
            entra_user("b@contoso.com"),
            entra_user("r@contoso.com", without_session_time=True, kind="onPremisesSynced"),
            entra_user("leaver@contoso.com", without_session_time=True),
        ]
        around = Lookups(federated=federated, initial_domain=INITIAL_DOMAIN)

        assert plan_of(source, target, around).without_session_time == waiting


class TestProtecting:
    @pytest.mark.parametrize(
        "protected",
        [entra_user(kind="guest"), entra_user(kind="onPremisesSynced")],
        ids=["guest", "synchronised"],
    )
    def test_a_protected_user_is_skipped_whether_the_source_has_them_or_not(
        self, protected: EntraUser
    ) -> None:
        matched = plan_of([source_user(values=values("別名"))], [protected])
        unmatched = plan_of([source_user("b@contoso.com")], [protected])

        assert summary(matched) == [(SKIP, "aoki@contoso.com")]
        assert summary(unmatched) == [(ADD, "b@contoso.com"), (SKIP, "aoki@contoso.com")]
        assert (matched.target, unmatched.target) == (0, 0)

    def test_nobody_is_deleted_while_the_app_may_not_look_at_them(self) -> None:
        around = Lookups(protection=Protection(missing_permissions=("MailboxSettings.Read",)))

        plan = plan_of(
            [source_user("b@contoso.com", values=values("新"))],
            [entra_user(), entra_user("b@contoso.com")],
            around,
        )

        assert summary(plan) == [(UPDATE, "b@contoso.com"), (SKIP, "aoki@contoso.com")]
        assert plan.target == 2

    def test_a_deletion_that_was_not_looked_at_says_so(self) -> None:
        protection = Protection(missing_permissions=("MailboxSettings.Read",), require_deletion_checks=False)

        plan = plan_of([], [entra_user()], Lookups(protection=protection))

        assert only(plan).action is DELETE
        assert "without MailboxSettings.Read" in said(only(plan).reason)

    def test_the_skip_says_who_is_protected_and_by_what_also_where_the_source_lacks_them(self) -> None:
        guests = [entra_user("a@contoso.com", kind="guest"), entra_user("b@contoso.com", kind="guest")]
        known = source_user("a@contoso.com", source_id="s1")

        plan = plan_of([known], guests)

        assert plan.changes == tuple(
            Change(
                action=SKIP,
                upn=f"{name}@contoso.com",
                display_name="青木 花子",
                object_id=f"id-{name}",
                source_id=source_id,
                reason=say("protected.guest"),
                rule=rule,
            )
            for name, source_id, rule in (("a", "s1", Rule.UPN), ("b", None, None))
        )

    def test_everybody_who_is_protected_is_out_of_scope_and_everybody_who_is_equal_is_counted(self) -> None:
        names = ("a", "b", "c", "d")
        source = [source_user(f"{name}@contoso.com") for name in names]
        target = [
            entra_user(f"{name}@contoso.com", kind="guest" if name in "ab" else "person") for name in names
        ]

        plan = plan_of(source, target)

        assert (plan.source, plan.target, plan.unchanged) == (4, 2, 2)

    def test_a_protected_user_who_would_join_from_another_domain_was_never_in_scope(self) -> None:
        account = entra_user("b@other.com", kind="guest")

        plan = plan_of(
            [source_user("a@contoso.com"), source_user("b@contoso.com")],
            [entra_user("a@contoso.com")],
            Lookups(outside={"b": account}),
        )

        assert (only(plan).action, only(plan).source_id, plan.target) == (SKIP, "b", 1)

    def test_a_protected_user_in_the_recycle_bin_is_skipped_as_who_the_source_says(self) -> None:
        plan = plan_of([source_user(source_id="s1")], [], Lookups(deleted={"s1": entra_user(kind="guest")}))

        assert only(plan) == Change(
            action=SKIP,
            upn="aoki@contoso.com",
            display_name="青木 花子",
            object_id="id-aoki",
            source_id="s1",
            reason=say("protected.guest"),
        )

    def test_a_leaver_whose_mailbox_was_not_looked_at_is_kept_with_the_reason(self) -> None:
        protection = Protection(mailboxes={"id-a": "user"})

        plan = plan_of(
            [],
            [entra_user("a@contoso.com"), entra_user("b@contoso.com")],
            Lookups(protection=protection),
        )

        assert plan.changes == (
            Change(
                action=DELETE, upn="a@contoso.com", display_name="青木 花子",
                object_id="id-a", reason=say("leaver.notInSource") + say("leaver.neverSeen")
            ),
            Change(
                action=SKIP, upn="b@contoso.com", display_name="青木 花子", object_id="id-b",
                reason=say("unseen.mailbox"), obstacle=Obstacle("NotLookedAt", say("unseen.mailbox")),
            ),
        )  # fmt: skip

    def test_a_protected_user_among_the_ambiguous_is_not_in_scope(self) -> None:
        people = [source_user(source_id="s1"), source_user(source_id="s2")]

        assert plan_of(people, [entra_user()]).target == 1
        assert plan_of(people, [entra_user(kind="guest")]).target == 0


def test_whoever_steps_aside_for_a_swap_does_so_on_onmicrosoft_com() -> None:
    plan = plan_of(
        [source_user("b@contoso.com", immutable_id="A"), source_user("a@contoso.com", immutable_id="B")],
        [entra_user("a@contoso.com", immutable_id="A"), entra_user("b@contoso.com", immutable_id="B")],
    )

    assert [c.via for c in plan.changes] == [None, f"sync-id-a@{INITIAL_DOMAIN}"]


def test_a_sync_renames_updates_restores_adds_and_deletes_in_this_order() -> None:
    plan = plan_of(
        [
            source_user("new@contoso.com"),
            source_user("back@contoso.com"),
            source_user("b@contoso.com", values=values("変更")),
            source_user("c2@contoso.com", immutable_id="K"),
        ],
        [
            entra_user("gone@contoso.com"),
            entra_user("b@contoso.com"),
            entra_user("c@contoso.com", immutable_id="K"),
            entra_user("guest@contoso.com", kind="guest"),
        ],
        Lookups(deleted={"back": entra_user("back@contoso.com")}),
    )

    assert [c.action for c in plan.changes] == [RENAME, UPDATE, RESTORE, ADD, DELETE, SKIP]
