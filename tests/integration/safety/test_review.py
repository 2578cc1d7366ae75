"""A changed map, or another sign-in state, waits for a person: no hour acts on it, whoever or whatever changed it."""

import pytest

from shared.model.runs import Run
from shared.runs.invocation import perform
from shared.store.storage import RUNS
from tests.support.stack import CONTOSO, Stack, StartStack, in_entra, in_source


async def started(start_stack: StartStack) -> Stack:
    """A domain with periodic sync and a good sync, and somebody whose family name has changed since."""
    stack = await start_stack(source=[in_source("aoki")], entra=[in_entra("aoki")])
    await stack.set(periodicSync=True)
    assert (await stack.sync()).status == "succeeded"
    stack.access_control.users.edit("aoki", {"family_name": "鈴木"})
    return stack


async def last_good_map(stack: Stack, digest: str | None) -> None:
    """As a sync under other settings has left it; with None, as an earlier version of the app has."""
    table = await stack.services.storage.open_table(RUNS)
    row = await table.get_entity(CONTOSO, "good-sync")
    row.pop("map")
    if digest is not None:
        row["map"] = digest
    await table.upsert_entity(row, mode="replace")
    await stack.services.hours.forget(CONTOSO)


async def previewed_map(stack: Stack, digest: str) -> None:
    table = await stack.services.storage.open_table(RUNS)
    await table.upsert_entity({"PartitionKey": CONTOSO, "RowKey": "previewed", "map": digest})


async def shown(stack: Stack) -> tuple[bool, bool]:
    """Whether the domain waits, and whether a next run is announced."""
    (listed,) = (d for d in (await stack.get("domains")).json()["domains"] if d["name"] == CONTOSO)
    return listed["waitingForReview"], listed["nextRunAt"] is not None


@pytest.mark.parametrize("digest", ["of another map", None])
async def test_the_hour_waits_until_a_person_has_started_a_sync_under_the_new_settings(
    start_stack: StartStack, digest: str | None
) -> None:
    stack = await started(start_stack)
    assert await shown(stack) == (False, True)
    await last_good_map(stack, digest)

    await stack.tick()

    assert stack.writes() == []
    assert await shown(stack) == (True, False)
    assert [line["domain"] for line in stack.events.named("timer.waitsForReview")] == [CONTOSO]

    await stack.dry_run()
    assert await shown(stack) == (True, False)
    run = await stack.sync()
    assert (run.status, run.counts.update) == ("succeeded", 1)
    assert await shown(stack) == (False, True)


async def test_a_domain_that_never_had_a_good_sync_does_not_wait(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki", family_name="鈴木")], entra=[in_entra("aoki")])
    await stack.set(periodicSync=True)

    await stack.tick()
    (run,) = await stack.runs()
    run = await stack.finished(run)

    assert (run.trigger, run.status, run.counts.update) == ("schedule", "succeeded", 1)
    assert await shown(stack) == (False, True)


async def test_a_person_starts_no_sync_before_a_dry_run_of_everybody_under_the_new_settings(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)
    await stack.dry_run()
    await last_good_map(stack, "of another map")
    # Neither of these shows what a sync of everybody does now; the first one's map was another one's, too.
    for body in ({"settings": {"unlinked": "ask"}}, {"only": ["aoki"]}):
        answer = await stack.post(f"domains/{CONTOSO}/dry-run", body)
        assert (await stack.finished(Run.model_validate(answer.json()))).status == "succeeded"
    await previewed_map(stack, "of another map")

    for order in ({}, {"only": ["aoki"]}):
        refused = await stack.post(f"domains/{CONTOSO}/sync", order)

        assert refused.status_code == 409
        assert f"run a dry run of {CONTOSO}, read it, then start the sync" in refused.json()["detail"]
    assert stack.writes() == []
    await stack.dry_run()
    assert (await stack.sync()).status == "succeeded"


async def test_a_dry_run_of_before_the_last_good_sync_shows_nothing_of_what_comes_after(
    start_stack: StartStack,
) -> None:
    """Settings that are tried, taken back for a while, and set again."""
    stack = await started(start_stack)
    await stack.dry_run()
    assert (await stack.sync()).status == "succeeded"
    await last_good_map(stack, "of another map")

    refused = await stack.post(f"domains/{CONTOSO}/sync")

    assert refused.status_code == 409


async def test_a_map_that_changes_after_the_dry_run_ends_the_sync_that_was_started(
    start_stack: StartStack,
) -> None:
    stack = await started(start_stack)
    await last_good_map(stack, "of another map")
    await stack.dry_run()
    run = await stack.start_without_message()
    await previewed_map(stack, "of yet another map")

    await perform(stack.services, CONTOSO, run.id)

    ended = await stack.run(run)
    assert (ended.status, stack.writes()) == ("cancelled", [])
    assert "read a dry run, then start a sync by hand" in ended.message


async def test_a_sync_that_an_upgrade_meets_on_its_way_ends_and_says_why(start_stack: StartStack) -> None:
    """Whoever started it, it was started under the settings of before."""
    stack = await started(start_stack)
    run = await stack.start_without_message()
    row = await stack.services.runs.get(CONTOSO, run.id)
    fence = await stack.services.runs.take(CONTOSO, run.id)
    assert fence is not None
    await stack.services.runs.save(fence, row.model_copy(update={"map_digest": ""}))
    await last_good_map(stack, None)

    await perform(stack.services, CONTOSO, run.id)

    ended = await stack.run(run)

    assert (ended.status, stack.writes()) == ("cancelled", [])
    assert "read a dry run, then start a sync by hand" in ended.message


async def test_an_approval_of_a_dry_run_of_an_earlier_version_is_refused(start_stack: StartStack) -> None:
    stack = await started(start_stack)
    dry_run = await stack.dry_run()
    await last_good_map(stack, None)
    table = await stack.services.storage.open_table(RUNS)
    row = await table.get_entity(CONTOSO, dry_run.id)
    row["run"] = dry_run.model_copy(update={"settings_digest": ""}).model_dump_json(by_alias=True)
    await table.upsert_entity(row, mode="replace")

    answer = await stack.post(f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": dry_run.id}})

    assert answer.status_code == 412
