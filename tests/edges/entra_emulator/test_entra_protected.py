"""Who may not be touched, what the app may not do, and how a client finds out."""

from typing import Any

import pytest

from .graph import Graph, graph, new_user, person, refusal

DENIED = (403, "Authorization_RequestDenied", None)


async def test_a_user_mastered_on_premises_is_read_only() -> None:
    async with graph(users=[person(onPremisesSyncEnabled=True)]) as g:
        for answer in (
            await g.patch("/users/a@contoso.com", givenName="A"),
            await g.delete("/users/a@contoso.com"),
        ):
            assert answer.status_code == 400
            assert "on-premises mastered Directory Sync objects" in answer.json()["error"]["message"]
        assert g.entra.directory.user("a@contoso.com")


SENSITIVE: dict[str, object] = {
    "accountEnabled": False,
    "businessPhones": ["1"],
    "mobilePhone": "1",
    "onPremisesImmutableId": "A",
    "userPrincipalName": "b@contoso.com",
}
ADMINISTRATORS: dict[str, dict[str, Any]] = {
    "by role": {"users": [person(_roles=["Global Administrator"])]},
    "as a member": {
        "users": [person()],
        "groups": [{"displayName": "G", "isAssignableToRole": True, "_members": ["a@contoso.com"]}],
    },
    "as an owner": {
        "users": [person()],
        "groups": [{"displayName": "G", "isAssignableToRole": True, "_owners": ["a@contoso.com"]}],
    },
}


@pytest.mark.parametrize("seed", ADMINISTRATORS.values(), ids=ADMINISTRATORS.keys())
async def test_an_administrator_can_only_be_changed_where_it_is_harmless(seed: dict[str, Any]) -> None:
    async with graph(**seed) as g:
        for name, value in SENSITIVE.items():
            assert refusal(await g.patch("/users/a@contoso.com", **{name: value})) == DENIED, name
        assert refusal(await g.delete("/users/a@contoso.com")) == DENIED
        assert (await g.patch("/users/a@contoso.com", displayName="Boss")).status_code == 204


async def test_a_deleted_administrator_cannot_be_restored() -> None:
    async with graph(deletedUsers=[person(_roles=["User Administrator"])]) as g:
        user_id = next(iter(g.entra.directory.deleted))
        assert refusal(await g.post(f"/directory/deletedItems/{user_id}/restore")) == DENIED


async def test_role_assignments_name_users_and_groups() -> None:
    users = [person("a", _roles=["Global Administrator"]), person("b")]
    group = {"displayName": "Admins", "isAssignableToRole": True, "_roles": ["User Administrator"]}
    async with graph(users=users, groups=[group]) as g:
        path = "/roleManagement/directory/roleAssignments"
        first = (await g.get(f"{path}?$expand=principal&$top=1")).json()
        second = (await g.get(first["@odata.nextLink"])).json()
        user, group_found = first["value"][0]["principal"], second["value"][0]["principal"]
        assert (user["@odata.type"], user["userPrincipalName"]) == ("#microsoft.graph.user", "a@contoso.com")
        assert group_found["@odata.type"] == "#microsoft.graph.group"
        assert "principal" not in (await g.get(path)).json()["value"][0]


async def test_the_roles_of_one_user_include_those_through_a_group() -> None:
    group = {"displayName": "G", "_members": ["a@contoso.com"], "_roles": ["User Administrator"]}
    async with graph(users=[person(_roles=["Global Administrator"])], groups=[group]) as g:
        answer = await g.get("/users/a@contoso.com/transitiveMemberOf/microsoft.graph.directoryRole")
        names = [role["displayName"] for role in answer.json()["value"]]
        assert names == ["Global Administrator", "User Administrator"]


async def test_the_groups_of_a_user_are_an_advanced_query() -> None:
    group = {"displayName": "G", "isAssignableToRole": True, "_members": ["a@contoso.com"]}
    async with graph(users=[person()], groups=[group]) as g:
        path = "/users/a@contoso.com/transitiveMemberOf/microsoft.graph.group"
        assert refusal(await g.get(path))[:2] == (400, "Request_UnsupportedQuery")
        answer = await g.get(f"{path}?$count=true&$select=displayName", eventual=True)
        assert answer.json()["value"] == [{"displayName": "G"}]


