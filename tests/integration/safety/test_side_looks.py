"""Only the two sides can fail a run: any other look that fails costs what it was for, and a warning."""

import pytest

from local.entra import Fault
from tests.support.outcomes import ANY_DELETION, names, rows_of, treated
from tests.support.stack import Stack, StartStack, in_entra, in_source

GONE = "00000000-0000-4000-8000-00000000000f"
BIN = "/directory/deletedItems/microsoft.graph.user"
NEVER = {
    "new": ("add", "succeeded"),
    "old": ("rename", "succeeded"),
    "edited": ("update", "succeeded"),
    "leaver": ("delete", "succeeded"),
    "leaves": ("block", "succeeded"),
}


async def started(start_stack: StartStack, *faults: Fault) -> Stack:
    """One is new, one renamed, one edited, one blocked, and one a leaver."""
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[
            in_source("new"),
            in_source("married", immutable_id="KO", display_name="Old 太郎", family_name="Old"),
            in_source("edited", given_name="次郎"),
            in_source("leaves", status="disabled"),
        ],
        entra=[
            in_entra("old", onPremisesImmutableId="KO"),
            in_entra("edited"),
            in_entra("leaves"),
            in_entra("leaver"),
        ],
        tenant={"groups": [{"id": "g1", "displayName": "Administrators", "isAssignableToRole": True}]},
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    stack.entra.faults.add(*faults)
    return stack


def refused(path: str, status: int = 403, code: str = "") -> Fault:
    return Fault.model_validate({"kind": "status", "status": status, "path": path, "code": code})


@pytest.mark.parametrize(
    ("fault", "held", "warning"),
    [
        (refused("/roleManagement/*", 400), ("old", "leaves", "leaver"), "Who holds a directory role"),
        (
            refused("/groups/*/transitiveMembers", 404),
            ("old", "leaves", "leaver"),
            "Who holds a directory role",
        ),
        (refused("/groups/*/owners"), ("old", "leaves", "leaver"), "Protection is partly off"),
        (refused(BIN), ("new",), "Entra's deleted users could not be read"),
        (
            refused("/users/*/mailboxSettings", 401, "OrganizationFromTenantGuidNotFound"),
            (),
            "no Exchange Online",
        ),
    ],
    ids=["role assignments", "members of a group that is gone", "owners", "the recycle bin", "every mailbox"],
)
async def test_a_refused_look_holds_back_what_it_was_for_and_nothing_else(
    start_stack: StartStack, fault: Fault, held: tuple[str, ...], warning: str
) -> None:
    stack = await started(start_stack, fault)

    run = await stack.sync()

    assert run.status == "succeeded"
    assert await treated(stack, run) == NEVER | dict.fromkeys(held, ("skip", "skipped"))
    assert warning in " ".join(run.warnings)


async def test_one_mailbox_that_is_refused_leaves_that_person_alone(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    leaver = stack.entra.directory.user("edited@contoso.com")
    assert leaver is not None
    stack.entra.faults.add(
        refused(f"/users/{leaver.id}/mailboxSettings", 401, "OrganizationFromTenantGuidNotFound")
    )

    run = await stack.sync()

    assert await treated(stack, run) == NEVER | {"edited": ("skip", "skipped")}
    assert run.warnings == ("Mailboxes that could not be looked at in this run: 1. Their users are skipped.",)


async def test_addresses_that_can_not_be_read_are_left_to_entra(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    # The first listing of groups is of those that may hold roles.
    stack.entra.faults.add(Fault(kind="status", status=400, path="/groups", nth=(2,)))

    run = await stack.dry_run()

    assert run.status == "succeeded"
    assert run.counts.add == run.counts.rename == run.counts.delete == 1
    assert "conflicts are not foreseen" in " ".join(run.warnings)


async def test_a_deleted_user_without_a_upn_keeps_those_out_who_may_be_that_person(
    start_stack: StartStack,
) -> None:
    nameless = {"id": GONE, "userPrincipalName": None, "displayName": "New 太郎"}
    stack = await start_stack(
        source=[in_source("new"), in_source("other")], tenant={"deletedUsers": [nameless]}
    )

    run = await stack.sync()

    assert await treated(stack, run) == {"new": ("skip", "skipped"), "other": ("add", "succeeded")}
    assert (await rows_of(stack, run))["new"]["reason"].startswith("Not added unseen: a deleted user")
    assert names(stack.users()) == {"other"}
