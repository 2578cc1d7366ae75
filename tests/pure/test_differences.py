"""One person's two sides compared: the whole change, down to what an administrator reads of it."""

from dataclasses import replace

import pytest

from shared.model.changes import Action, AttributeChange, Change, Obstacle
from shared.model.parts import say
from shared.model.people import SignIn
from shared.planning.differences import Differences
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.mapping import IMMUTABLE_ID, AttributeMap
from shared.words import said
from tests.support.people import (
    INITIAL_DOMAIN,
    MAP,
    NOTHING_AROUND,
    entra_user,
    only,
    plan_of,
    source_user,
    values,
)

MANAGED = Differences(Lookups(initial_domain=INITIAL_DOMAIN), MAP)
FEDERATED = Differences(Lookups(federated=True, initial_domain=INITIAL_DOMAIN), MAP)
KEYLESS = Obstacle("ImmutableIdMissing", say("immutableId.missing"))


class TestBetween:
    def test_a_rename_says_who_it_is_and_what_was_before(self) -> None:
        user = source_user("new@contoso.com", source_id="s1", immutable_id="NEW")
        target = entra_user("old@contoso.com", object_id="o1", immutable_id="OLD", values=values("旧名"))

        assert MANAGED.between(user, target) == Change(
            action=Action.RENAME, upn="old@contoso.com", display_name="旧名", object_id="o1", source_id="s1",
            attributes=(
                AttributeChange("userPrincipalName", "old@contoso.com", "new@contoso.com"),
                AttributeChange("onPremisesImmutableId", "OLD", "NEW"),
                AttributeChange("displayName", "旧名", "青木 花子"),
            ),
        )  # fmt: skip

    def test_people_who_are_equal_but_for_the_case_of_their_upn_have_no_change(self) -> None:
        assert MANAGED.between(source_user("AOKI@contoso.com"), entra_user("aoki@Contoso.com")) is None

    def test_a_user_with_fewer_values_than_the_map_has_attributes_is_an_error_and_not_half_an_update(
        self,
    ) -> None:
        with pytest.raises(ValueError, match="zip"):
            MANAGED.between(source_user(values=("青木 花子",)), entra_user())

    def test_an_immutable_id_that_entra_refuses_is_foreseen(self) -> None:
        change = MANAGED.between(source_user(immutable_id="a_b"), entra_user())

        assert change
        assert change.obstacle == Obstacle("InvalidValue", say("immutableId.characters"))


class TestComparing:
    def test_the_sources_value_wins(self) -> None:
        plan = plan_of(
            [source_user(values=values(surname="鈴木"))], [entra_user(values=values(surname="青木"))]
        )

        assert only(plan).action is Action.UPDATE
        assert only(plan).attributes == (AttributeChange("surname", "青木", "鈴木"),)

    def test_an_empty_value_of_the_source_clears_the_attribute(self) -> None:
        plan = plan_of([source_user(values=values(given_name=None))], [entra_user()])

        assert only(plan).attributes == (AttributeChange("givenName", "花子", None),)
        assert only(plan).obstacle is None

    def test_somebody_disabled_in_the_source_is_blocked_where_that_is_wanted_and_not_deleted(self) -> None:
        following = replace(NOTHING_AROUND, sign_in=SignIn.FOLLOW)

        plan = plan_of([source_user(status=False)], [entra_user()], following)

        assert only(plan).action is Action.BLOCK
        assert only(plan).attributes == (AttributeChange("accountEnabled", True, False),)

    def test_a_usage_location_that_would_be_cleared_is_foreseen_to_be_refused(self) -> None:
        differences = Differences(NOTHING_AROUND, AttributeMap.of({"usageLocation": "Country"}))
        target = entra_user(values=(*values(), "JP"))

        changed, added = (
            differences.between(source_user(values=(*values(), None)), target),
            differences.added(source_user(values=(*values(), None))),
        )

        assert changed
        assert changed.obstacle == Obstacle("InvalidValue", say("value.usageLocationCleared"))
        assert added.obstacle is None

    def test_a_rename_carries_the_other_changes_with_it(self) -> None:
        plan = plan_of(
            [source_user("b@contoso.com", immutable_id="K", values=values(surname="鈴木"))],
            [entra_user("a@contoso.com", immutable_id="K")],
        )

        assert [a.attribute for a in only(plan).attributes] == ["userPrincipalName", "surname"]

    def test_an_immutable_id_that_entra_lacks_is_filled_in(self) -> None:
        plan = plan_of([source_user(immutable_id="K")], [entra_user()])

        assert only(plan).attributes == (AttributeChange("onPremisesImmutableId", None, "K"),)

    def test_an_immutable_id_that_the_source_lacks_is_left_as_it_is(self) -> None:
        assert plan_of([source_user()], [entra_user(immutable_id="K")]).changes == ()


