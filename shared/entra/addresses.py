"""Who or what has an address on a domain."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from shared.entra.batch import Request
from shared.entra.client import segment, text
from shared.entra.graph import Part
from shared.entra.users import PAGE_SIZE
from shared.errors import GraphError
from shared.planning.holders import Holder, Kind


class Addresses(Part):
    async def read_addresses(self, domain: str) -> dict[str, Holder]:
        """Users by UPN or alias, groups by their addresses; without `Group.Read.All` the groups are left out."""
        holders: dict[str, Holder] = {}
        kind: Kind
        for kind, extra in (("user", ",userPrincipalName"), ("group", "")):
            path = (
                f"/domains/{segment(domain)}/domainNameReferences/microsoft.graph.{kind}"
                f"?$select=id,displayName,mail,proxyAddresses{extra}&$top={PAGE_SIZE}"
            )
            for item in await self.graph.read_all_if_granted(path) or ():
                upn, aliases = item.get("userPrincipalName"), _aliases(item)
                holder = Holder(text(item, "id"), str(item.get("displayName")), kind)
                for alias in aliases:
                    holders.setdefault(alias, replace(holder, alias=True))
                for address in (upn, item.get("mail")):
                    if address:
                        holders.setdefault(str(address).lower(), holder)
        return holders

    async def look_up_former_addresses(self, object_ids: Iterable[str]) -> dict[str, list[str]]:
        """Object id of a deleted user → the addresses that a restore brings back; unreadable ones are absent."""
        path = "/directory/deletedItems/{}?$select=id,proxyAddresses"
        requests = [Request("GET", path.format(segment(i)), subject=i) for i in object_ids]
        found: dict[str, list[str]] = {}
        async for answers in self.graph.send(requests):
            for request, answer in answers:
                if answer.status == 200:
                    found[request.subject] = _aliases(answer.body)
        return found

    async def read_applications(self, domain: str) -> list[Holder] | None:
        """Applications with an address on the domain; None without `Application.Read.All`."""
        path = (
            f"/domains/{segment(domain)}/domainNameReferences/microsoft.graph.application"
            "?$select=id,displayName"
        )
        found = await self.graph.read_all_if_granted(path)
        # Without the permission Graph may also answer with bare ids, every other property null.
        if found is None or any(item.get("displayName") is None for item in found):
            return None
        return [Holder(text(item, "id"), text(item, "displayName"), "application") for item in found]


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
        raise GraphError("graph.notTexts", name=name)
    return values
