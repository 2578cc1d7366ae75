"""The tenant's settings over the API: where each comes from, who changed it, and the runs that follow them."""

import asyncio
from typing import Any

from local.entra import Fault
from shared.model.records import Author
from shared.runs.invocation import Continues, perform
from shared.store.storage import DOMAINS
from tests.integration.test_http_api import problem
from tests.support.outcomes import rows_of
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source, until

ROW = {"PartitionKey": "~tenant", "RowKey": "tenant-settings"}


async def shown(stack: Stack) -> Json:
    answer = await stack.get("settings")
    assert answer.status_code == 200, answer.text
    body: Json = answer.json()
    return body


async def change(stack: Stack, **settings: object) -> None:
    answer = await stack.patch("settings", settings)
    assert answer.status_code == 200, answer.text


async def recorded(stack: Stack) -> list[dict[str, Any]]:
    table = await stack.services.storage.open_table(DOMAINS)
    query = "PartitionKey eq '~tenant' and RowKey ge 'change-' and RowKey lt 'change.'"
    return [dict(row) async for row in table.query_entities(query)]


class TestWhatIsInForce:
    async def test_each_setting_says_where_it_comes_from(self, start_stack: StartStack) -> None:
        stack = await start_stack(settings={"USAGE_LOCATION": "JP", "PROTECTED_USERS": "ceo@contoso.com"})
        await change(stack, protectedUsers=["CFO@contoso.com"], attributeMap={"department": "Section"})

        seen = await shown(stack)

        assert seen["usageLocation"] == {"value": "JP", "from": "app setting"}
        assert seen["protectedUsers"] == {"value": ["ceo@contoso.com", "cfo@contoso.com"], "from": "stored"}
        assert seen["foreignDomains"] == {"value": [], "from": "default"}
        assert seen["attributeMap"]["from"] == "stored"
        assert seen["attributeMap"]["value"] == {"department": "Section"}
        assert seen["defaultMap"]["surname"] == "Family Name"

    async def test_null_returns_to_the_app_setting(self, start_stack: StartStack) -> None:
        stack = await start_stack(settings={"USAGE_LOCATION": "JP"})
        await change(stack, usageLocation="us")
        before = (await shown(stack))["usageLocation"]

        await change(stack, usageLocation=None)

        assert before == {"value": "US", "from": "stored"}
        assert (await shown(stack))["usageLocation"] == {"value": "JP", "from": "app setting"}

    async def test_a_bad_value_is_refused_by_its_name_and_nothing_is_stored(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack()

        answer = await stack.patch("settings", {"attributeMap": {"manager": "boss"}, "usageLocation": "JPN"})

        errors = problem(answer, 400)["errors"]
        assert {error["field"] for error in errors} == {"attributeMap", "usageLocation"}
        assert "manager can't be mapped" in answer.text
        assert (await shown(stack))["usageLocation"]["from"] == "default"

    async def test_a_change_needs_the_version_that_was_read(self, start_stack: StartStack) -> None:
        stack = await start_stack()
        etag = (await stack.get("settings")).headers["ETag"]

        first = await stack.patch("settings", {"usageLocation": "JP"}, **{"If-Match": etag})
        second = await stack.patch("settings", {"usageLocation": "US"}, **{"If-Match": etag})

        assert first.status_code == 200
        assert first.headers["ETag"] == (await stack.get("settings")).headers["ETag"] != etag
        problem(second, 412)
        assert (await shown(stack))["usageLocation"]["value"] == "JP"

    async def test_a_change_is_recorded_with_who_made_it(self, start_stack: StartStack) -> None:
        stack = await start_stack()

        await change(stack, usageLocation="JP")

        (one,) = await recorded(stack)
        assert one["changedBy"] == "function key"
        assert '"usageLocation": null' in one["before"]
        assert '"usageLocation": "JP"' in one["after"]
        assert stack.events.named("settings.changed")[-1]["after"]["usageLocation"] == "JP"

    async def test_the_row_of_the_tenant_is_no_domain(self, start_stack: StartStack) -> None:
        stack = await start_stack()
        await change(stack, usageLocation="JP")

        assert set(await stack.services.domains.read_all()) == set()
        assert [one["name"] for one in (await stack.get("domains")).json()["domains"]] == [
            CONTOSO,
            "contoso.onmicrosoft.com",
        ]


class TestWhatFollows:
    async def test_runs_pre_checks_and_people_follow_the_stored_settings(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source("aoki", custom_attributes={"section": "Sales"}), in_source("baba")],
            entra=[in_entra("aoki"), in_entra("baba"), in_entra("chiba")],
        )
        await change(
            stack,
            attributeMap={"department": "custom_attributes.section"},
            protectedUsers=["baba@contoso.com", "chiba@contoso.com"],
        )

        run = await stack.sync()
        pre_check = await stack.pre_check()
        person = (await stack.looked("people/aoki")).json()

        rows = await rows_of(stack, run)
        assert {name: row["action"] for name, row in rows.items()} == {
            "aoki": "update",
            "baba": "skip",
            "chiba": "skip",
        }
        assert stack.users()["aoki@contoso.com"]["department"] == "Sales"
        assert {one["address"] for one in pre_check["objects"]} == {"baba@contoso.com", "chiba@contoso.com"}
        assert person["source"]["department"] == "Sales"

    async def test_an_undo_follows_them_too(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki", given_name="New")], entra=[in_entra("aoki")])
        run = await stack.sync()
        await change(stack, protectedUsers=["aoki@contoso.com"])

        answer = await stack.post(f"domains/{CONTOSO}/runs/{run.id}/undo")
        undo = await stack.finished(type(run).model_validate(answer.json()))

        assert (undo.counts.update, undo.counts.skipped) == (0, 1)
        assert stack.users()["aoki@contoso.com"]["givenName"] == "New"

    async def test_a_run_ends_when_they_change_under_way_and_what_it_did_stands(
        self, start_stack: StartStack
    ) -> None:
        stack = await start_stack(
            source=[in_source(f"user{n}", given_name="New") for n in range(30)],
            entra=[in_entra(f"user{n}") for n in range(30)],
            settings={"BATCHES_IN_FLIGHT": "1"},
            host=False,
        )
        run = await stack.start_without_message()
        later = Fault(
            kind="status",
            status=429,
            retry_after=60,
            method="PATCH",
            path="/users/*",
            where="inner",
            nth=tuple(range(21, 1_000)),
        )
        stack.entra.faults.add(later)

        async def refused() -> int:
            return later.struck

        async with asyncio.TaskGroup() as tasks:
            performing = tasks.create_task(perform(stack.services, CONTOSO, run.id))
            await until(refused)
            await stack.services.runs.take(CONTOSO, run.id)
        assert isinstance(performing.result(), Continues)
        stack.let_go()
        await stack.services.tenant_settings.change(
            {"usage_location": "JP"}, Author("somebody", "192.0.2.1"), None
        )

        await perform(stack.services, CONTOSO, run.id)

        ended = await stack.services.runs.get(CONTOSO, run.id)
        changed = [user for user in stack.users().values() if user["givenName"] == "New"]
        assert ended.status == "cancelled"
        assert [part.code for part in ended.message_parts] == ["run.settingsChanged", "run.someStand"]
        assert len(changed) == ended.counts.update == 20


class TestWhatCantBeRead:
    async def test_is_never_replaced_by_a_default(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")], settings={"PROTECTED_USERS": "ceo@contoso.com"})
        await stack.set(periodicSync=True)
        await change(stack, usageLocation="JP")
        table = await stack.services.storage.open_table(DOMAINS)
        await table.update_entity({**ROW, "protected_users": '{"of": "a newer version"}'})

        tick = await stack.tick()
        refused = await stack.sync()

        assert (tick["domains"], tick["queued"]) == ([CONTOSO], [])
        assert stack.events.named("settings.unreadable")[-1]["settings"] == ["protected_users"]
        assert (refused.status, stack.writes()) == ("failed", [])
        assert "protectedUsers can't be read: set it anew" in refused.message
        seen = await shown(stack)
        assert (seen["unreadable"], seen["protectedUsers"]["value"]) == (["protectedUsers"], None)
        assert seen["usageLocation"] == {"value": "JP", "from": "stored"}

    async def test_is_set_anew(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki")])
        await change(stack, usageLocation="JP")
        table = await stack.services.storage.open_table(DOMAINS)
        await table.update_entity({**ROW, "protected_users": "damaged"})

        await change(stack, protectedUsers=None)

        assert (await shown(stack))["unreadable"] == []
        assert (await stack.sync()).status == "succeeded"


async def test_the_schedule_is_told_with_its_next_times(start_stack: StartStack) -> None:
    hourly = await start_stack()
    at_work = await start_stack(settings={"SYNC_SCHEDULE": "0 0 9-18 * * *"})

    (every, uneven) = [(await stack.get("settings")).json()["schedule"] for stack in (hourly, at_work)]

    assert (every["expression"], every["everySeconds"]) == ("0 0 * * * *", 3600)
    assert (uneven["expression"], uneven["everySeconds"]) == ("0 0 9-18 * * *", None)
    assert [time[14:19] for time in every["next"]] == ["00:00"] * 3