class TestFederation:
    def test_an_update_needs_no_immutable_id(self) -> None:
        change = FEDERATED.between(source_user(values=values("別名")), entra_user())

        assert change
        assert change.obstacle is None

    def test_a_rename_needs_one_and_either_side_may_have_it(self) -> None:
        def obstacle(in_source: str | None, in_entra: str | None) -> Obstacle | None:
            change = FEDERATED.between(
                source_user("b@contoso.com", immutable_id=in_source),
                entra_user("a@contoso.com", immutable_id=in_entra),
            )
            assert change
            return change.obstacle

        assert obstacle(None, None) == KEYLESS
        assert obstacle("K", None) is None
        assert obstacle(None, "K") is None

    @pytest.mark.parametrize(
        ("differences", "before", "via"),
        [
            (FEDERATED, "a@other.com", f"sync-id-a@{INITIAL_DOMAIN}"),
            (FEDERATED, "a@CONTOSO.com", None),
            (FEDERATED, f"a@{INITIAL_DOMAIN}", None),
            (MANAGED, "a@other.com", None),
        ],
        ids=["from another domain", "within the domain", "from onmicrosoft.com", "managed"],
    )
    def test_only_a_rename_onto_a_federated_domain_may_lead_over_onmicrosoft_com(
        self, differences: Differences, before: str, via: str | None
    ) -> None:
        user, target = source_user("b@contoso.com", immutable_id="K"), entra_user(before, immutable_id="K")

        change = differences.between(user, target)

        assert change
        assert change.via == via

    def test_an_immutable_id_is_changed_while_the_upn_is_away_and_the_dry_run_says_so(self) -> None:
        change = FEDERATED.between(source_user(immutable_id="NEW"), entra_user(immutable_id="OLD"))

        assert change
        assert (change.action, change.via, change.direct_first) == (
            Action.UPDATE, f"sync-id-aoki@{INITIAL_DOMAIN}", False,
        )  # fmt: skip
        assert said(change.reason) == (
            f"The UPN moves to sync-id-aoki@{INITIAL_DOMAIN} and back, since Entra changes the immutable ID of a "
            "federated user in no other way: no sign-in meanwhile, the address of OneDrive may change, and a mailbox "
            f"keeps sync-id-aoki@{INITIAL_DOMAIN} as an alias."
        )

    @pytest.mark.parametrize("before", ["aoki@contoso.com", "aoki@other.com"])
    def test_a_first_immutable_id_is_tried_in_place(self, before: str) -> None:
        change = FEDERATED.between(source_user(immutable_id="K"), entra_user(before))

        assert change
        assert (change.via, change.direct_first) == (f"sync-id-aoki@{INITIAL_DOMAIN}", True)
        assert said(change.reason).startswith(
            "Tried in one step first. If Entra refuses that, the UPN moves by way of "
        )

    def test_who_leaves_an_unknown_domain_with_another_immutable_id_may_have_to_go_round(self) -> None:
        user = source_user(immutable_id="NEW")

        left = MANAGED.between(user, entra_user("aoki@other.com", immutable_id="OLD"))
        stayed = MANAGED.between(user, entra_user(immutable_id="OLD"))

        assert left
        assert stayed
        assert (left.via, left.direct_first) == (f"sync-id-aoki@{INITIAL_DOMAIN}", True)
        assert (stayed.via, stayed.reason) == (None, ())

    @pytest.mark.parametrize("has", [None, "OLD"])
    def test_whose_upn_is_away_already_gets_the_immutable_id_where_they_are(self, has: str | None) -> None:
        away = f"sync-id-aoki@{INITIAL_DOMAIN}"

        change = FEDERATED.between(source_user(immutable_id="NEW"), entra_user(away, immutable_id=has))

        assert change
        assert (change.action, change.via, change.direct_first) == (Action.RENAME, away, False)


