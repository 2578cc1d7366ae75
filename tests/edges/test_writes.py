"""Changes as Graph requests: in an order that Entra takes, safe to repeat, one bad user stops nobody."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from local.entra import Entra, Fault
from shared.entra.batch import Request
from shared.entra.unheard import Earlier
from shared.errors import RunStopped
from shared.model.changes import Action, AttributeChange, Change
from shared.model.results import Outcome, Result, key
from shared.words import said
from tests.support.graph_client import Connected, connected, seeded
from tests.support.people import INITIAL_DOMAIN, add, change, entra_user, rename

# Somebody in Entra who is no user and has an address that a user may want.
HOLDER_OF_B = {"displayName": "B", "mail": "b@contoso.com", "proxyAddresses": ["SMTP:b@contoso.com"]}


async def unrecorded(_batch: Sequence[Request[Any]]) -> None:
    """For tests that need no journal."""


def left_in_doubt(*changes: Change) -> Earlier:
    """A run that goes on after it may have sent these changes."""
    return Earlier(datetime.now(UTC), frozenset(map(key, changes)))


async def outcomes(tenant: Connected, *changes: Change, earlier: Earlier | None = None) -> list[Outcome]:
    applying = tenant.directory.apply(changes, unrecorded, earlier)
    return [one async for some in applying for one in some]


async def outcome(tenant: Connected, of_whom: Change, *, earlier: Earlier | None = None) -> Outcome:
    (one,) = await outcomes(tenant, of_whom, earlier=earlier)
    return one


def upns(entra: Entra) -> dict[str, str]:
    return {user.id: user.upn for user in entra.directory.users.values()}


def surname(value: str | None) -> list[AttributeChange]:
    return [AttributeChange("surname", "青木", value)]


class TestAdding:
    async def test_a_created_user_has_what_was_sent_and_a_password_to_be_changed(self) -> None:
        async with connected() as tenant:
            created = await outcome(tenant, add(immutable_id="K", display_name="新人"))

        user = tenant.entra.directory.users[str(created.object_id)]
        assert (user.upn, user["displayName"], user["onPremisesImmutableId"]) == (
            "new@contoso.com",
            "新人",
            "K",
        )
        assert user["_passwordProfile"] == {"forceChangePasswordNextSignIn": True}
        assert created.request_id

    async def test_a_create_that_is_refused_after_a_lost_answer_is_looked_up_all_the_same(self) -> None:
        lost = Fault(kind="status", status=504, method="POST", path="/users", took_effect=True, count=1)
        # Full with the user whom the first try created: the second is refused for another reason than that.
        async with connected(tenant={"objectQuota": 1}) as tenant:
            tenant.entra.faults.add(lost)
            created = await outcome(tenant, add())

        assert created.succeeded

    @pytest.mark.parametrize("kind", ["drop", "status"])
    async def test_a_create_whose_answer_was_lost_is_done_and_not_sent_for_a_second_user(
        self, kind: str
    ) -> None:
        lost = {"kind": kind, "method": "POST", "path": "/users", "tookEffect": True, "count": 1}
        async with connected() as tenant:
            tenant.entra.faults.add(Fault.model_validate(lost))
            created = await outcome(tenant, add())

        assert created.succeeded
        assert said(created.note) == "Created by an earlier try."
        assert list(upns(tenant.entra)) == [created.object_id]

    async def test_a_create_is_safe_to_repeat_where_the_journal_has_it(self) -> None:
        async with connected() as tenant:
            first = await outcome(tenant, add())
            second = await outcome(tenant, add(), earlier=left_in_doubt(add()))

        assert (second.succeeded, said(second.note)) == (True, "Created by an earlier try.")
        assert second.object_id == first.object_id

    async def test_whom_somebody_else_created_meanwhile_was_not_created_by_the_run(self) -> None:
        async with connected() as tenant:
            first, second = await outcome(tenant, add()), await outcome(tenant, add())

        assert (second.result, second.object_id) == (Result.UNCHANGED, first.object_id)
        assert "created by somebody else" in said(second.note)

    async def test_a_created_user_who_is_not_to_be_seen_yet_is_looked_up_until_they_are(self) -> None:
        lost = Fault(kind="status", status=504, method="POST", path="/users", took_effect=True, count=1)
        async with connected() as tenant:
            plan = tenant.entra.faults.plan
            plan.fresh_not_found_seconds = 60
            tenant.entra.faults.add(lost)

            def replicate_after_three_waits() -> None:
                if len(tenant.stop.slept) >= 3:
                    plan.fresh_not_found_seconds = 0

            tenant.stop.on_sleep = replicate_after_three_waits
            created = await outcome(tenant, add())

        assert created.succeeded

    async def test_a_create_that_meets_nobody_to_be_seen_stays_in_doubt(self) -> None:
        lost = Fault(kind="status", status=504, method="POST", path="/users", took_effect=True, count=1)
        async with connected() as tenant:
            tenant.entra.faults.plan.fresh_not_found_seconds = 10**9
            tenant.entra.faults.add(lost)
            created = await outcome(tenant, add())

        assert created.result is Result.IN_DOUBT
        assert "already exists" in said(created.error_message)

    async def test_a_create_that_meets_somebody_else_says_whom(self) -> None:
        stranger = entra_user("new@contoso.com", object_id="o1")
        async with connected(stranger) as tenant:
            refused = await outcome(tenant, add())

        assert refused.error_code == "ObjectConflict:userPrincipalName"
        assert "new@contoso.com belongs to 青木 花子 (o1)" in said(refused.error_message)
        assert upns(tenant.entra) == {"o1": "new@contoso.com"}

    async def test_one_bad_user_stops_nobody_else(self) -> None:
        bad = add("bad@contoso.com", display_name="長" * 257)
        async with connected() as tenant:
            ended = await outcomes(tenant, add("a@contoso.com"), bad, add("b@contoso.com"))

        assert {o.change.upn: o.succeeded for o in ended} == {
            "a@contoso.com": True,
            "bad@contoso.com": False,
            "b@contoso.com": True,
        }


class TestUpdating:
    async def test_the_sources_values_are_written(self) -> None:
        async with connected(entra_user()) as tenant:
            updated = await outcome(tenant, change(attributes=surname("鈴木")))

        assert updated.succeeded
        assert tenant.entra.directory.users["id-aoki"]["surname"] == "鈴木"

    async def test_an_attribute_is_cleared_with_null(self) -> None:
        async with connected(entra_user()) as tenant:
            cleared = await outcome(tenant, change(attributes=surname(None)))

        assert cleared.succeeded
        assert tenant.entra.directory.users["id-aoki"]["surname"] is None

    async def test_an_immutable_id_that_is_refused_alone_keeps_nothing_else_back(self) -> None:
        refused = AttributeChange("onPremisesImmutableId", None, "x" * 300)
        async with connected(entra_user("a@contoso.com"), entra_user("c@contoso.com")) as tenant:
            update = change(upn="a@contoso.com", attributes=[*surname("鈴木"), refused])
            to_b = replace(rename("c", "b"), attributes=(*rename("c", "b").attributes, refused))
            ended = await outcomes(tenant, update, to_b)

        assert set(upns(tenant.entra).values()) == {"a@contoso.com", "b@contoso.com"}
        assert tenant.entra.directory.users["id-a"]["surname"] == "鈴木"
        for one, rest in ((ended[0], to_b), (ended[1], update)):
            assert (one.succeeded, one.refused, one.error_code) == (True, (refused,), "Request_BadRequest")
            assert one.change.attributes == rest.attributes[:1]
            assert "onPremisesImmutableId" in said(one.error_message)

    async def test_a_rest_that_is_refused_too_fails_whole(self) -> None:
        refused = AttributeChange("onPremisesImmutableId", None, "x" * 300)
        async with connected(entra_user("a@contoso.com")) as tenant:
            update = change(upn="a@contoso.com", attributes=[*surname("x" * 65), refused])
            failed = await outcome(tenant, update)

        assert (failed.change, failed.succeeded, failed.refused) == (update, False, ())
        assert "surname" in said(failed.error_message)

    async def test_an_immutable_id_alone_that_is_refused_fails(self) -> None:
        refused = AttributeChange("onPremisesImmutableId", None, "x" * 300)
        async with connected(entra_user("a@contoso.com")) as tenant:
            failed = await outcome(tenant, change(upn="a@contoso.com", attributes=[refused]))

        assert (failed.succeeded, failed.refused) == (False, ())

    async def test_what_exchange_has_authority_over_keeps_nobody_from_being_blocked_or_renamed(self) -> None:
        blocked = AttributeChange("accountEnabled", True, False)
        profile = [*surname("鈴木"), AttributeChange("givenName", "花子", "花")]
        once_from_ad = seeded(entra_user("a@contoso.com"), _exchangeMastered=["surname"])
        async with connected(users=[once_from_ad]) as tenant:
            whole = replace(rename("a", "b"), attributes=(*rename("a", "b").attributes, blocked, *profile))
            ended = await outcome(tenant, whole)

        assert upns(tenant.entra) == {"id-a": "b@contoso.com"}
        assert tenant.entra.directory.users["id-a"]["accountEnabled"] is False
        assert (ended.succeeded, ended.refused, ended.error_code) == (
            True,
            tuple(profile),
            "ExchangeMastered",
        )

    async def test_what_exchange_has_authority_over_fails_alone(self) -> None:
        once_from_ad = seeded(entra_user("a@contoso.com"), _exchangeMastered=["surname"])
        async with connected(users=[once_from_ad]) as tenant:
            failed = await outcome(tenant, change(upn="a@contoso.com", attributes=surname("鈴木")))

        assert (failed.succeeded, failed.refused, failed.error_code) == (False, (), "ExchangeMastered")
        assert "Exchange admin center" in said(failed.error_message)

    async def test_who_holds_an_address_is_said(self) -> None:
        async with connected(entra_user("a@contoso.com"), groups=[HOLDER_OF_B]) as tenant:
            (group,) = tenant.entra.directory.groups
            failed = await outcome(tenant, rename("a", "b"))

        assert failed.error_code == "ObjectConflict:proxyAddresses"
        assert f"It belongs to Group_{group} in Entra" in said(failed.error_message)

    async def test_a_refusal_comes_with_graphs_own_code_and_words(self) -> None:
        async with connected(entra_user(kind="onPremisesSynced")) as tenant:
            refused = await outcome(tenant, change(attributes=surname("鈴木")))

        assert refused.error_code == "Request_BadRequest"
        assert "on-premises mastered" in said(refused.error_message)
        assert refused.request_id


class TestRenaming:
    async def test_a_chain_and_a_swap_apply_whatever_order_graph_takes_within_a_batch(self) -> None:
        people = [seeded(entra_user(f"{name}@contoso.com"), _mailbox="none") for name in "abcxy"]
        async with connected(users=people) as tenant:
            swap = rename("x", "y", via=f"sync-id-x@{INITIAL_DOMAIN}")
            changes = [rename("c", "d"), rename("b", "c"), rename("a", "b"), rename("y", "x"), swap]
            ended = await outcomes(tenant, *changes)

        assert all(one.succeeded for one in ended)
        assert len(ended) == 5
        assert upns(tenant.entra) == {
            "id-a": "b@contoso.com",
            "id-b": "c@contoso.com",
            "id-c": "d@contoso.com",
            "id-x": "y@contoso.com",
            "id-y": "x@contoso.com",
        }

    async def test_who_is_refused_on_the_second_step_has_the_former_upn_again(self) -> None:
        async with connected(entra_user("a@contoso.com"), groups=[HOLDER_OF_B]) as tenant:
            ended = await outcome(tenant, rename("a", "b", via=f"sync-id-a@{INITIAL_DOMAIN}"))

        assert ended.error_code == "ObjectConflict:proxyAddresses"
        assert said(ended.error_message).endswith(" The user has the UPN a@contoso.com again.")
        assert upns(tenant.entra) == {"id-a": "a@contoso.com"}

    async def test_whose_former_upn_is_taken_by_then_is_named_with_the_temporary_one(self) -> None:
        keeps_the_address = seeded(entra_user("b@contoso.com"), proxyAddresses=["SMTP:b@contoso.com"])
        temporary = f"sync-id-a@{INITIAL_DOMAIN}"
        async with connected(
            users=[seeded(entra_user("a@contoso.com"), _mailbox="none"), keeps_the_address]
        ) as tenant:
            swapped, stuck = await outcomes(tenant, rename("b", "a"), rename("a", "b", via=temporary))

        assert (swapped.succeeded, stuck.succeeded) == (True, False)
        assert f" The user has the temporary UPN {temporary}, and a@contoso.com could" in said(
            stuck.error_message
        )
        assert said(stuck.error_message).endswith(" The next run tries again.")
        assert upns(tenant.entra) == {"id-a": temporary, "id-b": "a@contoso.com"}

    async def test_several_who_are_refused_go_back_in_one_batch(self) -> None:
        names = [f"n{number}" for number in range(5)]
        groups = [
            {"displayName": n, "mail": f"{n}x@contoso.com", "proxyAddresses": [f"SMTP:{n}x@contoso.com"]}
            for n in names
        ]
        renames = [rename(n, f"{n}x", via=f"sync-id-{n}@{INITIAL_DOMAIN}") for n in names]
        async with connected(*(entra_user(f"{n}@contoso.com") for n in names), groups=groups) as tenant:
            ended = await outcomes(tenant, *renames)

        assert len(ended) == 5
        assert all(said(one.error_message).endswith(" again.") for one in ended)
        assert upns(tenant.entra) == {f"id-{n}": f"{n}@contoso.com" for n in names}
        assert tenant.entra.requests.count("POST", "/$batch") == 3

    async def test_whose_second_step_took_effect_unseen_is_renamed(self) -> None:
        lost = Fault(
            kind="status", status=504, method="PATCH", where="inner", took_effect=True, nth=tuple(range(2, 8))
        )
        async with connected(entra_user("a@contoso.com")) as tenant:
            tenant.entra.faults.add(lost)
            ended = await outcome(tenant, rename("a", "b", via=f"sync-id-a@{INITIAL_DOMAIN}"))

        assert (ended.succeeded, said(ended.note)) == (
            True,
            "Its answer was lost; confirmed by reading Entra again.",
        )
        assert upns(tenant.entra) == {"id-a": "b@contoso.com"}

    async def test_who_had_to_stop_before_going_back_is_left_in_doubt(self) -> None:
        temporary = f"sync-id-a@{INITIAL_DOMAIN}"
        async with connected(entra_user("a@contoso.com"), groups=[HOLDER_OF_B]) as tenant:
            tenant.stop.before_request = 3
            with pytest.raises(RunStopped):
                await outcomes(tenant, rename("a", "b", via=temporary))

        assert upns(tenant.entra) == {"id-a": temporary}

    async def test_who_cannot_step_aside_is_not_renamed_and_reported_once(self) -> None:
        async with connected() as tenant:
            ended = await outcomes(tenant, rename("gone", "b", via=f"sync-id-gone@{INITIAL_DOMAIN}"))

        assert [one.error_code for one in ended] == ["Request_ResourceNotFound"]


def patches(tenant: Connected) -> int:
    return tenant.entra.requests.count("PATCH", "/users/{user}")


FED, AWAY = "aoki@fed.example", f"sync-id-aoki@{INITIAL_DOMAIN}"
MOVED = AttributeChange("userPrincipalName", "aoki@contoso.com", FED)
REKEYED = AttributeChange("onPremisesImmutableId", "OLD", "NEW")
FIRST_ID = AttributeChange("onPremisesImmutableId", None, "NEW")


class TestDetours:
    """Onto a federated domain, and immutable IDs on one."""

    @pytest.mark.parametrize(("taken", "sent"), [(True, 1), (False, 3)])
    async def test_a_rename_goes_round_only_where_it_is_refused(self, taken: bool, sent: int) -> None:
        move = replace(change(Action.RENAME, attributes=[MOVED], via=AWAY), direct_first=True)
        async with connected(entra_user(immutable_id="K"), tenant={"federatedRenames": taken}) as tenant:
            renamed = await outcome(tenant, move)
            calls = patches(tenant)

        assert renamed.succeeded
        assert (upns(tenant.entra), calls) == ({"id-aoki": FED}, sent)

    async def test_a_rename_whose_target_is_taken_is_not_worth_a_detour(self) -> None:
        move = replace(change(Action.RENAME, attributes=[MOVED], via=AWAY), direct_first=True)
        taken = {"displayName": "Team", "proxyAddresses": [f"SMTP:{FED}"]}
        async with connected(
            entra_user(immutable_id="K"), groups=[taken], tenant={"federatedRenames": True}
        ) as tenant:
            refused = await outcome(tenant, move)
            calls = patches(tenant)

        assert (refused.error_code, calls) == ("ObjectConflict:proxyAddresses", 1)
        assert upns(tenant.entra) == {"id-aoki": "aoki@contoso.com"}

    async def test_an_immutable_id_is_changed_while_the_upn_is_away(self) -> None:
        rekey = change(upn=FED, attributes=[REKEYED, *surname("鈴木")], via=AWAY)
        async with connected(entra_user(FED, immutable_id="OLD")) as tenant:
            updated = await outcome(tenant, rekey)
            calls = patches(tenant)

        user = tenant.entra.directory.users["id-aoki"]
        assert (updated.succeeded, calls) == (True, 3)
        assert (user.upn, user["onPremisesImmutableId"], user["surname"]) == (FED, "NEW", "鈴木")

    @pytest.mark.parametrize(("taken", "sent"), [(True, 1), (False, 4)])
    async def test_a_first_immutable_id_goes_round_only_where_it_is_refused(
        self, taken: bool, sent: int
    ) -> None:
        first = replace(change(upn=FED, attributes=[FIRST_ID], via=AWAY), direct_first=True)
        async with connected(entra_user(FED), tenant={"firstImmutableIds": taken}) as tenant:
            updated = await outcome(tenant, first)
            calls = patches(tenant)

        assert (updated.succeeded, calls) == (True, sent)
        assert tenant.entra.directory.users["id-aoki"]["onPremisesImmutableId"] == "NEW"
        assert upns(tenant.entra) == {"id-aoki": FED}

    async def test_who_was_cut_off_while_away_is_taken_on_from_there(self) -> None:
        attributes = [AttributeChange("userPrincipalName", AWAY, FED), REKEYED]
        go_on = change(Action.RENAME, AWAY, object_id="id-aoki", attributes=attributes, via=AWAY)
        async with connected(entra_user(AWAY, object_id="id-aoki", immutable_id="OLD")) as tenant:
            renamed = await outcome(tenant, go_on)
            calls = patches(tenant)

        assert (renamed.succeeded, calls) == (True, 2)
        assert upns(tenant.entra) == {"id-aoki": FED}

    async def test_an_immutable_id_that_somebody_has_leaves_the_user_as_they_were(self) -> None:
        rekey = change(upn=FED, attributes=[REKEYED], via=AWAY)
        rival = entra_user("b@contoso.com", immutable_id="NEW")
        async with connected(entra_user(FED, immutable_id="OLD"), rival) as tenant:
            refused = await outcome(tenant, rekey)

        user = tenant.entra.directory.users["id-aoki"]
        assert refused.error_code == "ObjectConflict:onPremisesImmutableId"
        assert said(refused.error_message).endswith(f" The user has the UPN {FED} again.")
        assert (user.upn, user["onPremisesImmutableId"]) == (FED, "OLD")

    @pytest.mark.parametrize("step", [1, 2, 3])
    async def test_a_step_that_took_effect_unseen_is_not_lost(self, step: int) -> None:
        lost = Fault(
            kind="status",
            status=504,
            method="PATCH",
            where="inner",
            took_effect=True,
            nth=tuple(range(step, step + 6)),
        )
        rekey = change(upn=FED, attributes=[REKEYED], via=AWAY)
        async with connected(entra_user(FED, immutable_id="OLD")) as tenant:
            tenant.entra.faults.add(lost)
            updated = await outcome(tenant, rekey)

        user = tenant.entra.directory.users["id-aoki"]
        assert updated.succeeded
        assert (user.upn, user["onPremisesImmutableId"]) == (FED, "NEW")

    async def test_of_many_only_some_are_away_at_a_time(self) -> None:
        people = [entra_user(f"u{n}@fed.example", immutable_id=f"OLD{n}") for n in range(100)]
        rekeys = [
            change(
                upn=p.upn,
                attributes=[AttributeChange("onPremisesImmutableId", p.immutable_id, f"NEW{n}")],
                via=f"sync-{p.object_id}@{INITIAL_DOMAIN}",
            )
            for n, p in enumerate(people)
        ]
        most = 0

        async def count_away(_batch: Sequence[Request[Any]]) -> None:
            nonlocal most
            away = [upn for upn in upns(tenant.entra).values() if upn.endswith(INITIAL_DOMAIN)]
            most = max(most, len(away))

        async with connected(*people) as tenant:
            ended = [o async for some in tenant.directory.apply(rekeys, count_away) for o in some]

        assert len(ended) == 100
        assert all(one.succeeded for one in ended)
        assert 0 < most <= 80


class TestRestoring:
    async def test_a_restored_user_is_made_equal(self) -> None:
        gone = [seeded(entra_user())]
        async with connected(deletedUsers=gone) as tenant:
            restored = await outcome(tenant, change(Action.RESTORE, attributes=surname("鈴木")))

        assert restored.succeeded
        assert tenant.entra.directory.users["id-aoki"]["surname"] == "鈴木"

    async def test_who_comes_back_under_a_new_upn_does_not_need_the_former_one_which_somebody_has(
        self,
    ) -> None:
        gone = [seeded(entra_user("aoki@contoso.com", object_id="o1"), _mailbox="none")]
        new_upn = AttributeChange("userPrincipalName", "aoki@contoso.com", "aoki2@contoso.com")
        async with connected(entra_user("aoki@contoso.com", object_id="o2"), deletedUsers=gone) as tenant:
            restored = await outcome(tenant, change(Action.RESTORE, object_id="o1", attributes=[new_upn]))

        assert restored.succeeded
        assert upns(tenant.entra) == {"o1": "aoki2@contoso.com", "o2": "aoki@contoso.com"}

    async def test_who_gets_an_immutable_id_comes_back_to_a_federated_domain_over_onmicrosoft_com(
        self,
    ) -> None:
        gone = [seeded(entra_user("aoki@fed.example"))]
        key = AttributeChange("onPremisesImmutableId", None, "K")
        back = change(
            Action.RESTORE, "aoki@fed.example", attributes=[key], via=f"sync-id-aoki@{INITIAL_DOMAIN}"
        )
        async with connected(deletedUsers=gone) as tenant:
            restored = await outcome(tenant, back)

        assert restored.succeeded
        assert upns(tenant.entra) == {"id-aoki": "aoki@fed.example"}

    async def test_who_is_restored_and_then_refused_is_said_to_be_restored(self) -> None:
        gone = [seeded(entra_user(kind="onPremisesSynced"))]
        async with connected(deletedUsers=gone) as tenant:
            ended = await outcome(tenant, change(Action.RESTORE, attributes=surname("鈴木")))

        assert not ended.succeeded
        assert said(ended.error_message).endswith(" The user is restored; the next run does the rest.")
        assert upns(tenant.entra) == {"id-aoki": "aoki@contoso.com"}

    async def test_a_restore_whose_answer_was_lost_is_done(self) -> None:
        lost = Fault(kind="status", status=503, path="*/restore", took_effect=True, count=1)
        async with connected(deletedUsers=[seeded(entra_user())]) as tenant:
            tenant.entra.faults.add(lost)
            restored = await outcome(tenant, change(Action.RESTORE))

        assert (restored.succeeded, said(restored.note)) == (True, "Restored by an earlier try.")


class TestDeleting:
    async def test_a_deleted_user_lies_in_the_recycle_bin(self) -> None:
        async with connected(entra_user()) as tenant:
            deleted = await outcome(tenant, change(Action.DELETE))

        assert deleted.succeeded
        assert list(tenant.entra.directory.deleted) == ["id-aoki"]

    async def test_whom_somebody_else_deleted_meanwhile_was_not_deleted_by_the_run(self) -> None:
        async with connected() as tenant:
            deleted = await outcome(tenant, change(Action.DELETE))

        assert deleted.result is Result.UNCHANGED
        assert said(deleted.note) == "Was gone already: deleted by somebody else meanwhile."

    async def test_who_is_gone_by_what_the_journal_has_was_deleted_by_the_run(self) -> None:
        gone = change(Action.DELETE)
        async with connected() as tenant:
            deleted = await outcome(tenant, gone, earlier=left_in_doubt(gone))

        assert deleted.succeeded

    async def test_an_administrator_is_not_deleted_and_the_refusal_is_reported(self) -> None:
        async with connected(users=[seeded(entra_user(), _roles=["User Administrator"])]) as tenant:
            refused = await outcome(tenant, change(Action.DELETE))

        assert refused.error_code == "Authorization_RequestDenied"
        assert "id-aoki" in tenant.entra.directory.users


async def test_deletions_go_out_last_and_renames_first() -> None:
    people = [entra_user(f"{name}@contoso.com") for name in "abc"]
    changes = [
        change(Action.DELETE, "a@contoso.com"),
        add("b@contoso.com"),
        change(Action.UPDATE, "c@contoso.com", attributes=surname("鈴木")),
        rename("b", "d"),
    ]
    async with connected(*people) as tenant:
        await outcomes(tenant, *changes)

    calls = [f"{call.method} {call.url}" for call in tenant.entra.requests.calls if call.inner]
    assert calls == ["PATCH /users/id-b", "PATCH /users/id-c", "POST /users", "DELETE /users/id-a"]


async def test_a_stopped_run_deletes_nobody_any_more() -> None:
    async with connected(entra_user()) as tenant:
        tenant.stop.before_request = 2
        ended: list[Outcome] = []
        with pytest.raises(RunStopped):
            async for some in tenant.directory.apply([add(), change(Action.DELETE)], unrecorded):
                ended += some

    assert [one.change.action for one in ended] == [Action.ADD]
    assert tenant.entra.directory.deleted == {}
