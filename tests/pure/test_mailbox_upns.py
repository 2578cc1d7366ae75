"""UPNs that change hands among people of whom some have a mailbox, which keeps every UPN it had as an alias."""

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.model.changes import Action, Change, Plan
from shared.model.people import SourceUser
from shared.planning.conflicts import ADDRESS_TAKEN
from shared.planning.mapping import domain_of
from shared.planning.protection import MAILBOX_PERMISSION, Protection
from shared.words import said
from tests.support.model_tenant import ModelTenant
from tests.support.people import DOMAIN, INITIAL_DOMAIN, entra_user, source_user
from tests.support.surveys import planned

pytestmark = pytest.mark.untraced

PEOPLE = ("a", "b", "c", "d", "e")
NAMES = (*PEOPLE, "new", "other")
# One of the two looks by which an alias is foreseen may be impossible.
LOOKS = st.sampled_from([Protection(), Protection(missing_permissions=(MAILBOX_PERMISSION,))])


@st.composite
def exchanges(draw: st.DrawFn) -> tuple[list[SourceUser], ModelTenant]:
    """People whom a sync has linked, the UPNs that they are to have, and who of them has a mailbox."""
    wanted = dict(zip(PEOPLE, draw(st.permutations(NAMES)), strict=False))
    users = [entra_user(f"{name}@{DOMAIN}") for name in PEOPLE]
    tenant = ModelTenant(
        users={user.object_id: user for user in users},
        links={name: f"id-{name}" for name in PEOPLE},
        with_mailbox=frozenset(f"id-{name}" for name in draw(st.sets(st.sampled_from(PEOPLE)))),
        protection=draw(LOOKS),
    )
    return [source_user(f"{upn}@{DOMAIN}", source_id=name) for name, upn in wanted.items()], tenant


def unsatisfied(source: list[SourceUser], tenant: ModelTenant) -> set[str]:
    return {user.source_id for user in source if tenant.users[f"id-{user.source_id}"].upn != user.upn}


def stuck(plan: Plan) -> dict[str | None, Change]:
    return {change.source_id: change for change in plan.changes if change.obstacle}


def obey(plan: Plan, tenant: ModelTenant) -> None:
    """An administrator does what the rows say: gives somebody another UPN, and removes aliases."""
    for obstacle in filter(None, (change.obstacle for change in stuck(plan).values())):
        (part,) = obstacle.message
        if part.code == "address.stays":
            continue
        named = re.search(r"\((id-.)\)", said(obstacle.message))
        assert named
        user = tenant.users[named[1]]
        upn = f"by-hand-{user.object_id}@{DOMAIN}" if part.code == "address.circle" else user.upn
        aliases = {*user.aliases, upn} - {str(part.parameters["address"]).lower()}
        tenant.users[user.object_id] = replace(user, upn=upn, aliases=tuple(aliases))


@given(exchanges())
def test_everybody_has_theirs_or_a_row_that_says_who_holds_it_and_nobody_is_left_in_between(
    exchange: tuple[list[SourceUser], ModelTenant],
) -> None:
    source, tenant = exchange

    plans = [planned(tenant, source)]
    tenant.apply(plans[0])
    plans.append(planned(tenant, source))

    for plan in plans:
        assert unsatisfied(source, tenant) == stuck(plan).keys()
        assert {c.obstacle.code for c in stuck(plan).values() if c.obstacle} <= {"AddressTaken"}
    assert list(plans[1].writes) == []
    assert {domain_of(user.upn) for user in tenant.users.values()} == {DOMAIN}
    assert (len(tenant.users), tenant.deleted) == (len(PEOPLE), {})


@given(exchanges())
def test_without_the_aliases_a_mailbox_alone_says_that_nobody_is_to_be_moved_aside(
    exchange: tuple[list[SourceUser], ModelTenant],
) -> None:
    source, tenant = exchange
    tenant.protection, tenant.unread = Protection(), frozenset({"read_addresses"})

    plan = planned(tenant, source)
    tenant.apply(plan)

    assert unsatisfied(source, tenant) == stuck(plan).keys()
    assert INITIAL_DOMAIN not in {domain_of(user.upn) for user in tenant.users.values()}


@given(exchanges())
def test_who_does_what_the_rows_say_gets_everybody_their_upn(
    exchange: tuple[list[SourceUser], ModelTenant],
) -> None:
    source, tenant = exchange

    for _ in range(2 * len(PEOPLE)):
        plan = planned(tenant, source)
        tenant.apply(plan)
        obey(plan, tenant)

    assert unsatisfied(source, tenant) == set()


def test_a_restore_that_brings_back_what_somebody_on_another_domain_has_is_foreseen_to_fail() -> None:
    gone = entra_user("c@other.com", object_id="gone", immutable_id="K1")
    holder = entra_user("c@other.com", object_id="holder")
    tenant = ModelTenant(users={"holder": holder}, deleted={"gone": gone}, with_mailbox=frozenset({"gone"}))

    (restore,) = planned(tenant, [source_user("a@contoso.com", immutable_id="K1")]).of(Action.RESTORE)

    assert restore.obstacle is not None
    assert (restore.obstacle.code, "c@other.com" in said(restore.obstacle.message)) == (ADDRESS_TAKEN, True)
