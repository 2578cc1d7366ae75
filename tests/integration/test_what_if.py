"""What if: a dry run with settings that are not in force. Its rows are those of a dry run once they are saved."""

from typing import Any

import pytest

from shared.model.runs import Run
from tests.integration.test_http_api import problem
from tests.integration.test_tenant_settings import change
from tests.support.callers import IN_FRONT, signed_in
from tests.support.stack import CONTOSO, Json, Stack, StartStack, in_entra, in_source

HR = {"side": "source", "field": "custom_attributes.section", "op": "=", "value": "HR"}


async def a_company(start_stack: StartStack, **settings: str) -> Stack:
    return await start_stack(
        source=[
            in_source("aoki", custom_attributes={"section": "Sales"}),
            in_source("baba", given_name="New", custom_attributes={"section": "HR"}),
            in_source("new", custom_attributes={"section": "HR"}),
        ],
        entra=[in_entra("aoki"), in_entra("baba"), in_entra("chiba"), in_entra("doi")],
        settings=settings,
    )


async def tried(stack: Stack, **settings: object) -> Run:
    answer = await stack.post(f"domains/{CONTOSO}/dry-run", {"settings": settings})
    assert answer.status_code == 202, answer.text
    return await stack.finished(Run.model_validate(answer.json()))


async def rows(stack: Stack, run: Run) -> list[Json]:
    return [
        {name: value for name, value in row.items() if name not in ("runId", "time")}
        for row in await stack.audit_log(run)
    ]


TRIED: list[dict[str, Any]] = [
    {
        "attributeMap": {
            "department": "custom_attributes.section",
            "displayName": "join('・', Family Name, Given Name)",
        }
    },
    {"scope": {"exclude": [HR]}},
    {"protectedUsers": ["baba@contoso.com", "chiba@contoso.com"]},
    {"usageLocation": None},
    {"unlinked": "ask", "periodicSync": True, "maxAllowedDeletions": 100},
]


@pytest.mark.parametrize("settings", TRIED, ids="+".join)
async def test_its_rows_are_those_of_a_dry_run_after_saving_the_same_settings(
    start_stack: StartStack, settings: dict[str, Any]
) -> None:
    stack = await a_company(start_stack, USAGE_LOCATION="US")
    await change(stack, usageLocation="JP")
    today = await rows(stack, await stack.dry_run())
    last = (await stack.get(f"domains/{CONTOSO}")).json()["lastDryRun"]

    run = await tried(stack, **settings)

    what_if = run.what_if
    assert (run.status, run.kind) == ("succeeded", "whatIf")
    assert what_if is not None
    assert what_if.settings == settings
    assert (await stack.get(f"domains/{CONTOSO}")).json()["lastDryRun"] == last
    seen = await rows(stack, run)
    ours = {name for name in settings if name in (await stack.get("settings")).json()}
    for path, etag, named in (
        ("settings", what_if.tenant_etag, {name: settings[name] for name in ours}),
        (f"domains/{CONTOSO}", what_if.domain_etag, {n: v for n, v in settings.items() if n not in ours}),
    ):
        if named:
            saved = await stack.patch(path, named, **{"If-Match": etag})
            assert saved.status_code == 200, saved.text
    dry_run = await stack.dry_run()
    assert seen == await rows(stack, dry_run)
    assert run.deletion_check == dry_run.deletion_check
    told = {one.user_principal_name for one in what_if.some}
    assert told == {row["userPrincipalName"] for row in [*seen, *today] if differs(row, seen, today)}
    assert what_if.people == len(told) > 0


def differs(row: Json, seen: list[Json], today: list[Json]) -> bool:
    """Whether the person of this row has other rows; why somebody is left alone does not matter."""

    def of_person(some: list[Json]) -> list[list[str]]:
        return [
            [one[n] for n in ("action", "attribute", "before", "after", "errorCode")]
            for one in some
            if one["userPrincipalName"] == row["userPrincipalName"]
        ]

    return of_person(seen) != of_person(today)


async def test_nobody_can_approve_it_and_it_asks_nobody(start_stack: StartStack) -> None:
    stack = await a_company(start_stack)
    questions = (await stack.get(f"domains/{CONTOSO}/decisions")).json()
    run = await tried(stack, protectedUsers=["aoki@contoso.com"])

    refused = await stack.post(f"domains/{CONTOSO}/sync", {"approve": {"dryRunId": run.id}})

    assert "tried settings that are not in force" in problem(refused, 409)["detail"]
    assert (await stack.get(f"domains/{CONTOSO}/decisions")).json() == questions
    assert (await stack.get("settings")).json()["protectedUsers"]["value"] == []
    assert stack.writes() == []


async def test_a_dry_run_keeps_its_log_and_the_what_if_its_own(start_stack: StartStack) -> None:
    stack = await a_company(start_stack)
    dry_run = await stack.dry_run()
    first = await tried(stack, scope={"exclude": [HR]})
    second = await tried(stack, protectedUsers=["chiba@contoso.com"])

    logs = [await rows(stack, run) for run in (dry_run, first, second)]

    assert all(logs)
    assert logs[0] != logs[1] != logs[2]
    assert [run.audit_log.available for run in await stack.runs()] == [True, True, True]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"usageLocation": "JPN"}, "settings.usageLocation"),
        ({"maxAllowedDeletions": 101}, "settings.maxAllowedDeletions"),
        ({"attributeMap": {"department": "New Password"}}, "settings.attributeMap"),
        ({"readOnly": True}, "settings.readOnly"),
        ({}, "settings"),
    ],
)
async def test_a_bad_setting_is_refused_by_its_name(
    start_stack: StartStack, settings: dict[str, Any], field: str
) -> None:
    stack = await start_stack(source=[in_source("aoki")])

    answer = await stack.post(f"domains/{CONTOSO}/dry-run", {"settings": settings})

    assert {error["field"] for error in problem(answer, 400)["errors"]} == {field}


async def test_only_administrators_may_try_settings(
    start_stack: StartStack, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in IN_FRONT.items():
        monkeypatch.setenv(name, value)
    stack = await start_stack(source=[in_source("aoki")], settings={"AUTH_MODE": "entra"})
    path, operator = f"/api/domains/{CONTOSO}/dry-run", signed_in("Sync.Operator")

    refused = await stack.http.post(path, json={"settings": {"usageLocation": "JP"}}, headers=operator)
    started = await stack.http.post(path, json={}, headers=operator)

    assert "Sync.Administrator" in problem(refused, 403)["detail"]
    assert started.status_code == 202
