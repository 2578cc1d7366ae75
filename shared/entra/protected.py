"""Who must not be touched, as far as Entra and Exchange say: role holders, and the purposes of mailboxes."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.entra.batch import Request
from shared.entra.client import segment, text
from shared.entra.graph import Part
from shared.entra.users import PAGE_SIZE
from shared.model.parts import Parts, say
from shared.planning.protection import GROUP_PERMISSION, ROLE_PERMISSION, Roles

_ROLE_ASSIGNMENTS = "/roleManagement/directory/roleAssignments?$expand=roleDefinition"
_ASSIGNABLE_GROUPS = "/groups?$filter=isAssignableToRole%20eq%20true&$select=id,displayName"


class Protected(Part):
    async def read_roles(self) -> Roles:
        """Everybody who holds a directory role directly, or could through a group.

        Graph refuses to change members and owners of role-assignable groups even before the group has a role.
        """
        assignments = await self.graph.read_all_if_granted(_ROLE_ASSIGNMENTS)
        groups = await self.graph.read_all_if_granted(_ASSIGNABLE_GROUPS)
        holders: dict[str, str | Parts] = {
            text(item, "principalId"): _role_name(item) for item in assignments or ()
        }
        for group in groups or ():
            given = say("protected.roleOfGroup", group=str(group.get("displayName")))
            role = holders.get(text(group, "id"), given)
            for below in ("transitiveMembers", "owners"):
                path = f"/groups/{segment(text(group, 'id'))}/{below}?$select=id&$top={PAGE_SIZE}"
                for person in await self.graph.read_all(path):
                    holders.setdefault(text(person, "id"), role)
        needed = ((assignments, ROLE_PERMISSION), (groups, GROUP_PERMISSION))
        return Roles(holders, tuple(permission for found, permission in needed if found is None))

    async def look_up_mailboxes(self, object_ids: Iterable[str]) -> dict[str, str] | None:
        """Object id → purpose of the mailbox, "none" without one; whoever could not be looked at is absent."""
        requests = [
            Request(
                "GET", f"/users/{segment(object_id)}/mailboxSettings?$select=userPurpose", subject=object_id
            )
            for object_id in object_ids
        ]
        purposes: dict[str, str] = {}
        async for answers in self.graph.send(requests):
            for request, answer in answers:
                if answer.status == 403:
                    return None
                if answer.status == 404:
                    purposes[request.subject] = "none"
                elif answer.status == 200:
                    purposes[request.subject] = str(answer.body.get("userPurpose") or "none")
        return purposes


def _role_name(assignment: Mapping[str, Any]) -> str:
    definition = assignment.get("roleDefinition")
    name = definition.get("displayName") if isinstance(definition, dict) else None
    return str(name or assignment.get("roleDefinitionId"))
