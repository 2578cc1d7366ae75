"""Entra's users, from bytes into small records: those of a domain, and those who are named."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.entra.batch import Batches, Request
from shared.entra.client import (
    Graph,
    ends_with,
    graph_pages,
    next_link,
    one_of,
    page_items,
    segment,
    text,
)
from shared.errors import GraphError
from shared.model.people import EntraUser, SourceUser
from shared.outbound.waiting import Guard, Unguarded
from shared.planning.mapping import IMMUTABLE_ID, UPN, AttributeMap

PAGE_SIZE = 999
# Most values that an `in` filter takes.
IN_FILTER = 15
_PLAIN = (str, bool, type(None))


@dataclass(frozen=True, slots=True)
class Listing:
    """`expected` is what Graph counted on the first page; a short listing has `listed` fewer users than that.

    `users` are those of them who are on the domain now: the index behind the filter may be older than the users
    it finds, and somebody who was moved away a moment ago must not look like a leaver.
    """

    users: list[EntraUser]
    listed: int
    expected: int

    @property
    def short(self) -> bool:
        return self.listed < self.expected


def selected(attribute_map: AttributeMap) -> str:
    """The `$select` with just the attributes in use; it also makes the query cheaper in resource units."""
    always = ("id", UPN, "displayName", IMMUTABLE_ID, "onPremisesSyncEnabled", "userType")
    return ",".join(dict.fromkeys((*always, *attribute_map.attributes)))


async def users_of_domain(
    graph: Graph, domain: str, attribute_map: AttributeMap, guard: Guard | None = None
) -> Listing:
    """Every user whose UPN is on exactly this domain; read once more if Graph lists fewer than it counted."""
    listing = await _list(graph, domain, attribute_map, guard or Unguarded(graph.clock))
    if listing.short:
        again = await _list(graph, domain, attribute_map, guard or Unguarded(graph.clock))
        listing = max(listing, again, key=lambda one: one.listed - one.expected)
    return listing


async def _list(graph: Graph, domain: str, attribute_map: AttributeMap, guard: Guard) -> Listing:
    condition, select = ends_with(UPN, f"@{domain}"), selected(attribute_map)
    path = f"/users?$filter={condition}&$count=true&$select={select}&$top={PAGE_SIZE}"
    users: dict[str, EntraUser] = {}
    page = await graph.read(path, eventual=True, guard=guard)
    expected = page.get("@odata.count")
    if not isinstance(expected, int):
        raise GraphError("graph.noCount")
    pages = graph_pages()
    while True:
        items = page_items(page)
        link = next_link(page)
        if link:
            pages.turn(len(items), link)
        following = asyncio.create_task(graph.read(link, eventual=True, guard=guard)) if link else None
        try:
            # In a thread: the next page is asked for while this one is turned into records.
            for user in await graph.clock.in_thread(_records, items, attribute_map):
                users[user.object_id] = user
            if following is None:
                suffix = f"@{domain.lower()}"
                here = [user for user in users.values() if user.upn.lower().endswith(suffix)]
                return Listing(here, len(users), expected)
            page = await following
        finally:
            if following is not None:
                following.cancel()


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


async def synchronised_from_active_directory(graph: Graph, guard: Guard) -> bool:
    """Whether anybody in the tenant is mastered in Active Directory."""
    path = "/users?$filter=onPremisesSyncEnabled%20eq%20true&$select=id&$top=1"
    return bool(page_items(await graph.read(path, guard=guard)))


def entra_user(attribute_map: AttributeMap, item: Mapping[str, Any]) -> EntraUser:
    """One user as Graph returned it; GraphError names what is missing or not of its type."""
    text(item, "id")
    text(item, UPN)
    for attribute in (*attribute_map.attributes, IMMUTABLE_ID, "displayName"):
        if not isinstance(item.get(attribute), _PLAIN):
            raise GraphError("graph.notPlain", attribute=attribute)
    return attribute_map.entra_user(item)


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + IN_FILTER] for start in range(0, len(values), IN_FILTER))


def _records(items: Sequence[Mapping[str, Any]], attribute_map: AttributeMap) -> list[EntraUser]:
    return [entra_user(attribute_map, item) for item in items]
