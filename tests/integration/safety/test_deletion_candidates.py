"""Whoever is about to be deleted is looked at first, and the source is read twice."""

import pytest

from local.access_control import Fault, User
from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, all_permissions_but, names, rows_of, treated
from tests.support.stack import Json, Stack, StartStack, in_entra, in_source, until

ADMINISTRATORS = {"displayName": "Administrators", "isAssignableToRole": True}


async def one_stays(start_stack: StartStack, *others: Json, **tenant: object) -> Stack:
    """`stays` is on both sides, the others are in Entra only, and any number of deletions is allowed."""
    stack = await start_stack(source=[in_source("stays")], entra=[in_entra("stays"), *others], tenant=tenant)
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


class TestWhoIsNoLeaver:
    async def test_is_left_alone_and_counts_neither_as_deletion_nor_in_the_percentage(
        self, start_stack: StartStack
    ) -> None:
        stack = await one_stays(
            start_stack,
            in_entra("info", _mailbox="shared"),
            in_entra("room", _mailbox="room"),
            in_entra("projector", _mailbox="equipment"),
            in_entra("admin", _roles=["User Administrator"]),
            in_entra("leaver"),
        )

        run = await stack.dry_run()

        reasons = {name: row["reason"] for name, row in (await rows_of(stack, run)).items()}
        assert (reasons.pop("leaver"), reasons) == (
            "In Entra only: the source has no such user.",
            {
                "info": "Is a shared mailbox, not a person.",
                "room": "Is a meeting room, not a person.",
                "projector": "Is equipment, not a person.",
                "admin": "Holds the directory role User Administrator.",
            },
        )
        assert run.deletion_check is not None
        assert (run.deletion_check.deletions, run.deletion_check.target) == (1, 2)

    @pytest.mark.parametrize(
        ("group", "reason"),
        [
            ({"_members": ["x@contoso.com"], "_roles": ["User Administrator"]}, "User Administrator"),
            ({"_owners": ["x@contoso.com"], "_roles": ["User Administrator"]}, "User Administrator"),
            ({"_members": ["x@contoso.com"]}, "that Administrators may be given"),
        ],
        ids=["member", "owner", "member of a group that has no role yet"],
    )
    async def test_is_whoever_holds_a_role_through_a_group(
        self, start_stack: StartStack, group: Json, reason: str
    ) -> None:
        stack = await one_stays(start_stack, in_entra("x"), groups=[{**ADMINISTRATORS, **group}])

        run = await stack.sync()

        assert (await rows_of(stack, run))["x"]["reason"] == f"Holds the directory role {reason}."
        assert names(stack.users()) == {"stays", "x"}

    async def test_mailboxes_are_looked_at_twenty_a_call_and_only_those_of_candidates(
        self, start_stack: StartStack
    ) -> None:
        stack = await one_stays(start_stack, *(in_entra(f"leaver{number}") for number in range(41)))

        await stack.dry_run()

        requests = stack.entra.requests
        assert requests.count("GET", "/users/{user}/mailboxSettings", inner=True) == 41
        assert requests.count("POST", "/$batch") == 3
        assert requests.count("GET", "/roleManagement/directory/roleAssignments") == 1


HELD = {
    "MailboxSettings.Read": "deleted or blocked",
    "RoleManagement.Read.Directory": "deleted, blocked or renamed",
    "GroupMember.Read.All": "deleted, blocked or renamed",
}


