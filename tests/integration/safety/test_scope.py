"""Scope, over both sides: who is out of it is left alone, also once the source no longer has them."""

import pytest

from local.entra import Fault
from shared.model.runs import Run
from tests.integration.test_tenant_settings import change
from tests.support.outcomes import names, rows_of
from tests.support.stack import Json, Stack, StartStack, in_entra, in_source

GROUP = "4c65d899-800d-522d-893a-78bdb7d1321c"
HR = {"side": "source", "field": "custom_attributes.section", "op": "=", "value": "HR"}
SERVICE = {"side": "entra", "field": "userPrincipalName", "op": "=", "value": "svc-*"}
MEMBER = {"side": "entra", "op": "memberOf", "value": GROUP}


def person(name: str, section: str = "Sales") -> Json:
    return in_source(name, given_name="New", custom_attributes={"section": section})


async def reasons(stack: Stack, run: Run) -> dict[str, str]:
    return {
        name: row["reason"] for name, row in (await rows_of(stack, run)).items() if row["action"] == "skip"
    }


async def test_somebody_whom_a_source_rule_leaves_out_is_no_leaver_once_they_have_left(
    start_stack: StartStack,
) -> None:
    stack = await start_stack(
        source=[person("aoki"), person("baba", "HR"), person("new", "HR")],
        entra=[in_entra("aoki"), in_entra("baba"), in_entra("chiba")],
    )
    await change(stack, scope={"exclude": [HR]})
    await stack.set(maxAllowedDeletions=100)

    first = await stack.sync()
    stack.access_control.users.remove("baba")
    second = await stack.sync()

    assert (first.counts.source, first.counts.target) == (1, 2)
    assert (first.counts.update, first.counts.delete, first.counts.add, first.counts.skipped) == (1, 1, 0, 2)
    assert (second.counts.delete, second.counts.skipped) == (0, 2)
    assert names(stack.users()) == {"aoki", "baba"}
    assert stack.users()["baba@contoso.com"]["givenName"] == "太郎"
    assert set((await reasons(stack, second)).values()) == {
        "Out of scope by a rule on the source, now or when the source last had them: left alone, and no leaver.",
        "Out of scope: no account is made for them.",
    }


async def test_somebody_back_in_scope_is_a_leaver_again_when_they_leave(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[person("aoki"), person("baba", "HR")], entra=[in_entra("aoki"), in_entra("baba")]
    )
    await stack.set(maxAllowedDeletions=100)
    await change(stack, scope={"exclude": [HR]})
    await stack.sync()
    await change(stack, scope=None)
    await stack.dry_run()
    await stack.sync()
    stack.access_control.users.remove("baba")

    run = await stack.sync()

    assert (run.counts.delete, names(stack.users())) == (1, {"aoki"})


async def test_rules_on_accounts_leave_out_a_pattern_and_a_group(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[person("aoki"), person("baba"), person("svc-new")],
        entra=[in_entra("aoki"), in_entra("baba"), in_entra("svc-print")],
        tenant={"groups": [{"id": GROUP, "displayName": "Board", "_members": ["baba@contoso.com"]}]},
    )
    await change(stack, scope={"exclude": [SERVICE, MEMBER]})

    run = await stack.sync()
    pre_check = await stack.pre_check()

    assert (run.counts.update, run.counts.delete, run.counts.add, run.counts.target) == (1, 0, 0, 1)
    assert set(await reasons(stack, run)) == {"baba", "svc-print", "svc-new"}
    assert {(one["kind"], one["address"]) for one in pre_check["objects"] if one["kind"] == "outOfScope"} == {
        ("outOfScope", "baba@contoso.com"),
        ("outOfScope", "svc-print@contoso.com"),
    }


async def test_a_group_that_is_included_is_a_pilot(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[person("aoki"), person("baba"), person("new")],
        entra=[in_entra("aoki"), in_entra("baba"), in_entra("chiba")],
        tenant={"groups": [{"id": GROUP, "displayName": "Pilot", "_members": ["aoki@contoso.com"]}]},
    )
    await change(stack, scope={"include": [MEMBER]})

    run = await stack.sync()

    assert (run.counts.update, run.counts.delete, run.counts.add, run.counts.skipped) == (1, 0, 0, 3)


@pytest.mark.parametrize("list_", ["include", "exclude"])
async def test_whoever_an_unreadable_group_may_leave_out_is_left_alone(
    start_stack: StartStack, list_: str
) -> None:
    stack = await start_stack(
        source=[person("aoki")],
        entra=[in_entra("aoki"), in_entra("chiba")],
        tenant={"groups": [{"id": GROUP, "displayName": "Board", "_members": []}]},
    )
    await change(stack, scope={list_: [MEMBER]})
    stack.entra.faults.add(Fault(kind="status", status=403, path="/groups/*/transitiveMembers"))

    run = await stack.sync()

    assert (stack.writes(), run.counts.skipped) == ([], 2)
    assert set((await reasons(stack, run)).values()) == {
        "A group that a rule of the scope names could not be read: left alone."
    }
    assert "warning.groupsUnread" in [part.code for part in run.warning_parts]


async def test_a_rule_on_a_group_shields_leavers_no_less(start_stack: StartStack) -> None:
    stack = await start_stack(
        source=[person("aoki"), in_source("t1", user_principal_name="-", email="taro@contoso.com")],
        entra=[in_entra("aoki"), in_entra("taro"), in_entra("chiba")],
        tenant={"groups": [{"id": GROUP, "displayName": "Board", "_members": ["aoki@contoso.com"]}]},
    )
    await change(stack, scope={"exclude": [MEMBER]})
    await stack.set(maxAllowedDeletions=100)

    run = await stack.sync()

    assert (run.counts.delete, run.shielded, names(stack.users())) == (1, 1, {"aoki", "taro"})


async def test_who_is_out_of_scope_from_now_on_has_not_left_the_source(start_stack: StartStack) -> None:
    people = [f"u{number}" for number in range(10)]
    stack = await start_stack(
        source=[person(name, "HR" if number < 5 else "Sales") for number, name in enumerate(people)],
        entra=[in_entra(name) for name in people],
    )
    await stack.set(maxSourceShrink=20)
    await stack.sync()
    await change(stack, scope={"exclude": [HR]})
    await stack.dry_run()

    run = await stack.sync()

    assert (run.status, run.counts.source, [c.name for c in run.limit_checks if c.exceeded]) == (
        "succeeded", 5, [],
    )  # fmt: skip
