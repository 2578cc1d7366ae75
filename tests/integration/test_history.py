"""What was done to a person, over HTTP: by runs and administrators, and erased once they are gone."""

from base64 import urlsafe_b64encode

from tests.integration.safety.test_holds import hold, lift
from tests.integration.safety.test_who_is_who import decide, listed, mistyped
from tests.integration.test_http_api import problem
from tests.support.outcomes import ANY_DELETION, approved_sync, object_id, undone
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source


async def history(stack: Stack, name: str) -> list[Json]:
    answer = await stack.get(f"people/{name}/history")
    assert answer.status_code == 200, answer.text
    entries: list[Json] = answer.json()["entries"]
    return entries


async def erase(stack: Stack, name: str) -> int:
    answer = await stack.http.request("DELETE", f"/api/people/{name}/history", json={})
    if answer.status_code >= 400:
        problem(answer, answer.status_code)
    return answer.status_code


def told(entries: list[Json]) -> list[tuple[str, str | None]]:
    return [(one["action"], one["result"]) for one in entries]


async def test_everything_that_happened_to_somebody_is_told_newest_first(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("baba")])
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    added = await stack.sync()
    account = object_id(stack, "aoki")
    stack.access_control.users.edit("aoki", {"family_name": "鈴木"})
    updated = await stack.sync()
    await undone(stack, updated)
    await hold(stack, "aoki")
    await lift(stack, account)
    await stack.sync()
    stack.access_control.users.edit("aoki", {"user_principal_name": f"suzuki@{CONTOSO}"})
    await stack.sync()
    stack.access_control.users.remove("aoki")
    await stack.set(maxAllowedDeletions=0)
    await approved_sync(stack, await stack.dry_run())

    entries = await history(stack, account)

    assert told(entries) == [
        ("delete", "succeeded"), ("rename", "succeeded"), ("update", "succeeded"), ("liftHold", None),
        ("hold", None), ("update", "succeeded"), ("update", "succeeded"), ("add", "succeeded"),
    ]  # fmt: skip
    deleted, renamed, _, lifted, held, back, changed, first = entries
    assert (first["runId"], first["sourceId"], first["domain"]) == (added.id, "aoki", CONTOSO)
    assert (changed["attributes"], changed["values"], changed["runId"]) == (["surname"], None, updated.id)
    assert (back["kind"], "Undoes the sync" in back["reason"]) == ("undo", True)
    assert "On hold until" in held["reason"]
    assert held["by"] == lifted["by"] != ""
    assert renamed["userPrincipalName"] == f"aoki@{CONTOSO}"
    assert (deleted["approvedBy"], "Approved by" in deleted["reason"]) == (deleted["by"], True)
    key = f"u:{urlsafe_b64encode(b'aoki').decode().rstrip('=')}"
    for name in (f"aoki@{CONTOSO}", f"suzuki@{CONTOSO}", "aoki", key):
        assert await history(stack, name) == entries, name
    assert await history(stack, "baba") == []


async def test_decisions_are_part_of_it(start_stack: StartStack) -> None:
    stack, account = await mistyped(start_stack)
    await stack.sync()
    await decide(stack, "tarp", account, same=False)
    (decision,) = (await listed(stack))["decisions"]
    await stack.http.request("DELETE", f"/api/domains/{CONTOSO}/decisions/{decision['id']}", json={})

    assert told(await history(stack, account)) == told(await history(stack, "tarp")) == [
        ("takeBack", None), ("apart", None),
    ]  # fmt: skip


async def test_values_are_kept_only_where_that_is_switched_on(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", family_name="鈴木")], entra=[in_entra("aoki")],
        settings={"HISTORY_VALUES": "true"},
    )  # fmt: skip
    await stack.sync()

    (updated,) = await history(stack, "aoki")

    assert updated["values"] == [{"attribute": "surname", "before": "Aoki", "after": "鈴木"}]


async def test_with_zero_days_nothing_is_written(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[in_source("aoki", family_name="鈴木")],
        entra=[in_entra("aoki")],
        settings={"HISTORY_DAYS": "0"},
    )
    await stack.sync()

    assert (await stack.get("people/aoki/history")).json() == {"entries": [], "more": False, "days": 0}
    assert [
        one.name async for one in stack.services.storage.tables.list_tables() if "history" in one.name
    ] == []


async def test_a_failure_that_entra_answered_is_told_with_why(start_stack: StartStack) -> None:
    stack = await start_stack(source=[in_source("aoki", family_name="鈴木")], entra=[in_entra("aoki")])
    stack.hold_up(kind="status", status=400, code="Request_BadRequest", method="PATCH", path="/users/*")
    await stack.sync()

    (failed,) = await history(stack, "aoki")

    assert (failed["action"], failed["result"], failed["errorCode"]) == (
        "update",
        "failed",
        "Request_BadRequest",
    )
    assert failed["error"]


class TestErasing:
    async def test_somebody_who_has_gone_is_erased(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("baba")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        await stack.sync()
        account = object_id(stack, "aoki")
        for name in (account, "aoki", f"aoki@{CONTOSO}"):
            assert await erase(stack, name) == 409
        stack.access_control.users.remove("aoki")
        assert await erase(stack, account) == 409
        await stack.sync()

        assert await erase(stack, account) == 204

        for name in (account, "aoki", f"aoki@{CONTOSO}"):
            assert await history(stack, name) == []
        assert await erase(stack, "aoki") == 204

    async def test_nobody_is_erased_while_entra_can_not_say(self, start_stack: StartStack) -> None:
        stack = await start_stack(source=[in_source("aoki"), in_source("baba")], entra=[in_entra("baba")])
        await stack.set(maxAllowedDeletions=ANY_DELETION)
        await stack.sync()
        account = object_id(stack, "aoki")
        stack.access_control.users.remove("aoki")
        await stack.sync()
        stack.hold_up(kind="status", status=403, path="/users*")

        assert await erase(stack, account) in (409, 502)