class TestAMissingPermission:
    @pytest.mark.parametrize(
        "missing", ["MailboxSettings.Read", "RoleManagement.Read.Directory", "GroupMember.Read.All"]
    )
    async def test_deletes_nobody_and_is_named_in_the_verdict_and_in_every_row(
        self, start_stack: StartStack, missing: str
    ) -> None:
        stack = await one_stays(start_stack, in_entra("x"), permissions=all_permissions_but(missing))

        runs = [await stack.dry_run(), await stack.sync()]

        assert names(stack.users()) == {"stays", "x"}
        for run in runs:
            row = (await rows_of(stack, run))["x"]
            assert (row["action"], row["result"]) == ("skip", "skipped")
            assert f"without {missing} the app can't tell" in row["reason"]
            assert run.warnings == (
                f"Protection is partly off: grant {missing}. Until then nobody is {HELD[missing]}.",
            )
            assert run.warnings[0] in run.message

    @pytest.mark.parametrize(
        "missing", ["MailboxSettings.Read", "RoleManagement.Read.Directory", "GroupMember.Read.All"]
    )
    async def test_deletes_with_a_caveat_in_the_row_where_the_checks_are_not_required(
        self, start_stack: StartStack, missing: str
    ) -> None:
        stack = await start_stack(
            source=[in_source("stays")],
            entra=[in_entra("stays"), in_entra("x")],
            tenant={"permissions": all_permissions_but(missing)},
            settings={"REQUIRE_DELETION_CHECKS": "false"},
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        run = await stack.sync()

        assert await treated(stack, run) == {"x": ("delete", "succeeded")}
        assert f"Not looked at first, without {missing} (" in (await rows_of(stack, run))["x"]["reason"]
        assert run.warnings == (
            f"Protection is partly off: grant {missing}. Until then deletions were not looked at.",
        )

    async def test_of_one_kind_leaves_the_other_kind_of_protection_on(self, start_stack: StartStack) -> None:
        stack = await start_stack(
            source=[in_source("stays")],
            entra=[in_entra("stays"), in_entra("x"), in_entra("admin", _roles=["User Administrator"])],
            tenant={"permissions": all_permissions_but("MailboxSettings.Read")},
            settings={"REQUIRE_DELETION_CHECKS": "false"},
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        await stack.sync()

        assert names(stack.users()) == {"stays", "admin"}


class TestTwoReadsThatMustAgree:
    @staticmethod
    async def held_at_the_second_read(start_stack: StartStack) -> tuple[Stack, Run]:
        """A sync that would delete `x`, `y` and `z`, as it reads the source again, until the faults are cleared."""
        leavers = [in_entra(name, onPremisesImmutableId=f"K{name.upper()}") for name in "xyz"]
        stack = await one_stays(start_stack, *leavers)
        second_read = Fault(kind="delay", page=1, nth=2, ms=600_000)
        stack.access_control.faults.add(second_read)
        run = await stack.start("sync")

        async def reached() -> bool:
            return second_read.struck > 0

        await until(reached)
        return stack, run

    async def test_whom_the_source_has_again_under_any_name_is_not_deleted(
        self, start_stack: StartStack
    ) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        for back in (
            User(username="x", user_principal_name="X@contoso.com"),
            User(username="y", user_principal_name="renamed@contoso.com", immutable_id="KY"),
            User(username="z", user_principal_name="z@elsewhere.example", immutable_id="KZ"),
        ):
            stack.access_control.users.put(back)
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert (run.status, stack.writes()) == ("succeeded", [])
        reasons = [row["reason"] for row in (await rows_of(stack, run)).values()]
        assert len(reasons) == 3
        assert all(reason.endswith("Not deleted: the source has this user again.") for reason in reasons)

    async def test_whoever_is_called_differently_in_entra_by_now_is_left_for_the_next_run(
        self, start_stack: StartStack
    ) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        user = stack.entra.directory.user("x@contoso.com")
        assert user is not None
        stack.entra.directory.update(user, {"userPrincipalName": "married@contoso.com"})
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert (await rows_of(stack, run))["x"]["reason"].endswith(
            "Not deleted: Entra names this user married@contoso.com now."
        )
        assert names(stack.users()) == {"stays", "married"}

    async def test_whoever_is_gone_from_entra_by_now_counts_as_deleted(self, start_stack: StartStack) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        user = stack.entra.directory.user("x@contoso.com")
        assert user is not None
        stack.entra.directory.delete(user)
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert (await treated(stack, run))["x"] == ("delete", "succeeded")

    async def test_a_source_that_is_empty_at_the_second_read_deletes_nobody(
        self, start_stack: StartStack
    ) -> None:
        stack = await one_stays(start_stack, in_entra("x"))
        stack.access_control.faults.add(Fault(kind="emptyList", page=1, nth=2))

        run = await stack.sync()

        assert (run.status, stack.writes()) == ("completedWithErrors", [])
        assert (await rows_of(stack, run))["x"]["errorCode"] == "SourceUnreadable"

    async def test_whoever_is_away_at_both_reads_is_deleted(self, start_stack: StartStack) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert await treated(stack, run) == dict.fromkeys("xyz", ("delete", "succeeded"))
        assert names(stack.users()) == {"stays"}
