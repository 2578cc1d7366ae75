"""Who is on hold is left as they are by whatever run, until the hold ends by itself or somebody lifts it."""

import asyncio
from datetime import UTC, datetime, timedelta

import httpx
import pytest

from tests.integration.test_http_api import problem
from tests.integration.test_pause import detail, hour
from tests.support.outcomes import ANY_DELETION, approved_sync, object_id, rows_of, treated, undone
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source, until

UNTIL = datetime.now(UTC).replace(second=0, microsecond=0) + timedelta(days=2)
SAID = f"On hold until {UNTIL:%Y-%m-%d %H:%M} UTC"
NOBODY = "00000000-0000-4000-8000-000000000000"


async def leaving(start_stack: StartStack) -> Stack:
    """Chiba and Doi have left, Baba has another name; Aoki stays."""
    stack = await start_stack(
        source=[in_source("aoki"), in_source("baba", family_name="馬場")],
        entra=[in_entra(name) for name in ("aoki", "baba", "chiba", "doi")],
    )
    await stack.set(maxAllowedDeletions=ANY_DELETION)
    return stack


async def put(stack: Stack, account: str, **order: object) -> httpx.Response:
    body = {"until": UNTIL.isoformat(), "reason": "人事プロジェクト", **order}
    return await stack.http.put(f"/api/people/{account}/hold", json=body)


async def hold(stack: Stack, name: str, **order: object) -> str:
    account = object_id(stack, name)
    answer = await put(stack, account, **order)
    assert answer.status_code == 200, answer.text
    return account


async def lift(stack: Stack, account: str) -> httpx.Response:
    return await stack.http.request("DELETE", f"/api/people/{account}/hold", json={})


async def found(stack: Stack, q: str) -> Json:
    (person,) = (await stack.get(f"people?q={q}")).json()["people"]
    return dict(person)


