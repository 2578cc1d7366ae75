"""Deleting is soft: the recycle bin, and the way back."""

from .graph import graph, new_user, people, person, refusal

BIN = "/directory/deletedItems"
USERS = f"{BIN}/microsoft.graph.user"


async def test_a_deleted_user_gets_the_object_id_in_front_of_the_upn() -> None:
    async with graph(users=[person()]) as g:
        user_id = g.entra.directory.users_of("contoso.com")[0].id
        assert (await g.delete("/users/a@contoso.com")).status_code == 204
        assert (await g.get("/users/a@contoso.com")).status_code == 404
        assert (await g.delete(f"/users/{user_id}")).status_code == 404
        item = (await g.get(f"{BIN}/{user_id}")).json()
        assert item["userPrincipalName"] == f"{user_id.replace('-', '')}a@contoso.com"
        assert item["@odata.type"] == "#microsoft.graph.user"
        assert item["deletedDateTime"]


async def test_the_recycle_bin_is_listed_only_with_a_cast() -> None:
    async with graph(deletedUsers=[person()]) as g:
        assert (await g.get(BIN)).status_code == 400
        for cast in ("microsoft.graph.user", "graph.user"):
            assert len(await g.names(f"{BIN}/{cast}")) == 1


async def test_deleted_users_are_found_by_immutable_id_and_by_suffix() -> None:
    users = [person("a", onPremisesImmutableId="A"), person("b")]
    async with graph(deletedUsers=users) as g:
        by_id = await g.get(f"{USERS}?$filter=onPremisesImmutableId eq 'A'&$select=id,deletedDateTime")
        assert by_id.json()["value"][0].keys() == {"id", "deletedDateTime"}
        suffix = f"{USERS}?$filter=endsWith(userPrincipalName,'b@contoso.com')&$count=true"
        assert refusal(await g.get(suffix))[:2] == (400, "Request_UnsupportedQuery")
        assert len(await g.names(suffix, eventual=True)) == 1


async def test_one_deleted_user_always_comes_with_the_same_properties() -> None:
    async with graph(deletedUsers=[person(proxyAddresses=["SMTP:a@contoso.com"])]) as g:
        user_id = next(iter(g.entra.directory.deleted))
        item = (await g.get(f"{BIN}/{user_id}?$select=id,proxyAddresses")).json()
        assert "proxyAddresses" not in item
        (listed,) = (await g.get(f"{USERS}?$select=id,proxyAddresses")).json()["value"]
        assert listed["proxyAddresses"] == ["SMTP:a@contoso.com"]


async def test_a_deleted_user_may_be_shown_without_a_upn() -> None:
    async with graph(deletedUsers=[person("gone"), {"userPrincipalName": None, "displayName": "x"}]) as g:
        assert len([name for name in await g.names(USERS) if name is None]) == 1


async def test_the_recycle_bin_is_paged() -> None:
    async with graph(deletedUsers=people(3)) as g:
        first = (await g.get(f"{USERS}?$top=2")).json()
        assert len(first["value"]) == 2
        assert len(await g.names(first["@odata.nextLink"])) == 1


async def test_a_restored_user_is_who_they_were() -> None:
    async with graph(users=[person(onPremisesImmutableId="A", _mailbox="user")]) as g:
        user_id = g.entra.directory.users_of("contoso.com")[0].id
        await g.delete("/users/a@contoso.com")
        answer = await g.post(f"{BIN}/{user_id}/restore")
        assert answer.status_code == 200
        assert answer.json()["userPrincipalName"] == "a@contoso.com"
        restored = g.entra.directory.user(user_id)
        assert restored is not None
        assert (restored["onPremisesImmutableId"], restored.mailbox) == ("A", "user")
        assert (await g.post(f"{BIN}/{user_id}/restore")).status_code == 404


async def test_a_restore_onto_a_taken_upn_needs_a_new_one() -> None:
    async with graph(users=[person(_mailbox="none")]) as g:
        user_id = g.entra.directory.users_of("contoso.com")[0].id
        await g.delete("/users/a@contoso.com")
        await g.post("/users", new_user("a"))
        conflict = await g.post(f"{BIN}/{user_id}/restore", {})
        assert refusal(conflict) == (400, "Request_BadRequest", "userPrincipalName")
        answer = await g.post(f"{BIN}/{user_id}/restore", {"newUserPrincipalName": "a2@contoso.com"})
        assert answer.json()["userPrincipalName"] == "a2@contoso.com"


async def test_a_restore_can_give_up_addresses_that_are_taken() -> None:
    gone = person("gone", proxyAddresses=["SMTP:gone@contoso.com", "smtp:alias@contoso.com"])
    async with graph(deletedUsers=[gone], users=[person("alias")]) as g:
        user_id = next(iter(g.entra.directory.deleted))
        conflict = await g.post(f"{BIN}/{user_id}/restore", {})
        assert refusal(conflict) == (400, "Request_BadRequest", "proxyAddresses")
        await g.post(f"{BIN}/{user_id}/restore", {"autoReconcileProxyConflict": True})
        restored = g.entra.directory.user("gone@contoso.com")
        assert restored is not None
        assert restored["proxyAddresses"] == ["SMTP:gone@contoso.com"]


async def test_restore_knows_only_its_two_parameters() -> None:
    async with graph(deletedUsers=[person()]) as g:
        user_id = next(iter(g.entra.directory.deleted))
        for body in ({"upn": "a@contoso.com"}, {"newUserPrincipalName": 3}, {"newUserPrincipalName": "x"}):
            assert (await g.post(f"{BIN}/{user_id}/restore", body)).status_code == 400
