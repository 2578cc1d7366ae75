"""Entra's users of one domain: all of them, through empty pages and short listings."""

import time
from collections.abc import Mapping
from typing import ClassVar

from local.entra import Fault
from shared.entra.directory import Directory
from shared.errors import GraphError
from shared.model.people import EntraUser
from shared.planning.mapping import AttributeMap
from tests.support.errors import raises
from tests.support.graph_client import DOMAINS, connected, seeded
from tests.support.people import MAP, entra_user, values

MANY = [entra_user(f"u{number}@contoso.com", immutable_id=f"K{number}") for number in range(2_100)]


async def test_users_come_as_entra_has_them() -> None:
    people = [
        entra_user("a@contoso.com", immutable_id="K", values=("青木", None, "青木", "a.a"), enabled=False),
        entra_user("b@contoso.com", values=values(nickname="b"), kind="onPremisesSynced"),
        entra_user("c@contoso.com", values=values(nickname="c"), kind="guest"),
    ]
    async with connected(*people) as tenant:
        listing = await tenant.directory.read_users("contoso.com")

    assert sorted(listing.users, key=lambda user: user.upn) == people
    assert (listing.expected, listing.short) == (3, False)


async def test_only_users_of_exactly_this_domain_come() -> None:
    async with connected(entra_user("A@Contoso.com"), entra_user("b@other.com")) as tenant:
        listing = await tenant.directory.read_users("contoso.com")

    assert [user.upn for user in listing.users] == ["A@Contoso.com"]


async def test_a_domain_without_users_is_empty_and_not_short() -> None:
    async with connected() as tenant:
        listing = await tenant.directory.read_users("contoso.com")

    assert (listing.users, listing.short) == ([], False)


async def test_every_page_is_read_even_after_an_empty_one() -> None:
    async with connected(*MANY) as tenant:
        tenant.entra.faults.add(Fault(kind="emptyPage", nth=(1, 3)))
        listing = await tenant.directory.read_users("contoso.com")

    assert {user.object_id for user in listing.users} == {user.object_id for user in MANY}
    assert tenant.entra.requests.count("GET", "/users") == 5


async def test_a_listing_that_comes_up_short_is_read_once_more() -> None:
    async with connected(*MANY[:10]) as tenant:
        tenant.entra.faults.add(Fault(kind="shortListing", missing=3, count=1))
        listing = await tenant.directory.read_users("contoso.com")

    assert (len(listing.users), listing.short) == (10, False)


async def test_a_listing_that_stays_short_says_so() -> None:
    async with connected(*MANY[:10]) as tenant:
        tenant.entra.faults.add(Fault(kind="shortListing", missing=3, nth=(1,)))
        tenant.entra.faults.add(Fault(kind="shortListing", missing=1, nth=(1,)))
        listing = await tenant.directory.read_users("contoso.com")

    assert (len(listing.users), listing.expected, listing.short) == (9, 10, True)
    assert tenant.entra.requests.count("GET", "/users") == 2


async def test_a_page_that_fails_is_asked_for_again() -> None:
    async with connected(*MANY) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=429, retry_after=9, nth=(2,)))
        tenant.entra.faults.add(Fault(kind="drop", nth=(2,)))
        listing = await tenant.directory.read_users("contoso.com")

    assert len(listing.users) == len(MANY)
    assert 9 in tenant.stop.slept


async def test_a_graph_that_does_not_recover_gives_no_part_of_the_users() -> None:
    async with connected(*MANY) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=503, nth=tuple(range(2, 30))))
        with raises(GraphError, match="unavailable"):
            await tenant.directory.read_users("contoso.com")


def expired(path: str = "/users", *nth: int) -> Fault:
    return Fault(kind="status", status=400, code="Directory_ExpiredPageToken", path=path, nth=nth)


async def test_a_listing_whose_page_token_expires_is_begun_again() -> None:
    async with connected(*MANY) as tenant:
        tenant.entra.faults.add(expired("/users", 3, 5))
        listing = await tenant.directory.read_users("contoso.com")

    assert {user.object_id for user in listing.users} == {user.object_id for user in MANY}
    assert tenant.entra.requests.count("GET", "/users") == 3 + 2 + 3


async def test_page_tokens_that_always_expire_give_no_part_of_the_users() -> None:
    async with connected(*MANY) as tenant:
        tenant.entra.faults.add(expired("/users", 2, 4, 6))
        with raises(GraphError, match="invalid"):
            await tenant.directory.read_users("contoso.com")


async def test_a_listing_beside_the_two_sides_is_begun_again_too() -> None:
    deleted = [seeded(user) for user in MANY[:1_000]]
    path = "/directory/deletedItems/microsoft.graph.user"
    async with connected(deletedUsers=deleted) as tenant:
        tenant.entra.faults.add(expired(path, 2))
        recycle_bin = await tenant.directory.read_deleted_users()

    assert len(recycle_bin.users) == 1_000


async def test_a_deleted_user_without_a_upn_is_shown_as_such() -> None:
    nameless = {"userPrincipalName": None, "displayName": "x", "id": "00000000-0000-4000-8000-0000000000c1"}
    async with connected(deletedUsers=[seeded(entra_user()), nameless]) as tenant:
        recycle_bin = await tenant.directory.read_deleted_users()

    assert [user.object_id for user in recycle_bin.nameless] == [nameless["id"]]
    assert len(recycle_bin.users) == 2


async def test_people_are_found_anywhere_in_the_tenant_by_upn_name_or_mail_nickname() -> None:
    async with connected(domains=DOMAINS) as tenant:
        for name, domain in (("aoki", "contoso.com"), ("baba", "other.com")):
            seed = {"displayName": f"{name} 太郎", "mailNickname": f"{name}.t"}
            tenant.entra.directory.create({"userPrincipalName": f"{name}@{domain}", **seed})
        find = tenant.directory.find_users
        found = [
            await find(upns=["BABA@other.com"]),
            await find(display_names=["Baba 太郎"]),
            await find(nicknames=["baba.t", "nobody"]),
        ]

    assert [[user.upn for user in users] for users in found] == [["baba@other.com"]] * 3


async def test_without_the_permission_to_read_it_is_named() -> None:
    async with connected(entra_user(), permissions=[]) as tenant:
        with raises(GraphError, match="grant it User.ReadWrite.All") as refused:
            await tenant.directory.read_users("contoso.com")

    assert refused.value.status == 403


async def test_any_other_refusal_of_a_listing_is_raised_in_graphs_own_words() -> None:
    async with connected(entra_user()) as tenant:
        tenant.entra.faults.add(Fault(kind="status", status=403, code="Authorization_Other", path="/users"))
        with raises(GraphError, match="Insufficient privileges"):
            await tenant.directory.read_users("contoso.com")


class Waiting(AttributeMap):
    """Reads nobody before the second page is asked for; gives up after a minute."""

    second_page: ClassVar[Fault] = Fault(kind="delay", ms=0, path="/users", nth=(2,))

    def entra_user(self, item: Mapping[str, object]) -> EntraUser:
        for _ in range(60_000):
            if self.second_page.struck:
                return super().entra_user(item)
            time.sleep(0.001)
        raise AssertionError("the second page is not asked for")


async def test_the_next_page_is_asked_for_while_this_one_is_read() -> None:
    async with connected(*MANY) as tenant:
        tenant.entra.faults.add(Waiting.second_page)
        waiting = Waiting(attributes=MAP.attributes, fields=MAP.fields)

        listing = await Directory(tenant.graph(), waiting).read_users("contoso.com")

    assert len(listing.users) == len(MANY)