class TestAdded:
    def test_an_add_says_who_it_is_and_why(self) -> None:
        change = MANAGED.added(source_user(source_id="s1"))

        assert (change.action, change.upn, change.display_name, change.object_id, change.source_id) == (
            Action.ADD, "aoki@contoso.com", "青木 花子", None, "s1",
        )  # fmt: skip
        assert (change.reason, change.obstacle, change.via) == (say("newcomer.inSourceOnly"), None, None)

    def test_a_users_own_usage_location_goes_before_that_of_the_settings(self) -> None:
        attribute_map = AttributeMap.of({"usageLocation": "Country"})
        differences = Differences(Lookups(usage_location="JP"), attribute_map)
        user = source_user(values=(*values(), "DE"))

        locations = [a for a in differences.added(user).attributes if a.attribute == "usageLocation"]

        assert locations == [AttributeChange("usageLocation", None, "DE")]

    def test_a_user_with_fewer_values_than_the_map_has_attributes_is_an_error_and_not_half_an_add(
        self,
    ) -> None:
        with pytest.raises(ValueError, match="zip"):
            MANAGED.added(source_user(values=("青木 花子",)))

    def test_a_federated_domain_needs_an_immutable_id(self) -> None:
        assert FEDERATED.added(source_user()).obstacle == KEYLESS
        assert FEDERATED.added(source_user(immutable_id="K")).obstacle is None


class TestRestored:
    def test_a_restore_says_who_it_is_and_why(self) -> None:
        gone = entra_user("old@contoso.com", object_id="o1", values=values("旧名"))

        assert MANAGED.restored(source_user(source_id="s1"), gone) == Change(
            action=Action.RESTORE, upn="old@contoso.com", display_name="旧名", object_id="o1", source_id="s1",
            attributes=(
                AttributeChange("userPrincipalName", "old@contoso.com", "aoki@contoso.com"),
                AttributeChange("displayName", "旧名", "青木 花子"),
            ),
            reason=say("newcomer.restored"),
        )  # fmt: skip

    def test_whoever_is_equal_already_is_restored_as_they_are(self) -> None:
        restored = MANAGED.restored(source_user(), entra_user())

        assert (restored.attributes, restored.obstacle) == ((), None)

    def test_a_value_that_entra_refuses_is_foreseen(self) -> None:
        restored = MANAGED.restored(source_user(values=values(surname="長" * 65)), entra_user())

        assert restored.obstacle
        assert restored.obstacle.code == "ValueTooLong"

    def test_a_federated_domain_takes_back_who_has_an_immutable_id_without_a_detour(self) -> None:
        restored = FEDERATED.restored(source_user(), entra_user(immutable_id="K"))

        assert (restored.obstacle, restored.via) == (None, None)

    def test_a_federated_domain_takes_back_who_gets_one_with_the_restore_over_onmicrosoft_com(self) -> None:
        restored = FEDERATED.restored(source_user(immutable_id="K"), entra_user())

        assert (restored.obstacle, restored.via) == (None, f"sync-id-aoki@{INITIAL_DOMAIN}")

    def test_a_federated_domain_takes_nobody_back_who_would_have_none(self) -> None:
        assert FEDERATED.restored(source_user(), entra_user()).obstacle == KEYLESS


