"""Scope: who is out of it is left alone on both sides, is no leaver, and counts in no limit."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from shared.errors import SourceError
from shared.model.changes import Action, Change, Plan
from shared.model.memory import with_scope
from shared.model.people import Memory, People
from shared.planning.lookups import Lookups
from shared.planning.mapping import AttributeMap
from shared.planning.matching import match
from shared.planning.names import Names
from shared.planning.plan import decide
from shared.planning.protection import Protection
from shared.planning.scope import EVERYBODY, Rule, Scope
from shared.planning.tenant_settings import TenantSettings
from shared.planning.territory import Territory
from shared.planning.upns import with_upns
from shared.source import SourceUsers
from shared.source.csv import parse
from tests.support.errors import english, raises
from tests.support.people import (
    BOTH,
    DOMAIN,
    INITIAL_DOMAIN,
    NOTHING_AROUND,
    entra_user,
    only,
    plan_of,
    source_user,
)

GROUP, OTHER_GROUP = "4c65d899-800d-522d-893a-78bdb7d1321c", "4c65d899-800d-522d-893a-78bdb7d1321d"
PEOPLE = ["aoki", "baba", "svc-chiba", "doi"]
VALUES = ["Sales", "HR", "sales east", ""]


def rule(side: str, field: str, op: str, value: str = "") -> Rule:
    return Rule.model_validate({"side": side, "field": field, "op": op, "value": value})


SOURCE_RULES = st.builds(
    rule,
    st.just("source"),
    st.just("Section"),
    st.sampled_from(["=", "startsWith"]),
    st.sampled_from(VALUES[:2]),
) | st.just(rule("source", "section", "isEmpty"))
ENTRA_RULES = st.sampled_from(
    [
        rule("entra", "userPrincipalName", "=", "SVC-*"),
        rule("entra", "userPrincipalName", "startsWith", "a"),
        rule("entra", "department", "=", "hr"),
        rule("entra", "department", "isEmpty"),
        rule("entra", "", "memberOf", GROUP),
        rule("entra", "", "memberOf", OTHER_GROUP),
    ]
)
RULES = st.lists(SOURCE_RULES | ENTRA_RULES, max_size=2).map(tuple)
SCOPES = st.builds(Scope, include=RULES, exclude=RULES)
SIDES = st.dictionaries(st.sampled_from(PEOPLE), st.sampled_from(VALUES), max_size=4)
MEMBERS = st.frozensets(st.sampled_from([f"id-{name}" for name in PEOPLE]))


def holds(one: Rule, value: str, object_id: str, members: Mapping[str, frozenset[str]]) -> bool:
    if one.op == "memberOf":
        return object_id in members[one.value]
    if one.op == "isEmpty":
        return not value
    if one.op == "startsWith":
        return value.lower().startswith(one.value.lower())
    return fnmatchcase(value.lower(), one.value.lower())


def in_scope(
    scope: Scope, side: str, values: Mapping[str, str], object_id: str, members: Mapping[str, frozenset[str]]
) -> bool:
    """As the page about it says."""

    def any_of(rules: Sequence[Rule]) -> bool:
        return any(holds(one, values.get(one.field.lower(), ""), object_id, members) for one in rules)

    include = [one for one in scope.include if one.side == side]
    exclude = [one for one in scope.exclude if one.side == side]
    return not any_of(exclude) and (not include or any_of(include))


def planned(
    scope: Scope,
    source: Mapping[str, str],
    target: Mapping[str, str],
    members: Mapping[str, frozenset[str] | None],
    left_out: frozenset[str] = frozenset(),
) -> Plan:
    """The plan for people by name, each with a section in the source and a department in Entra."""
    attribute_map = AttributeMap.of({}, scope)
    people = [
        attribute_map.source_user(
            {
                "Username": name,
                "UPN": f"{name}@{DOMAIN}",
                "Display Name": f"New {name}",
                "Status": "enabled",
                "Section": section,
            }
        )
        for name, section in source.items()
    ]
    accounts = [
        attribute_map.entra_user(
            {
                "id": f"id-{name}",
                "userPrincipalName": f"{name}@{DOMAIN}",
                "displayName": name,
                "accountEnabled": True,
                "department": department or None,
            }
        )
        for name, department in target.items()
    ]
    lookups = Lookups(
        initial_domain=INITIAL_DOMAIN,
        territory=Territory(verified=BOTH, syncing=BOTH),
        protection=Protection(scope=scope, members=members),
        left_out=left_out,
    )
    matching = match(DOMAIN, people, accounts, Memory(), Names(attribute_map))
    return decide(matching, lookups, attribute_map)


def written(plan: Plan) -> dict[str, Action]:
    return {change.upn.partition("@")[0]: change.action for change in plan.writes}


@given(SCOPES, SIDES, SIDES, MEMBERS, MEMBERS, st.frozensets(st.sampled_from(PEOPLE)))
def test_exactly_the_people_in_scope_are_written_to_and_counted(
    scope: Scope,
    source: dict[str, str],
    target: dict[str, str],
    one: frozenset[str],
    other: frozenset[str],
    left_before: frozenset[str],
) -> None:
    members = {GROUP: one, OTHER_GROUP: other}
    plan = planned(scope, source, target, members, frozenset(f"id-{name}" for name in left_before))

    inside = {
        name
        for name, section in source.items()
        if in_scope(scope, "source", {"section": section}, "", members)
    }
    accounts = {
        name
        for name, department in target.items()
        if in_scope(
            scope,
            "entra",
            {"userprincipalname": f"{name}@{DOMAIN}", "department": department},
            f"id-{name}",
            members,
        )
        and (name in inside if name in source else name not in left_before)
    }
    new = {
        name
        for name in inside - target.keys()
        if in_scope(scope, "entra", {"userprincipalname": f"{name}@{DOMAIN}"}, "", members)
    }
    wanted = {name: Action.UPDATE if name in source else Action.DELETE for name in accounts}
    assert written(plan) == wanted | dict.fromkeys(new, Action.ADD)
    assert (plan.source, plan.target) == (len(inside), len(accounts))


@given(SCOPES, SIDES, SIDES)
def test_everybody_is_left_alone_whom_an_unreadable_group_may_leave_out(
    scope: Scope, source: dict[str, str], target: dict[str, str]
) -> None:
    nobody: dict[str, frozenset[str]] = {GROUP: frozenset(), OTHER_GROUP: frozenset()}
    everybody = frozenset(f"id-{name}" for name in PEOPLE)
    unread = written(planned(scope, source, target, {GROUP: None, OTHER_GROUP: None}))

    for members in (nobody, {GROUP: everybody, OTHER_GROUP: everybody}):
        assert unread.items() <= written(planned(scope, source, target, members)).items()


@given(SIDES, SIDES)
def test_without_rules_everybody_is_in_scope(source: dict[str, str], target: dict[str, str]) -> None:
    plan = planned(EVERYBODY, source, target, {})

    assert set(written(plan)) == source.keys() | target.keys()
    assert list(plan.of(Action.SKIP)) == []


@given(SCOPES, SIDES, SIDES, MEMBERS)
def test_each_person_out_of_scope_has_a_row_that_says_so(
    scope: Scope, source: dict[str, str], target: dict[str, str], group: frozenset[str]
) -> None:
    plan = planned(scope, source, target, {GROUP: group, OTHER_GROUP: group})

    told = {change.upn.partition("@")[0]: change for change in plan.changes}
    assert told.keys() == source.keys() | target.keys()
    assert {code for change in plan.of(Action.SKIP) for code in codes(change)} <= {
        "scope.account",
        "scope.person",
        "scope.newcomer",
    }


def codes(change: Change) -> list[str]:
    return [part.code for part in change.reason]


LEFT_OUT = replace(source_user(), out_of_scope=True)
AROUND = replace(NOTHING_AROUND, protection=Protection())


class TestSomebodyOutOfScope:
    def test_who_matches_two_accounts_is_asked_about_to_nobody(self) -> None:
        user = replace(LEFT_OUT, immutable_id="K1")

        plan = plan_of([user], [entra_user(), entra_user("other@contoso.com", immutable_id="K1")], AROUND)

        assert (list(plan.writes), plan.questions, plan.target) == ([], (), 0)
        assert codes(only(plan)) == ["scope.newcomer"]

    def test_who_has_moved_to_another_domain_is_no_leaver_here(self) -> None:
        user = replace(source_user("aoki@foreign.example"), out_of_scope=True, immutable_id="K1")

        plan = plan_of([user], [entra_user(immutable_id="K1")], AROUND)

        assert codes(only(plan)) == ["scope.person"]

    def test_whose_account_is_elsewhere_is_not_moved_here(self) -> None:
        around = replace(AROUND, outside={"aoki": entra_user("aoki@other.com")})

        assert codes(only(plan_of([LEFT_OUT], [], around))) == ["scope.person"]

    def test_whose_account_was_deleted_is_not_restored(self) -> None:
        around = replace(AROUND, deleted={"aoki": entra_user()})

        assert codes(only(plan_of([LEFT_OUT], [], around))) == ["scope.person"]


OUT = st.dictionaries(st.sampled_from(PEOPLE), st.booleans())


@given(OUT, OUT, st.frozensets(st.sampled_from(PEOPLE)))
def test_memory_keeps_who_was_out_of_scope_when_the_source_last_had_them(
    before: dict[str, bool], now: dict[str, bool], linked: frozenset[str]
) -> None:
    memory = with_scope(Memory({name: f"id-{name}" for name in linked}), before, date(2026, 1, 1))

    after = with_scope(memory, now, date(2026, 2, 2))

    assert after.outside.keys() == {name for name in linked if {**before, **now}.get(name)}
    assert {since for who, since in after.outside.items() if before.get(who)} <= {"2026-01-01"}


@pytest.mark.parametrize(
    ("bad", "says"),
    [
        ({"side": "source", "op": "=", "value": "x"}, "A rule names a field"),
        (
            {"side": "source", "field": "Section", "op": "="},
            "isEmpty takes no value, and the others take one",
        ),
        ({"side": "source", "field": "Section", "op": "isEmpty", "value": "x"}, "isEmpty takes no value"),
        ({"side": "source", "field": "", "op": "memberOf", "value": GROUP}, "memberOf takes side entra"),
        ({"side": "entra", "field": "", "op": "memberOf", "value": "Sales"}, "the object id of a group"),
        ({"side": "entra", "field": "manager", "op": "=", "value": "x"}, "'manager' can't be in a rule"),
        ({"side": "source", "field": "New Password", "op": "isEmpty"}, "it holds a secret"),
    ],
)
def test_a_bad_rule_says_what_is_wrong_with_it(bad: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as raised:
        TenantSettings.model_validate({"scope": {"exclude": [bad]}})

    (error,) = raised.value.errors()
    assert says in english(error["ctx"]["error"])


def test_what_rules_need_is_read() -> None:
    scope = Scope(
        include=(rule("source", "Custom_Attributes.Site", "=", "Tokyo"),),
        exclude=(rule("entra", "city", "isEmpty"),),
    )

    attribute_map = AttributeMap.of({}, scope)

    assert "customattributes.site" in attribute_map.read_fields
    assert "city" in attribute_map.selected


def test_a_field_of_a_rule_that_nobody_has_stops_the_run_and_is_named() -> None:
    attribute_map = AttributeMap.of({}, Scope(exclude=(rule("source", "Job Class", "=", "Board"),)))
    users = SourceUsers("the list", attribute_map, "item", People())
    users.add({"Username": "aoki"}, 1)

    with raises(SourceError, "lists nobody with the field Job Class"):
        users.complete()
    with raises(SourceError, "Job Class"):
        parse(b"Username,UPN\naoki,aoki@contoso.com\n", "the list", attribute_map)

    users.add({"Username": "baba", "job_class": ""}, 2)
    assert [user.source_id for user in users.complete()] == ["aoki", "baba"]


def test_an_account_is_judged_by_the_upn_that_it_gets_also_where_email_stands_in() -> None:
    attribute_map = AttributeMap.of({}, Scope(exclude=(rule("entra", "userPrincipalName", "=", "svc-*"),)))
    user = attribute_map.source_user({"Username": "scan", "Email": "svc-scan@contoso.com"})

    (named,) = with_upns([user], "email")

    assert attribute_map.account_standing(named) == "out"


def test_who_is_out_of_scope_and_has_no_upn_is_told_to_be_out_of_scope() -> None:
    nameless = replace(LEFT_OUT, upn_given=False, only_found=True)

    assert codes(only(plan_of([nameless], [], AROUND))) == ["scope.newcomer"]


def test_a_group_that_could_not_be_read_is_told() -> None:
    told = Protection(members={GROUP: None, OTHER_GROUP: frozenset()}).warnings

    assert [(part.code, part.parameters) for part in told] == [("warning.groupsUnread", {"groups": (GROUP,)})]
