"""A finished sync, taken back: the opposite of what was done, and a conflict where somebody has changed it since."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import SETTING, SWITCHES, Action, AttributeChange, Change, Plan
from shared.model.people import EntraUser
from shared.model.results import Tried
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.mapping import IMMUTABLE_ID, AttributeMap
from shared.planning.protection import Protection
from shared.planning.renames import temporary_upn
from shared.planning.sign_in import action_of
from shared.planning.tried import done_by
from shared.planning.undo import Now, plan_undo
from shared.words import said
from tests.support.people import INITIAL_DOMAIN, MAP, add, change, entra_user, only, rename, summary, values

NOTHING_PROTECTED = Protection()
RENAMED = AttributeChange("userPrincipalName", "old@contoso.com", "new@contoso.com")
SURNAME = AttributeChange("surname", "旧姓", "青木")
REKEYED = AttributeChange(IMMUTABLE_ID, "K", "K2")


def undo(
    *done: Change,
    users: Sequence[EntraUser] = (),
    deleted: Sequence[EntraUser] = (),
    protection: Protection = NOTHING_PROTECTED,
    federated: frozenset[str] = frozenset(),
    immutable_ids: dict[str, Holder] | None = None,
    disable_added: bool = False,
    unsettled: Sequence[Change] = (),
    attribute_map: AttributeMap = MAP,
) -> Plan:
    """What takes these changes back, given who is where now; an add made `id-` and the UPN's local part."""
    now = Now(
        users={user.object_id: user for user in users},
        deleted={user.object_id: user for user in deleted},
        lookups=Lookups(
            protection=protection, initial_domain=INITIAL_DOMAIN, immutable_ids=immutable_ids or {}
        ),
        federated=federated,
    )

    every = [*(one for one in unsettled if one not in done), *done]
    tried = [Tried(c, c.object_id or f"id-{c.source_id}", None if c in unsettled else True) for c in every]
    return plan_undo("r1", done_by(tried), now, attribute_map, disable_added=disable_added)


def rekeyed_aside(user: EntraUser, aside: str) -> Change:
    return change(Action.UPDATE, user.upn, object_id=user.object_id, via=aside, attributes=[REKEYED])


def obstacle(plan: Plan) -> tuple[str, str]:
    found = only(plan).obstacle
    return (found.code, said(found.message)) if found else ("", "")


