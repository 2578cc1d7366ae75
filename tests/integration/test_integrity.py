"""A row of the log that is changed directly in storage is named by `GET /api/integrity`."""

from collections.abc import Callable
from typing import Any

import orjson
import pytest

from shared.store.storage import DOMAINS, RUNS
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

OF_DOMAIN = f"?domain={CONTOSO}"


async def verified(stack: Stack, query: str = OF_DOMAIN) -> Json:
    """The last page."""
    page: Json = {"cursor": ""}
    while page["cursor"] is not None:
        more = f"&cursor={page['cursor']}" if page["cursor"] else ""
        answer = await stack.get(f"integrity{query or '?'}{more}")
        assert answer.status_code == 200, answer.text
        page = answer.json()
    return page


async def broken(stack: Stack, query: str = OF_DOMAIN) -> tuple[str, str, str] | None:
    page = await verified(stack, query)
    found = page["broken"]
    assert page["whole"] == (found is None)
    return found and (page["log"], found["flaw"], found["row"])


async def rows_of(stack: Stack, name: str) -> list[Json]:
    """Every row of a table, as it is stored."""
    table = await stack.services.storage.open_table(name)
    return [dict(row) async for row in table.list_entities()]


async def put(stack: Stack, name: str, row: Json) -> None:
    table = await stack.services.storage.open_table(name)
    await table.upsert_entity(row, mode="replace")


async def busy(start_stack: StartStack) -> Stack:
    """A domain with runs and changes of every kind."""
    stack = await start_stack(
        source=[in_source("aoki", display_name="Saito"), in_source("stays")],
        entra=[in_entra("saito", displayName="Saito"), in_entra("stays")],
    )
    await stack.set(maxAllowedDeletions=100, leavers={"block": True, "deleteAfterDays": 30})
    await stack.patch("settings", {"usageLocation": "JP", "protectedUsers": [f"boss@{CONTOSO}"]})
    await stack.dry_run()
    asked = (await stack.get(f"domains/{CONTOSO}/decisions")).json()["questions"][0]
    pair = {"sourceId": asked["sourceId"], "objectId": asked["objectId"]}
    await stack.post(f"domains/{CONTOSO}/decisions", {"decisions": [{**pair, "same": False}]})
    await stack.sync()
    await stack.dry_run()
    return stack


