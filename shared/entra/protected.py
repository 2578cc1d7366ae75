"""Who must not be touched, as far as Entra and Exchange say: holders of roles, and mailboxes of nobody."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shared.entra.batch import Batches, Request
from shared.entra.client import Graph, segment, text
from shared.entra.users import PAGE_SIZE
from shared.model.parts import Parts, say
from shared.outbound.waiting import Guard
from shared.planning.protection import GROUP_PERMISSION, MAILBOX_PERMISSION, ROLE_PERMISSION, Protection

_ROLE_ASSIGNMENTS = "/roleManagement/directory/roleAssignments?$expand=roleDefinition"
_ASSIGNABLE_GROUPS = "/groups?$filter=isAssignableToRole%20eq%20true&$select=id,displayName"


async def with_roles(protection: Protection, graph: Graph, guard: Guard) -> Protection:
    """The same protection, and everybody who holds a directory role directly, or could through a group.

    Graph refuses to change members and owners of role-assignable groups even before the group has a role.
    """
    assignments = await graph.read_all_if_granted(_ROLE_ASSIGNMENTS, guard=guard)
    groups = await graph.read_all_if_granted(_ASSIGNABLE_GROUPS, guard=guard)
    holders: dict[str, str | Parts] = {
        text(item, "principalId"): _role_name(item) for item in assignments or ()
    }
    for group in groups or ():
        role = holders.get(
            text(group, "id"), say("protected.roleOfGroup", group=str(group.get("displayName")))
        )
        for below in ("transitiveMembers", "owners"):
            path = f"/groups/{segment(text(group, 'id'))}/{below}?$select=id&$top={PAGE_SIZE}"
            for person in await graph.read_all(path, guard=guard):
                holders.setdefault(text(person, "id"), role)
    needed = ((assignments, ROLE_PERMISSION), (groups, GROUP_PERMISSION))
    missing = tuple(permission for found, permission in needed if found is None)
    return replace(protection, roles=holders, missing_permissions=missing)


def _role_name(assignment: Mapping[str, Any]) -> str:
    definition = assignment.get("roleDefinition")
    name = definition.get("displayName") if isinstance(definition, dict) else None
    return str(name or assignment.get("roleDefinitionId"))


async def with_mailboxes(protection: Protection, batches: Batches, object_ids: Iterable[str]) -> Protection:
    """The same protection, after a look at the mailbox of everybody who is about to be touched."""
    purposes = await _mailbox_purposes(batches, object_ids)
    if purposes is None:
        missing = (*protection.missing_permissions, MAILBOX_PERMISSION)
        return replace(protection, missing_permissions=missing)
    return replace(protection, mailboxes=purposes)


async def _mailbox_purposes(batches: Batches, object_ids: Iterable[str]) -> dict[str, str] | None:
    """Object id → purpose of the mailbox ("none" without one); whoever could not be looked at is absent.

    None without the permission to look.
    """
    requests = [
        Request("GET", f"/users/{segment(object_id)}/mailboxSettings?$select=userPurpose", subject=object_id)
        for object_id in object_ids
    ]
    purposes: dict[str, str] = {}
    async for answers in batches.send(requests):
        for request, answer in answers:
            if answer.status == 403:
                return None
            if answer.status == 404:
                purposes[request.subject] = "none"
            elif answer.status == 200:
                purposes[request.subject] = str(answer.body.get("userPurpose") or "none")
    return purposes