class TestAnInvocationThatPlannedAnew:
    """After one that was cut off: for one user, it may have made another kind of change."""

    @given(
        st.permutations("ABCD"),
        st.lists(st.sampled_from(SETTING), min_size=2, unique=True),
        st.sets(st.integers(0, 2)),
    )
    def test_leaves_one_change_to_take_back_from_the_last_value_to_the_first(
        self, surnames: list[str], actions: list[Action], doubtful: set[int]
    ) -> None:
        """Also where it is not known whether one took effect: the next went on from its value, or the user has it."""
        surnames = surnames[: len(actions) + 1]
        done = [
            change(kind, attributes=[AttributeChange("surname", before, after)])
            for kind, (before, after) in zip(actions, pairwise(surnames), strict=True)
        ]

        users = [entra_user(values=values(surname=surnames[-1]))]
        plan = undo(*done, users=users, unsettled=[c for n, c in enumerate(done) if n in doubtful])

        assert only(plan).attributes == (AttributeChange("surname", surnames[-1], surnames[0]),)

    @given(st.data())
    def test_tried_again_what_an_earlier_one_may_have_done(self, data: st.DataObject) -> None:
        """The source changes between them, and each but the last may have been made or not."""
        now, tried = {"surname": "A", "givenName": "A"}, []
        for left in reversed(range(data.draw(st.integers(1, 6)))):
            wanted = data.draw(st.fixed_dictionaries({name: st.sampled_from("ABC") for name in now}))
            found = [AttributeChange(name, now[name], to) for name, to in wanted.items() if now[name] != to]
            if not found:
                continue
            tried.append(Tried(change(attributes=found), "id-aoki", None if left else True))
            if not left or data.draw(st.booleans()):
                now = wanted

        plan = plan_undo("r1", done_by(tried), self.shown(now), MAP, disable_added=False)

        assert {a.attribute: (a.before, a.after) for c in plan.changes for a in c.attributes} == {
            name: (value, "A") for name, value in now.items() if value != "A"
        }
        assert all(c.obstacle is None for c in plan.changes)

    @pytest.mark.parametrize(
        ("first", "next_one", "made"),
        [
            (Action.DELETE, Action.DELETE, False),
            (Action.DELETE, Action.UPDATE, False),
            (Action.DELETE, Action.RESTORE, True),
            (Action.RESTORE, Action.RESTORE, False),
            (Action.RESTORE, Action.DELETE, True),
        ],
    )
    def test_planned_what_shows_whether_somebody_had_been_deleted(
        self, first: Action, next_one: Action, made: bool
    ) -> None:
        tried = [Tried(change(first), "id-aoki", None), Tried(change(next_one), "id-aoki", made=False)]

        assert [one.made for one in done_by(tried)] == [True] * made

    def test_found_at_a_temporary_upn_had_nothing_but_that_and_perhaps_an_immutable_id(self) -> None:
        """The values come in the last step, with the UPN that is to stay."""
        cut_off = replace(TestATemporaryUpn.cut_off, attributes=(RENAMED, SURNAME, REKEYED))
        went_on = change(
            Action.RENAME, TestATemporaryUpn.via, object_id="id-old",
            attributes=[replace(RENAMED, before=TestATemporaryUpn.via)],
        )  # fmt: skip

        first, _ = done_by([Tried(cut_off, "id-old", None), Tried(went_on, "id-old")])

        assert (first.made, first.change.attributes) == (True, (RENAMED, REKEYED))

    def test_began_at_a_temporary_upn_and_set_nothing_there(self) -> None:
        aside = TestATemporaryUpn.via
        upn, key = replace(RENAMED, before=aside), replace(REKEYED, before="K2", after="K")
        first, second = (change(Action.RENAME, aside, object_id="id-old", via=aside, attributes=[upn, key])
                         for _ in range(2))  # fmt: skip

        assert done_by([Tried(first, "id-old", None), Tried(second, "id-old")]) == [Tried(second, "id-old")]

    def test_found_the_temporary_upn_of_an_earlier_change_with_the_value_before_it(self) -> None:
        """A rename was cut off there: what was set before it is taken back, and no value is called changed."""
        updated = change(Action.UPDATE, "old@contoso.com", attributes=[SURNAME])
        again = replace(
            TestATemporaryUpn.cut_off, attributes=(RENAMED, replace(SURNAME, before="青木", after="鈴木"))
        )

        user = entra_user(TestATemporaryUpn.via, object_id="id-old")
        plan = undo(updated, again, unsettled=[again], users=[user])

        assert obstacle(plan) == ("", "")
        assert {a.attribute: a.after for a in only(plan).attributes} == {
            "userPrincipalName": "old@contoso.com", "surname": "旧姓",
        }  # fmt: skip

    @staticmethod
    def shown(now: dict[str, str]) -> Now:
        user = entra_user(values=values(surname=now["surname"], given_name=now["givenName"]))
        lookups = Lookups(protection=NOTHING_PROTECTED, initial_domain=INITIAL_DOMAIN)
        return Now(users={"id-aoki": user}, deleted={}, lookups=lookups)

    def test_went_on_as_a_rename_with_a_new_immutable_id_of_an_earlier_one(self) -> None:
        """It was cut off between the two, on a federated domain: both are taken back, by a detour."""
        old = entra_user("old@fed.example", object_id="id-u", immutable_id="K2")
        aside = temporary_upn(old, INITIAL_DOMAIN)
        rekeyed = rekeyed_aside(old, aside)
        back = change(
            Action.RENAME,
            aside,
            object_id="id-u",
            attributes=[AttributeChange("userPrincipalName", aside, old.upn)],
        )

        plan = undo(back, unsettled=[rekeyed], users=[old], federated=frozenset({"fed.example"}))

        assert only(plan).attributes == (AttributeChange(IMMUTABLE_ID, "K2", "K"),)
        assert only(plan).via == aside

    @pytest.mark.parametrize("attributes", [(), (SURNAME,)])
    @pytest.mark.parametrize("told", [True, False])
    @pytest.mark.parametrize("doubtful", [True, False])
    @pytest.mark.parametrize("disable_added", [True, False])
    def test_unblocked_whom_an_earlier_one_had_restored(
        self, attributes: tuple[AttributeChange, ...], told: bool, doubtful: bool, disable_added: bool
    ) -> None:
        """Whether or not the restore was to unblock them, too: one row."""
        enabled = AttributeChange("accountEnabled", False, True)
        restored = change(Action.RESTORE, attributes=[*attributes, *([enabled] if told else [])])
        unblocked = change(Action.UNBLOCK, attributes=[enabled])

        plan = undo(
            restored,
            unblocked,
            users=[entra_user()],
            unsettled=[restored] if doubtful else [],
            disable_added=disable_added,
        )

        back = {a.attribute: (a.before, a.after) for a in only(plan).attributes}
        assert back.pop("accountEnabled") == (True, False)
        assert set(back) == {a.attribute for a in attributes}

    @pytest.mark.parametrize("attributes", [(), (SURNAME,)])
    @pytest.mark.parametrize("second", [True, False])
    def test_restored_somebody_who_is_blocked_since_leaves_them_blocked(
        self, attributes: tuple[AttributeChange, ...], second: bool
    ) -> None:
        """On request everybody is blocked whom the sync brought back, and nobody is unblocked by that."""
        block = AttributeChange("accountEnabled", True, False)
        restored = change(Action.RESTORE, attributes=[*attributes, *([] if second else [block])])
        done = [restored, change(Action.BLOCK, attributes=[block])] if second else [restored]

        plan = undo(*done, users=[entra_user(enabled=False)], disable_added=True)

        assert [a.attribute for c in plan.changes for a in c.attributes] == [a.attribute for a in attributes]

    @pytest.mark.parametrize("doubtful", [True, False])
    @pytest.mark.parametrize("enabled", [True, False])
    def test_leaves_nothing_of_a_sign_in_to_take_back_that_is_as_it_was(
        self, enabled: bool, doubtful: bool
    ) -> None:
        there = AttributeChange("accountEnabled", enabled, not enabled)
        back = AttributeChange("accountEnabled", not enabled, enabled)
        first, second = (change(action_of(one), attributes=[one]) for one in (there, back))

        users = [entra_user(enabled=enabled)]
        assert undo(first, second, users=users, unsettled=[first] if doubtful else []).changes == ()

    @pytest.mark.parametrize("switch", SWITCHES)
    @pytest.mark.parametrize("disable_added", [True, False])
    def test_switched_whom_an_earlier_one_had_added(self, switch: Action, disable_added: bool) -> None:
        """The sign-in of whom the sync has added is as the request says; there was none before."""
        added = add("aoki@contoso.com")
        enabled = switch is Action.UNBLOCK
        switched = change(
            switch,
            object_id=f"id-{added.source_id}",
            attributes=[AttributeChange("accountEnabled", not enabled, enabled)],
        )
        user = entra_user(object_id=f"id-{added.source_id}", enabled=enabled)

        one, both = (
            undo(*done, users=[user], disable_added=disable_added) for done in ([added], [added, switched])
        )

        assert both.changes == one.changes

    @pytest.mark.parametrize("first", [Action.ADD, Action.RESTORE])
    def test_deleted_whom_an_earlier_one_had_brought_leaves_nothing_to_take_back(self, first: Action) -> None:
        brought = add("aoki@contoso.com") if first is Action.ADD else change(first)
        who = brought.object_id or f"id-{brought.source_id}"
        deleted = change(Action.DELETE, object_id=who)

        assert undo(brought, deleted, deleted=[entra_user(object_id=who)]).changes == ()

    def test_restored_whom_an_earlier_one_had_deleted_gives_them_their_values_again(self) -> None:
        """They were there before the sync: nobody blocks them."""
        updated, deleted = change(attributes=[SURNAME]), change(Action.DELETE)

        plan = undo(updated, deleted, change(Action.RESTORE), users=[entra_user()], disable_added=True)

        assert only(plan).attributes == (AttributeChange("surname", "青木", "旧姓"),)

    def test_blocked_whom_an_earlier_one_had_left_at_a_temporary_upn(self) -> None:
        old = entra_user("old@contoso.com", object_id="id-u")
        aside = temporary_upn(old, INITIAL_DOMAIN)
        upn = AttributeChange("userPrincipalName", old.upn, "new@contoso.com")
        block = AttributeChange("accountEnabled", True, False)
        renamed = change(Action.RENAME, old.upn, object_id="id-u", via=aside, attributes=[upn])
        blocked = change(Action.BLOCK, old.upn, object_id="id-u", attributes=[block])

        plan = undo(blocked, unsettled=[renamed], users=[entra_user(aside, object_id="id-u", enabled=False)])

        assert [c.action for c in plan.changes] == [Action.RENAME, Action.UNBLOCK]
        assert plan.changes[0].new_upn == old.upn

    def test_went_on_from_the_temporary_upn_of_a_change_that_was_refused(self) -> None:
        old = entra_user("old@contoso.com", object_id="id-u", immutable_id="K")
        aside = temporary_upn(old, INITIAL_DOMAIN)
        rekeyed = rekeyed_aside(old, aside)
        upn = AttributeChange("userPrincipalName", aside, "new@contoso.com")
        renamed = change(Action.RENAME, aside, object_id="id-u", attributes=[upn])

        plan = undo(renamed, unsettled=[rekeyed], users=[replace(old, upn="new@contoso.com")])

        assert (only(plan).action, only(plan).new_upn) == (Action.RENAME, old.upn)

    def test_gave_whom_an_earlier_one_had_restored_what_that_could_not_give_any_more(self) -> None:
        restored, updated = (
            change(action, attributes=[SURNAME]) for action in (Action.RESTORE, Action.UPDATE)
        )
        users = [entra_user()]

        assert undo(restored, updated, users=users).changes == undo(restored, users=users).changes
        assert undo(updated, unsettled=[restored], users=users).changes == undo(restored, users=users).changes

    def test_gave_whom_an_earlier_one_had_restored_aside_their_upn_again(self) -> None:
        """Nobody gets the temporary UPN back."""
        back = entra_user("back@contoso.com", object_id="id-u", immutable_id="K2")
        aside, key = temporary_upn(back, INITIAL_DOMAIN), AttributeChange(IMMUTABLE_ID, None, "K2")
        upn = AttributeChange("userPrincipalName", aside, back.upn)
        restored = change(Action.RESTORE, back.upn, object_id="id-u", via=aside, attributes=[key])
        renamed = change(Action.RENAME, aside, object_id="id-u", via=aside, attributes=[upn, key])

        plan = undo(restored, renamed, users=[back])

        assert only(plan).attributes == (AttributeChange(IMMUTABLE_ID, "K2", None),)


