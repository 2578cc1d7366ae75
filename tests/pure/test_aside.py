"""Who was left at a temporary UPN is named by every run, unless a sync takes them up."""

from dataclasses import replace

import pytest

from shared.model.changes import Action, Plan
from shared.model.domains import TenantDomain
from shared.model.people import SourceUser
from shared.planning.aside import are_aside, with_those_left_aside
from shared.planning.territory import Territory
from shared.words import said
from tests.support.people import INITIAL_DOMAIN, change, entra_user, only, source_user

UPN = f"sync-id-aoki@{INITIAL_DOMAIN}"
AOKI = entra_user(UPN, object_id="id-aoki")
NOTHING = Plan(changes=(), source=0, target=0, unchanged=0)
LINKS = {"aoki": "id-aoki"}
TENANT = [
    TenantDomain(name=name, authentication_type="Managed", initial=False)
    for name in ("contoso.com", "off.com")
]


def named(plan: Plan = NOTHING, *source: SourceUser, links: dict[str, str] = LINKS) -> Plan:
    territory = Territory.of(TENANT, ["contoso.com"], [])
    return with_those_left_aside(plan, [AOKI], source, links, territory)


def test_only_the_temporary_upn_of_this_very_user_is_one() -> None:
    others = [
        entra_user(f"sync-id-aoki@{INITIAL_DOMAIN}", object_id="id-baba"),
        entra_user("sync-id-aoki@contoso.com", object_id="id-aoki"),
        entra_user("sync@contoso.onmicrosoft.com"),
    ]

    assert are_aside([*others, AOKI, replace(AOKI, upn=UPN.upper())], INITIAL_DOMAIN) == [
        AOKI,
        replace(AOKI, upn=UPN.upper()),
    ]


def test_who_left_the_source_is_named_with_what_to_do() -> None:
    skip = only(named())

    assert (skip.action, skip.object_id, skip.source_id) == (Action.SKIP, "id-aoki", "aoki")
    assert skip.obstacle is not None
    assert skip.obstacle.code == "SteppedAside"
    assert UPN in said(skip.reason)
    assert "give the account its UPN" in said(skip.reason)


@pytest.mark.parametrize("upn", ["aoki@off.com", "aoki@elsewhere.example", ""])
def test_whom_no_sync_takes_up_is_named_too(upn: str) -> None:
    assert only(named(NOTHING, source_user(upn, source_id="aoki"))).action is Action.SKIP


def test_whom_another_domains_sync_takes_up_is_not_named() -> None:
    assert named(NOTHING, source_user("aoki@contoso.com")).changes == ()


def test_whom_this_plan_takes_up_has_one_change() -> None:
    taken_up = replace(NOTHING, changes=(change(Action.RENAME, UPN, object_id="id-aoki"),))

    assert named(taken_up) == taken_up


def test_whom_nobody_remembers_is_nobody_whom_this_app_has_moved() -> None:
    assert named(links={}).changes == ()
    assert with_those_left_aside(NOTHING, [], [], LINKS, Territory()) is NOTHING
