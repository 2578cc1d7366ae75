"""Reads Entra users as small records: users of a domain, users by id, and deleted users."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.entra.batch import Request
from shared.entra.client import ends_with, graph_pages, next_link, one_of, page_items, segment, text
from shared.entra.graph import Part, begun_again_if_expired, needs
from shared.errors import GraphError
from shared.model.people import EntraUser
from shared.planning.mapping import IMMUTABLE_ID, SESSION_TIME, UPN, AttributeMap
from shared.planning.recycle_bin import RecycleBin
from shared.planning.sides import Listing

PAGE_SIZE = 999
# Most values that an `in` filter takes.
IN_FILTER = 15
_PLAIN = (str, bool, type(None))


def selected(attribute_map: AttributeMap) -> str:
    """The value of `$select`: only the attributes in use, which also costs fewer resource units."""
    always = ("id", UPN, "displayName", IMMUTABLE_ID, "userType", SESSION_TIME)
    protecting = ("onPremisesSyncEnabled", "isManagementRestricted")
    return ",".join(dict.fromkeys((*always, *protecting, *attribute_map.attributes)))


class Users(Part):
    async def read_users(self, domain: str) -> Listing:
        """Every user whose UPN is on exactly this domain; read once more if Graph lists fewer users than it counted."""
        with needs("User.ReadWrite.All"):
            listing = await begun_again_if_expired(lambda: self._list(domain))
        if listing.short:
            again = await begun_again_if_expired(lambda: self._list(domain))
            listing = max(listing, again, key=lambda one: one.listed - one.expected)
        return listing

    async def _list(self, domain: str) -> Listing:
        condition, select = ends_with(UPN, f"@{domain}"), selected(self._attribute_map)
        path = f"/users?$filter={condition}&$count=true&$select={select}&$top={PAGE_SIZE}"
        users: dict[str, EntraUser] = {}
        page = await self.graph.read(path, eventual=True)
        expected = page.get("@odata.count")
        if not isinstance(expected, int):
            raise GraphError("graph.noCount")
        pages = graph_pages()
        while True:
            items = page_items(page)
            link = next_link(page)
            if link:
                pages.turn(len(items), link)
            following = asyncio.create_task(self.graph.read(link, eventual=True)) if link else None
            try:
                # In a thread, so that the next page is requested while this one is parsed.
                for user in await self.graph.clock.in_thread(_records, items, self._attribute_map):
                    users[user.object_id] = user
                if following is None:
                    suffix = f"@{domain.lower()}"
                    here = [user for user in users.values() if user.upn.lower().endswith(suffix)]
                    return Listing(here, len(users), expected)
                page = await following
            finally:
                if following is not None:
                    following.cancel()

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser]:
        """Object id → the current user; users who are gone are absent. Raises GraphError if one can't be read."""
        select = selected(self._attribute_map)
        requests = [
            Request(method="GET", path=f"/users/{segment(i)}?$select={select}", subject=i) for i in object_ids
        ]
        found: dict[str, EntraUser] = {}
        async for answers in self.graph.send(requests):
            for request, answer in answers:
                if answer.status == 200:
                    found[request.subject] = entra_user(self._attribute_map, answer.body)
                elif answer.status != 404:
                    raise answer.error
        return found

    async def look_up_upns(self, object_ids: Iterable[str]) -> dict[str, str | None]:
        """Object id → the current UPN, None for a user who is gone; users who could not be read are absent."""
        requests = [
            Request(method="GET", path=f"/users/{segment(i)}?$select=id,userPrincipalName", subject=i)
            for i in object_ids
        ]
        upns: dict[str, str | None] = {}
        async for answers in self.graph.send(requests):
            for request, answer in answers:
                if answer.status == 404:
                    upns[request.subject] = None
                elif answer.status == 200:
                    upns[request.subject] = text(answer.body, "userPrincipalName")
        return upns

    async def find_users(
        self,
        *,
        immutable_ids: Iterable[str] = (),
        object_ids: Iterable[str] = (),
        upns: Iterable[str] = (),
        display_names: Iterable[str] = (),
        nicknames: Iterable[str] = (),
    ) -> list[EntraUser]:
        """The active users, on any domain of the tenant, with one of these; with their nickname and aliases."""
        select = f"{selected(self._attribute_map)},mailNickname,proxyAddresses,createdDateTime"
        wanted = {
            IMMUTABLE_ID: immutable_ids,
            "id": object_ids,
            UPN: upns,
            "displayName": display_names,
            "mailNickname": nicknames,
        }
        requests = [
            Request(method="GET", path=f"/users?$filter={one_of(name, chunk)}&$select={select}", subject=None)
            for name, values in wanted.items()
            for chunk in _chunks(list(values))
        ]
        found: list[EntraUser] = []
        async for answers in self.graph.send(requests):
            for _, answer in answers:
                if answer.status != 200:
                    raise answer.error
                found.extend(entra_user(self._attribute_map, item) for item in page_items(answer.body))
        return found

    async def read_deleted_users(self) -> RecycleBin:
        """Entra's deleted users, newest first. A deletion prefixes the UPN with the object id; it is removed here."""
        path = (
            "/directory/deletedItems/microsoft.graph.user"
            f"?$select={selected(self._attribute_map)},proxyAddresses,deletedDateTime&$top={PAGE_SIZE}"
        )
        items = await self.graph.read_all(path)
        items.sort(key=lambda item: str(item.get("deletedDateTime")), reverse=True)
        users = []
        for item in items:
            object_id, upn = text(item, "id"), item.get(UPN)
            former = str(upn or "").removeprefix(object_id.replace("-", ""))
            users.append(_record(self._attribute_map, {**item, UPN: former}))
        return RecycleBin(users, {text(item, "id"): aliases(item) for item in items})

    async def find_active_directory(self) -> bool:
        """Whether any user of the tenant is synchronised from Active Directory."""
        path = "/users?$filter=onPremisesSyncEnabled%20eq%20true&$select=id&$top=1"
        return bool(page_items(await self.graph.read(path)))


