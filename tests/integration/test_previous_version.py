"""What the previous version left in its storage is taken up: runs in flight, dry runs to approve, syncs to undo.

`tests/data/previous_version` has samples; removable with them, 30 days after the deployment that followed.
"""

import base64
import contextlib
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from azure.core.exceptions import ResourceNotFoundError
from azure.storage.queue.aio import QueueClient

from local.access_control import User
from shared.model.runs import Run
from shared.runs.messages import QUEUE, message
from shared.runs.recorder import Recorder
from shared.store.runs import PEOPLE
from shared.store.storage import LINKS, RUNS
from tests.support.outcomes import approved_sync, names, undone
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_source, until

SAMPLES = Path(__file__).parents[1] / "data" / "previous_version"


async def started_from(start_stack: StartStack, name: str) -> tuple[Stack, Run]:
    """A product on what the previous version left, and the run of the sample."""
    folder = SAMPLES / name
    sides = json.loads((folder / "sides.json").read_bytes())
    stack = await start_stack(
        source=sides["source"],
        # Two have exchanged their UPNs, as only people without a mailbox can.
        entra=[{**user, "_mailbox": "none"} for user in sides["entra"]["users"]],
        tenant={"deletedUsers": sides["entra"]["deletedUsers"]},
        # As its version read the map: only what it left undone is to be done.
        settings={
            "ATTRIBUTE_MAP": json.dumps({**json.loads(sides["settings"]["ATTRIBUTE_MAP"]), **_UNMAPPED})
        },
    )
    storage = stack.services.storage
    table = await storage.open_table(RUNS)
    for row in json.loads((folder / "runs.json").read_bytes()):
        await table.create_entity(row)
    for file, blob in json.loads((folder / "blobs.json").read_bytes()).items():
        container = await storage.open_container(blob["container"])
        await container.upload_blob(
            blob["name"], (folder / file).read_bytes(), blob_type=blob["type"], metadata=blob["metadata"]
        )
    await stack.services.domains.remember(CONTOSO)
    await stack.set(maxAllowedDeletions=100)
    return stack, await stack.services.runs.get(CONTOSO, sides["run"])


_UNMAPPED = {"mailNickname": None}


def users_before(name: str) -> dict[str, Json]:
    before = json.loads((SAMPLES / name / "sides.json").read_bytes())["before"]["users"]
    return {user["userPrincipalName"]: shown(user) for user in before}


def shown(user: Json) -> dict[str, Any]:
    return {name: user.get(name) for name in ("id", "displayName", "surname", "onPremisesImmutableId")}


async def send(stack: Stack, run: Run) -> None:
    connection = stack.settings["AzureWebJobsStorage"]
    async with QueueClient.from_connection_string(connection, QUEUE) as queue:

        async def sent() -> bool:
            with contextlib.suppress(ResourceNotFoundError):  # the host is about to make it
                await queue.send_message(base64.b64encode(message(CONTOSO, run.id).encode()).decode())
                return True
            return False

        await until(sent)


async def rows_by_person(stack: Stack, run: Run) -> dict[str, Counter[tuple[str, str, str]]]:
    """By the local part of the UPN: how often each attribute has a row, by action and result."""
    counted: dict[str, Counter[tuple[str, str, str]]] = {}
    for row in await stack.audit_log(run):
        name = row["userPrincipalName"].partition("@")[0]
        counted.setdefault(name, Counter())[row["action"], row["result"], row["attribute"]] += 1
    return counted


class TestASyncInFlight:
    @pytest.fixture
    async def left(self, start_stack: StartStack) -> tuple[Stack, Run]:
        return await started_from(start_stack, "cut-off")

    async def test_it_goes_on_and_every_change_has_one_row(self, left: tuple[Stack, Run]) -> None:
        stack, run = left

        await send(stack, run)

        ended = await stack.finished(run)
        assert (ended.status, ended.invocations) == ("succeeded", 2)
        assert (ended.counts.add, ended.counts.update, ended.counts.delete, ended.counts.skipped) == (
            40,
            5,
            1,
            1,
        )
        by_person = await rows_by_person(stack, ended)
        assert len(by_person) == 47
        assert {number for each in by_person.values() for number in each.values()} == {1}
        assert {len({(a, r) for a, r, _ in each}) for each in by_person.values()} == {1}
        # All forty had taken effect.
        assert [write.split()[0] for write in stack.writes()] == ["DELETE"]

    async def test_what_did_not_take_effect_is_done(self, left: tuple[Stack, Run]) -> None:
        stack, run = left
        directory = stack.entra.directory
        for name in ("added35", "added36"):
            user = directory.user(f"{name}@{CONTOSO}")
            assert user is not None
            directory.delete(user)
            del directory.deleted[user.id]

        await send(stack, run)

        ended = await stack.finished(run)
        assert (ended.status, ended.counts.add) == ("succeeded", 40)
        assert {"added35", "added36"} <= names(stack.users())

    async def test_one_whose_upn_was_edited_meanwhile_is_renamed(self, left: tuple[Stack, Run]) -> None:
        """Linked by the rows alone: their outcome never got into the journal."""
        stack, run = left
        account = stack.users()["added3@contoso.com"]["id"]
        edited = in_source("edited") | {
            "username": "=added3",
            "display_name": "Added3 太郎",
            "family_name": "Added3",
        }
        stack.access_control.users.put(User.model_validate(edited))

        await send(stack, run)

        ended = await stack.finished(run)
        assert (ended.status, ended.counts.add, ended.counts.rename) == ("succeeded", 40, 1)
        assert stack.users()["edited@contoso.com"]["id"] == account

    async def test_it_is_taken_up_a_second_time_with_the_records_of_both_versions(
        self, left: tuple[Stack, Run]
    ) -> None:
        stack, run = left
        fence = await stack.services.runs.take(CONTOSO, run.id)
        assert fence is not None
        recorder = await Recorder.open(stack.services, run, fence.invocation)
        doubts = recorder.in_doubt

        await send(stack, run)

        ended = await stack.finished(run)
        assert len(doubts) == 20
        assert (ended.status, ended.counts.add, ended.counts.update) == ("succeeded", 40, 5)
        by_person = await rows_by_person(stack, ended)
        assert {number for each in by_person.values() for number in each.values()} == {1}

    async def test_once_finished_it_can_be_undone(self, left: tuple[Stack, Run]) -> None:
        stack, run = left
        await send(stack, run)
        ended = await stack.finished(run)

        undo = await undone(stack, ended, disableAdded=True)

        assert (undo.status, undo.counts.restore) == ("succeeded", 1)
        added = {upn: user for upn, user in stack.users().items() if upn.startswith("added")}
        assert [user["accountEnabled"] for user in added.values()] == [False] * 40
        rest = {upn: shown(user) for upn, user in stack.users().items() if upn not in added}
        assert rest == users_before("cut-off")


