"""Whoever is called differently, or lives on another domain, keeps the account: nobody is deleted for it."""

from collections import Counter
from typing import Literal

import pytest

from local.entra import Fault
from tests.support.outcomes import (
    ANY_DELETION,
    FABRIKAM,
    TWO_DOMAINS,
    all_permissions_but,
    errors_of,
    names,
    object_id,
    rows_of,
    treated,
)
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

INITIAL = "contoso.onmicrosoft.com"
FEDERATED = ({"id": CONTOSO, "isDefault": True}, {"id": FABRIKAM, "authenticationType": "Federated"})


def ids(stack: Stack, domain: str = CONTOSO) -> dict[str, str]:
    """Object id by the local part of the UPN."""
    return {upn.partition("@")[0]: str(user["id"]) for upn, user in stack.users(domain).items()}


async def renamed(start_stack: StartStack, new_names: dict[str, str]) -> tuple[Stack, dict[str, str]]:
    """A stack whose people were synchronised once and then got these new names; their ids by old name."""
    stack = await start_stack(source=[in_source(name) for name in new_names])
    await stack.sync()
    await stack.set(maxRenames=None)
    before = ids(stack)
    await stack.set(maxRenames=None)
    for name, new in new_names.items():
        stack.access_control.users.edit(name, {"user_principal_name": f"{new}@{CONTOSO}"})
    return stack, before


class TestNewNames:
    @pytest.mark.parametrize(
        "new_names",
        [
            {"a": "b", "b": "c", "c": "d", "r": "s", "q": "r", "p": "q"},
            {"a": "b", "b": "a", "x": "y", "y": "z", "z": "x"},
        ],
        ids=["chains in both orders", "a swap and a circle of three"],
    )
    async def test_are_renames_by_remembered_link_without_any_immutable_id(
        self, start_stack: StartStack, new_names: dict[str, str]
    ) -> None:
        stack, before = await renamed(start_stack, new_names)

        run = await stack.sync()

        assert Counter((await treated(stack, run)).values()) == {("rename", "succeeded"): len(new_names)}
        assert ids(stack) == {new: before[old] for old, new in new_names.items()}
        assert stack.users(INITIAL) == {}

    async def test_that_were_given_to_newcomers_do_not_mix_up_the_two(self, start_stack: StartStack) -> None:
        stack, before = await renamed(start_stack, {"a": "b"})
        stack.access_control.users.put(
            stack.access_control.users["a"].model_copy(
                update={"username": "new", "user_principal_name": "a@contoso.com"}
            )
        )

        run = await stack.sync()

        assert (run.counts.rename, run.counts.add, run.counts.delete) == (1, 1, 0)
        assert ids(stack)["b"] == before["a"] != ids(stack)["a"]

    async def test_in_a_circle_that_can_not_close_leave_everybody_where_they_were(
        self, start_stack: StartStack
    ) -> None:
        stack, before = await renamed(start_stack, {"a": "b", "b": "a"})
        stack.access_control.users.edit("b", {"given_name": "x" * 65})

        run = await stack.sync()

        assert await treated(stack, run) == {"a": ("rename", "failed"), "b": ("rename", "failed")}
        assert ids(stack) == before

    async def test_are_found_again_after_a_sync_in_which_two_claimed_one_user(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await stack.sync()
        account = object_id(stack, "aoki")
        people = stack.access_control.users
        people.put(people["aoki"].model_copy(update={"username": "namesake"}))
        await stack.sync()
        people.edit("aoki", {"user_principal_name": "aoki2@contoso.com"})

        run = await stack.sync()

        assert (run.counts.rename, run.counts.add) == (1, 1)
        assert object_id(stack, "aoki2") == account


class TestMoves:
    @pytest.mark.parametrize(
        "order", [(CONTOSO, FABRIKAM), (FABRIKAM, CONTOSO)], ids=["old first", "new first"]
    )
    async def test_to_the_other_domain_and_back_keep_the_account_whichever_runs_first(
        self, start_stack: StartStack, order: tuple[str, str]
    ) -> None:
        keyed = in_source("baba", immutable_id="K1")
        stack = await start_stack(
            source=[in_source("aoki"), keyed, in_source("stays"), in_source("other", FABRIKAM)],
            domains=TWO_DOMAINS,
        )
        for domain in order:
            await stack.set(domain, maxAllowedDeletions=ANY_DELETION)
            await stack.sync(domain)
        accounts = {name: object_id(stack, name) for name in ("aoki", "baba")}

        for home in (FABRIKAM, CONTOSO):
            for name in accounts:
                stack.access_control.users.edit(name, {"user_principal_name": f"{name}@{home}"})
            for domain in order:
                await stack.sync(domain)
            assert {name: object_id(stack, name, home) for name in accounts} == accounts

        assert stack.entra.directory.deleted == {}

    async def test_are_told_in_the_old_domains_run(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("aoki", FABRIKAM, immutable_id="K1"), in_source("stays")],
            entra=[in_entra("aoki", onPremisesImmutableId="K1"), in_entra("stays")],
            domains=TWO_DOMAINS,
        )
        await stack.set(FABRIKAM, periodicSync=True)

        row = (await rows_of(stack, await stack.sync()))["aoki"]

        assert row["action"] == "skip"
        assert row["reason"] == "Still in the source, now on fabrikam.com: that domain's sync moves them."


