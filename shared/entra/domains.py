"""The tenant's verified domains."""

from shared.entra.client import Graph, text
from shared.errors import DomainNotFound, GraphError
from shared.model.domains import TenantDomain
from shared.outbound.waiting import Guard


async def verified_domains(graph: Graph, guard: Guard | None = None) -> list[TenantDomain]:
    """All of them, by name; the initial one is the tenant's onmicrosoft.com domain, and every tenant has it."""
    path = "/domains?$select=id,authenticationType,isInitial,isVerified"
    domains = [
        TenantDomain(
            text(item, "id").lower(), str(item.get("authenticationType")), item.get("isInitial") is True
        )
        for item in await graph.read_all(path, guard=guard)
        if item.get("isVerified")
    ]
    if not domains:
        raise GraphError("graph.noDomains")
    return sorted(domains, key=lambda domain: domain.name)


async def domain_and_initial(graph: Graph, name: str, guard: Guard) -> tuple[TenantDomain, str]:
    """The domain, and the name of the tenant's initial one; DomainNotFound if it is not a verified domain."""
    tenant = await verified_domains(graph, guard)
    domain = next((one for one in tenant if one.name == name), None)
    if domain is None:
        raise DomainNotFound("domain.notVerified", domain=name)
    return domain, next((one.name for one in tenant if one.initial), name)