class TestUpdatesAndRenames:
    def test_an_update_gets_its_former_values_back(self) -> None:
        plan = undo(change(attributes=[SURNAME]), users=[entra_user()])

        assert (only(plan).action, said(only(plan).reason)) == (Action.UPDATE, "Undoes the sync r1.")
        assert only(plan).attributes == (AttributeChange("surname", "青木", "旧姓"),)

    def test_a_rename_is_renamed_back_from_the_name_it_has_now(self) -> None:
        done = change(Action.RENAME, "old@contoso.com", attributes=[RENAMED])

        plan = undo(done, users=[entra_user("new@contoso.com", object_id="id-old")])

        assert (only(plan).action, only(plan).upn, only(plan).new_upn, only(plan).via) == (
            Action.RENAME, "new@contoso.com", "old@contoso.com", None,
        )  # fmt: skip

    def test_what_stands_as_before_the_sync_already_is_left_alone(self) -> None:
        plan = undo(change(attributes=[SURNAME]), users=[entra_user(values=values(surname="旧姓"))])

        assert (plan.changes, plan.unchanged) == ((), 1)

    def test_what_somebody_has_changed_since_is_a_conflict_and_nothing_of_it_is_touched(self) -> None:
        done = change(attributes=[AttributeChange("givenName", "旧名", "花子"), SURNAME])

        plan = undo(done, users=[entra_user(values=values(surname="鈴木"))])

        assert obstacle(plan) == (
            "Conflict", "The family name is '鈴木' now, not '青木' as the sync left it: changed since.",
        )  # fmt: skip
        assert only(plan).attributes == ()

    @pytest.mark.parametrize("before", [None, "営業部"])
    def test_what_is_mapped_no_longer_cannot_be_put_back_and_says_so(self, before: str | None) -> None:
        done = change(attributes=[AttributeChange("department", before, "総務部"), SURNAME])

        plan = undo(done, users=[entra_user()])

        assert obstacle(plan) == (
            "Conflict",
            "The department is not mapped any more, so that it cannot be compared: "
            "map it again, or put it back by hand.",
        )

    def test_a_status_is_put_back_too(self) -> None:
        done = change(attributes=[AttributeChange("accountEnabled", True, False)])

        plan = undo(done, users=[entra_user(enabled=False)])

        assert only(plan).action is Action.UNBLOCK
        assert only(plan).attributes == (AttributeChange("accountEnabled", False, True),)

    def test_an_immutable_id_is_put_back(self) -> None:
        done = change(attributes=[AttributeChange(IMMUTABLE_ID, None, "K")])

        plan = undo(done, users=[entra_user(immutable_id="K")])

        assert only(plan).attributes == (AttributeChange(IMMUTABLE_ID, "K", None),)

    def test_whoever_was_deleted_since_cannot_be_put_back(self) -> None:
        assert obstacle(undo(change(attributes=[SURNAME]))) == ("Gone", "This user has been deleted since.")

    def test_whoever_is_protected_by_now_is_left_alone(self) -> None:
        protection = Protection(roles={"id-aoki": "User Administrator"})

        plan = undo(change(attributes=[SURNAME]), users=[entra_user()], protection=protection)

        assert only(plan).action is Action.SKIP
        assert "User Administrator" in said(only(plan).reason)


