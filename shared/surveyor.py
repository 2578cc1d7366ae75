"""Both sides of a domain, read at the same time, and the plan that follows. Reads only."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.entra.addresses import addresses, former_addresses
from shared.entra.batch import Batches
from shared.entra.domains import domain_and_initial
from shared.entra.guard import Guard, guarded
from shared.entra.protection import with_mailboxes, with_roles
from shared.entra.users import (
    Listing,
    deleted_users,
    outside_users,
    users_by_id,
    users_of_domain,
    users_with_immutable_ids,
)
from shared.model import Action, Plan, SourceUser
from shared.planning.decisions import decide
from shared.planning.matching import Matching, by_name_alone, match, set_aside
from shared.planning.protection import Protection
from shared.planning.recycle_bin import matches
from shared.planning.surroundings import Surroundings, holders_of_immutable_ids
from shared.services import Services
from shared.source import in_domain
from shared.survey import Survey


async def survey(
    services: Services, domain: str, guard: Guard, *, predict: bool, source: list[SourceUser] | None = None
) -> Survey:
    """Reads everything and plans. `predict` also looks up who has the addresses that the plan wants.

    With `source` given, the source is not read, and may be empty: good for looking, never for a sync.

    Raises SourceError or GraphError when a side can't be read completely, DomainNotFound for a domain that is
    not the tenant's, RunStopped when the guard says so.
    """
    found, initial = await domain_and_initial(services.graph, domain, guard)
    read, listing, links = await _together(
        read_source(services, guard) if source is None else _given(source),
        users_of_domain(services.graph, domain, services.settings.attribute_map, guard),
        services.links.read(domain),
    )
    if source is None:
        in_domain(read, domain)
    # Off the event loop: other invocations of this worker go on while a large domain is compared.
    matching = await asyncio.to_thread(match, domain, read, listing.users, links)
    unlinked = (*matching.source_only, *(user for user, _ in matching.pairs))
    strangers = [user.source_id for user in unlinked if user.source_id not in links]
    leavers = [user.object_id for user in matching.target_only]
    if elsewhere := await services.links.find_elsewhere(domain, strangers, leavers):
        links = {**elsewhere, **links}
        # Whom another domain remembers may be on this one by now, and who is on this one may be theirs.
        matching = await asyncio.to_thread(match, domain, read, listing.users, links)
    batches = Batches(services.graph, services.gate, guard, services.settings.batches_in_flight)
    if doubted := by_name_alone(matching, links):
        accounts = await users_by_id(batches, doubted, services.settings.attribute_map)
        set_aside(matching, {doubted[object_id]: account for object_id, account in accounts.items()})
    around = Surroundings(
        federated=found.federated, initial_domain=initial, usage_location=services.settings.usage_location
    )
    around = await _with_the_missing(services, matching, links, around, batches, guard)
    plan, around = await _protected(services, matching, around, batches, guard)
    wanted = plan.of(Action.ADD, Action.RENAME, Action.RESTORE)
    # Whoever steps aside to a temporary UPN must find the way on from there free.
    if any(predict or change.via for change in wanted):
        around = await _with_the_addresses(services, plan, around, domain, batches, guard)
        plan = await asyncio.to_thread(decide, matching, around, services.settings.attribute_map)
    return Survey(
        domain=domain,
        initial_domain=initial,
        source=read,
        target=listing.users,
        links=links,
        protection=around.protection,
        plan=plan,
        addresses=around.addresses,
        warnings=tuple(_warnings(listing, around.protection)),
    )


async def read_source(services: Services, guard: Guard) -> list[SourceUser]:
    """Everybody in the source, or SourceError; RunStopped when the guard says so."""
    source = services.open_source()
    try:
        return await guarded(source.users(), guard)
    finally:
        await source.aclose()


async def _with_the_missing(
    services: Services,
    matching: Matching,
    links: Mapping[str, str],
    around: Surroundings,
    batches: Batches,
    guard: Guard,
) -> Surroundings:
    """Looks for those whom the domain does not have: elsewhere in the tenant, then in the recycle bin.

    And for whoever has the immutable ID that somebody on the domain is to get.
    """
    people = matching.source_only
    rekeyed = [
        user.immutable_id
        for user, target in matching.pairs
        if user.immutable_id and user.immutable_id != target.immutable_id
    ]
    if not people and not rekeyed:
        return around
    settings = services.settings
    outside = await outside_users(batches, people, links, settings.attribute_map)
    rivals = await users_with_immutable_ids(batches, rekeyed, settings.attribute_map)
    deleted = await deleted_users(services.graph, settings.attribute_map, guard)
    still_missing = [user for user in people if user.source_id not in outside]
    return replace(
        around,
        outside=outside,
        deleted=matches(still_missing, deleted, links) if settings.restore_deleted_users else {},
        immutable_ids=holders_of_immutable_ids(deleted, rivals),
    )


async def _with_the_addresses(
    services: Services, plan: Plan, around: Surroundings, domain: str, batches: Batches, guard: Guard
) -> Surroundings:
    """Looks for whoever has the addresses that the plan wants."""
    restored = [str(change.object_id) for change in plan.of(Action.RESTORE)]
    return replace(
        around,
        addresses=await addresses(services.graph, domain, guard),
        former_addresses=await former_addresses(batches, restored),
    )


async def _protected(
    services: Services, matching: Matching, around: Surroundings, batches: Batches, guard: Guard
) -> tuple[Plan, Surroundings]:
    """Plans, looks at everybody whom that plan would touch, and plans again with what was seen."""
    attribute_map = services.settings.attribute_map
    protection = await with_roles(services.settings.protection, services.graph, guard)
    # As if nothing were missing: whom a missing permission keeps from deletion is looked at all the same.
    unhindered = replace(around, protection=replace(protection, missing_permissions=()))
    around = replace(around, protection=protection)
    plan = await asyncio.to_thread(decide, matching, unhindered, attribute_map)
    touched = [c.object_id for c in plan.of(Action.RENAME, Action.UPDATE, Action.DELETE) if c.object_id]
    if not touched:
        return plan, around
    around = replace(around, protection=await with_mailboxes(protection, batches, touched))
    return await asyncio.to_thread(decide, matching, around, attribute_map), around


async def _given(source: list[SourceUser]) -> list[SourceUser]:
    return source


def _warnings(listing: Listing, protection: Protection) -> Sequence[str]:
    warnings = []
    if listing.short:
        warnings.append(
            f"Entra listed {listing.listed} users twice where it counted {listing.expected}: "
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
