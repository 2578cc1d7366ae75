"""Whoever is about to be deleted is looked at first, and the source is read twice."""

import pytest

from local import entra
from local.access_control import Fault, User
from shared.model.runs import Run
from tests.support.outcomes import (
    ANY_DELETION,
    all_permissions_but,
    names,
    object_id,
    rows_of,
    treated,
)
from tests.support.stack import Json, Stack, StartStack, in_entra, in_source, until

CHANGED = "Not deleted: this user has been changed in Entra since the run began."
ADMINISTRATORS = {"displayName": "Administrators", "isAssignableToRole": True}


async def one_stays(start_stack: StartStack, *others: Json, **tenant: object) -> Stack:
    """`stays` is on both sides, the others are in Entra only, and any number of deletions is allowed."""
    stack = await start_stack(source=[in_source("stays")], entra=[in_entra("stays"), *others], tenant=tenant)
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


TEAMS = "Microsoft Communication Application Instance"
RESOURCE_ACCOUNT = "Is a resource account, such as one of a Teams call queue, not a person."
ODDITIES = [
    *(
        ({"_mailbox": purpose}, f"Its mailbox has the purpose {purpose}, which is no person's own.")
        for purpose in ("others", "linked", "unknownFutureValue")
    ),
    ({"department": TEAMS}, RESOURCE_ACCOUNT),
    ({"jobTitle": TEAMS}, RESOURCE_ACCOUNT),
    ({"isResourceAccount": True}, RESOURCE_ACCOUNT),
    ({"@odata.type": "#microsoft.graph.agentUser"}, "Is an agent, not a person."),
    ({"identityParentId": "00000000-0000-4000-8000-00000000beef"}, "Is an agent, not a person."),
    ({"creationType": "Invitation"}, "Guest of the tenant."),
    (
        {"_eligible": ["User Administrator"]},
        "Holds the directory role User Administrator once activated (PIM).",
    ),
]


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
            "In Entra only: the source has no such user. Never seen by a sync.",
            {
                "info": "Is a shared mailbox, not a person.",
                "room": "Is a meeting room, not a person.",
                "projector": "Is equipment, not a person.",
                "admin": "Holds the directory role User Administrator.",
            },
        )
        assert run.deletion_check is not None
        assert (run.deletion_check.deletions, run.deletion_check.target) == (1, 2)

    @pytest.mark.parametrize(("oddity", "reason"), ODDITIES)
    async def test_is_an_account_of_any_kind_that_is_no_persons_and_nothing_else_is_done_to_it_either(
        self, start_stack: StartStack, oddity: Json, reason: str
    ) -> None:
        stack = await start_stack(
            source=[in_source("stays"), in_source("matched", given_name="次郎")],
            entra=[in_entra("stays"), in_entra("x", **oddity), in_entra("matched", **oddity)],
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        run = await stack.sync()

        rows = await rows_of(stack, run)
        assert {name: (row["action"], row["reason"]) for name, row in rows.items()} == dict.fromkeys(
            ("x", "matched"), ("skip", reason)
        )
        assert stack.writes() == []
        found = (await stack.pre_check())["objects"]
        assert {one["address"].partition("@")[0] for one in found} == {"x", "matched"}

    @pytest.mark.parametrize("lacking", [["isResourceAccount", "identityParentId"], ["creationType"]])
    async def test_is_found_in_a_cloud_that_lacks_some_properties_too_and_a_warning_names_them(
        self, start_stack: StartStack, lacking: list[str]
    ) -> None:
        department = "Microsoft Communication Application Instance"
        stack = await one_stays(
            start_stack, in_entra("x", department=department), tenant={"lacking": lacking}
        )

        run = await stack.sync()

        assert run.warnings == (
            f"This cloud does not tell {' and '.join(lacking)} of a user: who is no person by that alone can't be "
            "told apart.",
        )
        assert names(stack.users()) == {"stays", "x"}

    async def test_in_a_cloud_that_does_not_tell_the_purpose_of_a_mailbox_could_be_anybody(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("edited", given_name="次郎")],
            entra=[in_entra("edited"), in_entra("x")],
            tenant={"tenant": {"lacking": ["userPurpose"]}},
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)

        run = await stack.sync()

        assert await treated(stack, run) == {"edited": ("update", "succeeded"), "x": ("skip", "skipped")}
        assert "Nobody is deleted or blocked." in run.warnings[0]

    @pytest.mark.parametrize("refused", ["x", "edited"])
    async def test_is_one_refused_mailbox_alone_and_the_others_are_treated(
        self, start_stack: StartStack, refused: str
    ) -> None:
        stack = await start_stack(
            source=[in_source("stays"), in_source("edited", given_name="次郎")],
            entra=[in_entra("stays"), in_entra("edited"), in_entra("x")],
        )
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        path = f"/users/{object_id(stack, refused)}/mailboxSettings"
        stack.entra.faults.add(entra.Fault(kind="status", status=403, path=path))

        run = await stack.sync()

        done = {"x": ("delete", "succeeded"), "edited": ("update", "succeeded")}
        assert await treated(stack, run) == {**done, refused: ("skip", "skipped")}
        assert run.warnings == (
            "Mailboxes that could not be looked at in this run: 1. Their users are skipped.",
        )

    async def test_is_a_lone_leaver_whose_mailbox_is_refused_while_those_of_others_are_not(
        self, start_stack: StartStack
    ) -> None:
        stack = await one_stays(start_stack, in_entra("x"))
        path = f"/users/{object_id(stack, 'x')}/mailboxSettings"
        stack.entra.faults.add(entra.Fault(kind="status", status=403, path=path))

        run = await stack.sync()

        assert (await rows_of(stack, run))["x"]["reason"] == (
            "Skipped unseen: its mailbox could not be looked at in this run."
        )

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
        # With the one for their aliases, and those for roles: for all domains, and for whom this one touches.
        assert requests.count("POST", "/$batch") == 3 + 1 + 2
        assert requests.count("GET", "/roleManagement/directory/roleAssignments") == 2


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
            User(username="z", user_principal_name="-", immutable_id="KZ"),
        ):
            stack.access_control.users.put(back)
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert (run.status, stack.writes()) == ("succeeded", [])
        reasons = {name: row["reason"] for name, row in (await rows_of(stack, run)).items()}
        assert reasons.keys() == set("xyz")
        assert "no address" in reasons.pop("z")
        assert all(one.endswith("Not deleted: the source has this user again.") for one in reasons.values())

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

        assert (await treated(stack, run))["x"] == ("delete", "unchanged")

    @pytest.mark.parametrize(
        ("properties", "marks", "reason"),
        [
            ({"displayName": "Somebody Else"}, {}, CHANGED),
            ({"accountEnabled": False}, {}, CHANGED),
            ({"creationType": "EmailVerified"}, {}, CHANGED),
            ({"isManagementRestricted": True}, {}, "restricted management"),
            ({"department": TEAMS}, {}, RESOURCE_ACCOUNT),
            ({}, {"mailbox": "shared"}, "Is a shared mailbox"),
            ({}, {"mailbox": "others"}, "no person's own"),
            ({}, {"roles": ("User Administrator",)}, "Holds the directory role User Administrator."),
            ({}, {"eligible": ("User Administrator",)}, "once activated (PIM)"),
        ],
    )
    async def test_whoever_has_changed_since_the_first_look_is_left_for_the_next_run(
        self, start_stack: StartStack, properties: Json, marks: dict[str, object], reason: str
    ) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        user = stack.entra.directory.user("x@contoso.com")
        assert user is not None
        stack.entra.directory.set_properties(user, properties)
        for name, value in marks.items():
            setattr(user, name, value)
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert await treated(stack, run) == {
            "x": ("delete", "skipped"), "y": ("delete", "succeeded"), "z": ("delete", "succeeded"),
        }  # fmt: skip
        assert reason in (await rows_of(stack, run))["x"]["reason"]

    @pytest.mark.parametrize("path", ["/users/{x}", "/users/{x}/mailboxSettings"])
    async def test_whoever_can_not_be_read_a_second_time_is_a_failure_that_is_counted(
        self, start_stack: StartStack, path: str
    ) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        path = path.replace("{x}", object_id(stack, "x"))
        stack.entra.faults.add(entra.Fault(kind="status", status=403, method="GET", path=path))
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        row = (await rows_of(stack, run))["x"]
        assert (row["result"], row["errorCode"]) == ("failed", "NotLookedAt")
        assert (run.status, run.counts.failed, run.counts.delete) == ("completedWithErrors", 1, 2)

    async def test_roles_that_can_not_be_read_a_second_time_delete_nobody(
        self, start_stack: StartStack
    ) -> None:
        stack, run = await self.held_at_the_second_read(start_stack)
        stack.entra.faults.add(entra.Fault(kind="status", status=400, path="/roleManagement/*"))
        stack.access_control.faults.clear()

        run = await stack.finished(run)

        assert (run.status, run.counts.failed, stack.writes()) == ("completedWithErrors", 3, [])

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
