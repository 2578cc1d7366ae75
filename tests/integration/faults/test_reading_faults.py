"""Entra's side read through its faults: to the last page or not at all."""

import pytest

from local.access_control import Fault as SourceFault
from local.entra import Fault
from tests.support.stack import Stack, StartStack, in_entra, in_source, until

PEOPLE = 30


async def started(start_stack: StartStack, *faults: Fault) -> Stack:
    """Everybody is on both sides, and every deletion and addition would be allowed."""
    names = [f"user{n}" for n in range(PEOPLE)]
    stack = await start_stack(
        source=[in_source(name) for name in names], entra=[in_entra(name) for name in names]
    )
    await stack.set(maxAllowedDeletions=100)
    stack.entra.faults.add(*faults)
    return stack


async def test_a_domain_of_two_thousand_costs_a_request_a_page_and_a_handful(start_stack: StartStack) -> None:
    names = [f"user{n}" for n in range(2_000)]
    stack = await start_stack(
        source=[in_source(name) for name in names],
        entra=[in_entra(name) for name in names],
        access_control={"pageSize": 500},
    )

    run = await stack.sync()

    assert run.counts.unchanged == 2_000
    asked = [call for call in stack.entra.requests.calls if not call.inner]
    # Everybody; the domain, whose people are not known yet.
    assert len([call for call in asked if call.path == "/users"]) == 3 + 3
    assert len(asked) <= 3 + 3 + 9


@pytest.mark.parametrize(
    "fault",
    [
        Fault(kind="status", status=429, retry_after=1, where="outer", method="GET", count=3),
        Fault(kind="status", status=503, where="outer", method="GET", count=2),
        Fault(kind="drop", where="outer", method="GET", count=2),
        Fault(kind="emptyPage", path="/users", count=1),
    ],
    ids=["throttled", "overloaded", "dropped", "an empty page with more behind it"],
)
async def test_what_passes_is_waited_for(start_stack: StartStack, fault: Fault) -> None:
    stack = await started(start_stack, fault)

    run = await stack.sync()

    assert (run.status, run.counts.unchanged, run.warnings) == ("succeeded", PEOPLE, ())
    assert fault.struck > 0
    assert stack.writes() == []


async def test_a_listing_that_is_short_once_is_read_once_more(start_stack: StartStack) -> None:
    stack = await started(start_stack, Fault(kind="shortListing", missing=5, path="/users", count=1))

    run = await stack.sync()

    assert (run.status, run.counts.unchanged, run.warnings) == ("succeeded", PEOPLE, ())
    assert stack.writes() == []


async def test_a_listing_that_stays_short_is_named_in_the_run(start_stack: StartStack) -> None:
    stack = await started(start_stack, Fault(kind="countTooHigh", missing=5, path="/users"))

    run = await stack.sync()

    assert run.status == "succeeded"
    (warning,) = run.warnings
    assert warning.startswith(f"Entra listed {PEOPLE} users twice where it counted {PEOPLE + 5}")


# Of everybody, and of the domain, two lists each.
SHORT = Fault(kind="shortListing", missing=5, path="/users", where="outer", count=4)


async def test_whoever_a_short_listing_left_out_is_not_created_a_second_time(start_stack: StartStack) -> None:
    stack = await started(start_stack, SHORT)
    before = stack.users()

    run = await stack.sync()

    assert stack.users() == before
    assert "twice where it counted" in run.warnings[0]


async def test_both_sides_are_read_at_the_same_time(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    listed, given = stack.hold_up(where="outer"), SourceFault(kind="delay", ms=600_000)
    stack.access_control.faults.add(given)
    run = await stack.start("sync")

    async def both_are_asked() -> bool:
        return bool(listed.struck and given.struck)

    # Neither is answered before both are asked.
    await until(both_are_asked)
    stack.let_go()
    stack.access_control.faults.clear()

    assert (await stack.finished(run)).counts.unchanged == PEOPLE
