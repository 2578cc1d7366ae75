"""What Graph says of the app, the tenant or one mailbox, through a whole run: nobody's row says failed for it."""

import csv
import io

import pytest

from local.entra import Fault
from shared.model.records import Author
from shared.model.runs import Mode, Run, Trigger
from shared.runs import lifecycle
from shared.runs.invocation import Finished, perform
from shared.services import Services
from shared.settings import Settings
from shared.words import said
from tests.integration.test_invocation import PassingTime
from tests.support.stack import CONTOSO, Stack, StackOptions, StartStack, in_entra, in_source

ONE_AT_A_TIME = {"BATCHES_IN_FLIGHT": "1"}
READ_ONLY = frozenset(
    {
        "Domain.Read.All",
        "User.Read.All",
        "RoleManagement.Read.Directory",
        "MailboxSettings.Read",
        "GroupMember.Read.All",
    }
)


async def performed(stack: Stack, trigger: Trigger = Trigger.MANUAL) -> Run:
    """A sync from start to end, in which waiting takes no time."""
    author = Author("somebody", "127.0.0.1")
    run = lifecycle.new_run(stack.services.clock, CONTOSO, Mode.SYNC, trigger, author)
    await lifecycle.start(stack.services, run)
    services = Services(Settings.from_environment(stack.settings), PassingTime())
    try:
        assert await perform(services, CONTOSO, run.id) == Finished()
    finally:
        await services.aclose()
    return await stack.services.runs.get(CONTOSO, run.id)


async def results(stack: Stack, run: Run) -> list[str]:
    """The result of each person in the audit log, which has a row for each attribute."""
    log = await stack.services.audit_logs.read(run, stack.services.clock.now())
    rows = csv.DictReader(io.StringIO(log.decode("utf-8-sig"), newline=""))
    return sorted({row["userPrincipalName"]: row["result"] for row in rows}.values())


def from_then_on(calls: int, **fault: object) -> Fault:
    return Fault.model_validate({"kind": "status", "nth": tuple(range(calls + 1, 1_000)), **fault})


def changed(count: int) -> StackOptions:
    """So many people who are called differently in the source, and a run that sends one batch after the other."""
    names = [f"user{n}" for n in range(count)]
    return {
        "source": [in_source(name, given_name="New") for name in names],
        "entra": [in_entra(name) for name in names],
        "host": False,
        "settings": ONE_AT_A_TIME,
    }


async def test_five_seconds_of_401_fail_nobody(start_stack: StartStack) -> None:
    names = [f"user{n}" for n in range(60)]
    stack = await start_stack(source=[in_source(name) for name in names], host=False, settings=ONE_AT_A_TIME)
    stack.entra.faults.add(Fault(kind="status", status=401, path="/$batch", nth=(2, 3, 4, 5)))

    run = await performed(stack)

    assert (run.status, run.counts.add, run.counts.failed) == ("succeeded", 60, 0)
    assert stack.entra.requests.count("POST", "/$batch", status=401) == 4


async def test_a_run_whose_app_is_refused_fails_without_failing_anybody(
    start_stack: StartStack,
) -> None:
    names = [f"user{n}" for n in range(60)]
    stack = await start_stack(source=[in_source(name) for name in names], host=False, settings=ONE_AT_A_TIME)
    # Two read: what protects, for all domains, and for this one with who has the UPNs.
    stack.entra.faults.add(from_then_on(2 + 1, status=403, path="/$batch"))

    run = await performed(stack)

    assert (run.status, run.counts.add, run.counts.failed) == ("failed", 20, 0)
    assert said(run.message_parts).startswith("Graph refused a whole batch: 403 ")
    assert await results(stack, run) == ["succeeded"] * 20
    stack.entra.faults.clear()
    rest = await performed(stack)
    assert (rest.status, rest.counts.add, rest.counts.unchanged) == ("succeeded", 40, 20)


@pytest.mark.parametrize("people", [3, 20, 70])
async def test_a_run_without_the_permission_to_write_fails_early_and_names_it(
    start_stack: StartStack, people: int
) -> None:
    stack = await start_stack(**changed(people))
    stack.entra.permissions = READ_ONLY

    run = await performed(stack)

    assert (run.status, run.counts.failed, run.counts.update) == ("failed", 0, 0)
    assert "grant the app User.ReadWrite.All. A permission that was granted today" in said(run.message_parts)
    assert await results(stack, run) == []
    assert len(stack.writes()) == min(people, 20)
    stack.entra.permissions = None
    assert (await performed(stack)).counts.update == people


async def test_one_person_who_is_denied_among_others_is_their_own_failure(start_stack: StartStack) -> None:
    stack = await start_stack(**changed(30))
    stack.entra.faults.add(Fault(kind="status", status=403, method="PATCH", where="inner", nth=(1,)))

    run = await performed(stack)

    assert (run.status, run.counts.failed, run.counts.update) == ("completedWithErrors", 1, 29)


async def test_a_full_tenant_stops_the_adds_alone(start_stack: StartStack) -> None:
    options = changed(5)
    options["source"] = [*options["source"], *(in_source(f"new{n}") for n in range(50))]
    options["entra"] = [*options["entra"], in_entra("leaver")]
    options["tenant"] = {"tenant": {"objectQuota": 16}}
    stack = await start_stack(**options)

    run = await performed(stack)

    assert (run.status, run.counts.update, run.counts.add) == ("completedWithErrors", 5, 10)
    assert (run.counts.failed, run.counts.skipped, run.counts.delete) == (0, 40, 1)
    assert said(run.message_parts).count("Directory_QuotaExceeded") == len(run.warning_parts) == 1
    assert await results(stack, run) == ["skipped"] * 40 + ["succeeded"] * 16
    assert stack.entra.requests.count("POST", "/users") == 20


async def test_one_mailbox_of_two_hours_keeps_its_own_leaver_alone(start_stack: StartStack) -> None:
    names = ["throttled", "leaver"]
    stack = await start_stack(
        source=[in_source(f"user{n}") for n in range(20)],
        entra=[in_entra(name, id=f"id-{name}") for name in names] + [in_entra(f"user{n}") for n in range(20)],
        host=False,
    )
    busy = Fault(kind="status", status=429, retry_after=7_200, path="/users/*throttled/mailboxSettings")
    stack.entra.faults.add(busy)

    run = await performed(stack)

    assert (run.status, run.counts.delete, run.counts.skipped) == ("succeeded", 1, 1)
    assert [upn for upn in stack.users() if "user" not in upn] == [f"throttled@{CONTOSO}"]
    assert busy.struck == 1


@pytest.mark.parametrize(("trigger", "priority"), [(Trigger.SCHEDULE, "low"), (Trigger.MANUAL, "normal")])
async def test_a_timers_run_lets_others_go_first(
    start_stack: StartStack, trigger: Trigger, priority: str
) -> None:
    stack = await start_stack(**changed(1))
    author = Author("somebody", "127.0.0.1")
    await stack.services.domains.change(CONTOSO, {"periodic_sync": True}, author)

    run = await performed(stack, trigger)

    assert run.counts.update == 1
    asked = [call for call in stack.entra.requests.calls if call.path != "/$batch"]
    assert {call.priority for call in asked} == {priority}