class TestFederation:
    federated = frozenset({"old.com"})
    moved = change(
        Action.RENAME,
        "aoki@old.com",
        attributes=[AttributeChange("userPrincipalName", "aoki@old.com", "aoki@contoso.com")],
    )

    def test_a_move_is_taken_back_over_onmicrosoft_com(self) -> None:
        plan = undo(self.moved, users=[entra_user(immutable_id="K")], federated=self.federated)

        assert (only(plan).via, only(plan).obstacle) == (f"sync-id-aoki@{INITIAL_DOMAIN}", None)

    def test_an_id_that_was_given_in_one_step_is_taken_back_in_steps_where_entra_may_demand_them(
        self,
    ) -> None:
        given = AttributeChange(IMMUTABLE_ID, None, "K")
        done = replace(change(attributes=[given], via=f"away@{INITIAL_DOMAIN}"), direct_first=True)

        here = undo(done, users=[entra_user(immutable_id="K")])
        aside = undo(
            replace(done, upn=f"aoki@{INITIAL_DOMAIN}"),
            users=[entra_user(f"aoki@{INITIAL_DOMAIN}", object_id="id-aoki", immutable_id="K")],
        )

        for plan in (here, aside):
            assert (only(plan).via, only(plan).direct_first) == (None, False)

    def test_nobody_goes_back_to_a_federated_domain_without_an_immutable_id(self) -> None:
        code, message = obstacle(undo(self.moved, users=[entra_user()], federated=self.federated))

        assert (code, message) == (
            "ImmutableIdMissing",
            "A federated domain takes nobody without an immutable ID: the person could never sign in. "
            "Fill it in in the source.",
        )

    def test_a_changed_immutable_id_is_put_back_while_the_upn_is_away(self) -> None:
        done = change(attributes=[AttributeChange(IMMUTABLE_ID, "OLD", "NEW")])

        plan = undo(done, users=[entra_user(immutable_id="NEW")], federated=frozenset({"contoso.com"}))

        assert (only(plan).action, only(plan).via, only(plan).direct_first) == (
            Action.UPDATE, f"sync-id-aoki@{INITIAL_DOMAIN}", False,
        )  # fmt: skip

    def test_a_first_immutable_id_is_not_taken_away_from_a_federated_user(self) -> None:
        done = change(attributes=[AttributeChange(IMMUTABLE_ID, None, "K")])

        plan = undo(done, users=[entra_user(immutable_id="K")], federated=frozenset({"contoso.com"}))

        assert obstacle(plan)[0] == "ImmutableIdMissing"

    def test_an_immutable_id_that_the_undo_itself_takes_away_does_not_count(self) -> None:
        keyed = AttributeChange(IMMUTABLE_ID, None, "K")
        done = change(Action.RENAME, "aoki@old.com", attributes=[*self.moved.attributes, keyed])

        plan = undo(done, users=[entra_user(immutable_id="K")], federated=self.federated)

        assert obstacle(plan)[0] == "ImmutableIdMissing"