class TestARefusedImmutableId:
    """Of a matched user it is left out, named, and the rest goes through."""

    held = Lookups(immutable_ids={"K": Holder(object_id="x", name="x@contoso.com", kind="deleted user")})

    @pytest.mark.parametrize(
        ("immutable_id", "code", "says"),
        [("K", "ImmutableIdTaken", "x@contoso.com"), ("a$b", "InvalidValue", "holds a $ or _")],
    )
    @pytest.mark.parametrize("upn", ["aoki@contoso.com", "new@contoso.com"])
    def test_holds_back_nothing_else(self, immutable_id: str, code: str, says: str, upn: str) -> None:
        user = source_user(upn, immutable_id=immutable_id, values=values("別名"))

        change, row = Differences(self.held, MAP).every(user, entra_user())

        assert (change.action, change.obstacle) == (
            Action.UPDATE if upn == "aoki@contoso.com" else Action.RENAME, None,
        )  # fmt: skip
        assert change.after(IMMUTABLE_ID) is None
        assert (change.new_upn, change.after("displayName")) == (upn, "別名")
        assert row.action is Action.SKIP
        assert row.obstacle
        assert row.obstacle.code == code
        assert says in said(row.obstacle.message)

    def test_alone_is_the_change_that_fails(self) -> None:
        (change,) = Differences(self.held, MAP).every(source_user(immutable_id="a$b"), entra_user())

        assert (change.action, change.obstacle and change.obstacle.code) == (Action.UPDATE, "InvalidValue")

    def test_fails_a_rename_into_a_federated_domain_where_nobody_is_without_one(self) -> None:
        differences = Differences(replace(self.held, federated=True, initial_domain=INITIAL_DOMAIN), MAP)

        (change,) = differences.every(source_user("new@contoso.com", immutable_id="a$b"), entra_user())

        assert (change.action, change.obstacle and change.obstacle.code) == (Action.RENAME, "InvalidValue")


class TestNickname:
    def test_one_that_entra_refuses_fails_a_create_and_is_foretold(self) -> None:
        added = MANAGED.added(source_user(values=values(nickname="a b")))

        assert added.obstacle
        assert added.obstacle.code == "InvalidValue"
        assert "mailNickname 'a b' has a character that Entra refuses" in said(added.obstacle.message)

    @pytest.mark.parametrize("nickname", ["a b", "長", ".a", "a" * 65])
    def test_on_an_account_it_is_left_out_with_its_row_and_the_rest_goes_through(self, nickname: str) -> None:
        user = source_user(values=values("別名", nickname=nickname))

        update, row = MANAGED.every(user, entra_user(values=values(nickname="was")))

        assert update.attributes == (AttributeChange("displayName", "青木 花子", "別名"),)
        assert update.obstacle is None
        assert (row.action, row.obstacle) == (Action.SKIP, None)
        assert said(row.reason).startswith("Mail nickname is left as it is, and the rest is written.")

    def test_two_people_may_have_the_same_one(self) -> None:
        people = [
            source_user(f"{name}@contoso.com", values=values(nickname="tanaka"))
            for name in ("tanaka", "taro")
        ]

        plan = plan_of(people, [entra_user("taro@contoso.com")])

        assert [c.obstacle for c in plan.changes] == [None, None]
        assert [c.after("mailNickname") for c in plan.changes] == ["tanaka", "tanaka"]

    def test_an_empty_one_clears_nothing_and_a_create_takes_the_local_part_of_the_upn(self) -> None:
        assert list(MANAGED.every(source_user(), entra_user(values=values(nickname="was")))) == []
        assert MANAGED.added(source_user()).after("mailNickname") == "aoki"

        unmapped = AttributeMap.of({"mailNickname": None})
        differences = Differences(Lookups(), unmapped)
        user = source_user(values=values()[:3])
        assert differences.added(user).after("mailNickname") == "aoki"
        assert list(differences.every(user, entra_user(values=values()[:3]))) == []

    def test_a_restore_says_that_it_was_left_out(self) -> None:
        restored = MANAGED.restored(source_user(values=values(nickname="a b")), entra_user())

        assert restored.attributes == ()
        assert "Mail nickname is left as it is" in said(restored.reason)


def test_a_field_that_nobody_has_clears_nothing() -> None:
    user, target = source_user(values=values(given_name=None)), entra_user()
    absent = Lookups(untouched=frozenset({"givenName"}))

    assert list(Differences(absent, MAP).every(user, target)) == []


def test_a_rename_by_the_email_address_says_so() -> None:
    renamed = MANAGED.between(
        source_user("new@contoso.com", immutable_id="K", upn_given=False), entra_user(immutable_id="K")
    )

    assert renamed
    assert "The new UPN comes from the email address" in said(renamed.reason)