async def test_groups_show_their_people() -> None:
    group = {"displayName": "G", "isAssignableToRole": True, "_members": ["a@contoso.com"]}
    async with graph(users=[person()], groups=[group, {"displayName": "H"}]) as g:
        found = (await g.get("/groups?$filter=isAssignableToRole eq true")).json()["value"]
        assert [each["displayName"] for each in found] == ["G"]
        assert await g.names(f"/groups/{found[0]['id']}/members") == ["a@contoso.com"]
        assert await g.names(f"/groups/{found[0]['id']}/owners") == []


@pytest.mark.parametrize(
    "purpose", ["user", "linked", "shared", "room", "equipment", "others", "unknownFutureValue"]
)
async def test_a_mailbox_tells_its_purpose(purpose: str) -> None:
    async with graph(users=[person(_mailbox=purpose)]) as g:
        answer = await g.get("/users/a@contoso.com/mailboxSettings?$select=userPurpose")
        assert answer.json()["userPurpose"] == purpose


async def test_a_user_without_a_mailbox_has_no_settings() -> None:
    async with graph(users=[person(_mailbox="none")]) as g:
        answer = await g.get("/users/a@contoso.com/mailboxSettings?$select=userPurpose")
        assert refusal(answer)[:2] == (404, "MailboxNotEnabledForRESTAPI")


ELIGIBLE_ROLES = "/roleManagement/directory/roleEligibilityScheduleInstances"
ELIGIBLE_PEOPLE = "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"


async def test_who_may_activate_a_role_is_no_holder_of_it() -> None:
    group = {"displayName": "G", "isAssignableToRole": True, "_eligible": ["User Administrator"]}
    async with graph(users=[person(_eligible=["Global Administrator"])], groups=[group]) as g:
        found = (await g.get(f"{ELIGIBLE_ROLES}?$expand=roleDefinition")).json()["value"]
        assert [(one["principalId"], one["roleDefinition"]["displayName"]) for one in found] == [
            (next(iter(g.entra.directory.users)), "Global Administrator"),
            (next(iter(g.entra.directory.groups)), "User Administrator"),
        ]
        assert (await g.get("/roleManagement/directory/roleAssignments")).json()["value"] == []
        assert (await g.delete("/users/a@contoso.com")).status_code == 204


async def test_who_may_join_a_group_is_asked_for_one_group_at_a_time() -> None:
    people = [person("a"), person("b")]
    group = {"_eligibleMembers": ["a@contoso.com"], "_eligibleOwners": ["b@contoso.com"]}
    groups = [{"displayName": name, "isAssignableToRole": True, **group} for name in "GH"]
    async with graph(users=people, groups=groups) as g:
        directory = g.entra.directory
        ids = {user.upn[0]: user.id for user in directory.users.values()}
        path = f"{ELIGIBLE_PEOPLE}?$filter=groupId eq '{next(iter(directory.groups))}'"
        found = (await g.get(path)).json()["value"]
        assert [(one["principalId"], one["accessId"]) for one in found] == [
            (ids["a"], "member"), (ids["b"], "owner"),
        ]  # fmt: skip
        assert refusal(await g.get(ELIGIBLE_PEOPLE))[0] == 400


async def test_without_the_licence_nobody_is_eligible_and_graph_says_so_by_an_error() -> None:
    async with graph(users=[person(_eligible=["Global Administrator"])], tenant={"premium": False}) as g:
        for path in (ELIGIBLE_ROLES, f"{ELIGIBLE_PEOPLE}?$filter=groupId eq 'g'"):
            assert refusal(await g.get(path))[:2] == (400, "AadPremiumLicenseRequired")