class TestDeletions:
    leaver = change(Action.DELETE, reason="In Entra only.")

    def test_a_leaver_is_restored(self) -> None:
        plan = undo(self.leaver, deleted=[entra_user()])

        assert (only(plan).action, only(plan).object_id, only(plan).obstacle) == (
            Action.RESTORE,
            "id-aoki",
            None,
        )

    def test_a_leaver_who_is_back_already_is_left_alone(self) -> None:
        plan = undo(self.leaver, users=[entra_user()])

        assert (only(plan).action, said(only(plan).reason)) == (
            Action.SKIP,
            "Undoes the sync r1. Is back already.",
        )

    def test_a_leaver_whom_the_recycle_bin_no_longer_holds_cannot_be_restored(self) -> None:
        assert obstacle(undo(self.leaver)) == (
            "Gone", "No longer among Entra's deleted users (they are kept for 30 days).",
        )  # fmt: skip

    @pytest.mark.parametrize(
        ("holder", "message"),
        [
            ("id-other", "The immutable ID K belongs to the user Other (id-other) by now."),
            ("id-aoki", ""),
        ],
        ids=["somebody else", "the leaver"],
    )
    def test_an_immutable_id_that_somebody_else_has_by_now_is_named_with_its_holder(
        self, holder: str, message: str
    ) -> None:
        plan = undo(
            self.leaver,
            deleted=[entra_user(immutable_id="K")],
            immutable_ids={"K": Holder(object_id=holder, name="Other")},
        )

        assert obstacle(plan) == ("ImmutableIdTaken" if message else "", message)


