"""Administrators and non-user mailboxes, read from Entra and Exchange, so that they are not touched."""

from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any, Literal, TypeVar

from shared.entra.batch import Request
from shared.entra.client import Answer, segment, text
from shared.entra.graph import Part
from shared.entra.users import PAGE_SIZE
from shared.errors import GraphError
from shared.model.parts import Parts, parts_of, say
from shared.planning.protection import (
    ELIGIBLE_PERMISSION,
    GROUP_PERMISSION,
    ROLE_PERMISSION,
    Mailboxes,
    Roles,
)

T = TypeVar("T")
Holder = str | Parts
Items = list[dict[str, Any]]

_ROLE_ASSIGNMENTS = "/roleManagement/directory/roleAssignments?$expand=roleDefinition"
_ROLE_ELIGIBILITIES = "/roleManagement/directory/roleEligibilityScheduleInstances?$expand=roleDefinition"
_ASSIGNABLE_GROUPS = "/groups?$filter=isAssignableToRole%20eq%20true&$select=id,displayName"

# Error codes: PIM in a tenant without the licence for it, mailbox settings in a tenant without Exchange Online (with
# 401), and those of a user without a mailbox.
_NO_PIM = "AadPremiumLicenseRequired"
_NO_EXCHANGE = "OrganizationFromTenantGuidNotFound"
_NO_MAILBOX = "MailboxNotEnabledForRESTAPI"
# So many others are looked at, to tell a refusal of everybody from one of a few.
_OTHERS = 5


class Protected(Part):
    async def read_roles(self) -> Roles:
        """Users who hold a directory role directly, or could: through a group, or once they activate it (PIM).

        Graph refuses to change members and owners of role-assignable groups even before the group has a role.
        An error is returned as a missing permission or an unread reason.
        """
        requests = role_lists()
        return await self.roles_in(requests, await self.graph.ask(requests))

    async def roles_in(self, requests: Sequence[Request[None]], answers: Sequence[Answer]) -> Roles:
        """What the answers to the requests of `role_lists` say, and who is in the groups among them."""
        unknown = _Unknown()
        # Each is begun when it is waited for: the first may end the run.
        lists = (
            self.graph.items_of(request, answer) for request, answer in zip(requests, answers, strict=True)
        )
        assigned = await unknown.but_for(_assigned(next(lists)), {}, ROLE_PERMISSION)
        eligible = await unknown.but_for(_eligible(next(lists)), {}, ROLE_PERMISSION)
        roles = {**eligible, **assigned}
        groups = await unknown.but_for(_assignable_groups(next(lists)), {}, GROUP_PERMISSION)
        through = await self._people_of(
            {group: roles.get(group, role) for group, role in groups.items()}, unknown
        )
        missing = tuple(name for name in unknown.permissions if name != ELIGIBLE_PERMISSION)
        return Roles(
            {**through, **roles},
            missing,
            unknown.reasons,
            eligible_members_seen=ELIGIBLE_PERMISSION not in unknown.permissions,
        )

    async def read_members(self, groups: Iterable[str]) -> dict[str, frozenset[str] | None]:
        """Group → object ids of its members, also through other groups; None for one that can't be read."""
        return {group: await self._members(group) for group in sorted(groups)}

    async def _members(self, group: str) -> frozenset[str] | None:
        path = f"/groups/{segment(group)}/transitiveMembers?$select=id&$top={PAGE_SIZE}"
        try:
            return frozenset(text(item, "id") for item in await self.graph.read_all(path))
        except GraphError:
            return None

    async def _people_of(self, groups: Mapping[str, Holder], unknown: "_Unknown") -> dict[str, Holder]:
        """Object id → role, for the people of these groups. `groups`: object id → role."""
        requests = [request for group, role in groups.items() for request in _looks_at(segment(group), role)]
        found: dict[_Look, list[str]] = {}
        async for answers in self.graph.send(requests):
            for request, answer in answers:
                look = request.subject
                people = self._people(request, answer)
                found[look] = await unknown.but_for(people, [], look.permission)
        # Who may join a group comes first, so that who is in one already has the last word.
        looks = sorted(
            (one.subject for one in requests), key=lambda look: look.permission != ELIGIBLE_PERMISSION
        )
        return {person: look.role for look in looks for person in found.get(look, ())}

    async def _people(self, request: Request["_Look"], answer: Answer) -> list[str]:
        if answer.error.code == _NO_PIM:
            return []
        items = await self.graph.items_of(request, answer)
        return [text(item, request.subject.name) for item in items]

    async def look_up_mailboxes(self, object_ids: Iterable[str], others: Iterable[str] = ()) -> Mailboxes:
        """The purposes of these users' mailboxes; any number of them may be unreadable.

        `others`: more users of the tenant. Where all of the first are refused, some of these tell whether everybody is.
        """
        found = await self._look_up_mailboxes(sorted(object_ids))
        everybody = _of_everybody(found.values())
        if everybody:
            strangers = islice((i for i in sorted(others) if i not in found), _OTHERS)
            more = await self._look_up_mailboxes(strangers)
            everybody = _of_everybody([*found.values(), *more.values()])
        if everybody == "noExchange":
            return Mailboxes(purposes=dict.fromkeys(found, "none"), exchange_online=False)
        if everybody:
            return Mailboxes(granted=everybody != "notGranted", told=everybody != "untold")
        purposes = {i: purpose for i, answer in found.items() if (purpose := _purpose(answer))}
        return Mailboxes(purposes=purposes, unread=frozenset(found.keys() - purposes.keys()))

    async def _look_up_mailboxes(self, object_ids: Iterable[str]) -> dict[str, Answer]:
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
        return found


