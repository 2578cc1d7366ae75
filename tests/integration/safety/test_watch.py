"""A watched domain: every hour a dry run of its own, after which nothing has changed but what is known of people."""

from datetime import UTC, datetime, timedelta

import pytest

from local.access_control import User
from local.access_control.faults import Fault
from shared.model.runs import Run
from shared.store.storage import AUDIT_LOGS, JOURNAL, RUNS, TENANT
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

FABRIKAM = "fabrikam.example"
# Something of every kind that a sync would do.
SOURCE = [
    in_source("new"),
    in_source("edited", given_name="次郎"),
    in_source("married", immutable_id="KM"),
    in_source("back", immutable_id="KB"),
    in_source("leaves", status="disabled"),
    *map(in_source, "abcdef"),
]
ENTRA = [
    *map(in_entra, ("edited", "leaves", "leaver")),
    in_entra("single", onPremisesImmutableId="KM"),
    *map(in_entra, "abcdef"),
]


async def watched(start_stack: StartStack, **more: object) -> Stack:
    stack = await start_stack(
        source=SOURCE,
        entra=ENTRA,
        settings={"SIGN_IN": "follow"},
        tenant={"deletedUsers": [in_entra("back", onPremisesImmutableId="KB")], **more},
    )
    await stack.set(periodicSync="watch")
    return stack


async def hour(stack: Stack) -> Run:
    (run,) = await stack.hour()
    return run


async def domain(stack: Stack) -> Json:
    """The domain as the list has it."""
    listed: list[Json] = (await stack.get("domains")).json()["domains"]
    return next(one for one in listed if one["name"] == CONTOSO)


def done(run: Run) -> tuple[int, ...]:
    counts = run.counts
    return counts.add, counts.update, counts.rename, counts.restore, counts.block, counts.delete


async def everything_stored(stack: Stack, container: str) -> dict[str, bytes]:
    opened = await stack.services.storage.open_container(container)
    names = [name async for name in opened.list_blob_names()]
    return {name: await (await opened.download_blob(name)).readall() for name in names}


