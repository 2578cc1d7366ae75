"""The tenant and its domains."""

from collections.abc import Mapping, Sequence
from typing import Any

from shared.entra.client import page_items, text
from shared.entra.graph import Graph, Part, needs
from shared.errors import GraphError
from shared.model.domains import Tenant, TenantDomain, with_removed

# The manual does not name `$top` here; msgraph-sdk has it, and others send it (CIPP: domains?$top=999). Without it a
# page has 100.
DOMAINS = "/domains?$select=id,authenticationType,isDefault,isInitial,isVerified&$top=999"


class Domains(Part):
    async def read_domains(self) -> list[TenantDomain]:
        """All domains, sorted by name. Raises GraphError if none of them is verified."""
        with needs("Domain.Read.All"):
            return domains_of(await self.graph.read_all(DOMAINS))

    async def read_tenant(self) -> Tenant | None:
        """The tenant's id and name; None without the permission to read them, which nothing but people needs."""
        try:
            (item,) = page_items(await self.graph.read("/organization?$select=id,displayName"))
        except GraphError as error:
            if error.status == 403:
                return None
            raise
        return Tenant(id=text(item, "id"), display_name=text(item, "displayName"))


def domains_of(items: Sequence[Mapping[str, Any]]) -> list[TenantDomain]:
    """As `Domains.read_domains` has them."""
    domains = [
        TenantDomain(
            name=text(item, "id").lower(),
            authentication_type=str(item.get("authenticationType")),
            default=item.get("isDefault") is True,
            initial=item.get("isInitial") is True,
            verified=item.get("isVerified") is True,
        )
        for item in items
    ]
    if not any(domain.verified for domain in domains):  # every tenant has its initial one
        raise GraphError("graph.noDomains")
    return sorted(domains, key=lambda domain: domain.name)


async def read_with_removed(graph: Graph, before: Sequence[TenantDomain] | None) -> list[TenantDomain]:
    """The tenant's verified domains; those of `before` that it no longer has are kept as removed."""
    now = [domain for domain in await Domains(graph).read_domains() if domain.verified]
    return with_removed(before or (), now)
