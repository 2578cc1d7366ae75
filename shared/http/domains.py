"""The domains of the tenant and their settings."""

import asyncio
from typing import Any, Self

import azure.functions as func
from pydantic import ConfigDict, model_validator

from shared.http.endpoint import Call
from shared.http.problems import json
from shared.http.views import domain_view
from shared.log import event
from shared.model.domains import Domain, DomainSettings, TenantDomain, domain_named
from shared.model.records import Record
from shared.services import Services

AT_ONCE = 16


def _any_subset(schema: dict[str, Any]) -> None:
    """What is not named stays as it is, whatever a new domain would have."""
    schema["minProperties"] = 1
    for setting in schema["properties"].values():
        del setting["default"]


class SettingsChange(DomainSettings):
    """Any subset of the settings, at least one; null switches a further limit off."""

    model_config = ConfigDict(json_schema_extra=_any_subset)

    @model_validator(mode="after")
    def _says_something(self) -> Self:
        if not self.model_fields_set:
            raise ValueError(
                f"name at least one of {', '.join(SettingsChange.model_json_schema()['properties'])}"
            )
        return self

    @property
    def changes(self) -> dict[str, Any]:
        """What was named, by the settings' Python names."""
        return {name: getattr(self, name) for name in self.model_fields_set}


class DomainList(Record):
    domains: list[Domain]


async def known_domain(services: Services, name: str) -> TenantDomain:
    """DomainNotFound if the tenant has no such verified domain."""
    return domain_named(name, await services.tenant_domains())


async def list_domains(call: Call) -> func.HttpResponse:
    domains = await call.services.tenant_domains()
    settings = await call.services.domains.all()
    turns = asyncio.Semaphore(AT_ONCE)

    async def view(domain: TenantDomain) -> Domain:
        async with turns:
            return await domain_view(call.services, domain, settings.get(domain.name, DomainSettings()))

    return json(DomainList(domains=await asyncio.gather(*map(view, domains))))


async def get_domain(call: Call) -> func.HttpResponse:
    domain = await known_domain(call.services, call.domain)
    settings, etag = await call.services.domains.settings(domain.name)
    return json(await domain_view(call.services, domain, settings), headers={"ETag": etag})


async def change_domain(call: Call) -> func.HttpResponse:
    domain = await known_domain(call.services, call.domain)
    before, after, etag = await call.services.domains.change(
        domain.name, call.body.changes, call.headers.get("If-Match")
    )
    await call.services.changes.record(domain.name, call.author, before, after)
    event(
        "settings.changed",
        domain=domain.name,
        by=call.author.name,
        address=call.author.address,
        before=before.model_dump(by_alias=True),
        after=after.model_dump(by_alias=True),
    )
    return json(await domain_view(call.services, domain, after), headers={"ETag": etag})
