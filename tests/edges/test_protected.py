"""Role holders and mailboxes: what could not be read is named, and is never taken for nothing."""

import pytest

from local.entra import Fault
from shared.errors import CallerRefused
from shared.model.parts import say
from shared.planning.protection import GROUP_PERMISSION, ROLE_PERMISSION, Mailboxes
from shared.words import said
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

        assert found == Mailboxes(purposes={IDS[2]: "user"}, unread=frozenset(IDS[:2]))

    async def test_that_are_all_refused_show_that_the_permission_is_missing(self) -> None:
        async with connected(*PEOPLE, permissions=["User.Read.All"]) as tenant:
            found = await tenant.directory.look_up_mailboxes(IDS)

        assert found == Mailboxes(granted=False)

    async def test_of_nobody_say_nothing_about_the_tenant(self) -> None:
        async with connected(tenant={"exchangeOnline": False}) as tenant:
            assert await tenant.directory.look_up_mailboxes([]) == Mailboxes()

    async def test_of_a_user_who_is_gone_are_unknown(self) -> None:
        async with connected(*PEOPLE[:2]) as tenant:
            found = await tenant.directory.look_up_mailboxes(IDS)

        assert (set(found.purposes), found.unread) == (set(IDS[:2]), frozenset({IDS[2]}))

    async def test_that_a_few_are_refused_is_told_from_all_by_a_look_at_others(self) -> None:
        async with connected(*PEOPLE) as tenant:
            tenant.entra.faults.add(mailbox_of(0, 403), mailbox_of(1, 403))
            alone = await tenant.directory.look_up_mailboxes(IDS[:1], IDS[:2])
            beside = await tenant.directory.look_up_mailboxes(IDS[:1], IDS)

        assert alone == Mailboxes(granted=False)
        assert beside == Mailboxes(unread=frozenset(IDS[:1]))

    async def test_others_are_few_and_asked_only_where_all_are_refused(self) -> None:
        many = [entra_user(f"u{number}@contoso.com") for number in range(30)]
        others = [user.object_id for user in many]
        async with connected(*PEOPLE, *many) as tenant:
            await tenant.directory.look_up_mailboxes(IDS[:1], others)
            asked = [tenant.entra.requests.count("GET", "/users/{user}/mailboxSettings", inner=True)]
            tenant.entra.permissions = frozenset({"User.Read.All"})
            await tenant.directory.look_up_mailboxes(IDS[:1], others)
            asked.append(tenant.entra.requests.count("GET", "/users/{user}/mailboxSettings", inner=True))

        assert asked == [1, 1 + 1 + 5]

    async def test_of_a_cloud_that_does_not_tell_the_purpose_are_all_unknown(self) -> None:
        people = [seeded(PEOPLE[0]), seeded(PEOPLE[1], _mailbox="none")]
        async with connected(users=people, tenant={"lacking": ["userPurpose"]}) as tenant:
            assert await tenant.directory.look_up_mailboxes(IDS[:2]) == Mailboxes(told=False)
            assert await tenant.directory.look_up_mailboxes(IDS[1:2]) == Mailboxes(purposes={IDS[1]: "none"})


class TestRoles:
    async def test_are_also_those_of_who_is_only_eligible(self) -> None:
        users = [
            seeded(PEOPLE[0], _eligible=["User Administrator"]),
            seeded(PEOPLE[1], _eligible=["User Administrator"], _roles=["Helpdesk Administrator"]),
            seeded(PEOPLE[2]),
        ]
        groups = [
            {"displayName": "May", "isAssignableToRole": True, "_eligibleMembers": [PEOPLE[2].upn]},
            {"displayName": "Sales", "_eligibleMembers": [PEOPLE[2].upn]},
        ]
        async with connected(users=users, groups=groups) as tenant:
            roles = await tenant.directory.read_roles()

        assert [said(say("protected.role", role=roles.holders[one])) for one in IDS] == [
            "Holds the directory role User Administrator once activated (PIM).",
            "Holds the directory role Helpdesk Administrator.",
            "Holds the directory role that May may be given once activated (PIM).",
        ]

    @pytest.mark.parametrize("kind", ["_members", "_owners"])
    async def test_through_a_group_come_before_those_of_who_may_join_one(self, kind: str) -> None:
        groups = [
            {"displayName": "In", "isAssignableToRole": True, kind: [PEOPLE[0].upn]},
            {"displayName": "May", "isAssignableToRole": True, "_eligibleOwners": [PEOPLE[0].upn]},
            {"displayName": "Will", "isAssignableToRole": True, "_eligible": ["User Administrator"]},
        ]
        groups[2]["_members"] = [PEOPLE[1].upn]
        async with connected(*PEOPLE, groups=groups) as tenant:
            holders = (await tenant.directory.read_roles()).holders

        assert (
            said(say("protected.role", role=holders[IDS[0]]))
            == "Holds the directory role that In may be given."
        )
        assert said(say("protected.role", role=holders[IDS[1]])) == (
            "Holds the directory role User Administrator once activated (PIM)."
        )

    async def test_of_a_tenant_without_the_licence_for_pim_nobody_is_eligible(self) -> None:
        async with connected(*PEOPLE, groups=GROUPS, tenant={"premium": False}) as tenant:
            roles = await tenant.directory.read_roles()

        assert (set(roles.holders), roles.missing_permissions, roles.unread) == (set(IDS[:2]), (), ())
        assert roles.eligible_members_seen

    async def test_who_may_join_a_group_is_unseen_without_the_permission_which_stops_nothing(self) -> None:
        granted = ["RoleManagement.Read.Directory", "GroupMember.Read.All"]
        async with connected(*PEOPLE, groups=GROUPS, permissions=granted) as tenant:
            roles = await tenant.directory.read_roles()

        assert (set(roles.holders), roles.missing_permissions, roles.unread) == (set(IDS[:2]), (), ())
        assert not roles.eligible_members_seen

    async def test_of_many_groups_are_read_many_at_a_time(self) -> None:
        groups = [
            {"displayName": f"G{number}", "isAssignableToRole": True, "_members": [PEOPLE[number % 3].upn]}
            for number in range(40)
        ]
        async with connected(*PEOPLE, groups=groups) as tenant:
            roles = await tenant.directory.read_roles()

        assert set(roles.holders) == set(IDS)
        assert tenant.entra.requests.count("POST", "/$batch") == 7

    async def test_of_a_group_of_thousands_are_read_to_the_last_page(self) -> None:
        many = [entra_user(f"u{number}@contoso.com") for number in range(1_500)]
        group = {"displayName": "G", "isAssignableToRole": True, "_members": [user.upn for user in many]}
        async with connected(*many, groups=[group]) as tenant:
            roles = await tenant.directory.read_roles()

        assert set(roles.holders) == {user.object_id for user in many}

    @pytest.mark.parametrize(
        ("path", "permission"),
        [
            ("/roleManagement/*", ROLE_PERMISSION),
            ("/roleManagement/*/roleEligibilityScheduleInstances", ROLE_PERMISSION),
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
        unknown = {"/roleManagement/*": {IDS[2]}, "/groups": set(IDS[:2])}
        unknown |= {"/groups/*/transitiveMembers": {IDS[0]}, "/groups/*/owners": {IDS[1]}}
        assert set(roles.holders) == set(IDS) - unknown[path]

    async def test_that_are_refused_to_the_app_itself_are_no_matter_of_this_look(self) -> None:
        async with connected(*PEOPLE) as tenant:
            tenant.entra.faults.add(Fault(kind="status", status=401, path="/$batch"))
            with pytest.raises(CallerRefused):
                await tenant.directory.read_roles()