class TestFederation:
    @staticmethod
    async def moving_in(start_stack: StartStack, key: str | None, **tenant: object) -> Stack:
        """`aoki` is to move onto the federated domain, which refuses it except through onmicrosoft.com."""
        stack = await start_stack(
            source=[in_source("aoki", immutable_id=key or "")],
            domains=FEDERATED,
            tenant=tenant,
        )
        await stack.sync()
        stack.access_control.users.edit("aoki", {"user_principal_name": f"aoki@{FABRIKAM}"})
        return stack

    async def test_a_rename_onto_the_domain_goes_through_onmicrosoft(self, start_stack: StartStack) -> None:
        stack = await self.moving_in(start_stack, "K1")
        account = object_id(stack, "aoki")
        stack.entra.requests.clear()

        run = await stack.sync(FABRIKAM)

        assert await treated(stack, run) == {"aoki": ("rename", "succeeded")}
        assert stack.writes() == [f"PATCH /users/{account}"] * 3
        assert object_id(stack, "aoki", FABRIKAM) == account

    async def test_a_target_that_is_taken_leaves_the_user_where_they_were(
        self, start_stack: StartStack
    ) -> None:
        group = {"displayName": "Aoki's team", "proxyAddresses": ["SMTP:aoki@fabrikam.com"]}
        stack = await self.moving_in(start_stack, "K1", groups=[group])

        run = await stack.sync(FABRIKAM)

        assert await treated(stack, run) == {"aoki": ("rename", "failed")}
        assert (names(stack.users(CONTOSO)), stack.users(INITIAL)) == ({"aoki"}, {})

    async def test_nobody_is_moved_onto_the_domain_without_an_immutable_id(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.moving_in(start_stack, None)

        foretold, done = await stack.dry_run(FABRIKAM), await stack.sync(FABRIKAM)

        assert await errors_of(stack, foretold) == {"aoki": "ImmutableIdMissing"}
        assert await errors_of(stack, done) == {"aoki": "ImmutableIdMissing"}
        assert (names(stack.users(CONTOSO)), stack.users(INITIAL)) == ({"aoki"}, {})


class TestImmutableIdsOnAFederatedDomain:
    @staticmethod
    async def rekeyed(start_stack: StartStack, **settings: str) -> Stack:
        """`aoki`, synchronised once, is to get another immutable ID."""
        stack = await start_stack(
            source=[in_source("aoki", FABRIKAM, immutable_id="OLD")],
            entra=[in_entra("aoki", FABRIKAM, onPremisesImmutableId="OLD")],
            domains=FEDERATED,
            settings=settings,
        )
        await stack.sync(FABRIKAM)
        stack.access_control.users.edit("aoki", {"immutable_id": "NEW"})
        return stack

    async def test_are_changed_by_way_of_onmicrosoft_com_which_the_dry_run_foretells(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.rekeyed(start_stack)
        account = object_id(stack, "aoki", FABRIKAM)

        foretold, run = await stack.dry_run(FABRIKAM), await stack.sync(FABRIKAM)
        again = await stack.sync(FABRIKAM)

        assert "moves to sync-" in (await rows_of(stack, foretold))["aoki"]["reason"]
        assert await treated(stack, run) == {"aoki": ("update", "succeeded")}
        assert stack.writes() == [f"PATCH /users/{account}"] * 3
        assert stack.users(FABRIKAM)[f"aoki@{FABRIKAM}"]["onPremisesImmutableId"] == "NEW"
        assert again.counts.unchanged == 1

    @pytest.mark.parametrize("step", [1, 2, 3])
    async def test_that_a_cancel_leaves_half_changed_are_taken_up_by_the_next_run(
        self, start_stack: StartStack, step: int
    ) -> None:
        stack = await self.rekeyed(start_stack)
        account = object_id(stack, "aoki", FABRIKAM)
        stack.hold_up(method="PATCH", path="/users/*", where="inner", nth=step)
        run = await stack.start("sync", FABRIKAM)
        await stack.written(step - 1)
        await stack.post(f"domains/{FABRIKAM}/runs/{run.id}/cancel")
        stack.let_go()
        await stack.finished(run)

        await stack.sync(FABRIKAM)

        (user,) = stack.entra.directory.users.values()
        assert (user.id, user.upn, user["onPremisesImmutableId"]) == (account, f"aoki@{FABRIKAM}", "NEW")

    async def test_that_the_end_of_an_invocation_leaves_half_changed_are_one_row_of_the_run(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.rekeyed(start_stack, TIME_BUDGET_SECONDS="4")
        stack.entra.faults.add(Fault(kind="delay", method="PATCH", where="inner", ms=5_000, nth=(2,)))

        run = await stack.sync(FABRIKAM)

        (user,) = stack.entra.directory.users.values()
        assert (run.status, run.counts.failed, run.invocations > 1) == ("succeeded", 0, True)
        assert len(await treated(stack, run)) == 1
        assert (user.upn, user["onPremisesImmutableId"]) == (f"aoki@{FABRIKAM}", "NEW")


class TestSessionsOnAFederatedDomain:
    stamp = "signInSessionsValidFromDateTime"

    def unstamped(self, stack: Stack) -> set[str]:
        return {upn.partition("@")[0] for upn, user in stack.users(FABRIKAM).items() if not user[self.stamp]}

    async def with_newcomer(self, start_stack: StartStack) -> Stack:
        """`new` is to be added, `old` was created long ago, `fine` has signed in with a password once."""
        names = {"fine": {}, "old": {self.stamp: None}}
        return await start_stack(
            source=[in_source(name, FABRIKAM, immutable_id=name) for name in ("new", *names)],
            entra=[in_entra(n, FABRIKAM, onPremisesImmutableId=n, **more) for n, more in names.items()],
            domains=FEDERATED,
        )

    async def test_are_ended_once_of_whom_entra_would_ask_every_twelve_hours(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.with_newcomer(start_stack)

        foretold, run, again = [
            await stack.dry_run(FABRIKAM),
            await stack.sync(FABRIKAM),
            await stack.sync(FABRIKAM),
        ]

        assert "asks 1 users of this federated domain to sign in every 12 hours" in foretold.warnings[0]
        assert (run.status, self.unstamped(stack), again.warnings) == ("succeeded", set(), ())
        assert len([w for w in stack.writes() if w.endswith("/revokeSignInSessions")]) == 2

    @pytest.mark.parametrize("status", [None, 403])
    async def test_of_no_person_and_of_nobody_who_could_not_be_looked_at_are_ended(
        self, start_stack: StartStack, status: Literal[403] | None
    ) -> None:
        stack = await self.with_newcomer(start_stack)
        old = stack.entra.directory.user(f"old@{FABRIKAM}")
        assert old is not None
        if status:
            path = f"/users/{old.id}/mailboxSettings"
            stack.entra.faults.add(Fault(kind="status", status=status, path=path))
        else:
            old.mailbox = "shared"

        await stack.sync(FABRIKAM)

        assert self.unstamped(stack) == {"old"}

    async def test_a_missing_permission_is_one_warning_and_no_persons_failure(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.with_newcomer(start_stack)
        stack.entra.permissions = frozenset(all_permissions_but("User.RevokeSessions.All"))

        run = await stack.sync(FABRIKAM)

        assert (run.status, run.counts.add, run.counts.failed) == ("succeeded", 1, 0)
        assert len([warning for warning in run.warnings if "User.RevokeSessions.All" in warning]) == 1

    async def test_a_sync_that_was_cancelled_before_leaves_it_to_the_next_one(
        self, start_stack: StartStack
    ) -> None:
        stack = await self.with_newcomer(start_stack)
        stack.hold_up(method="POST", path="/users", where="inner")
        run = await stack.start("sync", FABRIKAM)
        await stack.post(f"domains/{FABRIKAM}/runs/{run.id}/cancel")
        stack.let_go()
        await stack.finished(run)

        await stack.sync(FABRIKAM)

        assert (names(stack.users(FABRIKAM)), self.unstamped(stack)) == ({"new", "old", "fine"}, set())


async def test_a_member_of_a_restricted_administrative_unit_is_left_alone(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name="別名"), in_source("stays")],
        entra=[in_entra("aoki", isManagementRestricted=True), in_entra("stays")],
    )

    run = await stack.sync()

    assert (run.status, await treated(stack, run)) == ("succeeded", {"aoki": ("skip", "skipped")})
    assert stack.writes() == []


class TestAmbiguousMatches:
    @pytest.mark.parametrize(
        ("source", "entra", "both"),
        [
            (
                [
                    in_source("one", immutable_id="K1"),
                    in_source("two", user_principal_name="one@contoso.com"),
                ],
                [in_entra("one")],
                ["one and two in the source", "one@contoso.com"],
            ),
            (
                [in_source("one", immutable_id="K1"), in_source("two", immutable_id="K1")],
                [in_entra("one", onPremisesImmutableId="K1")],
                ["one and two in the source", "immutable ID K1"],
            ),
            (
                [in_source("one", immutable_id="K2")],
                [in_entra("one"), in_entra("two", onPremisesImmutableId="K2")],
                ["one@contoso.com (", "two@contoso.com ("],
            ),
        ],
        ids=["two want one UPN", "two have one immutable ID", "one matches two"],
    )
    async def test_name_both_and_touch_neither(
        self, start_stack: StartStack, source: list[Json], entra: list[Json], both: list[str]
    ) -> None:
        changed = [{**user, "display_name": "Changed"} for user in source]
        stack = await start_stack(source=changed, entra=entra)
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        run = await stack.sync()

        codes = ("AmbiguousMatch", "Question")
        rows = [row for row in await stack.audit_log(run) if row["errorCode"] in codes]
        assert len(rows) == len(source)
        assert all(name in row["reason"] for row in rows for name in both)
        assert (stack.writes(), run.counts.delete) == ([], 0)

    async def test_one_whom_a_link_and_an_immutable_id_tell_apart(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("one")], entra=[])
        await stack.sync()
        stack.entra.directory.create(
            {"userPrincipalName": "two@contoso.com", "displayName": "Two", "onPremisesImmutableId": "K2"}
        )
        stack.access_control.users.edit("one", {"immutable_id": "K2"})
        stack.entra.requests.clear()

        run = await stack.sync()

        (row,) = await stack.audit_log(run)
        assert row["errorCode"] == "Question"
        assert "one@contoso.com (" in row["reason"]
        assert "two@contoso.com (" in row["reason"]
        assert stack.writes() == []


class TestWhoIsLeftAtATemporaryUpn:
    """By a change that was cut off between its steps."""

    async def left_aside(self, start_stack: StartStack) -> tuple[Stack, str]:
        stack = await start_stack(source=[in_source("aoki"), in_source("stays")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        await stack.sync()
        account = object_id(stack, "aoki")
        user = stack.entra.directory.users[account]
        stack.entra.directory.update(user, {"userPrincipalName": f"sync-{account}@{INITIAL}"})
        return stack, account

    async def test_is_taken_up_by_the_next_sync(self, start_stack: StartStack) -> None:
        stack, account = await self.left_aside(start_stack)

        run = await stack.sync()

        assert (run.status, object_id(stack, "aoki")) == ("succeeded", account)

    async def test_is_named_by_every_later_run_after_they_left_the_source(
        self, start_stack: StartStack
    ) -> None:
        stack, account = await self.left_aside(start_stack)
        stack.access_control.users.remove("aoki")

        runs = [await stack.dry_run(), await stack.sync(), await stack.sync()]

        for run in runs:
            (row,) = await stack.audit_log(run)
            assert (row["action"], row["result"], row["errorCode"], row["objectId"]) == (
                "skip", "skipped", "SteppedAside", account,
            )  # fmt: skip
            assert run.counts.skipped == 1