class TestAdditions:
    def test_added_users_are_kept(self) -> None:
        plan = undo(add(), users=[entra_user("new@contoso.com")])

        assert (only(plan).action, said(only(plan).reason)) == (
            Action.SKIP, "Undoes the sync r1. Added users are kept.",
        )  # fmt: skip

    def test_added_users_are_disabled_where_that_is_wanted(self) -> None:
        plan = undo(add(), users=[entra_user("new@contoso.com")], disable_added=True)

        assert only(plan).attributes == (AttributeChange("accountEnabled", True, False),)

    def test_whoever_is_disabled_already_stays_so(self) -> None:
        plan = undo(change(Action.RESTORE), users=[entra_user(enabled=False)], disable_added=True)

        assert (plan.changes, plan.unchanged) == ((), 1)


def test_an_undo_renames_updates_restores_and_leaves_alone_in_this_order() -> None:
    plan = undo(
        add("new@contoso.com"),
        change(Action.DELETE, "gone@contoso.com"),
        change(Action.UPDATE, "c@contoso.com", attributes=[SURNAME]),
        rename("a", "b"),
        rename("b", "a"),
        users=[
            entra_user("new@contoso.com"),
            entra_user("c@contoso.com"),
            entra_user("b@contoso.com", object_id="id-a"),
            entra_user("a@contoso.com", object_id="id-b"),
        ],
        deleted=[entra_user("gone@contoso.com")],
    )

    assert summary(plan) == [
        (Action.RENAME, "a@contoso.com"),
        (Action.RENAME, "b@contoso.com"),
        (Action.UPDATE, "c@contoso.com"),
        (Action.RESTORE, "gone@contoso.com"),
        (Action.SKIP, "new@contoso.com"),
    ]
    assert (plan.source, plan.target) == (5, 4)


