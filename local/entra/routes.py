"""The calls that exist, with the permissions that each needs and its cost."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache

from local.entra import deleted_items, delta, domains, roles, users
from local.entra.calls import Answer, Call
from local.entra.errors import GraphError, method_not_allowed
from local.entra.state import Entra

Handler = Callable[[Entra, Call], Answer]
Permissions = tuple[str, ...]

_READ_USERS = ("User.Read.All", "User.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_READ_DOMAINS = ("Domain.Read.All", "Domain.ReadWrite.All", "Directory.Read.All", "Directory.ReadWrite.All")
_READ_GROUPS = (
    "GroupMember.Read.All",
    "Group.Read.All",
    "Group.ReadWrite.All",
    "Directory.Read.All",
    "Directory.ReadWrite.All",
)
_READ_APPLICATIONS = ("Application.Read.All", "Application.ReadWrite.All", "Directory.Read.All")
_READ_ROLES = (
    "RoleManagement.Read.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.ReadWrite.Directory",
    "Directory.Read.All",
)
_READ_ROLE_ELIGIBILITIES = (
    "RoleEligibilitySchedule.Read.Directory",
    "RoleEligibilitySchedule.ReadWrite.Directory",
    "RoleManagement.Read.Directory",
    "RoleManagement.Read.All",
    "RoleManagement.ReadWrite.Directory",
)
_READ_GROUP_ELIGIBILITIES = (
    "PrivilegedEligibilitySchedule.Read.AzureADGroup",
    "PrivilegedEligibilitySchedule.ReadWrite.AzureADGroup",
)


@dataclass(frozen=True, slots=True)
class Route:
    """`needs`: groups of permissions, one of each must be granted. `units`: base cost, which `units_of` adjusts."""

    method: str
    template: str
    handler: Handler
    needs: tuple[Permissions, ...]
    units: int = 1

    @property
    def writes(self) -> int:
        return int(self.method != "GET")


ROUTES = (
    Route("GET", "/users", users.list_users, (_READ_USERS,), units=2),
    Route(
        "POST",
        "/users",
        users.create_user,
        (("User.ReadWrite.All", "User.Create", "Directory.ReadWrite.All"),),
    ),
    Route("GET", "/users/delta", delta.list_changes, (_READ_USERS,)),
    Route("GET", "/users/{user}", users.read_user, (_READ_USERS,)),
    Route(
        "PATCH",
        "/users/{user}",
        users.update_user,
        (("User.ReadWrite.All", "User.ReadUpdate.All", "Directory.ReadWrite.All"),),
    ),
    Route(
        "DELETE",
        "/users/{user}",
        users.delete_user,
        (("User.DeleteRestore.All", "User.ReadWrite.All", "Directory.ReadWrite.All"),),
    ),
    # https://learn.microsoft.com/graph/api/user-revokesigninsessions: for applications, this permission alone.
    Route(
        "POST",
        "/users/{user}/revokeSignInSessions",
        users.revoke_sign_in_sessions,
        (("User.RevokeSessions.All",),),
    ),
    Route(
        "GET",
        "/users/{user}/mailboxSettings",
        users.read_mailbox_settings,
        (("MailboxSettings.Read", "MailboxSettings.ReadWrite"),),
    ),
    Route(
        "GET",
        "/users/{user}/transitiveMemberOf/microsoft.graph.directoryRole",
        roles.list_roles_of_user,
        (_READ_ROLES,),
        units=2,
    ),
    Route(
        "GET",
        "/users/{user}/transitiveMemberOf/microsoft.graph.group",
        users.list_groups_of_user,
        (_READ_GROUPS,),
        units=2,
    ),
    Route("GET", "/directory/deletedItems", deleted_items.refuse_without_cast, ()),
    Route(
        "GET",
        "/directory/deletedItems/microsoft.graph.user",
        deleted_items.list_deleted_users,
        (_READ_USERS,),
    ),
    Route("GET", "/directory/deletedItems/{item}", deleted_items.read_deleted_item, (_READ_USERS,)),
    Route("DELETE", "/directory/deletedItems/{item}", deleted_items.purge, (("User.ReadWrite.All",),)),
    Route(
        "POST",
        "/directory/deletedItems/{item}/restore",
        deleted_items.restore,
        (("User.DeleteRestore.All",),),
    ),
    Route("GET", "/domains", domains.list_domains, (_READ_DOMAINS,)),
    Route("GET", "/domains/{domain}", domains.read_domain, (_READ_DOMAINS,)),
    Route(
        "GET", "/domains/{domain}/domainNameReferences", domains.list_references, (_READ_DOMAINS,), units=4
    ),
    Route(
        "GET",
        "/domains/{domain}/domainNameReferences/microsoft.graph.user",
        domains.list_references_of_type,
        (_READ_DOMAINS, _READ_USERS),
        units=4,
    ),
    Route(
        "GET",
        "/domains/{domain}/domainNameReferences/microsoft.graph.group",
        domains.list_references_of_type,
        (_READ_DOMAINS, _READ_GROUPS),
        units=4,
    ),
    Route("GET", "/applications", domains.list_applications, (_READ_APPLICATIONS,)),
    Route(
        "GET",
        "/servicePrincipals(appId='{appId}')",
        domains.read_service_principal,
        (_READ_APPLICATIONS,),
    ),
    Route(
        "GET",
        "/organization",
        domains.list_organization,
        (("Organization.Read.All", "Organization.ReadWrite.All", "Directory.Read.All"),),
    ),
    Route("GET", "/roleManagement/directory/roleAssignments", roles.list_role_assignments, (_READ_ROLES,)),
    Route(
        "GET",
        "/roleManagement/directory/roleEligibilityScheduleInstances",
        roles.list_role_eligibilities,
        (_READ_ROLE_ELIGIBILITIES,),
    ),
    Route(
        "GET",
        "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances",
        roles.list_group_eligibilities,
        (_READ_GROUP_ELIGIBILITIES,),
    ),
    Route("GET", "/groups", roles.list_groups, (_READ_GROUPS,)),
    Route("GET", "/groups/{group}", roles.read_group, (_READ_GROUPS,)),
    *(
        Route("GET", f"/groups/{{group}}/{below}{cast}", roles.list_people_of_group, (_READ_GROUPS,), units)
        for below, units in (("members", 3), ("transitiveMembers", 5), ("owners", 1))
        for cast in ("", "/microsoft.graph.user")
    ),
)


def find_route(call: Call) -> tuple[Route, Mapping[str, str]]:
    """The route of a call, and the values of its `{…}` by name. Raises GraphError 404 or 405."""
    return _route_of(call.method, call.plain_path)


@lru_cache(maxsize=1024)
def _route_of(method: str, path: str) -> tuple[Route, Mapping[str, str]]:
    other_method = False
    for pattern, route in _compiled():
        if match := pattern.fullmatch(path):
            if route.method == method:
                return route, match.groupdict()
            other_method = True
    if other_method:
        raise method_not_allowed()
    raise GraphError(
        404, "ResourceNotFound", f"Resource not found for the segment '{path.rpartition('/')[2]}'."
    )


@cache
def _compiled() -> list[tuple[re.Pattern[str], Route]]:
    return [
        (re.compile(re.sub(r"\\{(\w+)\\}", r"(?P<\1>[^/]+)", re.escape(route.template))), route)
        for route in ROUTES
    ]
