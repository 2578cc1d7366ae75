"""Directory roles, who holds them or may (directly or through a group), and groups with their members and owners."""

import uuid
from collections.abc import Iterator

from local.entra import errors
from local.entra.calls import Answer, Call
from local.entra.directory import Group
from local.entra.errors import Json
from local.entra.listing import check_options, list_objects
from local.entra.resources import (
    DIRECTORY_ROLE,
    GROUP,
    GROUP_ELIGIBILITY,
    ROLE_ASSIGNMENT,
    ROLE_ELIGIBILITY,
    USER,
)
from local.entra.state import Entra
from local.entra.users import find_user

# https://learn.microsoft.com/entra/identity/role-based-access-control/permissions-reference
_TEMPLATES = {
    "Global Administrator": "62e90394-69f5-4237-9190-012177145e10",
    "User Administrator": "fe930be7-5e62-47db-91af-98c3a49a38b1",
    "Exchange Administrator": "29232cdf-9323-42fd-ade2-1d097af3e4de",
    "Helpdesk Administrator": "729827e3-9c14-49f7-bb1b-9608f156bbb8",
}


def list_role_assignments(entra: Entra, call: Call) -> Answer:
    return list_objects(entra, call, ROLE_ASSIGNMENT, lambda _: _assignments(entra))


def list_roles_of_user(entra: Entra, call: Call) -> Answer:
    user = find_user(entra, call)
    through_groups = (g.roles for g in entra.directory.groups.values() if user.id in g.members)
    names = dict.fromkeys([*user.roles, *(name for roles in through_groups for name in roles)])
    roles: list[Json] = [
        {"id": _derived(f"role:{name}"), "displayName": name, "roleTemplateId": _template(name)}
        for name in names
    ]
    return list_objects(entra, call, DIRECTORY_ROLE, lambda _: roles)


def list_groups(entra: Entra, call: Call) -> Answer:
    return list_objects(entra, call, GROUP, lambda _: [g.properties for g in entra.directory.groups.values()])


def read_group(entra: Entra, call: Call) -> Answer:
    query = call.query
    check_options(query, frozenset({"$select"}))
    context: Json = {"@odata.context": f"{entra.url}/$metadata#groups/$entity"}
    return Answer(200, context | GROUP.shown(_find_group(entra, call).properties, GROUP.selected(query)))


def list_people_of_group(entra: Entra, call: Call) -> Answer:
    """Members or owners, as the path segment after the group says. The emulator has no nested groups."""
    group = _find_group(entra, call)
    ids = group.owners if call.segments[2] == "owners" else group.members
    people = [user.properties for user_id in sorted(ids) if (user := entra.directory.users.get(user_id))]
    advanced = call.segments[2] == "transitiveMembers" and len(call.segments) > 3
    return list_objects(entra, call, USER, lambda _: people, advanced=advanced)


def list_role_eligibilities(entra: Entra, call: Call) -> Answer:
    _require_premium(entra)
    return list_objects(entra, call, ROLE_ELIGIBILITY, lambda _: _role_eligibilities(entra))


def list_group_eligibilities(entra: Entra, call: Call) -> Answer:
    """Only of one group or one principal.

    https://learn.microsoft.com/graph/api/privilegedaccessgroup-list-eligibilityscheduleinstances
    """
    _require_premium(entra)
    if "$filter" not in call.query:
        raise errors.bad_request("The $filter must be by groupId or principalId.")
    return list_objects(entra, call, GROUP_ELIGIBILITY, lambda _: _group_eligibilities(entra))


def _require_premium(entra: Entra) -> None:
    if not entra.directory.tenant.premium:
        raise errors.no_premium()


def _role_eligibilities(entra: Entra) -> Iterator[Json]:
    directory = entra.directory
    for resource, holders in ((USER, directory.users), (GROUP, directory.groups)):
        for holder in holders.values():
            for role in holder.eligible:
                assignment = _assignment(holder.id, role, resource.typed(holder.properties))
                yield {**assignment, "memberType": "Direct", "startDateTime": "2026-01-01T00:00:00Z"}


def _group_eligibilities(entra: Entra) -> Iterator[Json]:
    for group in entra.directory.groups.values():
        for access, people in (("member", group.eligible_members), ("owner", group.eligible_owners)):
            for user_id in sorted(people):
                yield {
                    "id": f"{group.id}_{access}_{user_id}",
                    "groupId": group.id,
                    "principalId": user_id,
                    "accessId": access,
                    "memberType": "direct",
                    "startDateTime": "2026-01-01T00:00:00Z",
                }


def _assignments(entra: Entra) -> Iterator[Json]:
    directory = entra.directory
    for user in directory.users.values():
        for role in user.roles:
            yield _assignment(user.id, role, USER.typed(user.properties))
    for group in directory.groups.values():
        for role in group.roles:
            yield _assignment(group.id, role, GROUP.typed(group.properties))


def _assignment(principal_id: str, role: str, principal: Json) -> Json:
    template = _template(role)
    return {
        "id": _derived(f"assignment:{principal_id}:{role}"),
        "principalId": principal_id,
        "roleDefinitionId": template,
        "directoryScopeId": "/",
        "principal": principal,
        "roleDefinition": {"id": template, "displayName": role, "templateId": template, "isBuiltIn": True},
    }


def _find_group(entra: Entra, call: Call) -> Group:
    group = entra.directory.groups.get(call.arguments["group"].lower())
    if group is None:
        raise errors.not_found(call.arguments["group"])
    return group


def _template(role: str) -> str:
    return _TEMPLATES.get(role) or _derived(f"template:{role}")


def _derived(name: str) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_OID, name))