class TestWhatIsInDoubt:
    """Changes of which the sync could not tell whether they took effect: the users show it now."""

    def test_a_deletion_that_took_effect_is_taken_back(self) -> None:
        gone = entra_user("gone@contoso.com")

        plan = undo(unsettled=[change(Action.DELETE, gone.upn)], deleted=[gone])

        assert summary(plan) == [(Action.RESTORE, "gone@contoso.com")]

    def test_a_deletion_that_did_not_take_effect_needs_no_undo(self) -> None:
        kept = entra_user("kept@contoso.com")

        assert undo(unsettled=[change(Action.DELETE, kept.upn)], users=[kept]).changes == ()

    @pytest.mark.parametrize(("now", "wanted"), [("青木", [Action.UPDATE]), ("旧姓", []), ("鈴木", [])])
    def test_an_update_is_taken_back_where_its_value_is_shown(self, now: str, wanted: list[Action]) -> None:
        plan = undo(unsettled=[change(attributes=[SURNAME])], users=[entra_user(values=values(surname=now))])

        assert [c.action for c in plan.changes] == wanted

    def test_whoever_was_created_as_wanted_is_disabled_on_request_and_nobody_else(self) -> None:
        wanted = add("new@contoso.com", display_name="青木 花子")

        created = entra_user("new@contoso.com", values=values(nickname="new"))
        ours = undo(unsettled=[wanted], users=[created], disable_added=True)
        stranger = entra_user("new@contoso.com", values=values(display_name="馬場", nickname="new"))
        another = undo(unsettled=[wanted], users=[stranger], disable_added=True)

        assert [c.action for c in ours.changes] == [Action.BLOCK]
        assert another.changes == undo(unsettled=[wanted]).changes == ()

    def test_whoever_was_restored_is_kept_and_whoever_was_not_needs_no_undo(self) -> None:
        back = change(Action.RESTORE)

        assert [c.action for c in undo(unsettled=[back], users=[entra_user()]).changes] == [Action.SKIP]
        assert undo(unsettled=[back], deleted=[entra_user()]).changes == ()

    @pytest.mark.parametrize("made", [Action.RESTORE, Action.ADD])
    @pytest.mark.parametrize("disable_added", [True, False])
    def test_whom_entra_does_not_show_yet_is_named(self, made: Action, disable_added: bool) -> None:
        """Neither a restored user nor a new one is there at once. Nobody calls them deleted."""
        done = add("aoki@contoso.com") if made is Action.ADD else change(made)
        sure = undo(done, disable_added=disable_added)
        unsettled = [] if made is Action.ADD else [done]

        assert obstacle(sure)[0] == "NotLookedAt"
        assert (
            undo(unsettled=unsettled, disable_added=disable_added).changes == sure.changes[: len(unsettled)]
        )


class TestATemporaryUpn:
    via = f"sync-id-old@{INITIAL_DOMAIN}"
    cut_off = change(Action.RENAME, "old@contoso.com", attributes=[RENAMED, SURNAME], via=via)

    @pytest.mark.parametrize("surname", ["旧姓", "青木"])
    def test_of_a_rename_that_was_cut_off_is_taken_back(self, surname: str) -> None:
        aside = entra_user(self.via, object_id="id-old", values=values(surname=surname))

        plan = undo(unsettled=[self.cut_off], users=[aside])

        assert (only(plan).action, only(plan).upn, only(plan).new_upn) == (
            Action.RENAME, self.via, "old@contoso.com",
        )  # fmt: skip
        assert [a.attribute for a in only(plan).attributes[1:]] == ["surname"] * (surname == "青木")
        assert self.via in said(only(plan).reason)

    def test_of_a_later_change_is_taken_back_too(self) -> None:
        plan = undo(self.cut_off, users=[entra_user(self.via, object_id="id-old")])

        assert only(plan).new_upn == "old@contoso.com"

    @pytest.mark.parametrize("further", [[], [SURNAME]])
    def test_that_an_earlier_run_had_left_behind_is_given_back_to_nobody(
        self, further: list[AttributeChange]
    ) -> None:
        gone_on = AttributeChange("userPrincipalName", self.via, "new@contoso.com")
        done = replace(self.cut_off, upn=self.via, via=None, attributes=(gone_on, *further))

        plan = undo(done, users=[entra_user("new@contoso.com", object_id="id-old")])

        assert (only(plan).action, only(plan).upn) == (
            Action.UPDATE if further else Action.SKIP, "new@contoso.com",
        )  # fmt: skip
        assert [a.attribute for a in only(plan).attributes] == [one.attribute for one in further]
        assert further or self.via in said(only(plan).reason)

    def test_that_was_left_again_needs_no_undo(self) -> None:
        refused = [replace(self.cut_off, attributes=(RENAMED,))]

        assert undo(unsettled=refused, users=[entra_user("old@contoso.com")]).changes == ()


