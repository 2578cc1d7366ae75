"""Role holders and mailboxes: what could not be read is named, and is never taken for nothing."""

import pytest

from local.entra import Fault
from shared.errors import CallerRefused
from shared.planning.protection import GROUP_PERMISSION, ROLE_PERMISSION, Mailboxes
from tests.support.graph_client import connected, seeded
from tests.support.people import entra_user

PEOPLE = [
    entra_user(f"{name}@contoso.com", object_id=f"00000000-0000-4000-8000-0000000000a{number}")
    for number, name in enumerate("abc")
]
IDS = [user.object_id for user in PEOPLE]
NO_EXCHANGE = "OrganizationFromTenantGuidNotFound"
GROUPS = [
    {"displayName": "One", "isAssignableToRole": True, "_members": [PEOPLE[0].upn]},
    {"displayName": "Two", "isAssignableToRole": True, "_owners": [PEOPLE[1].upn]},
]


def mailbox_of(index: int, status: int, code: str = "") -> Fault:
    path = f"/users/{IDS[index]}/mailboxSettings"
    return Fault.model_validate({"kind": "status", "status": status, "code": code, "path": path})


class TestMailboxes:
    async def test_of_a_tenant_without_exchange_online_there_are_none(self) -> None:
        async with connected(*PEOPLE, tenant={"exchangeOnline": False}) as tenant:
            found = await tenant.directory.look_up_mailboxes(IDS)

        assert found == Mailboxes(purposes=dict.fromkeys(IDS, "none"), exchange_online=False)

    @pytest.mark.parametrize(("status", "code"), [(401, NO_EXCHANGE), (403, ""), (400, ""), (503, "")])
    async def test_that_some_users_alone_are_refused_are_not_looked_at(self, status: int, code: str) -> None:
        async with connected(*PEOPLE) as tenant:
            tenant.entra.faults.add(mailbox_of(0, status, code), mailbox_of(1, status, code))
            found = await tenant.directory.look_up_mailboxes(IDS)

        assert found == Mailboxes(purposes={IDS[2]: "user"}, unread=2)

    async def test_that_are_all_refused_show_that_the_permission_is_missing(self) -> None:
        async with connected(*PEOPLE, permissions=["User.Read.All"]) as tenant:
            found = await tenant.directory.look_up_mailboxes(IDS)

        assert found == Mailboxes(granted=False)

    async def test_of_nobody_say_nothing_about_the_tenant(self) -> None:
        async with connected(tenant={"exchangeOnline": False}) as tenant:
            assert await tenant.directory.look_up_mailboxes([]) == Mailboxes()


class TestRoles:
    @pytest.mark.parametrize(
        ("path", "permission"),
        [
            ("/roleManagement/*", ROLE_PERMISSION),
            ("/groups", GROUP_PERMISSION),
            ("/groups/*/transitiveMembers", GROUP_PERMISSION),
            ("/groups/*/owners", GROUP_PERMISSION),
        ],
    )
    async def test_that_are_refused_name_the_permission(self, path: str, permission: str) -> None:
        async with connected(*PEOPLE, groups=GROUPS) as tenant:
            tenant.entra.faults.add(Fault(kind="status", status=403, path=path))
            roles = await tenant.directory.read_roles()

        assert (roles.missing_permissions, roles.unread) == ((permission,), ())

    @pytest.mark.parametrize(
        "path", ["/roleManagement/*", "/groups", "/groups/*/transitiveMembers", "/groups/*/owners"]
    )
    @pytest.mark.parametrize("status", [400, 404, 503])
    async def test_that_can_not_be_read_say_so_and_the_others_are_known(self, path: str, status: int) -> None:
        admin = seeded(PEOPLE[2], _roles=["User Administrator"])
        users = [*map(seeded, PEOPLE[:2]), admin]
        async with connected(users=users, groups=GROUPS) as tenant:
            tenant.entra.faults.add(Fault.model_validate({"kind": "status", "status": status, "path": path}))
            roles = await tenant.directory.read_roles()

        assert roles.unread
        assert roles.missing_permissions == ()
        assert set(roles.holders) == ({IDS[2]} if "groups" in path else set(IDS[:2])) | (
            {IDS[0]} if path.endswith("owners") else set()
        )

    async def test_that_are_refused_to_the_app_itself_are_no_matter_of_this_look(self) -> None:
        async with connected(*PEOPLE) as tenant:
            tenant.entra.faults.add(Fault(kind="status", status=401, path="/groups"))
            with pytest.raises(CallerRefused):
                await tenant.directory.read_roles()