def entra_user(attribute_map: AttributeMap, item: Mapping[str, Any]) -> EntraUser:
    """One user as Graph returned it. Raises GraphError that names a missing property or one of the wrong type."""
    text(item, UPN)
    return _record(attribute_map, item)


def aliases(item: Mapping[str, Any]) -> list[str]:
    """The `proxyAddresses` of an object that are SMTP addresses, in lower case and without the `SMTP:` prefix."""
    entries = (entry.partition(":") for entry in texts(item, "proxyAddresses"))
    return [address.lower() for kind, _, address in entries if kind.lower() == "smtp"]


def texts(item: Mapping[str, Any], name: str) -> list[str]:
    """A property that is a list of strings, or absent. Raises GraphError that names it otherwise."""
    values = item.get(name)
    if values is None:
        return []
    if not isinstance(values, list) or not all(isinstance(value, str) for value in values):
        raise GraphError("graph.notTexts", name=name)
    return values


def _record(attribute_map: AttributeMap, item: Mapping[str, Any]) -> EntraUser:
    text(item, "id")
    for attribute in (*attribute_map.attributes, IMMUTABLE_ID, "displayName"):
        if not isinstance(item.get(attribute), _PLAIN):
            raise GraphError("graph.notPlain", attribute=attribute)
    user = attribute_map.entra_user(item)
    if "mailNickname" not in item:
        return user
    return replace(
        user,
        nickname=str(item["mailNickname"] or ""),
        aliases=tuple(aliases(item)),
        created=str(item.get("createdDateTime") or ""),
    )


def _chunks(values: Sequence[str]) -> Iterable[Sequence[str]]:
    return (values[start : start + IN_FILTER] for start in range(0, len(values), IN_FILTER))


def _records(items: Sequence[Mapping[str, Any]], attribute_map: AttributeMap) -> list[EntraUser]:
    return [entra_user(attribute_map, item) for item in items]
