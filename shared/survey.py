"""Both sides of a domain, read at the same time, and the plan that follows. Reads only."""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass, replace
from typing import Any

from shared.entra import lookaround
from shared.entra.batch import Batches
from shared.entra.domains import TenantDomain, verified_domains
from shared.entra.guard import Guard
from shared.entra.users import Listing, users_of_domain
from shared.errors import DomainNotFound
from shared.model import Action, EntraUser, Plan, SourceUser
from shared.planning import Matching, Surroundings, decide, match
from shared.protection import MAILBOX_PERMISSION, ROLE_PERMISSION, Protection
from shared.recycle_bin import matches
from shared.services import Services
from shared.source import in_domain


@dataclass(frozen=True, slots=True)
class Survey:
    """What was read and what follows from it; `warnings` are sentences for the administrator."""

    domain: TenantDomain
    source: list[SourceUser]
    target: list[EntraUser]
    links: dict[str, str]
    plan: Plan
    warnings: tuple[str, ...] = ()


async def survey(services: Services, domain: str, guard: Guard, *, predict: bool) -> Survey:
    """Reads everything and plans. `predict` also looks up who has the addresses that the plan wants.

    Raises SourceError or GraphError when a side can't be read completely, DomainNotFound for a domain that is
    not the tenant's, RunStopped when the guard says so.
    """
    tenant = await verified_domains(services.graph)
    name = next((one for one in tenant if one.name == domain), None)
    if name is None:
        raise DomainNotFound(f"{domain} is not a verified domain of the tenant.")
    initial = next((one.name for one in tenant if one.initial), domain)
    source, listing, links = await _together(
        read_source(services),
        users_of_domain(services.graph, domain, services.settings.attribute_map, guard),
        services.links.read(domain),
    )
    in_domain(source, domain)
    # Off the event loop: other invocations of this worker go on while a large domain is compared.
    matching = await asyncio.to_thread(match, domain, source, listing.users, links)
    batches = Batches(services.graph, services.gate, guard, services.settings.batches_in_flight)
    around = Surroundings(
        federated=name.federated, initial_domain=initial, usage_location=services.settings.usage_location
    )
    around = await _with_the_missing(services, matching, links, around, batches, guard)
    plan, around = await _protected(services, matching, around, batches, guard)
    if predict and any(plan.of(Action.ADD, Action.RENAME, Action.RESTORE)):
        around = replace(around, addresses=await lookaround.addresses(services.graph, domain, guard))
        plan = await asyncio.to_thread(decide, matching, around, services.settings.attribute_map)
    return Survey(name, source, listing.users, links, plan, tuple(_warnings(listing, around.protection)))


async def read_source(services: Services) -> list[SourceUser]:
    """Everybody in the source, or SourceError."""
    source = services.open_source()
    try:
        return await source.users()
    finally:
        await source.aclose()


async def _with_the_missing(
    services: Services,
    matching: Matching,
    links: dict[str, str],
    around: Surroundings,
    batches: Batches,
    guard: Guard,
) -> Surroundings:
    """Looks for those whom the domain does not have: elsewhere in the tenant, then in the recycle bin."""
    if not matching.source_only:
        return around
    settings = services.settings
    people = matching.source_only
    moved = await services.links.find_elsewhere(
        matching.domain, (user.source_id for user in people if user.source_id not in links)
    )
    known = {**moved, **links}
    outside = await lookaround.outside_users(batches, people, known, settings.attribute_map)
    around = replace(around, outside=outside)
    deleted = await lookaround.deleted_users(services.graph, settings.attribute_map, guard)
    still_missing = [user for user in people if user.source_id not in outside]
    if settings.restore_deleted_users:
        return replace(around, deleted=matches(still_missing, deleted, known))
    return replace(around, immutable_ids=lookaround.holders_of_immutable_ids(deleted))


async def _protected(
    services: Services, matching: Matching, around: Surroundings, batches: Batches, guard: Guard
) -> tuple[Plan, Surroundings]:
    """Plans, looks at everybody whom that plan would touch, and plans again with what was seen."""
    settings = services.settings
    missing: list[str] = []
    roles: dict[str, str] = {}
    try:
        roles = await lookaround.role_holders(services.graph, guard)
    except lookaround.PermissionMissing:
        missing.append(ROLE_PERMISSION)
    protection = Protection(
        settings.protected_users,
        roles,
        missing_permissions=tuple(missing),
        require_deletion_checks=settings.require_deletion_checks,
    )
    around = replace(around, protection=protection)
    plan = await asyncio.to_thread(decide, matching, around, settings.attribute_map)
    touched = [c.object_id for c in plan.of(Action.RENAME, Action.UPDATE, Action.DELETE) if c.object_id]
    if not touched:
        return plan, around
    try:
        mailboxes = await lookaround.mailbox_purposes(batches, touched)
        protection = replace(protection, mailboxes=mailboxes)
    except lookaround.PermissionMissing:
        protection = replace(protection, missing_permissions=(*missing, MAILBOX_PERMISSION))
    around = replace(around, protection=protection)
    return await asyncio.to_thread(decide, matching, around, settings.attribute_map), around


def _warnings(listing: Listing, protection: Protection) -> Sequence[str]:
    warnings = []
    if listing.short:
        warnings.append(
            f"Entra listed {len(listing.users)} users twice where it counted {listing.expected}: "
            "the rest is not replicated yet and may show up as additions."
        )
    if protection.missing_permissions:
        names = " and ".join(protection.missing_permissions)
        effect = "nobody is deleted" if protection.require_deletion_checks else "deletions were not looked at"
        warnings.append(f"Protection is partly off: grant {names}. Until then {effect}.")
    return warnings


async def _together(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """All results; at the first error the others are stopped and that error is raised."""
    tasks = [asyncio.create_task(read) for read in reads]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
