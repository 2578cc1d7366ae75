"""A few first: what of a plan is left when an administrator chooses people."""

from collections.abc import Sequence
from dataclasses import replace

import pytest
from hypothesis import given, reject
from hypothesis import strategies as st

from shared.model.changes import Action, Change, Plan
from shared.model.people import SourceUser
from shared.planning.only import NEEDS_OTHERS, chosen, concerns, only
from shared.words import said
from tests.support.companies import SOURCE, tenants
from tests.support.model_tenant import ModelTenant, Refused
from tests.support.people import entra_user, source_user
from tests.support.surveys import planned, surveyed


def swapped(*names: str) -> tuple[list[SourceUser], ModelTenant]:
    """Each has the next one's UPN in the source; the last one that of the first."""
    accounts = [entra_user(f"{name}@contoso.com", object_id=name, immutable_id=f"K-{name}") for name in names]
    wanted = [*names[1:], names[0]]
    people = [
        source_user(f"{upn}@contoso.com", source_id=f"s-{name}", immutable_id=f"K-{name}")
        for name, upn in zip(names, wanted, strict=True)
    ]
    return people, ModelTenant(users={one.object_id: one for one in accounts})


def refused(plan: Plan) -> list[str | None]:
    return [c.object_id for c in plan.changes if c.obstacle and c.obstacle.code == NEEDS_OTHERS]


@pytest.mark.parametrize("names", [("a", "b"), ("a", "b", "c")])
def test_half_a_swap_is_refused_and_names_the_other(names: Sequence[str]) -> None:
    people, tenant = swapped(*names)

    plan = only(planned(tenant, people), {"a"})

    assert refused(plan) == ["a"]
    assert list(plan.writes) == []
    (change,) = plan.changes
    assert change.obstacle
    assert "b@contoso.com" in said(change.obstacle.message)


def test_a_whole_swap_goes_through() -> None:
    people, tenant = swapped("a", "b")

    plan = only(planned(tenant, people), {"s-a", "b"})
    tenant.apply(plan)

    assert {user.object_id: user.upn for user in tenant.users.values()} == {
        "a": "b@contoso.com",
        "b": "a@contoso.com",
    }


def test_whoever_waits_for_one_who_is_refused_is_refused_too() -> None:
    people, tenant = swapped("a", "b", "c", "d")

    plan = only(planned(tenant, people), {"a", "b"})

    assert sorted(map(str, refused(plan))) == ["a", "b"]


@given(SOURCE, tenants(), st.data())
def test_nobody_else_is_touched_and_what_is_left_can_be_done(
    source: list[SourceUser], tenant: ModelTenant, data: st.DataObject
) -> None:
    seen = surveyed(tenant, source)
    everybody = sorted({one for c in seen.plan.changes for one in (c.object_id, c.source_id) if one})
    people = data.draw(st.sets(st.sampled_from(everybody))) if everybody else set[str]()
    before = dict(tenant.users)
    try:
        replace(tenant, users=dict(before), deleted=dict(tenant.deleted), created={}).apply(seen.plan)
    except Refused:  # as a restore whose alias on another domain somebody has: nobody looks there before
        reject()

    part = chosen(seen, people)
    tenant.apply(part.plan)

    # Who is chosen by Username is chosen with the account that they are known to have.
    asked = people | {seen.plan.links[one] for one in people if one in seen.plan.links}

    def theirs(change: Change) -> bool:
        return concerns(change, asked)

    assert all(map(theirs, part.plan.changes))
    touched = {object_id for object_id, user in before.items() if tenant.users.get(object_id) is not user}
    assert touched <= {str(change.object_id) for change in seen.plan.changes if theirs(change)}
    assert (part.plan.target, part.plan.source) == (seen.plan.target, seen.plan.source)
    for who, account in part.plan.links.items():
        assert who in asked or account in asked or seen.memory.links[who] == account


def test_a_newcomer_waits_for_the_upn_of_somebody_who_is_not_chosen() -> None:
    married = source_user("b@contoso.com", source_id="s-a", immutable_id="K-a")
    newcomer = source_user("a@contoso.com", source_id="new", immutable_id="K-new")
    tenant = ModelTenant(users={"a": entra_user("a@contoso.com", object_id="a", immutable_id="K-a")})

    plan = only(planned(tenant, [married, newcomer]), {"new"})

    assert [(c.source_id, c.obstacle and c.obstacle.code) for c in plan.changes] == [("new", NEEDS_OTHERS)]


def test_strangers_are_named() -> None:
    people, tenant = swapped("a", "b")

    part = chosen(surveyed(tenant, people), {"nobody", "s-a"})

    assert "nobody" in said(part.warnings)
    assert "s-a" not in said(part.warnings)
    assert list(part.plan.of(Action.DELETE)) == []
