"""The looks that make the `Surroundings` of a plan: who is protected, who is elsewhere, who has an address.

Each question is asked only about those whom it concerns, 20 to a `$batch` where it is one call per person.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.entra.batch import Batches, Request
from shared.entra.client import Graph, one_of, page_items, segment, text
from shared.entra.guard import Guard
from shared.entra.users import PAGE_SIZE, entra_user, selected
from shared.errors import GraphError
from shared.mapping import IMMUTABLE_ID, AttributeMap
from shared.model import EntraUser, SourceUser
from shared.planning.protection import GROUP_PERMISSION, ROLE_PERMISSION
from shared.planning.surroundings import Holder

_ROLE_ASSIGNMENTS = "/roleManagement/directory/roleAssignments"
_ASSIGNABLE_GROUPS = "/groups?$filter=isAssignableToRole%20eq%20true&$select=id,displayName"
# Most values that an `in` filter takes.
IN_FILTER = 15


class PermissionMissing(GraphError):
    """Graph answers 403: the app was not granted what this look needs."""


@dataclass(frozen=True, slots=True)
class RoleHolders:
    """Object id → name of a directory role; `missing` are the permissions without which some are unknown."""

    roles: dict[str, str]
    missing: tuple[str, ...]


async def role_holders(graph: Graph, guard: Guard) -> RoleHolders:
    """Everybody who holds a directory role directly, or could through a group.

    Graph refuses to change members and owners of role-assignable groups even before the group has a role.
    """
    path = f"{_ROLE_ASSIGNMENTS}?$expand=roleDefinition"
    assignments = await _read_if_granted(graph, path, guard)
    groups = await _read_if_granted(graph, _ASSIGNABLE_GROUPS, guard)
    holders = {text(item, "principalId"): _role_name(item) for item in assignments or ()}
    for group in groups or ():
        role = holders.get(text(group, "id"), f"that {group.get('displayName')} may be given")
        for below in ("transitiveMembers", "owners"):
            path = f"/groups/{segment(text(group, 'id'))}/{below}?$select=id&$top={PAGE_SIZE}"
            for person in await graph.read_all(path, guard=guard):
                holders.setdefault(text(person, "id"), role)
    needed = ((assignments, ROLE_PERMISSION), (groups, GROUP_PERMISSION))
    return RoleHolders(holders, tuple(permission for found, permission in needed if found is None))


async def _read_if_granted(graph: Graph, path: str, guard: Guard) -> list[dict[str, Any]] | None:
    """Every item, or None where the app may not look."""
    try:
        return await graph.read_all(path, guard=guard)
    except GraphError as error:
        if error.status == 403:
            return None
        raise


def _role_name(assignment: Mapping[str, Any]) -> str:
    definition = assignment.get("roleDefinition")
    name = definition.get("displayName") if isinstance(definition, dict) else None
    return str(name or assignment.get("roleDefinitionId"))


async def mailbox_purposes(batches: Batches, object_ids: Iterable[str]) -> dict[str, str]:
    """Object id → purpose of the mailbox ("none" without one); whoever could not be looked at is absent.

    PermissionMissing without `MailboxSettings.Read`.
    """
    requests = [
        Request("GET", f"/users/{segment(object_id)}/mailboxSettings?$select=userPurpose", subject=object_id)
        for object_id in object_ids
    ]
    purposes: dict[str, str] = {}
    async for answers in batches.send(requests):
        for request, answer in answers:
            if answer.status == 403:
                raise PermissionMissing("MailboxSettings.Read is missing.", status=403)
            if answer.status == 404:
                purposes[request.subject] = "none"
            elif answer.status == 200:
                purposes[request.subject] = str(answer.body.get("userPurpose") or "none")
    return purposes


async def outside_users(
    batches: Batches, people: Sequence[SourceUser], links: Mapping[str, str], attribute_map: AttributeMap
) -> dict[str, EntraUser]:
    """Source id → the Entra user, wherever in the tenant, with the person's immutable ID or remembered link."""
    by_key = {user.immutable_id: user.source_id for user in people if user.immutable_id}
    by_id = {links[user.source_id]: user.source_id for user in people if user.source_id in links}
    wanted = {IMMUTABLE_ID: list(by_key), "id": list(by_id)}
    users = await _users_with(batches, wanted, attribute_map)
    linked = {by_id[user.object_id]: user for user in users if user.object_id in by_id}
    keyed = {by_key[user.immutable_id]: user for user in users if user.immutable_id in by_key}
    return {**linked, **keyed}


async def users_with_immutable_ids(
    batches: Batches, immutable_ids: Iterable[str], attribute_map: AttributeMap
) -> list[EntraUser]:
    """The active users, wherever in the tenant, who have one of these."""
    return await _users_with(batches, {IMMUTABLE_ID: list(immutable_ids)}, attribute_map)


async def _users_with(
    batches: Batches, wanted: Mapping[str, Sequence[str]], attribute_map: AttributeMap
) -> list[EntraUser]:
    """The active users who have one of the values of one of the attributes."""
    requests = [
        Request("GET", f"/users?$filter={one_of(name, chunk)}&$select={selected(attribute_map)}")
        for name, values in wanted.items()
        for chunk in _chunks(values)
    ]
    found: list[EntraUser] = []
    async for answers in batches.send(requests):
        for _, answer in answers:
            if answer.status != 200:
                raise answer.error
            found.extend(entra_user(attribute_map, item) for item in page_items(answer.body))
    return found


