"""Entra's users of one domain, page by page, from bytes into small records."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.entra.client import Graph, ends_with, next_link, page_items, text
from shared.entra.guard import Guard, Unguarded
from shared.errors import GraphError
from shared.mapping import IMMUTABLE_ID, UPN, AttributeMap
from shared.model import EntraUser

PAGE_SIZE = 999
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
    listing = await _list(graph, domain, attribute_map, guard or Unguarded())
    if listing.short:
        again = await _list(graph, domain, attribute_map, guard or Unguarded())
        listing = max(listing, again, key=lambda one: one.listed - one.expected)
    return listing


async def _list(graph: Graph, domain: str, attribute_map: AttributeMap, guard: Guard) -> Listing:
    condition, select = ends_with(UPN, f"@{domain}"), selected(attribute_map)
    path = f"/users?$filter={condition}&$count=true&$select={select}&$top={PAGE_SIZE}"
    users: dict[str, EntraUser] = {}
    page = await graph.read(path, eventual=True, guard=guard)
    expected = page.get("@odata.count")
    if not isinstance(expected, int):
        raise GraphError("Graph listed users without the count that was asked for.")
    while True:
        link = next_link(page)
        following = asyncio.create_task(graph.read(link, eventual=True, guard=guard)) if link else None
        try:
            # In a thread: the next page is asked for while this one is turned into records.
            for user in await asyncio.to_thread(_records, page_items(page), attribute_map):
                users[user.object_id] = user
            if following is None:
                suffix = f"@{domain.lower()}"
                here = [user for user in users.values() if user.upn.lower().endswith(suffix)]
                return Listing(here, len(users), expected)
            page = await following
        finally:
            if following is not None:
                following.cancel()


def entra_user(attribute_map: AttributeMap, item: Mapping[str, Any]) -> EntraUser:
    """One user as Graph returned it; GraphError names what is missing or not of its type."""
    text(item, "id")
    text(item, UPN)
    for attribute in (*attribute_map.attributes, IMMUTABLE_ID, "displayName"):
        if not isinstance(item.get(attribute), _PLAIN):
            raise GraphError(f"Graph answered a user whose {attribute} is neither text nor true or false.")
    return attribute_map.entra_user(item)


def _records(items: Sequence[Mapping[str, Any]], attribute_map: AttributeMap) -> list[EntraUser]:
    return [entra_user(attribute_map, item) for item in items]
