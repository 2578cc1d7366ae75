"""Looks at both sides of a domain, and at what lies around them, until the plan is made. Reads only."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from typing import Any

from shared.entra.addresses import addresses, former_addresses
from shared.entra.batch import Batches
from shared.entra.domains import domain_and_initial
from shared.entra.protected import with_mailboxes, with_roles
from shared.entra.users import (
    Listing,
    deleted_users,
    outside_users,
    users_by_id,
    users_of_domain,
    users_with_immutable_ids,
)
from shared.model.changes import Action, Plan
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.outbound.waiting import Guard, guarded
from shared.planning.holders import holders_of_immutable_ids
from shared.planning.lookups import Surroundings
from shared.planning.matching import Matching, by_name_alone, match, set_aside
from shared.planning.plan import decide
from shared.planning.protection import Protection
from shared.planning.recycle_bin import matches
from shared.planning.surveyed import Survey
from shared.services import Services
from shared.source import in_domain


class Surveyor:
    """Surveys one domain. Each look is for those alone whom the ones before it left open."""

    def __init__(self, services: Services, domain: str, guard: Guard) -> None:
        self._services = services
        self._settings = services.settings
        self._graph = services.graph
        self._domain = domain
        self._guard = guard
        self._batches = Batches(services.graph, services.gate, guard, services.settings.batches_in_flight)

    async def survey(self, *, predict: bool, source: list[SourceUser] | None = None) -> Survey:
        """Reads everything and plans. `predict` also looks up who has the addresses that the plan wants.

        With `source` given, the source is not read, and may be empty: good for looking, never for a sync.

        Raises SourceError or GraphError when a side can't be read completely, DomainNotFound for a domain that is
        not the tenant's, RunStopped when the guard says so.
        """
        domain, initial = await domain_and_initial(self._graph, self._domain, self._guard)
        people, listing, links = await self._both_sides(source)
        matching, links = await self._matched(people, listing.users, links)
        await self._set_aside_whom_only_a_name_pairs(matching, links)
        around = Surroundings(domain.federated, initial, self._settings.usage_location)
        around = await self._with_the_missing(matching, links, around)
        plan, around = await self._planned_with_protection(matching, around)
        wanted = plan.of(Action.ADD, Action.RENAME, Action.RESTORE)
        # Whoever steps aside to a temporary UPN must find the way on from there free.
        if any(predict or change.via for change in wanted):
            around = await self._with_the_addresses(plan, around)
            plan = await self._decided(matching, around)
        return Survey(
            domain=self._domain,
            initial_domain=initial,
            source=people,
            target=listing.users,
            links=links,
            protection=around.protection,
            plan=plan,
            addresses=around.addresses,
            warnings=_warnings(listing, around.protection),
        )

    async def _both_sides(
        self, source: list[SourceUser] | None
    ) -> tuple[list[SourceUser], Listing, dict[str, str]]:
        """Everybody in the source, Entra's users of the domain, and who was who in earlier syncs."""
        people, listing, links = await _together(
            read_source(self._services, self._guard) if source is None else _given(source),
            users_of_domain(self._graph, self._domain, self._settings.attribute_map, self._guard),
            self._services.links.read(self._domain),
        )
        if source is None:
            in_domain(people, self._domain)
        return people, listing, links

    async def _matched(
        self, source: list[SourceUser], target: list[EntraUser], links: dict[str, str]
    ) -> tuple[Matching, dict[str, str]]:
        """Who is who, and the links by which that was found: other domains remember people, too."""
        # Off the event loop: other invocations of this worker go on while a large domain is compared.
        matching = await self._services.clock.in_thread(match, self._domain, source, target, links)
        unlinked = (*matching.source_only, *(user for user, _ in matching.pairs))
        strangers = [user.source_id for user in unlinked if user.source_id not in links]
        leavers = [user.object_id for user in matching.target_only]
        if elsewhere := await self._services.links.find_elsewhere(self._domain, strangers, leavers):
            links = {**elsewhere, **links}
            # Whom another domain remembers may be on this one by now, and who is on this one may be theirs.
            matching = await self._services.clock.in_thread(match, self._domain, source, target, links)
        return matching, links

    async def _set_aside_whom_only_a_name_pairs(self, matching: Matching, links: Mapping[str, str]) -> None:
        """Those who are remembered with another account, if that one still lives."""
        if doubted := by_name_alone(matching, links):
            accounts = await users_by_id(self._batches, doubted, self._settings.attribute_map)
            set_aside(matching, {doubted[object_id]: account for object_id, account in accounts.items()})

    async def _with_the_missing(
        self, matching: Matching, links: Mapping[str, str], around: Surroundings
    ) -> Surroundings:
        """Looks for those whom the domain does not have: elsewhere in the tenant, then in the recycle bin.

        And for whoever has the immutable ID that somebody on the domain is to get.
        """
        people, attribute_map = matching.source_only, self._settings.attribute_map
        rekeyed = [
            user.immutable_id
            for user, target in matching.pairs
            if user.immutable_id and user.immutable_id != target.immutable_id
        ]
        if not people and not rekeyed:
            return around
        outside = await outside_users(self._batches, people, links, attribute_map)
        rivals = await users_with_immutable_ids(self._batches, rekeyed, attribute_map)
        deleted = await deleted_users(self._graph, attribute_map, self._guard)
        still_missing = [user for user in people if user.source_id not in outside]
        return replace(
            around,
            outside=outside,
            deleted=matches(still_missing, deleted, links) if self._settings.restore_deleted_users else {},
            immutable_ids=holders_of_immutable_ids(deleted, rivals),
        )

    async def _planned_with_protection(
        self, matching: Matching, around: Surroundings
    ) -> tuple[Plan, Surroundings]:
        """Plans, looks at everybody whom that plan would touch, and plans again with what was seen."""
        protection = await with_roles(self._settings.protection, self._graph, self._guard)
        # As if nothing were missing: whom a missing permission keeps from deletion is looked at all the same.
        unhindered = replace(around, protection=replace(protection, missing_permissions=()))
        around = replace(around, protection=protection)
        plan = await self._decided(matching, unhindered)
        touched = [c.object_id for c in plan.of(Action.RENAME, Action.UPDATE, Action.DELETE) if c.object_id]
        if not touched:
            return plan, around
        around = replace(around, protection=await with_mailboxes(protection, self._batches, touched))
        return await self._decided(matching, around), around

    async def _with_the_addresses(self, plan: Plan, around: Surroundings) -> Surroundings:
        """Looks for whoever has the addresses that the plan wants."""
        restored = [str(change.object_id) for change in plan.of(Action.RESTORE)]
        return replace(
            around,
            addresses=await addresses(self._graph, self._domain, self._guard),
            former_addresses=await former_addresses(self._batches, restored),
        )

    async def _decided(self, matching: Matching, around: Surroundings) -> Plan:
        return await self._services.clock.in_thread(decide, matching, around, self._settings.attribute_map)


async def read_source(services: Services, guard: Guard) -> list[SourceUser]:
    """Everybody in the source, or SourceError; RunStopped when the guard says so."""
    source = services.open_source()
    try:
        return await guarded(source.users(), guard)
    finally:
        await source.aclose()


async def _given(source: list[SourceUser]) -> list[SourceUser]:
    return source


def _warnings(listing: Listing, protection: Protection) -> Parts:
    """Each is one part."""
    warnings: Parts = ()
    if listing.short:
        warnings += say("warning.shortListing", listed=listing.listed, counted=listing.expected)
    if protection.missing_permissions:
        warnings += say(
            "warning.nobodyDeleted" if protection.require_deletion_checks else "warning.deletedUnseen",
            permissions=protection.missing_permissions,
        )
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
