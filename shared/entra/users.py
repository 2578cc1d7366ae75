"""Reads Entra users as small records: users of a domain, users by id, and deleted users."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from shared.entra.batch import Request
from shared.entra.client import (
    Answer,
    ends_with,
    graph_pages,
    next_link,
    one_of,
    page_items,
    segment,
    starts_with,
    text,
)
from shared.entra.graph import Graph, Part, begun_again_if_expired, needs
from shared.errors import GraphError
from shared.model.addresses import is_object_id
from shared.model.people import EntraUser
from shared.planning.aside import are_aside
from shared.planning.mapping import IMMUTABLE_ID, UPN, AttributeMap
from shared.planning.recycle_bin import RecycleBin
from shared.planning.renames import TEMPORARY
from shared.planning.sides import Listing

T = TypeVar("T")

PAGE_SIZE = 999
# Of what is counted, nobody is asked for.
COUNT = "$count=true&$select=id&$top=1"
# Most values that an `in` filter takes.
IN_FILTER = 15
_PLAIN = (str, bool, type(None))
# What is read of single accounts beside the properties in use.
_MORE = "mailNickname,proxyAddresses,createdDateTime"


class Users(Part):
    """`not_selectable`: properties that this cloud refused in `$select` so far, and that are read no more."""

    def __init__(self, graph: Graph, attribute_map: AttributeMap) -> None:
        super().__init__(graph)
        self._attribute_map = attribute_map
        self.not_selectable: tuple[str, ...] = ()

    @property
    def _select(self) -> str:
        return ",".join(n for n in self._attribute_map.selected if n not in self.not_selectable)

    async def _selecting(self, read: Callable[[], Awaitable[T]]) -> T:
        """The result of `read`, which selects `_select`; again without what this cloud refuses in it."""
        while True:
            try:
                return await read()
            except GraphError as error:
                if not (refused := self._refused_in_select(error)):
                    raise
                self.not_selectable += refused

    def _refused_in_select(self, error: GraphError) -> tuple[str, ...]:
        told = str(error.parameters.get("text")) if error.status == 400 else ""
        optional = self._attribute_map.optional
        return tuple(n for n in optional if n not in self.not_selectable and f"'{n}'" in told)

    async def read_users(self, domain: str) -> Listing:
        """Every user whose UPN is on exactly this domain; read once more if Graph lists fewer users than it counted."""
        with needs("User.ReadWrite.All"):
            listing = await self._listed(domain)
        if listing.short:
            again = await self._listed(domain)
            listing = max(listing, again, key=lambda one: one.listed - one.expected)
        return listing

    async def _listed(self, domain: str) -> Listing:
        return await self._selecting(lambda: begun_again_if_expired(lambda: self._list(domain)))

    async def _list(self, domain: str) -> Listing:
        condition = ends_with(UPN, f"@{domain}")
        path = f"/users?$filter={condition}&$count=true&$select={self._select}&$top={PAGE_SIZE}"
        users: dict[str, EntraUser] = {}

        def take(items: Sequence[Mapping[str, Any]]) -> None:
            users.update((user.object_id, user) for user in _records(items, self._attribute_map))

        expected = await self._take_pages(path, take)
        suffix = f"@{domain.lower()}"
        here = [user for user in users.values() if user.upn.lower().endswith(suffix)]
        return Listing(here, len(users), expected)

    async def _take_pages(self, path: str, take: Callable[[Sequence[Mapping[str, Any]]], None]) -> int:
        """Calls `take` with the items of each page, in a thread. Returns how many users Graph counts in all."""
        page = await self.graph.read(path, eventual=True)
        expected = counted(page)
        pages = graph_pages()
        while True:
            items = page_items(page)
            link = next_link(page)
            if link:
                pages.turn(len(items), link)
            following = asyncio.create_task(self.graph.read(link, eventual=True)) if link else None
            try:
                # The next page is requested while this one is parsed.
                await self.graph.clock.in_thread(take, items)
                if following is None:
                    return expected
                page = await following
            finally:
                if following is not None:
                    following.cancel()

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser | None]:
        """Object id → the current user, None for a user who is gone; users who could not be read are absent."""
        ids = sorted(object_ids)
        return await self._selecting(lambda: self._look_up(ids))

    async def _look_up(self, object_ids: Sequence[str]) -> dict[str, EntraUser | None]:
        requests = self._by_id(object_ids)
        return self._looked_up(requests, await self.graph.ask(requests))

    def _by_id(self, object_ids: Iterable[str]) -> list[Request[str]]:
        return [
            Request(method="GET", path=f"/users/{segment(i)}?$select={self._select}", subject=i)
            for i in object_ids
        ]

    def _looked_up(
        self, requests: Sequence[Request[str]], answers: Sequence[Answer]
    ) -> dict[str, EntraUser | None]:
        found = {
            request.subject: self._one(answer) for request, answer in zip(requests, answers, strict=True)
        }
        for one in found.values():
            if isinstance(one, GraphError) and self._refused_in_select(one):
                raise one
        return {who: one for who, one in found.items() if not isinstance(one, GraphError)}

    def _one(self, answer: Answer) -> EntraUser | GraphError | None:
        if answer.status == 404:
            return None
        if answer.status != 200:
            return answer.error
        try:
            return entra_user(self._attribute_map, answer.body)
        except GraphError as error:
            return error

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
        wanted = {
            IMMUTABLE_ID: immutable_ids,
            "id": object_ids,
            UPN: upns,
            "displayName": display_names,
            "mailNickname": nicknames,
        }
        conditions = [one for name, values in wanted.items() for one in in_filters(name, values)]
        return await self._selecting(lambda: self._find(conditions))

    async def _find(self, conditions: Sequence[str]) -> list[EntraUser]:
        requests = [self._where(condition) for condition in conditions]
        answers = zip(requests, await self.graph.ask(requests), strict=True)
        return [user for request, answer in answers for user in await self._users_of(request, answer)]

    def _where(self, condition: str) -> Request[None]:
        """Asks for the users of whom that is true."""
        path = f"/users?$filter={condition}&$select={self._select},{_MORE}"
        return Request(method="GET", path=path, subject=None)

    async def _users_of(self, request: Request[None], answer: Answer) -> list[EntraUser]:
        return [entra_user(self._attribute_map, item) for item in await self.graph.items_of(request, answer)]

    async def find_called(self, name: str, most: int) -> list[EntraUser]:
        """The active users with that object id, and up to `most` whose display name or UPN begins so."""
        begins = [starts_with(attribute, name) for attribute in ("displayName", UPN)]
        beginning = await self._selecting(lambda: self._first(begins, most))
        same = (await self.look_up_users([name] if is_object_id(name) else [])).values()
        return list({one.object_id: one for one in (*same, *beginning) if one}.values())

    async def _first(self, conditions: Sequence[str], most: int) -> list[EntraUser]:
        found: list[EntraUser] = []
        for condition in conditions:
            path = f"/users?$filter={condition}&$select={self._select}&$top={most}"
            found += [
                entra_user(self._attribute_map, item) for item in page_items(await self.graph.read(path))
            ]
        return found

    async def read_aside(self, initial_domain: str) -> list[EntraUser]:
        """The users with a temporary UPN of this app, of whatever domain they were."""
        users = await self._selecting(self._read_temporary)
        return are_aside(users, initial_domain)

    async def _read_temporary(self) -> list[EntraUser]:
        items = await self.graph.read_all(self._temporary.path)
        return [entra_user(self._attribute_map, item) for item in items]

    @property
    def _temporary(self) -> Request[None]:
        """Asks for the users with a temporary UPN."""
        path = f"/users?$filter={starts_with(UPN, TEMPORARY)}&$select={self._select}&$top={PAGE_SIZE}"
        return Request(method="GET", path=path, subject=None)

    async def read_deleted_users(self) -> RecycleBin:
        """Entra's deleted users, newest first. A deletion prefixes the UPN with the object id; it is removed here."""
        items = await self._selecting(self._read_deleted)
        items.sort(key=lambda item: str(item.get("deletedDateTime")), reverse=True)
        users = []
        for item in items:
            object_id, upn = text(item, "id"), item.get(UPN)
            former = str(upn or "").removeprefix(object_id.replace("-", ""))
            users.append(_record(self._attribute_map, {**item, UPN: former}))
        return RecycleBin(users, {text(item, "id"): aliases(item) for item in items})

    async def _read_deleted(self) -> list[dict[str, Any]]:
        path = (
            "/directory/deletedItems/microsoft.graph.user"
            f"?$select={self._select},{_MORE},deletedDateTime&$top={PAGE_SIZE}"
        )
        return await self.graph.read_all(path)

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


