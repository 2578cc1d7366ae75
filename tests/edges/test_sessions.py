"""Revoking the sign-in sessions of users on a federated domain."""

from collections.abc import Sequence
from typing import Any

from shared.entra.batch import Request
from shared.entra.sessions import TRIES
from tests.support.graph_client import Connected, connected, seeded
from tests.support.people import entra_user

FRESH = "signInSessionsValidFromDateTime"


async def unrecorded(_batch: Sequence[Request[Any]]) -> None:
    """For tests that need no lease."""


def people(count: int, **properties: object) -> list[dict[str, object]]:
    return [
        seeded(entra_user(f"u{n}@fed.example", immutable_id=f"K{n}"), **{FRESH: None, **properties})
        for n in range(count)
    ]


def unrevoked(tenant: Connected) -> int:
    return sum(user[FRESH] is None for user in tenant.entra.directory.users.values())


def asked(tenant: Connected) -> int:
    return tenant.entra.requests.count("POST", "/users/{user}/revokeSignInSessions")


async def test_everybody_gets_the_time_stamp() -> None:
    async with connected(users=people(45)) as tenant:
        everybody = set(tenant.entra.directory.users)
        done, refusals = await tenant.directory.revoke_sessions(sorted(everybody), unrecorded)

        assert done == everybody
        assert (refusals, unrevoked(tenant), asked(tenant)) == ([], 0, 45)


async def test_who_is_not_to_be_seen_yet_is_asked_for_again() -> None:
    async with connected(users=people(1)) as tenant:
        (user,) = tenant.entra.directory.users.values()
        plan = tenant.entra.faults.plan
        plan.fresh_not_found_seconds = 10**9

        def replicate_after_two_waits() -> None:
            if len(tenant.stop.slept) >= 2:
                plan.fresh_not_found_seconds = 0

        tenant.stop.on_sleep = replicate_after_two_waits
        done, refusals = await tenant.directory.revoke_sessions([user.id], unrecorded)

        assert done == {user.id}
        assert (refusals, unrevoked(tenant), asked(tenant)) == ([], 0, 3)


async def test_who_is_never_to_be_seen_is_a_refusal() -> None:
    async with connected() as tenant:
        done, (refusal,) = await tenant.directory.revoke_sessions(["gone"], unrecorded)

        assert done == set()
        assert (refusal.status, asked(tenant)) == (404, TRIES)


async def test_a_missing_permission_is_not_asked_for_a_thousand_times() -> None:
    async with connected(users=people(400), permissions=["User.ReadWrite.All"]) as tenant:
        done, refusals = await tenant.directory.revoke_sessions(
            list(tenant.entra.directory.users), unrecorded
        )

        assert done == set()
        assert {refusal.status for refusal in refusals} == {403}
        assert asked(tenant) < 400


async def test_one_who_is_refused_stops_nobody() -> None:
    users = [*people(30), *[seeded(entra_user("admin@contoso.com"), _roles=["User Administrator"])]]
    async with connected(users=users) as tenant:
        everybody = list(reversed(tenant.entra.directory.users))
        done, (refusal,) = await tenant.directory.revoke_sessions(everybody, unrecorded)

        assert len(done) == 30
        assert (refusal.status, unrevoked(tenant)) == (403, 0)