async def test_the_hour_of_a_watched_domain_sends_entra_nothing_but_reads(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    before = stack.users()

    runs = [await hour(stack) for _ in range(3)]

    assert [(run.mode, run.kind, run.trigger, run.status) for run in runs] == [
        ("dryRun", "watch", "schedule", "succeeded")
    ] * 3
    assert done(runs[0]) == (1, 1, 1, 1, 1, 1)
    assert stack.writes() == []
    assert {call.method for call in stack.entra.requests.calls if call.path != "/$batch"} == {"GET"}
    assert stack.users() == before


async def test_in_storage_it_leaves_its_log_and_who_is_who(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    settings = await stack.services.domains.find(CONTOSO)

    run = await hour(stack)

    assert set(await everything_stored(stack, AUDIT_LOGS)) == {
        f"watch/{CONTOSO}/{run.id}.csv",
        f"watch/{CONTOSO}/{run.id}.jsonl",
    }
    assert await everything_stored(stack, JOURNAL) == {}
    # The list, for when Graph can't be asked, and what the pre-check has found.
    assert set(await everything_stored(stack, TENANT)) == {"domains", f"pre-check/{CONTOSO}"}
    assert await stack.services.domains.find(CONTOSO) == settings
    table = await stack.services.storage.open_table(RUNS)
    rows = table.query_entities("PartitionKey eq @domain", parameters={"domain": CONTOSO})
    assert {row["RowKey"] async for row in rows} == {run.id, "last-watch", "log-head"}
    memory = await stack.services.known_people.read(CONTOSO)
    assert memory.links.keys() == {"edited", "married", "leaves", *"abcdef"}


async def test_the_administrators_dry_run_stays_the_last_one(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    mine = await stack.dry_run()
    log = await stack.audit_log_bytes(mine)

    watch = await hour(stack)

    shown = await domain(stack)
    assert shown["periodicSync"] == "watch"
    assert (shown["lastDryRun"]["id"], shown["lastWatch"]["id"]) == (mine.id, watch.id)
    assert shown["lastSync"] is None
    assert shown["nextRunAt"] is not None
    assert await stack.audit_log_bytes(mine) == log
    assert {row["runId"] for row in await stack.audit_log(watch)} == {watch.id}
    people = (await stack.get(f"domains/{CONTOSO}/runs/{watch.id}/people")).json()["people"]
    assert {person["action"] for person in people} >= {
        "add",
        "update",
        "rename",
        "restore",
        "block",
        "delete",
    }


async def test_nobody_can_approve_it(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    watch = await hour(stack)

    answer = await stack.post(f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": watch.id}})

    assert (answer.status_code, stack.writes()) == (409, [])
    assert "only looked at the domain" in answer.json()["detail"]


async def test_after_a_week_of_edited_upns_the_first_sync_renames(start_stack: StartStack) -> None:
    """The source has no immutable IDs here, so only memory knows who was who."""
    stack = await start_stack(source=[*map(in_source, "abcdef")], entra=[*map(in_entra, "abcdef")])
    await stack.set(periodicSync="watch")
    before = {user["id"] for user in stack.users().values()}
    for name in "abcdef":
        await hour(stack)
        stack.access_control.users.edit(name, {"user_principal_name": f"{name}.married@{CONTOSO}"})
    await stack.set(periodicSync=False, maxRenames=None)

    run = await stack.sync()

    assert (run.status, done(run)) == ("succeeded", (0, 0, 6, 0, 0, 0))
    assert {user["id"] for user in stack.users().values()} == before


async def test_the_same_plan_is_told_since_when_and_another_one_begins_anew(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    first = await hour(stack)
    second = await hour(stack)
    stack.access_control.users.edit("new", {"given_name": "三郎"})
    third = await hour(stack)

    assert first.same_since == first.created_at
    assert second.same_since == first.created_at
    assert done(third) == done(first)
    assert third.same_since == third.created_at


async def test_an_hour_that_could_not_look_does_not_end_it(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    first = await hour(stack)
    stack.access_control.faults.add(Fault(kind="status", status=403))
    failed = await hour(stack)
    stack.access_control.faults.clear()
    third = await hour(stack)

    assert [run.status for run in (failed, third)] == ["failed", "succeeded"]
    assert failed.same_since == third.same_since == first.created_at


async def test_after_a_pause_it_is_not_told_what_was_between(start_stack: StartStack) -> None:
    stack = await watched(start_stack)
    first = await hour(stack)
    table = await stack.services.storage.open_table(RUNS)
    row = await table.get_entity(CONTOSO, "last-watch")
    then = datetime.now(UTC) - timedelta(days=3)
    row["run"] = first.model_copy(update={"created_at": then, "same_since": then}).model_dump_json(
        by_alias=True
    )
    await table.upsert_entity(row, mode="replace")

    second = await hour(stack)

    assert second.same_since == second.created_at


@pytest.mark.parametrize("good_map", ["of another map", None])
async def test_a_changed_map_is_watched_at_once_and_is_not_reviewed_by_it(
    start_stack: StartStack, good_map: str | None
) -> None:
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    await stack.sync()
    await stack.set(periodicSync="watch")
    table = await stack.services.storage.open_table(RUNS)
    row = await table.get_entity(CONTOSO, "good-sync")
    await table.upsert_entity({**row, "map": good_map or ""}, mode="replace")

    watch = await hour(stack)

    assert watch.status == "succeeded"
    shown = await domain(stack)
    assert (shown["waitingForReview"], shown["nextRunAt"] is not None) == (False, True)
    assert (await table.get_entity(CONTOSO, "good-sync"))["map"] == (good_map or "")
    refused = await stack.post(f"domains/{CONTOSO}/sync")
    assert refused.status_code == 409
    assert f"run a dry run of {CONTOSO}" in refused.json()["detail"]


async def test_others_count_a_watched_domain_as_one_that_no_timer_synchronises(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(
        source=[in_source("aoki")], domains=[{"id": CONTOSO, "isDefault": True}, {"id": FABRIKAM}]
    )
    await stack.set(periodicSync="watch")
    await stack.set(FABRIKAM, periodicSync=True)

    tick = await stack.tick()

    assert await stack.services.administration.read_syncing() == {FABRIKAM}
    assert (tick["domains"], set(tick["queued"])) == ([FABRIKAM], {CONTOSO, FABRIKAM})


async def test_its_log_says_how_many_questions_are_open_and_since_when(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=list(map(in_source, ("aoki", "taro"))), entra=list(map(in_entra, ("aoki", "taro")))
    )
    await stack.sync()
    stack.access_control.users.remove("taro")
    stack.access_control.users.put(User.model_validate({**in_source("taro"), "username": "taro2"}))
    await stack.set(periodicSync="watch")

    run = await hour(stack)

    assert (run.questions, run.questions_since is None) == (1, False)
    assert any(part.code == "run.questions" for part in run.message_parts)