def role_lists() -> list[Request[None]]:
    """Who holds a role, who could, and which groups may be given one."""
    paths = (_ROLE_ASSIGNMENTS, _ROLE_ELIGIBILITIES, _ASSIGNABLE_GROUPS)
    return [Request(method="GET", path=path, subject=None) for path in paths]


async def _assigned(items: Awaitable[Items]) -> dict[str, Holder]:
    return {text(item, "principalId"): _role_name(item) for item in await items}


async def _eligible(items: Awaitable[Items]) -> dict[str, Holder]:
    try:
        return {text(item, "principalId"): _once_activated(_role_name(item)) for item in await items}
    except GraphError as error:
        if error.code == _NO_PIM:
            return {}
        raise


async def _assignable_groups(items: Awaitable[Items]) -> dict[str, Holder]:
    """Object id → phrase for the role that the group may be given."""
    return {
        text(item, "id"): say("protected.roleOfGroup", group=str(item.get("displayName")))
        for item in await items
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Look:
    """At some people of a group, who hold the role. `name`: what the answer calls their object ids."""

    name: str
    permission: str
    role: Holder


def _looks_at(group: str, role: Holder) -> tuple[Request[_Look], ...]:
    members = f"/groups/{group}/transitiveMembers?$select=id&$top={PAGE_SIZE}"
    owners = f"/groups/{group}/owners?$select=id&$top={PAGE_SIZE}"
    eligible = (
        "/identityGovernance/privilegedAccess/group/eligibilityScheduleInstances"
        f"?$filter=groupId%20eq%20'{group}'"
    )
    may_join = _Look("principalId", ELIGIBLE_PERMISSION, _once_activated(role))
    return (
        Request(method="GET", path=members, subject=_Look("id", GROUP_PERMISSION, role)),
        Request(method="GET", path=owners, subject=_Look("id", GROUP_PERMISSION, role)),
        Request(method="GET", path=eligible, subject=may_join),
    )


class _Unknown:
    """Collects why some role holders are unknown."""

    def __init__(self) -> None:
        self.permissions: list[str] = []
        self.reasons: Parts = ()

    async def but_for(self, look: Awaitable[T], instead: T, permission: str) -> T:
        """The result of a look; `instead` if it fails."""
        try:
            return await look
        except GraphError as error:
            if error.status == 403:
                self.permissions += [permission] if permission not in self.permissions else []
            elif not self.reasons:
                self.reasons = parts_of(error)
            return instead


_Says = Literal["", "notGranted", "noExchange", "untold", "noMailbox"]


def _of_everybody(answers: Iterable[Answer]) -> _Says:
    """What all of these answers say of everybody's mailbox; empty if they are not alike, or there are none."""
    said = {_says(answer) for answer in answers}
    if said == {"untold", "noMailbox"}:
        return "untold"
    return said.pop() if len(said) == 1 and "noMailbox" not in said else ""


def _says(answer: Answer) -> _Says:
    if answer.status == 403:
        return "notGranted"
    code = answer.error.code
    if answer.status == 401 and code == _NO_EXCHANGE:
        return "noExchange"
    if answer.status == 404 and code == _NO_MAILBOX:
        return "noMailbox"
    # A cloud may refuse to select what it does not have, or leave it out.
    refused = answer.status == 400 and "'userPurpose'" in answer.message
    return "untold" if refused or (answer.status == 200 and not answer.body.get("userPurpose")) else ""


def _purpose(answer: Answer) -> str | None:
    """The `userPurpose` of a mailbox, "none" if there is no mailbox; None if it could not be read."""
    if _says(answer) == "noMailbox":
        return "none"
    purpose = answer.body.get("userPurpose") if answer.status == 200 else None
    return purpose if isinstance(purpose, str) and purpose else None


def _role_name(assignment: Mapping[str, Any]) -> str:
    definition = assignment.get("roleDefinition")
    name = definition.get("displayName") if isinstance(definition, dict) else None
    return str(name or assignment.get("roleDefinitionId"))


def _once_activated(role: Holder) -> Parts:
    return say("protected.eligible", role=role)
