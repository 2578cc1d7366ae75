"""Who waits, and what an administrator decides about it, over HTTP."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.model.runs import Run
from tests.integration.safety.test_leavers import (
    DAY,
    HOUR,
    account,
    enabled,
    joins,
    make_older,
    rows,
    set_enabled,
    started,
    sync,
)
from tests.integration.test_changes import changes
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_source

NOBODY = "00000000-0000-4000-8000-000000000000"


async def waiting(stack: Stack, place: str = f"domains/{CONTOSO}/leavers") -> list[Json]:
    answer = await stack.get(place)
    assert answer.status_code == 200, answer.text
    found: list[Json] = answer.json()["leavers"]
    return found


async def decide(stack: Stack, status: int = 200, **order: object) -> Json:
    """About the only leaver."""
    (leaver,) = await waiting(stack)
    answer = await stack.post(f"domains/{CONTOSO}/leavers/{leaver['objectId']}", order)
    assert answer.status_code == status, answer.text
    body: Json = answer.json()
    return body


async def test_who_waits_and_until_when(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    assert await waiting(stack) == []
    await stack.sync()
    (blocking,) = await waiting(stack)
    await stack.sync()
    (one,) = await waiting(stack)

    assert (blocking["state"], one["state"]) == ("blocking", "waiting")
    assert one["terms"] == {"block": True, "deleteAfterDays": 30}
    assert (one["userPrincipalName"], one["accountDomain"]) == (f"leaver@{CONTOSO}", CONTOSO)
    assert (one["blockedByUs"], one["obstacle"]) == (True, None)
    due = datetime.fromisoformat(one["deleteAt"]) - datetime.fromisoformat(one["since"])
    assert timedelta(days=30) <= due < timedelta(days=30, hours=1)
    assert await waiting(stack, "leavers") == [one]
    await make_older(stack, 31 * DAY)
    assert [leaver["state"] for leaver in await waiting(stack)] == ["due"]


async def test_delete_now_is_a_run_for_that_person(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver", "other")
    await stack.sync()
    leaver = next(one for one in await waiting(stack) if one["userPrincipalName"].startswith("leaver"))

    answer = await stack.post(f"domains/{CONTOSO}/leavers/{leaver['objectId']}", {"do": "delete"})
    run = await stack.finished(Run.model_validate(answer.json()))

    assert (answer.status_code, answer.headers["Location"]) == (202, f"/api/domains/{CONTOSO}/runs/{run.id}")
    assert (run.status, run.counts.delete, run.only) == ("succeeded", 1, 1)
    assert (account(stack, "leaver"), enabled(stack, "other")) == (None, False)
    (row,) = await stack.audit_log(run)
    assert "Ordered by function key." in row["reason"]
    assert [one["userPrincipalName"] for one in await waiting(stack)] == [f"other@{CONTOSO}"]


async def test_delete_now_also_of_somebody_kept_and_beyond_the_limit(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    await decide(stack, do="keep")
    await stack.set(maxAllowedDeletions=1)

    run = await stack.finished(Run.model_validate(await decide(stack, 202, do="delete")))

    assert (run.status, run.counts.delete) == ("succeeded", 1)


async def test_delete_now_makes_the_same_looks(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    user = stack.entra.directory.user(f"leaver@{CONTOSO}")
    assert user is not None
    user.mailbox = "shared"

    run = await stack.finished(Run.model_validate(await decide(stack, 202, do="delete")))

    assert run.counts.delete == 0
    assert account(stack, "leaver")


async def test_who_is_kept_stays_blocked_until_they_return(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    kept = await decide(stack, do="keep")

    later = await sync(stack, 400 * DAY)

    assert (kept["state"], kept["deleteAt"]) == ("kept", None)
    assert (later.counts.made, enabled(stack, "leaver")) == (0, False)
    assert "warning.leaversKept" not in {part.code for part in later.warning_parts}
    joins(stack, in_source("leaver"))
    assert (await sync(stack, 401 * DAY)).counts.unblock == 1


async def test_a_date_is_decided_on_also_for_who_was_kept(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await sync(stack, timedelta(0))
    await sync(stack, HOUR)
    set_enabled(stack, "leaver", True)
    await sync(stack, 2 * HOUR)
    await sync(stack, 3 * HOUR)
    assert [one["state"] for one in await waiting(stack)] == ["kept"]

    until = (datetime.now(UTC) + 3 * DAY).isoformat()
    waits = await decide(stack, do="wait", until=until)
    again = await sync(stack, DAY)
    early = await sync(stack, 2 * DAY)
    deleted = await sync(stack, 4 * DAY)

    assert (waits["state"], again.counts.block, early.counts.made) == ("blocking", 1, 0)
    assert deleted.counts.delete == 1


async def test_decisions_are_changes(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    until = (datetime.now(UTC) + 3 * DAY).replace(microsecond=0).isoformat()
    await decide(stack, do="keep")
    await decide(stack, do="wait", until=until)
    await stack.finished(Run.model_validate(await decide(stack, 202, do="delete")))

    told = [
        (one["leaver"]["before"], one["leaver"]["after"]) for one in await changes(stack) if one["leaver"]
    ]
    (setting,) = [one for one in await changes(stack) if one["settings"]]

    assert told == [("wait", "delete"), ("keep", "wait"), ("wait", "keep")]
    assert "leavers" in {one["setting"] for one in setting["settings"]}
    back = {one["setting"]: one["before"] for one in setting["settings"]}
    await stack.set(**back)
    assert (await stack.get(f"domains/{CONTOSO}")).json()["leavers"] == {"block": False, "deleteAfterDays": 0}


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"do": "wait"}, "body"),
        ({"do": "keep", "until": "2100-01-01T00:00:00Z"}, "body"),
        ({"do": "wait", "until": "2020-01-01T00:00:00Z"}, "until"),
        ({"do": "wait", "until": "2100-01-01T00:00:00"}, "until"),
        ({"do": "undo"}, "do"),
        ({}, "do"),
    ],
)
async def test_bad_orders_are_named(start_stack: StartStack, order: Json, field: str) -> None:
    stack = await started(start_stack, "leaver")
    await stack.sync()
    problem = await decide(stack, 400, **order)
    assert field in {one["field"] for one in problem["errors"]} | {"body"}


async def test_nobody_else_can_be_decided_about(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver")
    for order in ({"do": "keep"}, {"do": "delete"}):
        answer = await stack.post(f"domains/{CONTOSO}/leavers/{NOBODY}", order)
        assert (answer.status_code, f"No leaver with the account {NOBODY}" in answer.text) == (404, True)
    assert (await stack.get("domains/unknown.example/leavers")).status_code == 404


@pytest.mark.parametrize(
    "terms",
    [
        {"block": "yes"},
        {"deleteAfterDays": -1},
        {"deleteAfterDays": 4000},
        {"block": True, "days": 3},
        None,
        30,
    ],
)
async def test_a_bad_setting_is_refused(start_stack: StartStack, terms: object) -> None:
    stack = await start_stack()
    assert (await stack.patch(f"domains/{CONTOSO}", {"leavers": terms})).status_code == 400


async def test_a_what_if_shows_who_would_be_blocked_instead(start_stack: StartStack) -> None:
    stack = await started(start_stack, "leaver", terms={"block": False, "deleteAfterDays": 0})
    order = {"settings": {"leavers": {"block": True, "deleteAfterDays": 30}}}
    run = Run.model_validate((await stack.post(f"domains/{CONTOSO}/dry-run", order)).json())

    tried = await stack.finished(run)

    assert (tried.counts.block, tried.counts.delete) == (1, 0)
    assert tried.what_if is not None
    assert [(one.today, one.tried) for one in tried.what_if.some] == [("delete", "block")]
    assert await rows(stack) == {}


async def test_a_newcomer_who_needs_the_address_of_a_leaver_is_told_until_when(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack, "leaver")
    joins(stack, in_source("leaver", immutable_id="old=="))
    stack.access_control.users.edit("stays0", {"immutable_id": "stays=="})
    await stack.sync()
    stack.access_control.users.remove("leaver")
    await stack.sync()
    newcomer = {**in_source("new", immutable_id="new=="), "user_principal_name": f"leaver@{CONTOSO}"}
    newcomer |= {"family_name": "田中", "given_name": "次郎", "display_name": "田中 次郎"}
    joins(stack, newcomer)

    run = await stack.dry_run()

    due = (await rows(stack))["leaver"].due
    assert due is not None
    told = " ".join(row["errorMessage"] + row["reason"] for row in await stack.audit_log(run))
    assert f"is a leaver who waits until {due.date().isoformat()}" in told
