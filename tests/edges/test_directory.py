"""Entra's directory and the model tenant, which stands for it in the property tests, answer alike."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace

import pytest

from shared.entra.directory import Directory
from shared.entra.workloads import Workload
from shared.entra.write_quota import WriteQuota
from shared.errors import TimeBudgetSpent
from shared.model.people import AccountKind, EntraUser
from shared.planning.protection import Protection
from tests.support.graph_client import connected, seeded
from tests.support.model_tenant import OTHER_DOMAIN, ModelTenant
from tests.support.people import DOMAIN, INITIAL_DOMAIN, MAP, entra_user, values


def person(
    upn: str, object_id: str, immutable_id: str | None = None, kind: AccountKind = "person"
) -> EntraUser:
    """With a nickname: Entra has nobody without one."""
    named = values(nickname=upn.partition("@")[0])
    return entra_user(upn, object_id=object_id, immutable_id=immutable_id, values=named, kind=kind)


ADMIN = person(f"admin@{DOMAIN}", object_id="00000000-0000-4000-8000-0000000000a1")
ROOM = person(f"Room@{DOMAIN}", object_id="00000000-0000-4000-8000-0000000000a2", immutable_id="K2")
GUEST = person(f"guest@{DOMAIN}", object_id="00000000-0000-4000-8000-0000000000a3", kind="guest")
MOVED = person(f"moved@{OTHER_DOMAIN}", object_id="00000000-0000-4000-8000-0000000000a4", immutable_id="K4")
# The first has a mailbox, and so its address there.
GONE = [
    replace(gone, nickname="gone", created="2024-04-01T00:00:00Z", aliases=aliases)
    for gone, aliases in (
        (
            person(f"gone@{DOMAIN}", object_id="00000000-0000-4000-8000-0000000000b1", immutable_id="K5"),
            (f"gone@{DOMAIN}",),
        ),
        (person(f"gone@{DOMAIN}", object_id="00000000-0000-4000-8000-0000000000b2"), ()),
    )
]
NOBODY = "00000000-0000-4000-8000-00000000dead"
IDS = [ADMIN.object_id, ROOM.object_id, GONE[0].object_id, NOBODY]


@dataclass
class Both:
    entra: Directory
    model: ModelTenant


@pytest.fixture
async def both() -> AsyncIterator[Both]:
    """The same people in the emulator and in the model."""
    users = [
        seeded(ADMIN, _roles=["User Administrator"]),
        seeded(ROOM, _mailbox="room"),
        seeded(GUEST, _mailbox="none"),
        seeded(MOVED, _mailbox="none"),
    ]
    deleted = [
        seeded(GONE[0], deletedDateTime="2026-03-01T00:00:00Z"),
        seeded(GONE[1], deletedDateTime="2026-03-02T00:00:00Z", _mailbox="none"),
    ]
    unverified = {"id": "unverified.example", "isVerified": False}
    domains = [{"id": DOMAIN}, {"id": OTHER_DOMAIN}, {"id": INITIAL_DOMAIN}, unverified]
    people = {user.object_id: user for user in (ADMIN, ROOM, GUEST, MOVED)}
    protection = Protection(
        roles={ADMIN.object_id: "User Administrator"},
        mailboxes={
            **dict.fromkeys(people, "none"),
            ADMIN.object_id: "user",
            ROOM.object_id: "room",
            GONE[0].object_id: "user",
        },
    )
    model = ModelTenant(people, {user.object_id: user for user in GONE}, protection=protection)
    async with connected(domains=domains, users=users, deletedUsers=deleted) as tenant:
        yield Both(tenant.directory, model)


async def test_on_domains_and_their_users(both: Both) -> None:
    assert await both.entra.read_domains() == sorted(await both.model.read_domains(), key=lambda d: d.name)
    for domain in (DOMAIN, OTHER_DOMAIN, INITIAL_DOMAIN):
        ours, theirs = await both.entra.read_users(domain), await both.model.read_users(domain)
        assert {user.object_id: user for user in ours.users} == {u.object_id: u for u in theirs.users}
        assert (ours.listed, ours.expected) == (theirs.listed, theirs.expected)


async def test_on_people_by_id_and_by_immutable_id(both: Both) -> None:
    assert await both.entra.look_up_users(IDS) == await both.model.look_up_users(IDS)
    for keys, ids in ((["K4", "K5", "K9"], IDS), (["K2"], []), ([], [MOVED.object_id]), ([], [])):
        found = [
            await side.find_users(immutable_ids=keys, object_ids=ids) for side in (both.entra, both.model)
        ]
        assert len({frozenset(user.object_id for user in users) for users in found}) == 1


async def test_on_the_recycle_bin(both: Both) -> None:
    recycle_bin = await both.entra.read_deleted_users()
    assert recycle_bin == await both.model.read_deleted_users()
    assert recycle_bin.users == GONE[::-1]


async def test_on_who_is_protected(both: Both) -> None:
    assert await both.entra.read_roles() == await both.model.read_roles()
    assert await both.entra.look_up_mailboxes(IDS) == await both.model.look_up_mailboxes(IDS)


async def test_on_addresses(both: Both) -> None:
    for domain in (DOMAIN, OTHER_DOMAIN):
        assert await both.entra.read_addresses(domain) == await both.model.read_addresses(domain)


async def test_a_closing_look_has_its_own_deadline_and_never_waits_for_the_write_quota() -> None:
    async with connected(ROOM) as tenant:
        quota = WriteQuota(clock=tenant.clock)
        quota.pause(3_600, Workload, drained=True)
        tenant.stop.before_request = 1
        graph = tenant.graph(quota)

        assert await Directory(graph.within(60), MAP).look_up_users([ROOM.object_id]) == {
            ROOM.object_id: ROOM
        }
        with pytest.raises(TimeBudgetSpent):
            await Directory(graph.within(0), MAP).look_up_users([ROOM.object_id])


async def test_a_look_at_single_users_goes_without_what_this_cloud_does_not_have() -> None:
    async with connected(ADMIN, tenant={"lacking": ["isResourceAccount"]}) as tenant:
        directory = tenant.directory

        found = await directory.look_up_users([ADMIN.object_id, NOBODY])

        assert [account and account.upn for account in found.values()] == [ADMIN.upn, None]
        assert directory.not_selectable == ("isResourceAccount",)