async def deleted_users(graph: Graph, attribute_map: AttributeMap, guard: Guard) -> list[EntraUser]:
    """Entra's deleted users, newest first, under the UPN they had before: deletion puts the id in front of it."""
    path = (
        "/directory/deletedItems/microsoft.graph.user"
        f"?$select={selected(attribute_map)},deletedDateTime&$top={PAGE_SIZE}"
    )
    items = await graph.read_all(path, guard=guard)
    items.sort(key=lambda item: str(item.get("deletedDateTime")), reverse=True)
    users = []
    for item in items:
        prefix = text(item, "id").replace("-", "")
        users.append(
            entra_user(
                attribute_map,
                {**item, "userPrincipalName": text(item, "userPrincipalName").removeprefix(prefix)},
            )
        )
    return users


async def addresses(graph: Graph, domain: str, guard: Guard) -> dict[str, Holder]:
    """Lower-case address on the domain → who holds it: users by UPN or alias, groups by their addresses.

    Without `Group.Read.All` the groups are left out.
    """
    holders: dict[str, Holder] = {}
    for kind, extra in (("user", ",userPrincipalName"), ("group", "")):
        path = (
            f"/domains/{segment(domain)}/domainNameReferences/microsoft.graph.{kind}"
            f"?$select=id,displayName,mail,proxyAddresses{extra}&$top={PAGE_SIZE}"
        )
        for item in await _read_if_granted(graph, path, guard) or ():
            upn, aliases = item.get("userPrincipalName"), _aliases(item)
            holder = Holder(text(item, "id"), str(item.get("displayName")), kind)
            for alias in aliases:
                holders.setdefault(alias, replace(holder, alias=True))
            for address in (upn, item.get("mail")):
                if address:
                    holders.setdefault(str(address).lower(), holder)
    return holders


async def former_addresses(batches: Batches, object_ids: Iterable[str]) -> dict[str, list[str]]:
    """Object id of a deleted user → the addresses that a restore brings back; unreadable ones are absent."""
    path = "/directory/deletedItems/{}?$select=id,proxyAddresses"
    requests = [Request("GET", path.format(segment(i)), subject=i) for i in object_ids]
    found: dict[str, list[str]] = {}
    async for answers in batches.send(requests):
        for request, answer in answers:
            if answer.status == 200:
                found[request.subject] = _aliases(answer.body)
    return found


def _aliases(item: Mapping[str, Any]) -> list[str]:
    """The addresses of an object beside its UPN, in lower case, without their `SMTP:`."""
    entries = (entry.partition(":") for entry in _texts(item, "proxyAddresses"))
    return [address.lower() for kind, _, address in entries if kind.lower() == "smtp"]


def _texts(item: Mapping[str, Any], name: str) -> list[str]:
    """A property that is a list of text, or absent; GraphError names it if it is anything else."""
    values = item.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise GraphError(f"Graph answered an object whose {name} is not a list of text.")
    return values


async def current_upns(batches: Batches, object_ids: Iterable[str]) -> dict[str, str | None]:
    """Object id → the UPN the user has right now, None for one who is gone; unreadable ones are absent."""
    requests = [
        Request("GET", f"/users/{segment(i)}?$select=id,userPrincipalName", subject=i) for i in object_ids
    ]
    upns: dict[str, str | None] = {}
    async for answers in batches.send(requests):
        for request, answer in answers:
            if answer.status == 404:
                upns[request.subject] = None
            elif answer.status == 200:
                upns[request.subject] = text(answer.body, "userPrincipalName")
    return upns


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + IN_FILTER] for start in range(0, len(values), IN_FILTER))


def holders_of_immutable_ids(deleted: Sequence[EntraUser], active: Iterable[EntraUser]) -> dict[str, Holder]:
    """Immutable ID → who blocks it: a deleted user until they are restored or gone for good."""
    return {
        user.immutable_id: Holder(user.object_id, user.upn, kind)
        for kind, users in (("deleted user", deleted), ("user", active))
        for user in users
        if user.immutable_id
    }


async def applications_on(graph: Graph, domain: str, guard: Guard) -> list[Holder]:
    """Applications with an address on the domain; PermissionMissing without `Application.Read.All`."""
    path = (
        f"/domains/{segment(domain)}/domainNameReferences/microsoft.graph.application?$select=id,displayName"
    )
    found = await _read_if_granted(graph, path, guard)
    # Without the permission Graph may also answer with bare ids, every other property null.
    if found is None or any(item.get("displayName") is None for item in found):
        raise PermissionMissing("Application.Read.All is missing.", status=403)
    return [Holder(text(item, "id"), text(item, "displayName"), "application") for item in found]


async def synchronised_from_active_directory(graph: Graph, guard: Guard) -> bool:
    """Whether anybody in the tenant is mastered in Active Directory."""
    path = "/users?$filter=onPremisesSyncEnabled%20eq%20true&$select=id&$top=1"
    return bool(page_items(await graph.read(path, guard=guard)))


async def users_by_id(
    batches: Batches, object_ids: Iterable[str], attribute_map: AttributeMap
) -> dict[str, EntraUser]:
    """Object id → the user as they are now; whoever is gone is absent. GraphError if one can't be read."""
    select = selected(attribute_map)
    requests = [Request("GET", f"/users/{segment(i)}?$select={select}", subject=i) for i in object_ids]
    found: dict[str, EntraUser] = {}
    async for answers in batches.send(requests):
        for request, answer in answers:
            if answer.status == 200:
                found[request.subject] = entra_user(attribute_map, answer.body)
            elif answer.status != 404:
                raise answer.error
    return found
