"""Writes whose answers are lost: each has one row that tells the truth, in this run or in the next, and an undo."""

from datetime import UTC, datetime, timedelta

import pytest

from local.access_control import User
from local.entra import Fault
from shared.model.runs import Run
from tests.support.outcomes import ANY_DELETION, errors_of, names, rows_of, treated, undone
from tests.support.stack import Stack, StartStack, in_entra, in_source

LEAVERS = [f"gone{n}" for n in range(4)]
# After the looks before the plan and before the deletion.
LATER = tuple(range(3, 100))


async def leavers(start_stack: StartStack, *gone: str) -> Stack:
    stack = await start_stack(
        source=[in_source("stays")], entra=[in_entra("stays"), *(in_entra(name) for name in gone)]
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


def unheard(method: str) -> Fault:
    return Fault(kind="status", status=504, where="inner", method=method, path="/users/*", took_effect=True)


def unseen(stack: Stack, name: str, nth: tuple[int, ...] | None = None) -> Fault:
    account = stack.users()[f"{name}@contoso.com"]["id"]
    return Fault(kind="status", status=503, method="GET", path=f"/users/{account}", nth=nth)


async def in_doubt(start_stack: StartStack) -> tuple[Stack, Run]:
    """A deletion that took effect; neither was its answer heard, nor could anybody look."""
    stack = await leavers(start_stack, "gone")
    stack.entra.faults.add(unheard("DELETE"), unseen(stack, "gone", LATER))
    sync = await stack.sync()
    stack.entra.faults.clear()
    return stack, sync


async def test_deletions_that_took_effect_unheard_succeeded_and_an_undo_restores_them(
    start_stack: StartStack,
) -> None:
    stack = await leavers(start_stack, *LEAVERS)
    stack.entra.faults.add(unheard("DELETE"))

    sync = await stack.sync()

    assert await treated(stack, sync) == dict.fromkeys(LEAVERS, ("delete", "succeeded"))
    assert (sync.status, sync.counts.delete, sync.counts.failed) == ("succeeded", 4, 0)
    undo = await undone(stack, sync)
    assert (undo.counts.restore, names(stack.users())) == (4, {"stays", *LEAVERS})


async def test_what_nobody_could_look_up_is_in_doubt_until_the_next_run_closes_it(
    start_stack: StartStack,
) -> None:
    stack, sync = await in_doubt(start_stack)
    assert await treated(stack, sync) == {"gone": ("delete", "inDoubt")}
    assert (sync.status, sync.counts.delete, sync.counts.failed, sync.counts.doubtful) == (
        "completedWithErrors", 0, 0, 1,
    )  # fmt: skip
    assert "1 in doubt" in sync.message

    closing, after = await stack.sync(), await stack.sync()

    assert await treated(stack, closing) == {"gone": ("delete", "succeeded")}
    assert (closing.status, closing.counts.delete) == ("succeeded", 1)
    assert await stack.audit_log(after) == []


async def test_an_undo_looks_at_what_is_in_doubt_too(start_stack: StartStack) -> None:
    stack, sync = await in_doubt(start_stack)

    undo = await undone(stack, sync)

    assert (undo.counts.restore, names(stack.users())) == (1, {"stays", "gone"})


@pytest.mark.parametrize("left", ["on hold", "changed by hand"])
async def test_an_undo_that_settles_it_says_of_whom_it_leaves_alone_why(
    start_stack: StartStack, left: str
) -> None:
    stack = await start_stack(
        source=[in_source("aoki", display_name="New", family_name="New")], entra=[in_entra("aoki")]
    )
    account = stack.users()["aoki@contoso.com"]["id"]
    stack.entra.faults.add(unheard("PATCH"), unseen(stack, "aoki"))
    sync = await stack.sync()
    stack.entra.faults.clear()
    if left == "on hold":
        until = datetime.now(UTC) + timedelta(days=1)
        order = {"until": until.isoformat(), "reason": "-"}
        assert (await stack.http.put(f"/api/people/{account}/hold", json=order)).status_code == 200
    else:
        stack.entra.directory.update(stack.entra.directory.users[account], {"surname": "By hand"})

    undo = await undone(stack, sync)

    rows = await stack.audit_log(undo)
    told = [(row["action"], row["result"]) for row in rows]
    assert told == [*[("update", "succeeded")] * 2, ("skip", "skipped")]
    assert ("On hold until" if left == "on hold" else "family name is 'By hand'") in rows[-1]["reason"]
    assert stack.users()["aoki@contoso.com"]["displayName"] == "New"


async def test_a_sync_whose_look_fails_again_hands_the_doubt_on(start_stack: StartStack) -> None:
    stack, _ = await in_doubt(start_stack)
    (account,) = stack.entra.directory.deleted
    stack.entra.faults.add(Fault(kind="status", status=503, method="GET", path=f"/users/{account}"))

    again = await stack.sync()
    stack.entra.faults.clear()
    closing = await stack.sync()

    assert await treated(stack, again) == {"gone": ("delete", "inDoubt")}
    assert await treated(stack, closing) == {"gone": ("delete", "succeeded")}


@pytest.mark.parametrize("wanted_still", [True, False])
async def test_what_did_not_take_effect_is_done_again_or_said_to_have_failed(
    start_stack: StartStack, wanted_still: bool
) -> None:
    stack = await start_stack(source=[in_source("aoki", display_name="New")], entra=[in_entra("aoki")])
    lost = Fault(kind="status", status=504, where="inner", method="PATCH")
    stack.entra.faults.add(lost, unseen(stack, "aoki"))
    sync = await stack.sync()
    stack.entra.faults.clear()
    if not wanted_still:
        aoki = stack.entra.directory.user("aoki@contoso.com")
        assert aoki is not None
        former = in_source("aoki", display_name=aoki["displayName"])
        stack.access_control.users.put(User.model_validate(former))

    closing = await stack.sync()

    assert await treated(stack, sync) == {"aoki": ("update", "inDoubt")}
    assert await treated(stack, closing) == {"aoki": ("update", "succeeded" if wanted_still else "failed")}
    assert await errors_of(stack, closing) == ({} if wanted_still else {"aoki": "NotMade"})


async def test_whoever_is_left_alone_for_two_reasons_beside_a_closed_doubt_has_one_skip_with_both(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(
        settings={"SIGN_IN": "block"},
        source=[in_source("aoki", display_name="New"), in_source("stays")],
        entra=[in_entra("aoki"), in_entra("stays")],
    )
    stack.entra.faults.add(
        Fault(kind="status", status=504, where="inner", method="PATCH"), unseen(stack, "aoki")
    )
    await stack.sync()
    stack.entra.faults.clear()
    # What is to be written is refused, and nobody is blocked while roles can't be read.
    stack.access_control.users.edit("aoki", {"given_name": "x" * 65, "status": "disabled"})
    stack.entra.faults.add(Fault(kind="status", status=503, method="GET", path="/roleManagement/*"))

    closing = await stack.sync()

    rows = await stack.audit_log(closing)
    assert [(row["action"], row["errorCode"]) for row in rows] == [("update", "NotMade"), ("skip", "")]
    assert "Not blocked unseen" in rows[1]["reason"]
    assert "Given name has 65 characters" in rows[1]["reason"]


async def test_whose_new_account_does_not_show_yet_gets_no_second_one(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("stays"), in_source("new")], entra=[in_entra("stays")])
    stack.entra.faults.plan.fresh_not_found_seconds = 3_600
    stack.entra.faults.add(Fault(kind="status", status=504, where="inner", method="POST", took_effect=True))
    sync = await stack.sync()
    stack.entra.faults.clear()
    stack.entra.faults.plan.fresh_not_found_seconds = 3_600
    corrected = in_source("new", user_principal_name="correct@contoso.com")
    stack.access_control.users.put(User.model_validate(corrected))

    too_soon = await stack.sync()
    stack.entra.faults.clear()
    closing = await stack.sync()

    assert await treated(stack, sync) == {"new": ("add", "inDoubt")}
    assert await treated(stack, too_soon) == {"new": ("add", "inDoubt")}
    assert (closing.status, closing.counts.add, closing.counts.rename) == ("succeeded", 1, 1)
    assert names(stack.users()) == {"stays", "correct"}


async def test_whom_somebody_else_deletes_meanwhile_is_not_deleted_by_the_sync(
    start_stack: StartStack,
) -> None:
    stack = await leavers(start_stack, "gone")
    gone = stack.entra.directory.user("gone@contoso.com")
    assert gone is not None
    # Graph answers as if an administrator had been first.
    stack.entra.faults.add(Fault(kind="status", status=404, where="inner", method="DELETE"))

    sync = await stack.sync()

    assert await treated(stack, sync) == {"gone": ("delete", "unchanged")}
    assert (sync.status, sync.counts.delete, sync.counts.unchanged) == ("succeeded", 0, 2)
    assert "by somebody else" in (await rows_of(stack, sync))["gone"]["reason"]
    assert (await undone(stack, sync)).counts.restore == 0
