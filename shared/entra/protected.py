"""Role holders and non-user mailboxes, read from Entra and Exchange, so that they are not touched."""

from collections.abc import Iterable, Mapping
from typing import Any

from shared.entra.batch import Request
from shared.entra.client import Answer, segment, text
from shared.entra.graph import Part
from shared.entra.users import PAGE_SIZE
from shared.errors import GraphError
from shared.model.parts import Parts, parts_of, say
from shared.planning.protection import GROUP_PERMISSION, ROLE_PERMISSION, Mailboxes, Roles

_ROLE_ASSIGNMENTS = "/roleManagement/directory/roleAssignments?$expand=roleDefinition"
_ASSIGNABLE_GROUPS = "/groups?$filter=isAssignableToRole%20eq%20true&$select=id,displayName"


# The error code that Exchange answers, with 401, for a tenant without Exchange Online.
_NO_EXCHANGE = "OrganizationFromTenantGuidNotFound"


class Protected(Part):
    async def read_roles(self) -> Roles:
        """Users who hold a directory role directly, or could through a group.

        Graph refuses to change members and owners of role-assignable groups even before the group has a role.
        Raises GraphError only for a 401; any other error is returned as a missing permission or an unread reason.
        """
        unknown = _Unknown()
        holders: dict[str, str | Parts] = {}
        try:
            for item in await self.graph.read_all(_ROLE_ASSIGNMENTS):
                holders[text(item, "principalId")] = _role_name(item)
        except GraphError as error:
            unknown.add(error, ROLE_PERMISSION)
        try:
            for group in await self.graph.read_all(_ASSIGNABLE_GROUPS):
                await self._add_people_of(group, holders)
        except GraphError as error:
            unknown.add(error, GROUP_PERMISSION)
        return Roles(holders, tuple(unknown.permissions), unknown.reasons)

    async def _add_people_of(self, group: Mapping[str, Any], holders: dict[str, str | Parts]) -> None:
        given = say("protected.roleOfGroup", group=str(group.get("displayName")))
        role = holders.get(text(group, "id"), given)
        for below in ("transitiveMembers", "owners"):
            path = f"/groups/{segment(text(group, 'id'))}/{below}?$select=id&$top={PAGE_SIZE}"
            for person in await self.graph.read_all(path):
                holders.setdefault(text(person, "id"), role)

    async def look_up_mailboxes(self, object_ids: Iterable[str]) -> Mailboxes:
        """The purposes of these users' mailboxes; any number of them may be unreadable."""
        requests = [
            Request(
                method="GET",
                path=f"/users/{segment(object_id)}/mailboxSettings?$select=userPurpose",
                subject=object_id,
            )
            for object_id in object_ids
        ]
        found: dict[str, Answer] = {}
        async for answers in self.graph.send(requests):
            found.update((request.subject, answer) for request, answer in answers)
        if found and all(answer.status == 403 for answer in found.values()):
            return Mailboxes(granted=False)
        if found and all(answer.error.code == _NO_EXCHANGE for answer in found.values()):
            return Mailboxes(purposes=dict.fromkeys(found, "none"), exchange_online=False)
        purposes = {
            object_id: purpose for object_id, answer in found.items() if (purpose := _purpose(answer))
        }
        return Mailboxes(purposes=purposes, unread=len(found) - len(purposes))


class _Unknown:
    """Collects why some role holders are unknown."""

    def __init__(self) -> None:
        self.permissions: list[str] = []
        self.reasons: Parts = ()

    def add(self, error: GraphError, permission: str) -> None:
        """Raises the error again if it concerns the whole app (401), not this lookup."""
        if error.status == 401:
            raise error
        if error.status == 403:
            self.permissions.append(permission)
        else:
            self.reasons += parts_of(error)


def _purpose(answer: Answer) -> str | None:
    """The `userPurpose` of a mailbox, "none" if there is no mailbox; None if it could not be read."""
    if answer.status == 404:
        return "none"
    purpose = answer.body.get("userPurpose") if answer.status == 200 else None
    return purpose if isinstance(purpose, str) and purpose else None


def _role_name(assignment: Mapping[str, Any]) -> str:
    definition = assignment.get("roleDefinition")
    name = definition.get("displayName") if isinstance(definition, dict) else None
    return str(name or assignment.get("roleDefinitionId"))