class TestRuns:
    async def test_nobody_on_hold_is_touched_and_each_row_says_until_when(
        self, start_stack: StartStack
    ) -> None:
        stack = await leaving(start_stack)
        await hold(stack, "baba")
        await hold(stack, "chiba")

        dry_run, sync = await stack.dry_run(), await stack.sync()

        for run, result in ((dry_run, "planned"), (sync, "succeeded")):
            assert await treated(stack, run) == {
                "baba": ("skip", "skipped"), "chiba": ("skip", "skipped"), "doi": ("delete", result),
            }  # fmt: skip
        rows = await rows_of(stack, sync)
        assert rows["chiba"]["reason"] == rows["baba"]["reason"] == f"{SAID}: 人事プロジェクト"
        check = sync.deletion_check
        assert check is not None
        assert (check.deletions, check.target) == (1, 2)
        assert [one for one in stack.writes() if one.startswith("PATCH")] == []

    async def test_scope_delete_keeps_the_account_while_updates_go_on(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        await hold(stack, "baba", scope="delete")
        await hold(stack, "chiba", scope="delete")

        sync = await stack.sync()

        assert await treated(stack, sync) == {
            "baba": ("update", "succeeded"), "chiba": ("skip", "skipped"), "doi": ("delete", "succeeded"),
        }  # fmt: skip
        assert "neither deleted nor blocked" in (await rows_of(stack, sync))["chiba"]["reason"]

    async def test_it_ends_by_itself_and_its_row_goes(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        await stack.sync()
        stack.access_control.users.remove("baba")
        account = await hold(stack, "baba")
        await stack.set(periodicSync=True)

        (before,) = await hour(stack, timedelta(days=1))
        (after,) = await hour(stack, timedelta(days=2, minutes=1))

        assert (before.counts.delete, after.counts.delete) == (0, 1)
        assert (await lift(stack, account)).status_code == 404
        assert f"baba@{CONTOSO}" not in stack.users()

    async def test_runs_remind_of_the_end_three_days_before(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        reminder = "Holds on users of this domain that end within 3 days: 1."
        await hold(stack, "chiba")
        await hold(stack, "doi", until=(UNTIL + timedelta(days=30)).isoformat())

        warnings = (await detail(stack, await stack.dry_run()))["warnings"]

        assert [one[: len(reminder)] for one in warnings if "Holds" in one] == [reminder]

    async def test_one_that_is_set_while_the_run_writes_still_keeps_a_leaver(
        self, start_stack: StartStack
    ) -> None:
        stack = await leaving(start_stack)
        stack.hold_up(method="PATCH", where="inner", path="/users/*")
        run = await stack.start("sync")

        async def begun() -> bool:
            return await stack.services.audit_logs.has_begun(run)

        await until(begun)
        await hold(stack, "chiba")
        stack.let_go()
        ended = await stack.finished(run)

        assert (await treated(stack, ended))["chiba"] == ("delete", "skipped")
        assert f"chiba@{CONTOSO}" in stack.users()
        assert SAID in (await rows_of(stack, ended))["chiba"]["reason"]

    async def test_neither_an_approval_nor_choosing_them_overrides_it(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        await stack.set(maxAllowedDeletions=0)
        dry_run = await stack.dry_run()
        account = await hold(stack, "chiba")

        approved = await approved_sync(stack, dry_run)
        answer = await stack.post(f"domains/{CONTOSO}/sync", {"only": [account]})
        assert answer.status_code == 202, answer.text
        await stack.finished(type(approved).model_validate(answer.json()))

        assert set(stack.users()) == {f"{name}@{CONTOSO}" for name in ("aoki", "baba", "chiba")}

    async def test_an_undo_leaves_them_as_they_are(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        baba, chiba = object_id(stack, "baba"), object_id(stack, "chiba")
        await put(stack, chiba)
        assert (await lift(stack, chiba)).status_code == 200
        sync = await stack.sync()
        await put(stack, baba)

        await undone(stack, sync)

        users = stack.users()
        assert users[f"baba@{CONTOSO}"]["surname"] == "馬場"
        assert f"chiba@{CONTOSO}" in users


class TestApi:
    async def test_it_is_shown_wherever_the_person_appears(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        account = await hold(stack, "chiba")

        person = (await stack.looked(f"people/{account}")).json()
        objects = (await stack.pre_check())["objects"]

        shown = person["hold"]
        assert datetime.fromisoformat(shown["until"]) == UNTIL
        assert (shown["reason"], shown["scope"]) == ("人事プロジェクト", "all")
        assert shown["by"]
        assert person["protection"].startswith(SAID)
        assert (await found(stack, "chiba"))["hold"] == shown
        assert (await found(stack, "doi"))["hold"] is None
        assert [(one["kind"], one["objectId"]) for one in objects] == [("onHold", account)]

    async def test_a_new_one_replaces_it_and_changes_record_all(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        first = (await put(stack, account := object_id(stack, "chiba"))).json()
        second = (await put(stack, account.upper(), scope="delete", reason=" longer ")).json()
        lifted = (await lift(stack, account)).json()

        changes = (await stack.get("changes")).json()["changes"]

        assert lifted == second
        assert second["reason"] == "longer"
        assert [one["hold"] for one in changes if one["hold"]] == [
            {"objectId": account, "before": second, "after": None},
            {"objectId": account, "before": first, "after": second},
            {"objectId": account, "before": None, "after": first},
        ]
        assert all(one["by"] for one in changes)
        assert (await stack.looked(f"people/{account}")).json()["hold"] is None

    async def test_two_who_set_it_at_once_are_both_recorded(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        account = object_id(stack, "chiba")

        answers = await asyncio.gather(*(put(stack, account, reason=f"r{number}") for number in range(4)))

        assert [one.status_code for one in answers] == [200] * 4
        chain = [one["hold"] for one in (await stack.get("changes")).json()["changes"]][::-1]
        assert [one["before"] for one in chain] == [None, *(one["after"] for one in chain[:-1])]

    @pytest.mark.parametrize(
        ("order", "field"),
        [
            ({"until": (UNTIL - timedelta(days=3)).isoformat()}, "until"),
            ({"until": (UNTIL + timedelta(days=367)).isoformat()}, "until"),
            ({"until": ""}, "until"),
            ({"reason": "  "}, "reason"),
            ({"reason": "x" * 301}, "reason"),
            ({"scope": "everything"}, "scope"),
        ],
    )
    async def test_an_order_that_can_not_be_is_refused(
        self, start_stack: StartStack, order: Json, field: str
    ) -> None:
        stack = await leaving(start_stack)

        answer = await put(stack, object_id(stack, "chiba"), **order)

        assert [one["field"] for one in problem(answer, 400)["errors"]] == [field]

    @pytest.mark.parametrize("account", [NOBODY, "chiba@contoso.com"])
    async def test_nobody_else_than_an_account_is_held(self, start_stack: StartStack, account: str) -> None:
        stack = await leaving(start_stack)

        problem(await put(stack, account), 404)
        problem(await lift(stack, account), 404)

    async def test_it_does_not_wait_for_graph(self, start_stack: StartStack) -> None:
        stack = await leaving(start_stack)
        stack.hold_up(kind="status", status=400, where="any", path="/users/*")

        assert (await put(stack, object_id(stack, "chiba"))).status_code == 200