async def test_a_user_of_a_derived_type_says_so_whatever_is_selected() -> None:
    agent = person(**{"@odata.type": "#microsoft.graph.agentUser", "identityParentId": "p"})
    async with graph(users=[agent, person("b")]) as g:
        path = "/users?$select=identityParentId"
        assert (await g.get(path)).json()["value"] == [
            {"@odata.type": "#microsoft.graph.agentUser", "identityParentId": "p"},
            {"identityParentId": None},
        ]


@pytest.mark.parametrize(
    "path", ["/users?", "/users/a@contoso.com?", "/users/a@contoso.com/mailboxSettings?"]
)
async def test_a_cloud_refuses_the_properties_that_it_lacks(path: str) -> None:
    lacking = ["isResourceAccount", "userPurpose"]
    async with graph(users=[person()], tenant={"lacking": lacking}) as g:
        name = "userPurpose" if "mailbox" in path else "isResourceAccount"
        answer = await g.get(f"{path}$select={name}")
        assert refusal(answer)[0] == 400
        assert f"property named '{name}'" in answer.json()["error"]["message"]


READS = {
    "User.Read.All": "/users",
    "MailboxSettings.Read": "/users/a@contoso.com/mailboxSettings",
    "RoleManagement.Read.Directory": "/roleManagement/directory/roleAssignments",
    "Domain.Read.All": "/domains",
    "Organization.Read.All": "/organization",
    "Application.Read.All": "/servicePrincipals(appId='h')",
    "GroupMember.Read.All": "/groups",
    "Group.Read.All": "/groups",
    "RoleEligibilitySchedule.Read.Directory": ELIGIBLE_ROLES,
    "PrivilegedEligibilitySchedule.Read.AzureADGroup": f"{ELIGIBLE_PEOPLE}?$filter=groupId eq 'g'",
}


@pytest.mark.parametrize(("permission", "path"), READS.items())
async def test_a_read_needs_its_permission(permission: str, path: str) -> None:
    seed: dict[str, Any] = {"users": [person()], "servicePrincipals": [{"displayName": "H", "appId": "h"}]}
    async with graph(permissions=[permission], **seed) as allowed:
        assert (await allowed.get(path)).status_code == 200
    async with graph(permissions=["Unrelated.Read.All"], **seed) as g:
        assert refusal(await g.get(path)) == DENIED


async def test_writes_need_their_permissions() -> None:
    async def outcomes(g: Graph) -> list[int]:
        gone = next(iter(g.entra.directory.deleted))
        answers = [
            await g.post("/users", new_user()),
            await g.patch("/users/a@contoso.com", displayName="A"),
            await g.patch("/users/a@contoso.com", passwordProfile={"forceChangePasswordNextSignIn": True}),
            await g.delete("/users/a@contoso.com"),
            await g.post(f"/directory/deletedItems/{gone}/restore"),
        ]
        return [answer.status_code for answer in answers]

    seed: dict[str, Any] = {"users": [person()], "deletedUsers": [person("gone")]}
    async with graph(permissions=["User.ReadWrite.All"], **seed) as g:
        assert await outcomes(g) == [201, 204, 403, 204, 403]
    async with graph(permissions=["User.DeleteRestore.All"], **seed) as g:
        assert await outcomes(g) == [403, 403, 403, 204, 200]
    async with graph(permissions=[], **seed) as g:
        assert await outcomes(g) == [403] * 5


async def test_references_of_a_type_need_the_permission_of_that_type() -> None:
    async with graph(permissions=["Domain.Read.All", "User.Read.All"]) as g:
        path = "/domains/contoso.com/domainNameReferences/microsoft.graph."
        assert [(await g.get(path + cast)).status_code for cast in ("user", "group")] == [200, 403]
        assert (await g.get("/applications")).status_code == 403


async def test_a_tenant_without_exchange_online_has_no_mailbox_to_look_at() -> None:
    async with graph(
        users=[person("a"), person("b", _mailbox="none")], tenant={"exchangeOnline": False}
    ) as g:
        for name in "ab":
            answer = await g.get(f"/users/{name}@contoso.com/mailboxSettings")
            assert refusal(answer)[:2] == (401, "OrganizationFromTenantGuidNotFound")
        assert (await g.get("/users/x@contoso.com/mailboxSettings")).status_code == 404
