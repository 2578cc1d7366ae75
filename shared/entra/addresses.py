"""The holders of addresses on a domain: users, groups and applications."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import ceil
from typing import Any
from urllib.parse import urlsplit

from shared.entra.batch import BATCH_SIZE, Request
from shared.entra.client import any_ends_with, any_equals, any_starts_with, ends_with, one_of, text
from shared.entra.graph import Part
from shared.entra.users import IN_FILTER, PAGE_SIZE, aliases, texts
from shared.planning.holders import Holder, Kind
from shared.planning.mapping import UPN

# The enterprise application of HENNGE's own sync: support.hdeone.com, article 22745580086553.
HENNGE_SYNC = "65d022b7-10c7-479b-b101-06a73bb0c290"
# Requests for at most 15 addresses.
_LOOKS = 4
# The schemes that an identifier URI of an application may have before the domain.
_SCHEMES = ("api", "https", "http")


class Addresses(Part):
    async def read_addresses(
        self, domain: str, wanted: Collection[str] | None = None, users: int = 0
    ) -> dict[str, Holder]:
        """Lower-case address → its holder, for users and groups with an address on the domain.

        `wanted`: other addresses of the domain may be left out, and those of other domains are not; `users`: how many
        the domain has. Of looking for these and listing all, it does what is fewer requests. Without
        `GroupMember.Read.All` the groups are left out.
        """
        looks = ceil(len(wanted or ()) / IN_FILTER) * _LOOKS
        if wanted is not None and looks <= BATCH_SIZE * (1 + 2 * users / PAGE_SIZE):
            return await self.find_holders(wanted)
        suffix = f"@{domain.lower()}"
        by_alias = any_ends_with("proxyAddresses", suffix)
        rest = f"&$count=true&$select=id,displayName,mail,proxyAddresses,userPrincipalName&$top={PAGE_SIZE}"
        named = await self.graph.read_all(f"/users?$filter={ends_with(UPN, suffix)}{rest}", eventual=True)
        reached = await self.graph.read_all(f"/users?$filter={by_alias}{rest}", eventual=True)
        holders: dict[str, Holder] = {}
        for item in {text(item, "id"): item for item in (*named, *reached)}.values():
            _add(holders, item, "user")
        # A restore brings back addresses on any domain.
        elsewhere = [address for address in wanted or () if not address.endswith(suffix)]
        return await self.read_groups(domain) | holders | await self.find_holders(elsewhere)

    async def read_groups(self, domain: str) -> dict[str, Holder]:
        """As `read_addresses`, for groups alone.

        Reads with filters, since domainNameReferences has no documented way to read more than a first page of 100.
        """
        by_alias = any_ends_with("proxyAddresses", f"@{domain.lower()}")
        groups = await self.graph.read_all_if_granted(
            f"/groups?$filter={by_alias}&$count=true&$select=id,displayName,mail,proxyAddresses&$top={PAGE_SIZE}",
            eventual=True,
        )
        holders: dict[str, Holder] = {}
        for item in groups or ():
            _add(holders, item, "group")
        return holders

    async def find_holders(self, addresses: Iterable[str]) -> dict[str, Holder]:
        """As `read_addresses`, for these addresses alone."""
        wanted = sorted(addresses)
        requests = [
            request
            for begin in range(0, len(wanted), IN_FILTER)
            for request in _asking_for(wanted[begin : begin + IN_FILTER])
        ]
        holders: dict[str, Holder] = {}
        for request, answer in zip(requests, await self.graph.ask(requests), strict=True):
            if request.subject == "user" or answer.status != 403:
                for item in await self.graph.items_of(request, answer):
                    _add(holders, item, request.subject)
        return holders

    async def read_applications(self, domain: str) -> list[Holder] | None:
        """Applications with an identifier URI on the domain; None without `Application.Read.All`."""
        condition = any_starts_with("identifierUris", (f"{scheme}://{domain}" for scheme in _SCHEMES))
        path = f"/applications?$filter={condition}&$select=id,displayName,identifierUris&$top={PAGE_SIZE}"
        found = await self.graph.read_all_if_granted(path)
        if found is None:
            return None
        return [
            Holder(object_id=text(item, "id"), name=text(item, "displayName"), kind="application")
            for item in found
            if any(urlsplit(uri).hostname == domain.lower() for uri in texts(item, "identifierUris"))
        ]

    async def find_hennge_sync(self) -> bool | None:
        """Whether HENNGE's own sync has its enterprise application in the tenant; None without `Application.Read.All`.

        Where it is, that sync need not run.
        """
        answer = await self.graph.get(f"/servicePrincipals(appId='{HENNGE_SYNC}')?$select=id")
        if answer.status not in (200, 403, 404):
            raise answer.error
        return None if answer.status == 403 else answer.status == 200


def _asking_for(addresses: Sequence[str]) -> Iterator[Request[Kind]]:
    """Who has one of at most 15 addresses."""
    by_alias = any_equals("proxyAddresses", (f"smtp:{address}" for address in addresses))
    for condition in (one_of(UPN, addresses), one_of("mail", addresses), by_alias):
        path = f"/users?$filter={condition}&$select=id,displayName,mail,proxyAddresses,userPrincipalName"
        yield Request(method="GET", path=path, subject="user")
    path = f"/groups?$filter={by_alias}&$select=id,displayName,mail,proxyAddresses"
    yield Request(method="GET", path=path, subject="group")


def _add(holders: dict[str, Holder], item: Mapping[str, Any], kind: Kind) -> None:
    holder = Holder(object_id=text(item, "id"), name=str(item.get("displayName")), kind=kind)
    for alias in aliases(item):
        holders.setdefault(alias, replace(holder, alias=True))
    for address in (item.get(UPN), item.get("mail")):
        if address:
            holders.setdefault(str(address).lower(), holder)