def counted(page: Mapping[str, Any]) -> int:
    """How many users Graph counts in all. Raises GraphError if it does not say so."""
    expected = page.get("@odata.count")
    if not isinstance(expected, int):
        raise GraphError("graph.noCount")
    return expected


def _record(attribute_map: AttributeMap, item: Mapping[str, Any]) -> EntraUser:
    text(item, "id")
    for attribute in (*attribute_map.attributes, IMMUTABLE_ID, "displayName"):
        if not isinstance(item.get(attribute), _PLAIN):
            raise GraphError("graph.notPlain", attribute=attribute)
    user = attribute_map.entra_user(item)
    if "createdDateTime" not in item:
        return user
    return replace(
        user,
        nickname=str(item.get("mailNickname") or ""),
        aliases=tuple(aliases(item)),
        created=str(item["createdDateTime"] or ""),
    )


def in_filters(name: str, values: Iterable[str]) -> list[str]:
    """Filters that find by a property whoever has one of the values."""
    some = sorted(values)
    return [one_of(name, some[start : start + IN_FILTER]) for start in range(0, len(some), IN_FILTER)]


def _records(items: Sequence[Mapping[str, Any]], attribute_map: AttributeMap) -> list[EntraUser]:
    return [entra_user(attribute_map, item) for item in items]
