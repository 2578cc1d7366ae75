"""Who holds an address: asked for by name, or found in the list of a whole domain."""

import asyncio
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.entra.users import IN_FILTER
from shared.planning.mapping import domain_of
from tests.support.graph_client import connected
from tests.support.model_tenant import OTHER_DOMAIN
from tests.support.people import DOMAIN

# A quote, letters of either case, and letters beyond ASCII.
NAMES = ("o'neil", "Abe", "åsa", *(f"n{number}" for number in range(2 * IN_FILTER)))
ADDRESSES = [f"{name}@{domain}" for name in NAMES for domain in (DOMAIN, OTHER_DOMAIN)]
# So many that a list is cheaper.
MANY = {f"many{number}@{DOMAIN}" for number in range(100)}
USERS, GROUPS = ("one", "two", "three"), ("sales", "support")


def held_by(held: dict[str, str], name: str) -> dict[str, Any]:
    theirs = [address for address, holder in held.items() if holder == name]
    return {"proxyAddresses": [f"{'smtp' if place else 'SMTP'}:{one}" for place, one in enumerate(theirs)]}


@settings(max_examples=30)
@given(
    held=st.dictionaries(st.sampled_from(ADDRESSES), st.sampled_from((*USERS, *GROUPS)), max_size=25),
    wanted=st.sets(st.sampled_from([*ADDRESSES, f"one@{DOMAIN}", f"two@{OTHER_DOMAIN}"])),
    without_groups=st.booleans(),
)
def test_looks_find_the_holders_that_a_list_has(
    held: dict[str, str], wanted: set[str], without_groups: bool
) -> None:
    users = [
        {"userPrincipalName": f"{name}@{domain}", **held_by(held, name)}
        for name, domain in zip(USERS, (DOMAIN, OTHER_DOMAIN, DOMAIN), strict=True)
    ]
    groups = [{"displayName": name, "mailNickname": name, **held_by(held, name)} for name in GROUPS]
    permissions = ["User.ReadWrite.All", *(() if without_groups else ("GroupMember.Read.All",))]
    asked = {address.lower() for address in wanted}

    async def check() -> None:
        async with connected(users=users, groups=groups, permissions=permissions) as tenant:
            listed = await tenant.directory.read_addresses(DOMAIN)
            found = await tenant.directory.read_addresses(DOMAIN, asked, 100_000)
            both = await tenant.directory.read_addresses(DOMAIN, asked | MANY)
            for address in asked:
                assert found.get(address) == both.get(address), address
                if domain_of(address) == DOMAIN:
                    assert found.get(address) == listed.get(address), address

    asyncio.run(check())


@pytest.mark.parametrize(("wanted", "users", "lists"), [(15, 0, False), (100, 0, True), (100, 5_000, False)])
async def test_what_is_fewer_requests_is_done(wanted: int, users: int, lists: bool) -> None:
    async with connected() as tenant:
        await tenant.directory.read_addresses(DOMAIN, {f"n{n}@{DOMAIN}" for n in range(wanted)}, users)

        assert any("endsWith" in call.url for call in tenant.entra.requests.calls) == lists
