"""A source that can't be read completely deletes nobody, and the run says what happened."""

import pytest

from local.access_control import Fault
from tests.support.stack import Stack, StartStack, in_entra, in_source

PAGE_SIZE = 10


async def started(start_stack: StartStack, *faults: Fault, people: int = 30) -> Stack:
    """Everybody is on both sides, three pages of them, and every deletion would be allowed."""
    names = [f"user{n}" for n in range(people)]
    stack = await start_stack(
        source=[in_source(name) for name in names],
        entra=[in_entra(name) for name in names],
        access_control={"pageSize": PAGE_SIZE},
    )
    await stack.set(maxAllowedDeletions=100)
    stack.access_control.faults.add(*faults)
    return stack


@pytest.mark.parametrize(
    ("fault", "message"),
    [
        (Fault(kind="status", status=403, page=2), "GET users (next page) answered 403"),
        (Fault(kind="status", status=500, retry_after=0, page=2), "GET users (next page) answered 500"),
        (Fault(kind="invalidJson", page=2), "GET users (next page) answered what is not JSON"),
        (Fault(kind="notJson", page=2), "GET users (next page) answered what is not JSON"),
        (Fault(kind="redirect", page=2), "GET users (next page) answered 302"),
        (Fault(kind="repeatCursor", page=2), "the list is not complete"),
        (Fault(kind="emptyList", page=1), "Access Control has no user at all"),
        (Fault(kind="status", call="token", status=401), "POST token answered 401: check HENNGE_CLIENT_ID"),
    ],
)
@pytest.mark.parametrize("kind", ["sync", "dry-run"])
async def test_an_incomplete_source_fails_the_run_with_nothing_applied(
    start_stack: StartStack, kind: str, fault: Fault, message: str
) -> None:
    stack = await started(start_stack, fault)

    run = await stack.finished(await stack.start(kind))

    assert run.status == "failed"
    assert message in run.message
    assert run.message.endswith("Nothing was applied.")
    assert stack.writes() == []


async def test_a_source_without_anybody_on_the_domain_fails_the_run(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki", "elsewhere.example")], entra=[in_entra("aoki")])

    run = await stack.sync()

    assert run.status == "failed"
    assert run.message.startswith("The source has no user on contoso.com: that would delete everybody there")
    assert stack.writes() == []


async def test_a_list_that_ends_early_once_deletes_nobody_because_it_is_read_again(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack, Fault(kind="endsEarly", page=2, count=1))

    run = await stack.sync()

    assert (run.counts.delete, stack.writes()) == (0, [])
    assert {row["reason"] for row in await stack.audit_log(run)} == {
        "In Entra only: the source has no such user. Never seen by a sync. Not deleted: the source has this user again."
    }


async def test_a_list_that_goes_on_ending_early_meets_max_allowed_deletions(start_stack: StartStack) -> None:
    stack = await started(start_stack, Fault(kind="endsEarly", page=2))
    await stack.set(maxAllowedDeletions=20)

    run = await stack.sync()

    assert (run.status, stack.writes()) == ("cancelled", [])
    assert "11 of 30 users = 36.7% ≥ 20%" in run.message


async def test_a_second_read_that_fails_deletes_nobody_and_keeps_the_other_changes(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)
    stack.access_control.users.remove("user0")
    stack.access_control.users.edit("user1", {"display_name": "new"})
    stack.access_control.faults.add(Fault(kind="status", status=403, page=1, nth=2))

    run = await stack.sync()

    assert (run.status, run.counts.update, run.counts.failed) == ("completedWithErrors", 1, 1)
    assert "user0@contoso.com" in stack.users()
    (row,) = [row for row in await stack.audit_log(run) if row["action"] == "delete"]
    assert (row["result"], row["errorCode"]) == ("failed", "SourceUnreadable")
