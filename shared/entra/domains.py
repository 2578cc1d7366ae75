"""The tenant's verified domains."""

from dataclasses import dataclass

from shared.entra.client import Graph, segment
from shared.errors import DomainNotFound


@dataclass(frozen=True, slots=True)
class TenantDomain:
    name: str
    authentication_type: str
    initial: bool

    @property
    def federated(self) -> bool:
        return self.authentication_type == "Federated"


async def verified_domains(graph: Graph) -> list[TenantDomain]:
    """All of them, by name; the initial one is the tenant's onmicrosoft.com domain."""
    path = "/domains?$select=id,authenticationType,isInitial,isVerified"
    domains = [
        TenantDomain(
            str(item["id"]).lower(), str(item.get("authenticationType")), item.get("isInitial") is True
        )
        for item in await graph.read_all(path)
        if item.get("isVerified")
    ]
    return sorted(domains, key=lambda domain: domain.name)


async def verified_domain(graph: Graph, name: str) -> TenantDomain:
    """One; DomainNotFound if the tenant has no such verified domain."""
    path = f"/domains/{segment(name)}?$select=id,authenticationType,isInitial,isVerified"
    answer = await graph.get(path)
    if answer.status == 404 or (answer.status == 200 and not answer.body.get("isVerified")):
        raise DomainNotFound(f"{name} is not a verified domain of the tenant.")
    if answer.status != 200:
        raise answer.error
    item = answer.body
    return TenantDomain(
        str(item["id"]).lower(), str(item.get("authenticationType")), item.get("isInitial") is True
    )