def altered(value: object) -> object:
    """Another value of the same kind."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, dict):
        return {name: altered(one) for name, one in value.items()} or {"added": 1}
    return [*value, {"code": "x"}] if isinstance(value, list) else f"{value}x"


async def test_whatever_of_a_row_is_changed_is_named_and_what_names_people_is_left_out(
    start_stack: StartStack,
) -> None:
    stack = await busy(start_stack)
    assert await broken(stack) is None
    assert await broken(stack, "") is None
    unnoticed: dict[str, set[str]] = {"run": set(), "quality": set(), "settings": set(), "decision": set()}

    async def strike(name: str, row: Json, column: str, field: str, kind: str) -> None:
        document = orjson.loads(row[column])
        struck = orjson.dumps({**document, field: altered(document[field])}).decode()
        await put(stack, name, {**row, column: struck})
        query = OF_DOMAIN if row["PartitionKey"] == CONTOSO else ""
        found = await broken(stack, query)
        if found is None:
            unnoticed[kind].add(field)
        else:
            log = "runs" if name == RUNS else "changes"
            assert found == (log, "altered", row["RowKey"])
        await put(stack, name, row)

    runs = [row for row in await rows_of(stack, RUNS) if row["RowKey"][0].isdigit()]
    for column, kind in (("run", "run"), ("quality", "quality")):
        for field in orjson.loads(runs[0][column]):
            await strike(RUNS, runs[0], column, field, kind)
    changes = [row for row in await rows_of(stack, DOMAINS) if row["RowKey"].startswith("change-")]
    for row in changes:
        for field in orjson.loads(row["after"]):
            kind = "decision" if "objectId" in row["after"] else "settings"
            await strike(DOMAINS, row, "after", field, kind)

    assert await broken(stack) is None
    assert unnoticed == {
        "run": {"requestedBy", "requestedFrom", "message", "warnings"},
        "quality": {"failing"},
        # Of the others it is seen that they did not change.
        "settings": {"protectedUsers"},
        "decision": {"id", "sourceId", "objectId", "by", "address"},
    }


Attack = Callable[[list[Json]], list[Json]]


async def test_each_way_to_change_the_log_is_named(start_stack: StartStack) -> None:
    stack = await busy(start_stack)
    table = await stack.services.storage.open_table(RUNS)
    rows = {row["RowKey"]: row for row in await rows_of(stack, RUNS) if row["PartitionKey"] == CONTOSO}
    newest, middle, oldest = sorted(key for key in rows if key[0].isdigit())

    async def after(*gone: str, **put_instead: Any) -> tuple[str, str, str] | None:
        for key in gone:
            await table.delete_entity(CONTOSO, key)
        for key, row in put_instead.items():
            await put(stack, RUNS, {**row, "RowKey": key})
        found = await broken(stack)
        for key in put_instead:
            await table.delete_entity(CONTOSO, key)
        for key in (*gone, *put_instead):
            if key in rows:
                await put(stack, RUNS, rows[key])
        return found

    for key in (newest, middle, oldest):
        assert await after(key) == ("runs", "missing", key)
        assert await after(**{key: {**rows[key], "status": "failed"}}) == ("runs", "altered", key)
        assert await after(**{key: {**rows[key], "mode": "dry"}}) == ("runs", "altered", key)
    bare = {name: value for name, value in rows[middle].items() if name not in ("follows", "hash")}
    assert await after(**{middle: bare}) == ("runs", "altered", middle)
    added = f"{middle[:-8]}{'0' * 8}"
    assert await after(**{added: bare}) == ("runs", "added", added)
    assert await after(**{added: rows[middle]}) == ("runs", "altered", added)
    assert await after("log-head") == ("runs", "head", newest)
    head = rows["log-head"]
    assert await after(**{"log-head": {**head, "mark": rows[newest]["follows"]}}) == ("runs", "added", newest)
    assert await after(**{middle: rows[oldest], oldest: rows[middle]}) == ("runs", "altered", middle)
    copy = {**rows["last-sync"], "run": rows["last-sync"]["run"].replace('"add":1', '"add":0')}
    assert await after(**{"last-sync": copy}) == ("runs", "altered", "last-sync")
    assert await broken(stack) is None


async def test_who_is_left_of_a_chain_made_anew_is_told_by_a_head_that_was_kept(
    start_stack: StartStack,
) -> None:
    stack = await busy(start_stack)
    kept = (await verified(stack))["heads"]
    finished = stack.events.named("run.finished")
    assert finished[-1]["head"] == kept["runs"]
    assert stack.events.named("change.recorded")[-1]["head"] == kept["tenantChanges"]
    await stack.dry_run()
    for name, head in kept.items():
        query = f"?head={head}" if name == "tenantChanges" else f"{OF_DOMAIN}&head={head}"
        assert await broken(stack, query) is None
    table = await stack.services.storage.open_table(RUNS)
    for row in await rows_of(stack, RUNS):
        await table.delete_entity(row)

    await stack.dry_run()

    assert await broken(stack) is None
    found = await broken(stack, f"{OF_DOMAIN}&head={kept['runs']}")
    assert found is not None
    assert found[:2] == ("runs", "kept")


@pytest.mark.parametrize(
    "query",
    [
        "?cursor=x",
        "?cursor=eyJsb2ciOiJydW5zIn0=",
        "?head=1/2/3",
        "?domain=nowhere..x",
        "?domain=elsewhere.example",
        "?more=1",
    ],
)
async def test_a_bad_question_is_refused(start_stack: StartStack, query: str) -> None:
    stack = await start_stack()
    assert (await stack.get(f"integrity{query}")).status_code in (400, 404)


async def test_a_cursor_is_of_its_log_alone(start_stack: StartStack) -> None:
    stack = await start_stack()
    await stack.dry_run()
    page = (await stack.get(f"integrity{OF_DOMAIN}")).json()
    assert (page["log"], page["checked"], page["whole"]) == ("runs", 1, False)

    elsewhere = [
        (await stack.get(f"integrity?{place}cursor={page['cursor']}")).status_code
        for place in ("", "domain=fabrikam.com&", "domain=no..name&")
    ]

    assert elsewhere == [400, 400, 404]