class TestAnAttributeThatIsNotMappedAnyMore:
    def test_is_named_and_nothing_is_touched(self) -> None:
        given = AttributeChange("givenName", "旧名", "花子")
        without = AttributeMap.of({"surname": None})
        aoki = replace(entra_user(), values=("青木 花子", "花子", True))

        plan = undo(change(attributes=[SURNAME, given]), users=[aoki], attribute_map=without)

        code, message = obstacle(plan)
        assert (code, only(plan).attributes) == ("Conflict", ())
        assert message.startswith("The family name is not mapped any more")

    def test_is_named_beside_what_somebody_has_changed_since(self) -> None:
        given = AttributeChange("givenName", "旧名", "新名")
        without = AttributeMap.of({"surname": None})
        aoki = replace(entra_user(), values=("青木 花子", "花子", True))

        _, message = obstacle(undo(change(attributes=[SURNAME, given]), users=[aoki], attribute_map=without))

        assert "given name is '花子' now" in message
        assert "family name is not mapped any more" in message


class TestARestoreThatChangedMore:
    back = change(Action.RESTORE, attributes=[SURNAME])

    def test_is_kept_with_the_values_from_before_the_deletion(self) -> None:
        plan = undo(self.back, users=[entra_user()])

        assert only(plan).attributes == (AttributeChange("surname", "青木", "旧姓"),)

    def test_is_disabled_on_request_too(self) -> None:
        plan = undo(self.back, users=[entra_user()], disable_added=True)

        assert only(plan).attributes == (
            AttributeChange("surname", "青木", "旧姓"),
            AttributeChange("accountEnabled", True, False),
        )

    def test_is_a_conflict_where_somebody_has_changed_that_since(self) -> None:
        plan = undo(self.back, users=[entra_user(values=values(surname="鈴木"))], disable_added=True)

        assert (obstacle(plan)[0], only(plan).attributes) == ("Conflict", ())


def test_who_comes_back_goes_before_who_would_get_a_former_upn_again() -> None:
    renamed = AttributeChange("userPrincipalName", "b@contoso.com", "a@contoso.com")
    back = change(Action.RESTORE, "b@contoso.com", attributes=[renamed], object_id="o1")
    gone = change(Action.DELETE, "b@contoso.com", object_id="o3")

    plan = undo(
        back,
        gone,
        users=[entra_user("a@contoso.com", object_id="o1")],
        deleted=[entra_user("b@contoso.com", object_id="o3")],
    )

    codes = {c.object_id: c.obstacle.code if c.obstacle else None for c in plan.changes}
    assert codes == {"o1": "AddressTaken", "o3": None}


@pytest.mark.parametrize(
    ("done", "unsettled"),
    [
        ((change(attributes=[SURNAME]),), ()),
        ((), (change(attributes=[SURNAME]),)),
        ((change(Action.DELETE, "aoki@contoso.com"),), ()),
    ],
)
def test_who_cannot_be_read_is_named_and_left_alone(
    done: tuple[Change, ...], unsettled: tuple[Change, ...]
) -> None:
    (made,) = done or unsettled

    who = made.object_id or f"id-{made.source_id}"
    now = Now(users={}, deleted={}, lookups=Lookups(), unread=[who])

    plan = plan_undo(
        "r1",
        [Tried(made, who, None if made in unsettled else True)],
        now,
        MAP,
        disable_added=False,
    )

    assert obstacle(plan) == (
        "NotLookedAt",
        "This user could not be looked up, and is left as the sync left them: undo it again.",
    )
    assert only(plan).action is (Action.RESTORE if made.action is Action.DELETE else Action.UPDATE)
