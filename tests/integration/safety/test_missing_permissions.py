"""The main job without each of the app's permissions: what is lost, and what is said."""

import json

import pytest

from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, GRANTED, treated
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source

PERMISSIONS = {permission["name"] for permission in json.loads(GRANTED.read_bytes())}
DONE = {
    "new": ("add", "succeeded"),
    "old": ("rename", "succeeded"),
    "edited": ("update", "succeeded"),
    "leaves": ("block", "succeeded"),
    "back": ("restore", "succeeded"),
    "leaver": ("delete", "succeeded"),
}
LEFT_ALONE = ("skip", "skipped")
PROTECTION = "Protection is partly off: grant {}. Until then nobody is deleted, blocked or renamed."
# What happens to whom instead (None: nothing, without a row), the run's status, and what it says.
WITHOUT: dict[str, tuple[dict[str, tuple[str, str] | None], str, str]] = {
    "User.ReadWrite.All": (
        dict.fromkeys(DONE),
        "failed",
        "Graph denied this read to the app: grant it User.ReadWrite.All.",
    ),
    "User.DeleteRestore.All": (
        {"back": None},
        "failed",
        "Graph denied every restore of this run (Authorization_RequestDenied): grant the app User.DeleteRestore.All.",
    ),
    "PrivilegedEligibilitySchedule.Read.AzureADGroup": (
        {},
        "succeeded",
        "can't be read without PrivilegedEligibilitySchedule.Read.AzureADGroup: grant it",
    ),
    "User.RevokeSessions.All": (
        {},
        "succeeded",
        "Entra may ask them to sign in every 12 hours: grant User.RevokeSessions.All",
    ),
    "RoleManagement.Read.Directory": (
        dict.fromkeys(("old", "leaves", "leaver"), LEFT_ALONE),
        "succeeded",
        PROTECTION.format("RoleManagement.Read.Directory"),
    ),
    "GroupMember.Read.All": (
        dict.fromkeys(("old", "leaves", "leaver"), LEFT_ALONE),
        "succeeded",
        PROTECTION.format("GroupMember.Read.All"),
    ),
    "MailboxSettings.Read": (
        dict.fromkeys(("leaves", "leaver"), LEFT_ALONE),
        "succeeded",
        "Protection is partly off: grant MailboxSettings.Read. Until then nobody is deleted or blocked.",
    ),
    "Application.Read.All": ({}, "succeeded", "deleted 1"),
    "Organization.Read.All": ({}, "succeeded", "deleted 1"),
}


async def started(start_stack: StartStack, permissions: set[str]) -> Stack:
    """On a federated domain: one is new, one renamed, one edited, one blocked, one comes back, and one leaves."""
    stack = await start_stack(
        settings={"SIGN_IN": "follow"},
        source=[
            in_source("new", immutable_id="KN"),
            in_source("married", immutable_id="KO", display_name="Old 太郎", family_name="Old"),
            in_source("edited", immutable_id="KE", given_name="次郎"),
            in_source("leaves", immutable_id="KL", status="disabled"),
            in_source("back", immutable_id="KB"),
        ],
        entra=[
            in_entra("old", onPremisesImmutableId="KO"),
            in_entra("edited", onPremisesImmutableId="KE"),
            in_entra("leaves", onPremisesImmutableId="KL"),
            in_entra("leaver"),
        ],
        domains=[{"id": CONTOSO, "authenticationType": "Federated"}],
        tenant={
            "permissions": sorted(permissions),
            "deletedUsers": [in_entra("back", onPremisesImmutableId="KB")],
            "groups": [{"displayName": "Administrators", "isAssignableToRole": True}],
        },
    )
    if "Domain.Read.All" in permissions:
        await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


def said(run: Run) -> str:
    return " ".join((run.message, *run.warnings))


async def done(stack: Stack, run: Run) -> dict[str, tuple[str, str]]:
    """Nobody, where the run ended before it began an audit log."""
    return await treated(stack, run) if run.counts.source else {}


async def test_with_all_of_them_everything_is_done_and_nothing_is_said(start_stack: StartStack) -> None:
    stack = await started(start_stack, PERMISSIONS)

    run = await stack.sync()

    assert (run.status, run.warnings, await done(stack, run)) == ("succeeded", (), DONE)
    assert [call.url for call in stack.entra.requests.calls if call.status == 403] == []


@pytest.mark.parametrize("missing", WITHOUT)
async def test_without_one_its_own_things_are_lost_and_the_run_says_so(
    start_stack: StartStack, missing: str
) -> None:
    lost, status, words = WITHOUT[missing]
    stack = await started(start_stack, PERMISSIONS - {missing})

    run = await stack.sync()

    assert (run.status, words in said(run)) == (status, True), said(run)
    expected = {name: outcome for name, outcome in (DONE | lost).items() if outcome}
    assert await done(stack, run) == expected


async def test_with_reading_alone_the_run_names_what_writes(start_stack: StartStack) -> None:
    stack = await started(start_stack, PERMISSIONS - {"User.ReadWrite.All"} | {"User.Read.All"})

    run = await stack.sync()

    assert run.status == "failed"
    assert "grant the app User.ReadWrite.All." in said(run)


async def test_without_the_domains_nothing_starts_and_the_answer_names_the_permission(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack, PERMISSIONS - {"Domain.Read.All"})

    refused = await stack.post(f"domains/{CONTOSO}/sync")

    assert (refused.status_code, stack.writes()) == (502, [])
    assert "grant it Domain.Read.All" in refused.json()["detail"]


async def test_without_applications_the_pre_check_says_so(start_stack: StartStack) -> None:
    stack = await started(start_stack, PERMISSIONS - {"Application.Read.All"})

    found = await stack.pre_check()

    assert "grant Application.Read.All" in found["notice"]


def test_every_permission_has_its_test() -> None:
    assert {*WITHOUT, "Domain.Read.All"} == PERMISSIONS


@pytest.mark.parametrize("granted", [True, False])
async def test_the_tenant_is_named_where_the_app_may_read_it(start_stack: StartStack, granted: bool) -> None:
    stack = await started(start_stack, PERMISSIONS - (set() if granted else {"Organization.Read.All"}))

    answer = await stack.get("domains")

    tenant = answer.json()["tenant"]
    assert answer.status_code == 200
    assert (tenant and tenant["displayName"]) == ("Contoso" if granted else None)
