"""Looks at both sides of a domain, and at what lies around them, until the plan is made. Reads only."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.clock import Clock
from shared.errors import SourceError
from shared.model.changes import Action, Plan
from shared.model.domains import domain_named, initial_domain
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Memory, SourceUser
from shared.outbound.waiting import Stop
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.matching import Matching, by_name_alone, match, set_aside
from shared.planning.plan import decide
from shared.planning.sides import Directory, Links, Listing, Source
from shared.planning.surveyed import Survey, Terms
from shared.runs.missing import Missing
from shared.runs.side_looks import SideLooks
from shared.services import Services


def surveyor(services: Services, domain: str, directory: Directory, stop: Stop) -> "Surveyor":
    """The one for a domain of the app's own tenant and source."""
    return Surveyor(
        domain, services.source(stop), directory, services.links, services.settings.terms, services.clock
    )


class Surveyor:
    """Surveys one domain. Each look is for those alone whom the ones before it left open."""

    def __init__(
        self,
        domain: str,
        source: Source,
        directory: Directory,
        links: Links,
        terms: Terms,
        clock: Clock,
    ) -> None:
        self._domain = domain
        self._source = source
        self._directory = directory
        self._links = links
        self._terms = terms
        self._clock = clock

    async def survey(self, *, predict: bool, people: list[SourceUser] | None = None) -> Survey:
        """Reads everything and plans. `predict` also looks up who has the addresses that the plan wants.

        With `people` given, the source is not read, and they may be nobody: good for looking, never for a sync.

        Raises SourceError or GraphError when a side can't be read completely, DomainNotFound for a domain that is
        not the tenant's, RunStopped when a side was told to stop. Any other look may fail: what follows from not
        knowing is in the plan, and in the warnings.
        """
        looks = SideLooks()
        tenant = await self._directory.read_domains()
        domain = domain_named(self._domain, tenant)
        initial = initial_domain(tenant, domain)
        people, listing, memory = await self._read_both_sides(people)
        own_doubt = memory.doubt
        matching, memory = await self._match(people, listing.users, memory)
        links = memory.links
        await self._set_aside_upn_only_matches(matching, links, looks)
        lookups = Lookups(
            federated=domain.federated,
            initial_domain=initial,
            usage_location=self._terms.usage_location,
            memory_doubt=own_doubt,
        )
        missing = Missing(directory=self._directory, terms=self._terms, links=links, looks=looks)
        lookups = await missing.look_for(matching, lookups)
        plan, lookups = await self._plan_with_protection(matching, lookups)
        wanted = plan.of(Action.ADD, Action.RENAME, Action.RESTORE)
        # Whoever steps aside to a temporary UPN must find the way on from there free.
        if any(predict or change.via for change in wanted):
            none: dict[str, Holder] = {}
            addresses = await looks.at(
                self._directory.read_addresses(self._domain),
                none,
                say("look.addressesOnDomain", domain=self._domain),
            )
            lookups = replace(lookups, addresses=addresses)
            plan = await self._decide(matching, lookups)
        return Survey(
            domain=self._domain,
            initial_domain=initial,
            source=people,
            target=listing.users,
            links=links,
            protection=lookups.protection,
            plan=plan,
            addresses=lookups.addresses,
            warnings=_of_both_sides(listing, plan)
            + lookups.protection.warnings
            + looks.warnings
            + memory.doubt,
            memory_doubt=memory.doubt,
            federated=domain.federated,
        )

    async def _read_both_sides(
        self, people: list[SourceUser] | None
    ) -> tuple[list[SourceUser], Listing, Memory]:
        """Everybody in the source, Entra's users of the domain, and who was who in earlier syncs."""
        source, listing, memory = await _together(
            self._source.users() if people is None else _given(people),
            self._directory.read_users(self._domain),
            self._links.read(self._domain),
        )
        if people is None:
            require_users_on(self._domain, source)
        return source, listing, memory

    async def _match(
        self, source: list[SourceUser], target: list[EntraUser], memory: Memory
    ) -> tuple[Matching, Memory]:
        """Who is who, and the memory by which that was found: other domains remember people, too."""
        links = memory.links
        # Off the event loop: other invocations of this worker go on while a large domain is compared.
        matching = await self._clock.in_thread(match, self._domain, source, target, links)
        unlinked = (*matching.source_only, *(user for user, _ in matching.pairs))
        strangers = [user.source_id for user in unlinked if user.source_id not in links]
        leavers = [user.object_id for user in matching.target_only]
        elsewhere = await self._links.find_elsewhere(self._domain, strangers, leavers)
        memory = Memory({**elsewhere.links, **links}, memory.doubt + elsewhere.doubt)
        if elsewhere.links:
            # Whom another domain remembers may be on this one by now, and who is on this one may be theirs.
            matching = await self._clock.in_thread(match, self._domain, source, target, memory.links)
        return matching, memory

    async def _set_aside_upn_only_matches(
        self, matching: Matching, links: Mapping[str, str], looks: SideLooks
    ) -> None:
        """Of those who are remembered with another account, if that one still lives, or may."""
        if doubted := by_name_alone(matching, links):
            accounts = await looks.at(
                self._directory.look_up_users(doubted),
                None,
                say("look.remembered"),
            )
            known = {doubted[object_id]: account for object_id, account in (accounts or {}).items()}
            set_aside(matching, known, doubted if accounts is None else {})

    async def _plan_with_protection(self, matching: Matching, lookups: Lookups) -> tuple[Plan, Lookups]:
        """Plans, looks at everybody whom that plan would touch, and plans again with what was seen."""
        protection = self._terms.protection.with_roles(await self._directory.read_roles())
        # As if nothing were missing: whom a missing permission keeps from deletion is looked at all the same.
        seen = replace(protection, missing_permissions=(), roles_unread=())
        unhindered = replace(lookups, protection=seen)
        lookups = replace(lookups, protection=protection)
        plan = await self._decide(matching, unhindered)
        touched = [c.object_id for c in plan.of(Action.RENAME, Action.UPDATE, Action.DELETE) if c.object_id]
        if not touched:
            return plan, lookups
        mailboxes = await self._directory.look_up_mailboxes(touched)
        lookups = replace(lookups, protection=protection.with_mailboxes(mailboxes))
        return await self._decide(matching, lookups), lookups

    async def _decide(self, matching: Matching, lookups: Lookups) -> Plan:
        return await self._clock.in_thread(decide, matching, lookups, self._terms.attribute_map)


def require_users_on(domain: str, people: Sequence[SourceUser]) -> None:
    """SourceError if nobody's UPN is on exactly this domain: that would delete everybody there."""
    suffix = f"@{domain.lower()}"
    if not any(user.upn.lower().endswith(suffix) for user in people):
        raise SourceError("source.nobodyOnDomain", domain=domain)


async def _given(people: list[SourceUser]) -> list[SourceUser]:
    return people


def _of_both_sides(listing: Listing, plan: Plan) -> Parts:
    """What an administrator is told of the users themselves, a part each."""
    told: Parts = ()
    if listing.short:
        told += say("warning.shortListing", listed=listing.listed, counted=listing.expected)
    if plan.without_session_time:
        told += say("warning.shortSessions", count=len(plan.without_session_time))
    return told


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
