"""The domains of the tenant and their settings."""

import asyncio

import azure.functions as func

from shared.errors import DomainNotFound, GraphError, Unavailable
from shared.http.any_subset import AnySubset
from shared.http.content import content
from shared.http.endpoint import AnyCall, Call, Nothing
from shared.http.pausing import with_pause
from shared.http.problems import json
from shared.http.take_up import take_up
from shared.http.views import Common, domain_view
from shared.log import event
from shared.model.domains import Domain, DomainSettings, StoredSettings, Tenant
from shared.model.records import Record, Time
from shared.model.runs import Status
from shared.services import Services

AT_ONCE = 16


class SettingsChange(DomainSettings, AnySubset):
    """Any subset of the settings, at least one; null switches a further limit off."""


class DomainList(Record):
    """`as_of` is when the tenant's domains were asked for; it is older than a minute only while Graph fails.

    `tenant` is null without the permission to read it, and while Graph has never answered.
    """

    tenant: Tenant | None
    domains: list[Domain]
    as_of: Time


async def domain_to_read(services: Services, name: str) -> str:
    """The name of a domain that a run may read. Raises DomainNotFound if the tenant does not have it verified now."""
    for domain in (await services.tenant_domains.get()).value:
        if domain.name == name and not domain.removed:
            return name
    raise DomainNotFound("domain.notVerified", domain=name)


async def kept_domain(services: Services, name: str) -> StoredSettings[DomainSettings]:
    """The settings of a domain that has a row or that the tenant has. Raises DomainNotFound otherwise.

    For a domain with a row, Graph is not asked: settings and Sync Logs remain when the tenant has removed the domain.
    """
    found = await services.domains.find(name)
    if found is None and name not in {one.name for one in (await services.tenant_domains.get()).value}:
        raise DomainNotFound("domain.notVerified", domain=name)
    return found or services.domains.never_set


async def list_domains(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    tenant, identity = await asyncio.gather(call.services.tenant_domains.get(), _tenant(call.services))
    settings, common = await asyncio.gather(call.services.domains.read_all(), _common(call.services))
    names = {domain.name for domain in tenant.value} | settings.keys()
    turns = asyncio.Semaphore(AT_ONCE)

    async def view(name: str) -> Domain:
        async with turns:
            kept = settings.get(name, call.services.domains.never_set)
            return await domain_view(call.services, name, kept, tenant.value, tenant.as_of, common)

    views = await asyncio.gather(*map(view, sorted(names)))
    listed = DomainList(tenant=identity, domains=views, as_of=tenant.as_of).model_dump_json(by_alias=True)
    # A hundred domains with their runs are half a megabyte, and compress to a twentieth.
    return content(listed.encode(), "application/json", call.headers, {"Cache-Control": "no-store"})


async def _tenant(services: Services) -> Tenant | None:
    try:
        return (await services.tenant.get()).value
    except (GraphError, Unavailable):
        return None


async def get_domain(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    settings = await kept_domain(call.services, call.domain)
    view = await _view(call, settings)
    if view.active_run and view.active_run.status is Status.QUEUED:
        await take_up(call)
    return _domain(view, settings)


async def change_domain(call: Call[Nothing, SettingsChange]) -> func.HttpResponse:
    await kept_domain(call.services, call.domain)
    before, after = await call.services.domains.change(
        call.domain,
        with_pause(call.body.changes, call.services.clock.now()),
        call.author,
        call.headers.get("If-Match"),
    )
    event(
        "settings.changed",
        domain=call.domain,
        by=call.author.name,
        address=call.author.address,
        before=before.told(),
        after=after.told(),
    )
    return _domain(await _view(call, after), after)


async def _view(call: AnyCall, settings: StoredSettings[DomainSettings]) -> Domain:
    common = await _common(call.services)
    try:
        known = await call.services.tenant_domains.get()
    except (GraphError, Unavailable):  # stored settings can be read and changed without Graph
        return await domain_view(call.services, call.domain, settings, None, None, common)
    return await domain_view(call.services, call.domain, settings, known.value, known.as_of, common)


async def _common(services: Services) -> Common:
    stored = await services.tenant_settings.read()
    # With a setting that can't be read no sync starts.
    digest = None if stored.unreadable else services.settings.terms(stored.complete()).map_digest
    return Common(stored.readable, digest)


def _domain(view: Domain, settings: StoredSettings[DomainSettings]) -> func.HttpResponse:
    return json(view, headers={"ETag": settings.etag})
