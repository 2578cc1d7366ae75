"""Everybody in the tenant, and what has changed since: through empty pages, replays and lost links."""

import pytest

from local.entra import Fault
from shared.entra.directory import Directory
from shared.errors import GraphError
from shared.planning.mapping import UPN
from tests.support.errors import raises
from tests.support.graph_client import Connected, connected
from tests.support.people import MAP, entra_user

MANY = [entra_user(f"u{number}@contoso.com", immutable_id=f"K{number}") for number in range(1_100)]
FEW = MANY[:4]


async def followed(directory: Directory, link: str) -> dict[str, object]:
    """Object id → UPN, or the reason of a removal: what is told last."""
    changes = await directory.read_changes(link)
    assert changes is not None
    return {str(item["id"]): item.get(UPN) or item["@removed"] for item in changes.items}


def change(tenant: Connected) -> dict[str, object]:
    """Renames, deletes and adds one each; who that is, and what is told of them."""
    directory = tenant.entra.directory
    renamed, deleted = (directory.users[user.object_id] for user in FEW[:2])
    directory.update(renamed, {UPN: "new@contoso.com"})
    directory.delete(deleted)
    body = {UPN: "b@other.com", "displayName": "B", "mailNickname": "b", "accountEnabled": True}
    added = directory.create(body)
    return {
        renamed.id: "new@contoso.com",
        deleted.id: {"reason": "changed"},
        added.id: "b@other.com",
    }


async def test_what_changes_after_the_latest_link_is_told_and_nothing_before() -> None:
    async with connected(*FEW) as tenant:
        directory = tenant.directory
        link = await directory.latest_link()
        nothing = await directory.read_changes(link)
        expected = change(tenant)

        assert nothing is not None
        assert nothing.items == []
        assert await followed(directory, nothing.link) == expected
        assert await followed(directory, link) == expected, "a link is good for several rounds"


async def test_every_page_is_read_also_after_an_empty_one() -> None:
    async with connected(*FEW) as tenant:
        tenant.entra.faults.plan.delta_page_size = 1
        directory = tenant.directory
        link = await directory.latest_link()
        expected = change(tenant)
        tenant.entra.faults.add(Fault(kind="emptyPage", nth=(1, 3), path="/users/delta"))
        tenant.entra.faults.add(Fault(kind="replay", objects=2, path="/users/delta"))

        assert await followed(directory, link) == expected


@pytest.mark.parametrize("status", [400, 404, 410])
async def test_a_lost_link_means_that_everybody_has_to_be_listed(status: int) -> None:
    async with connected(*FEW) as tenant:
        directory = tenant.directory
        link = await directory.latest_link()
        tenant.entra.faults.add(Fault.model_validate({"kind": "lostToken", "status": status}))

        assert await directory.read_changes(link) is None


async def test_changes_that_can_not_be_read_are_an_error() -> None:
    async with connected(*FEW) as tenant:
        directory = tenant.directory
        link = await directory.latest_link()
        tenant.entra.faults.add(Fault(kind="status", status=403, path="/users/delta"))

        with raises(GraphError, match="Graph denied this"):
            await directory.read_changes(link)
        with raises(GraphError, match="User.ReadWrite.All"):
            await directory.latest_link()


async def test_everybody_is_listed_as_the_domains_list_them() -> None:
    async with connected(*MANY, entra_user("b@other.com")) as tenant:
        tenant.entra.faults.add(Fault(kind="emptyPage", nth=(1,), path="/users"))
        directory = tenant.directory
        everybody, counted = await directory.list_everybody()

    found = everybody.rows(user.object_id for user in MANY)
    assert (len(everybody), counted) == (1_101, 1_101)
    assert everybody.select == MAP.selected
    place = everybody.select.index(UPN)
    assert {who: row[place] for who, row in found.items()} == {user.object_id: user.upn for user in MANY}


async def test_a_list_of_everybody_that_comes_up_short_is_read_once_more() -> None:
    async with connected(*FEW) as tenant:
        tenant.entra.faults.add(Fault(kind="shortListing", missing=3, count=1, path="/users"))
        whole, counted = await tenant.directory.list_everybody()
        tenant.entra.faults.clear()
        tenant.entra.faults.add(Fault(kind="shortListing", missing=2, nth=(1,), path="/users"))
        tenant.entra.faults.add(Fault(kind="shortListing", missing=1, nth=(1,), path="/users"))
        short, all_the_same = await tenant.directory.list_everybody()

    assert (len(whole), counted) == (4, 4)
    assert (len(short), all_the_same) == (3, 4)


async def test_what_this_cloud_does_not_have_is_not_followed() -> None:
    async with connected(*FEW, tenant={"lacking": ["isManagementRestricted"]}) as tenant:
        directory = tenant.directory
        await directory.latest_link()
        everybody, _ = await directory.list_everybody()

    assert directory.not_selectable == ("isManagementRestricted",)
    assert everybody.select == tuple(name for name in MAP.selected if name != "isManagementRestricted")


async def test_the_facts_of_the_tenant_are_one_request() -> None:
    async with connected(*FEW) as tenant:
        facts, counted = await tenant.directory.read_facts([])

        assert tenant.entra.requests.count(inner=False) == 1
        assert counted == len(FEW)
        assert facts.domains == await tenant.directory.read_domains()
        assert facts.roles == await tenant.directory.read_roles()