async def test_a_finished_sync_can_be_undone_by_its_journal(start_stack: StartStack) -> None:
    stack, sync = await started_from(start_stack, "finished")

    undo = await undone(stack, sync, disableAdded=True)

    assert undo.status == "succeeded", undo.message
    after = stack.users()
    kept = {
        upn: after.pop(upn) for upn in ("added@contoso.com", "added2@contoso.com", "returned@contoso.com")
    }
    assert [user["accountEnabled"] for user in kept.values()] == [False] * 3
    assert {upn: shown(user) for upn, user in after.items()} == users_before("finished")


async def synchronised(left: Stack) -> Run:
    """The good sync of that version has no map on record, so a dry run under the present one comes first."""
    await left.dry_run()
    return await left.sync()


class TestLinks:
    @pytest.fixture
    async def left(self, start_stack: StartStack) -> Stack:
        stack, _ = await started_from(start_stack, "finished")
        return stack

    async def test_they_are_taken_over_without_a_doubt_and_left_for_a_rollback(self, left: Stack) -> None:
        old = (SAMPLES / "finished" / "links.json").read_bytes()

        run = await synchronised(left)

        memory = await left.services.known_people.read(CONTOSO)
        assert memory.links.items() >= json.loads(old).items()
        assert (run.status, run.warnings) == ("succeeded", ())
        container = await left.services.storage.open_container(LINKS)
        assert await (await container.download_blob(CONTOSO)).readall() == old

    async def test_one_whose_upn_was_edited_since_is_renamed(self, left: Stack) -> None:
        account = left.users()["added@contoso.com"]["id"]
        left.access_control.users.edit("added", {"user_principal_name": "edited@contoso.com"})

        run = await synchronised(left)

        assert (run.status, run.counts.rename) == ("succeeded", 1)
        assert left.users()["edited@contoso.com"]["id"] == account

    async def test_where_two_domains_contradict_each_other_an_account_that_a_upn_confirms_counts(
        self, left: Stack
    ) -> None:
        links = json.loads((SAMPLES / "finished" / "links.json").read_bytes())
        container = await left.services.storage.open_container(LINKS)
        other = {"added": "00000000-0000-0000-0000-00000000abcd"}
        await container.upload_blob("fabrikam.com", json.dumps(other).encode())
        before = await left.services.known_people.read(CONTOSO)

        await synchronised(left)

        after = await left.services.known_people.read(CONTOSO)
        assert "added" not in before.links
        assert after.links["added"] == links["added"]

    async def test_once_taken_over_they_are_not_read_again(self, left: Stack) -> None:
        await synchronised(left)
        container = await left.services.storage.open_container(LINKS)
        await container.delete_blob(PEOPLE)

        run = await left.sync()

        assert (await left.services.known_people.read(CONTOSO)).doubt
        assert "was lost or damaged, and begun anew" in " ".join(run.warnings)


class TestADryRun:
    async def test_it_can_be_approved(self, start_stack: StartStack) -> None:
        stack, dry_run = await started_from(start_stack, "dry-run")
        await stack.set(maxAllowedDeletions=20)

        run = await approved_sync(stack, dry_run)

        assert (run.status, run.counts.delete) == ("succeeded", 3)
        assert names(stack.users()) == {f"user{n}" for n in range(3, 10)}

    async def test_it_is_gone_once_the_next_one_has_overwritten_it(self, start_stack: StartStack) -> None:
        stack, dry_run = await started_from(start_stack, "dry-run")
        await stack.dry_run()

        answer = await stack.post(f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": dry_run.id}})

        assert answer.status_code == 410
