"""No answer is not "no": every write whose answers are lost is looked up before it is called anything."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from local.entra import Entra, Fault
from shared.entra.batch import Request
from shared.entra.unheard import Earlier
from shared.model.changes import Action, AttributeChange, Change
from shared.model.results import Outcome, Result, key
from shared.words import said
from tests.support.graph_client import Connected, connected, seeded
from tests.support.people import INITIAL_DOMAIN, add, change, entra_user, rename

SURNAME = AttributeChange("surname", "青木", "鈴木")
FED = "fed@fed.example"
REKEYED = AttributeChange("onPremisesImmutableId", "OLD", "NEW")
WRITES = {
    "update": change(attributes=[SURNAME], upn="updated@contoso.com"),
    "rename": rename("former", "married"),
    "swap": rename("left", "right", via=f"sync-id-left@{INITIAL_DOMAIN}"),
    "rekey": change(upn=FED, attributes=[REKEYED, SURNAME], via=f"sync-id-fed@{INITIAL_DOMAIN}"),
    "restore": change(Action.RESTORE, "back@contoso.com"),
    "restore and more": change(Action.RESTORE, "again@contoso.com", attributes=[SURNAME]),
    "add": add(),
    "delete": change(Action.DELETE, "gone@contoso.com"),
}
# How many requests each takes, where nothing goes wrong.
STEPS = {"swap": 2, "rekey": 3, "restore and more": 2}
PEOPLE = [entra_user(f"{name}@contoso.com") for name in ("updated", "former", "left", "gone")]
DELETED = [seeded(entra_user(f"{name}@contoso.com")) for name in ("back", "again")]


async def unrecorded(_batch: Sequence[Request[Any]]) -> None:
    """These tests need no journal."""


def tenant_with_everybody() -> Any:
    return connected(*PEOPLE, entra_user(FED, immutable_id="OLD"), deletedUsers=DELETED)


def unheard(write: Change, *, took_effect: bool) -> list[Fault]:
    """All answers to the writes about one person are lost, step by step."""
    paths = (
        ["/users"]
        if write.action is Action.ADD
        else [f"/users/{write.object_id}", f"*{write.object_id}/restore"]
    )
    methods = ["DELETE", "PATCH", "POST"]
    return [
        Fault(kind="status", status=504, where="inner", method=method, path=path, took_effect=took_effect)
        for path in paths
        for method in methods
    ]


async def applied(tenant: Connected, *writes: Change) -> dict[str | None, Outcome]:
    applying = tenant.directory.apply(writes, unrecorded)
    ended = [one async for some in applying for one in some]
    assert len(ended) == len({one.change.source_id for one in ended}), "one outcome for each"
    return {one.change.source_id: one for one in ended}


def is_made(entra: Entra, write: Change) -> bool:
    """Whether Entra is as this change wants it."""
    user = entra.directory.user(write.object_id or write.upn)
    if write.action is Action.DELETE or user is None:
        return (write.action is Action.DELETE) is (user is None)
    wanted = [a for a in write.attributes if a.attribute != "userPrincipalName"]
    return user.upn == write.new_upn and all(user[a.attribute] == a.after for a in wanted)


@pytest.mark.parametrize("kind", WRITES)
async def test_what_took_effect_unheard_succeeded(kind: str) -> None:
    write = WRITES[kind]
    async with tenant_with_everybody() as tenant:
        tenant.entra.faults.add(*unheard(write, took_effect=True))
        ended = (await applied(tenant, write))[write.source_id]

        assert (ended.result, is_made(tenant.entra, write)) == (Result.SUCCEEDED, True)
    assert said(ended.note)
    assert ended.object_id


# Graph does not show a new user at once, nor one who was restored.
MAKE_A_USER = {"add", "restore", "restore and more"}


@pytest.mark.parametrize("kind", sorted(MAKE_A_USER))
@pytest.mark.parametrize("took_effect", [True, False])
async def test_what_makes_a_user_who_does_not_show_is_in_doubt(kind: str, took_effect: bool) -> None:
    write = WRITES[kind]
    async with tenant_with_everybody() as tenant:
        tenant.entra.faults.add(*unheard(write, took_effect=took_effect))
        tenant.entra.faults.plan.fresh_not_found_seconds = 600
        ended = (await applied(tenant, write))[write.source_id]

    assert (ended.result, ended.error_code) == (Result.IN_DOUBT, "InDoubt")


async def test_who_was_restored_by_an_earlier_try_and_does_not_show_is_in_doubt() -> None:
    """Graph answers the second try that nobody is in the recycle bin."""
    write = WRITES["restore"]
    async with tenant_with_everybody() as tenant:
        directory = tenant.entra.directory
        deleted = directory.deleted[str(write.object_id)]
        directory.restore(deleted, None, drop_conflicting_addresses=False)
        tenant.entra.faults.plan.fresh_not_found_seconds = 600
        earlier = Earlier(datetime.now(UTC), {key(write)})
        ((ended,),) = [some async for some in tenant.directory.apply([write], unrecorded, earlier)]

    assert ended.result is Result.IN_DOUBT


async def test_a_create_that_is_refused_is_not_in_doubt_whatever_an_earlier_one_was() -> None:
    write = WRITES["add"]
    earlier = Earlier(datetime.now(UTC), {key(write)})
    async with tenant_with_everybody() as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=400, where="inner", method="POST"))
        ((ended,),) = [some async for some in tenant.directory.apply([write], unrecorded, earlier)]

    assert (ended.result, ended.error_code) == (Result.FAILED, "Request_BadRequest")


@pytest.mark.parametrize("kind", sorted(WRITES.keys() - MAKE_A_USER))
async def test_what_did_not_take_effect_failed_with_graphs_own_word(kind: str) -> None:
    write = WRITES[kind]
    async with tenant_with_everybody() as tenant:
        tenant.entra.faults.add(*unheard(write, took_effect=False))
        ended = (await applied(tenant, write))[write.source_id]

        assert (ended.result, is_made(tenant.entra, write)) == (Result.FAILED, False)
    assert ended.error_code == "GatewayTimeout"


@pytest.mark.parametrize("took_effect", [False, True])
@pytest.mark.parametrize("kind", WRITES)
async def test_what_nobody_can_look_up_is_in_doubt(kind: str, took_effect: bool) -> None:
    write = WRITES[kind]
    async with tenant_with_everybody() as tenant:
        tenant.entra.faults.add(*unheard(write, took_effect=took_effect))
        tenant.entra.faults.add(Fault(kind="status", status=503, method="GET"))
        ended = (await applied(tenant, write))[write.source_id]

    assert (ended.result, ended.error_code) == (Result.IN_DOUBT, "InDoubt")
    assert "could not tell whether it took effect" in said(ended.error_message)


@pytest.mark.parametrize("kind", STEPS)
async def test_each_step_alone_may_take_effect_unheard(kind: str) -> None:
    write = WRITES[kind]
    for step in range(STEPS[kind]):
        async with tenant_with_everybody() as tenant:
            nth = tuple(range(step + 1, step + 7))
            lost = Fault(kind="status", status=504, where="inner", method="P*", took_effect=True, nth=nth)
            tenant.entra.faults.add(lost)
            ended = (await applied(tenant, write))[write.source_id]

            assert (ended.result, is_made(tenant.entra, write)) == (Result.SUCCEEDED, True)


async def test_who_goes_back_unheard_has_the_former_upn_again() -> None:
    taken = {"displayName": "R", "mail": "right@contoso.com", "proxyAddresses": ["SMTP:right@contoso.com"]}
    lost = Fault(
        kind="status", status=504, where="inner", method="PATCH", took_effect=True, nth=tuple(range(2, 8))
    )
    async with connected(*PEOPLE, groups=[taken]) as tenant:
        tenant.entra.faults.add(lost)
        ended = (await applied(tenant, WRITES["swap"]))["left"]

        assert tenant.entra.directory.users["id-left"].upn == "left@contoso.com"
    assert (ended.result, ended.error_code) == (Result.FAILED, "ObjectConflict:proxyAddresses")
    assert said(ended.error_message).endswith(" The user has the UPN left@contoso.com again.")


async def test_of_whom_nobody_knows_whether_they_went_back_is_in_doubt() -> None:
    taken = {"displayName": "R", "mail": "right@contoso.com", "proxyAddresses": ["SMTP:right@contoso.com"]}
    lost = Fault(
        kind="status", status=504, where="inner", method="PATCH", took_effect=True, nth=tuple(range(2, 8))
    )
    async with connected(*PEOPLE, groups=[taken]) as tenant:
        tenant.entra.faults.add(lost, Fault(kind="status", status=503, method="GET"))
        ended = (await applied(tenant, WRITES["swap"]))["left"]

    assert ended.result is Result.IN_DOUBT


async def test_whom_somebody_else_restored_meanwhile_was_not_restored_by_the_run() -> None:
    write = change(Action.RESTORE, attributes=[SURNAME])
    async with connected(entra_user()) as tenant:
        ended = (await applied(tenant, write))["aoki"]
        writes = [call for call in tenant.entra.requests.calls if call.method == "PATCH"]

    assert (ended.result, writes) == (Result.UNCHANGED, [])
    assert "by somebody else" in said(ended.note)


async def test_whom_nobody_can_restore_any_more_is_not_taken_for_restored() -> None:
    async with connected() as tenant:
        ended = (await applied(tenant, change(Action.RESTORE)))["aoki"]

    assert (ended.result, ended.error_code) == (Result.FAILED, "Request_ResourceNotFound")


async def test_a_conflict_that_nobody_can_look_up_is_a_conflict() -> None:
    async with connected(entra_user("new@contoso.com", object_id="o1")) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=503, method="GET"))
        ended = (await applied(tenant, add()))["new"]

    assert (ended.result, ended.error_code) == (Result.FAILED, "ObjectConflict:userPrincipalName")
    assert "Whether it took effect could not be read" in said(ended.error_message)


@settings(max_examples=15, deadline=None)
@given(st.dictionaries(st.sampled_from(sorted(WRITES)), st.booleans()), st.integers(0, 1_000))
def test_whoever_is_unheard_everybody_is_told_of_as_they_are(lost: dict[str, bool], seed: int) -> None:
    """Any of them may be lost, with effect (True) or without; the others are as if nothing had happened."""

    async def check() -> None:
        async with tenant_with_everybody() as tenant:
            tenant.entra.faults.plan.seed = seed
            for kind, took_effect in lost.items():
                tenant.entra.faults.add(*unheard(WRITES[kind], took_effect=took_effect))
            ended = await applied(tenant, *WRITES.values())

            for kind, write in WRITES.items():
                outcome = ended[write.source_id]
                assert outcome.succeeded == is_made(tenant.entra, write) == lost.get(kind, True), kind

    asyncio.run(check())
