"""Looks at both sides of a domain, and at what lies around them, until the plan is made. Reads only."""

import asyncio
from collections.abc import Coroutine, Mapping, Sequence
from dataclasses import replace
from typing import Any

from shared.clock import Clock
from shared.errors import SourceError
from shared.model.changes import Action, Plan
from shared.model.domains import domain_named, initial_domain
from shared.model.people import EntraUser, SourceUser
from shared.outbound.waiting import Stop
from shared.planning.holders import holders_of_immutable_ids
from shared.planning.lookups import Lookups
from shared.planning.matching import Matching, by_name_alone, match, set_aside
from shared.planning.plan import decide
from shared.planning.protection import Protection
from shared.planning.recycle_bin import matches
from shared.planning.sides import Directory, Links, Listing, Source
from shared.planning.surveyed import Survey, Terms
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
        not the tenant's, RunStopped when a side was told to stop.
        """
        tenant = await self._directory.read_domains()
        domain = domain_named(self._domain, tenant)
        initial = initial_domain(tenant, domain)
        people, listing, links = await self._read_both_sides(people)
        matching, links = await self._match(people, listing.users, links)
        await self._set_aside_upn_only_matches(matching, links)
        lookups = Lookups(domain.federated, initial, self._terms.usage_location)
        lookups = await self._look_for_the_missing(matching, links, lookups)
        plan, lookups = await self._plan_with_protection(matching, lookups)
        wanted = plan.of(Action.ADD, Action.RENAME, Action.RESTORE)
        # Whoever steps aside to a temporary UPN must find the way on from there free.
        if any(predict or change.via for change in wanted):
            lookups = await self._look_up_addresses(plan, lookups)
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
            warnings=tuple(_warnings(listing, lookups.protection, plan)),
            federated=domain.federated,
        )

    async def _read_both_sides(
        self, people: list[SourceUser] | None
    ) -> tuple[list[SourceUser], Listing, dict[str, str]]:
        """Everybody in the source, Entra's users of the domain, and who was who in earlier syncs."""
        source, listing, links = await _together(
            self._source.users() if people is None else _given(people),
            self._directory.read_users(self._domain),
            self._links.read(self._domain),
        )
        if people is None:
            require_users_on(self._domain, source)
        return source, listing, links

    async def _match(
        self, source: list[SourceUser], target: list[EntraUser], links: dict[str, str]
    ) -> tuple[Matching, dict[str, str]]:
        """Who is who, and the links by which that was found: other domains remember people, too."""
        # Off the event loop: other invocations of this worker go on while a large domain is compared.
        matching = await self._clock.in_thread(match, self._domain, source, target, links)
        unlinked = (*matching.source_only, *(user for user, _ in matching.pairs))
        strangers = [user.source_id for user in unlinked if user.source_id not in links]
        leavers = [user.object_id for user in matching.target_only]
        if elsewhere := await self._links.find_elsewhere(self._domain, strangers, leavers):
            links = {**elsewhere, **links}
            # Whom another domain remembers may be on this one by now, and who is on this one may be theirs.
            matching = await self._clock.in_thread(match, self._domain, source, target, links)
        return matching, links

    async def _set_aside_upn_only_matches(self, matching: Matching, links: Mapping[str, str]) -> None:
        """Of those who are remembered with another account, if that one still lives."""
        if doubted := by_name_alone(matching, links):
            accounts = await self._directory.look_up_users(doubted)
            set_aside(matching, {doubted[object_id]: account for object_id, account in accounts.items()})

    async def _look_for_the_missing(
        self, matching: Matching, links: Mapping[str, str], lookups: Lookups
    ) -> Lookups:
        """Those whom the domain does not have: elsewhere in the tenant, then in the recycle bin.

        And whoever has the immutable ID that somebody on the domain is to get.
        """
        people = matching.source_only
        rekeyed = [
            user.immutable_id
            for user, target in matching.pairs
            if user.immutable_id and user.immutable_id != target.immutable_id
        ]
        if not people and not rekeyed:
            return lookups
        outside = await self._find_outside(people, links)
        rivals = await self._directory.find_users(immutable_ids=rekeyed)
        deleted = await self._directory.read_deleted_users()
        still_missing = [user for user in people if user.source_id not in outside]
        return replace(
            lookups,
            outside=outside,
            deleted=matches(still_missing, deleted, links) if self._terms.restore_deleted_users else {},
            immutable_ids=holders_of_immutable_ids(deleted, rivals),
        )

    async def _find_outside(
        self, people: Sequence[SourceUser], links: Mapping[str, str]
    ) -> dict[str, EntraUser]:
        """Source id → the Entra user, wherever in the tenant, with the person's immutable ID or remembered link."""
        by_key = {user.immutable_id: user.source_id for user in people if user.immutable_id}
        by_id = {links[user.source_id]: user.source_id for user in people if user.source_id in links}
        users = await self._directory.find_users(immutable_ids=by_key, object_ids=by_id)
        linked = {by_id[user.object_id]: user for user in users if user.object_id in by_id}
        keyed = {by_key[user.immutable_id]: user for user in users if user.immutable_id in by_key}
        return {**linked, **keyed}

    async def _plan_with_protection(self, matching: Matching, lookups: Lookups) -> tuple[Plan, Lookups]:
        """Plans, looks at everybody whom that plan would touch, and plans again with what was seen."""
        protection = self._terms.protection.with_roles(await self._directory.read_roles())
        # As if nothing were missing: whom a missing permission keeps from deletion is looked at all the same.
        unhindered = replace(lookups, protection=replace(protection, missing_permissions=()))
        lookups = replace(lookups, protection=protection)
        plan = await self._decide(matching, unhindered)
        touched = [c.object_id for c in plan.of(Action.RENAME, Action.UPDATE, Action.DELETE) if c.object_id]
        if not touched:
            return plan, lookups
        purposes = await self._directory.look_up_mailboxes(touched)
        lookups = replace(lookups, protection=protection.with_mailboxes(purposes))
        return await self._decide(matching, lookups), lookups

    async def _look_up_addresses(self, plan: Plan, lookups: Lookups) -> Lookups:
        """Whoever has the addresses that the plan wants."""
        restored = [str(change.object_id) for change in plan.of(Action.RESTORE)]
        return replace(
            lookups,
            addresses=await self._directory.read_addresses(self._domain),
            former_addresses=await self._directory.look_up_former_addresses(restored),
        )

    async def _decide(self, matching: Matching, lookups: Lookups) -> Plan:
        return await self._clock.in_thread(decide, matching, lookups, self._terms.attribute_map)


def require_users_on(domain: str, people: Sequence[SourceUser]) -> None:
    """SourceError if nobody's UPN is on exactly this domain: that would delete everybody there."""
    suffix = f"@{domain.lower()}"
    if not any(user.upn.lower().endswith(suffix) for user in people):
        raise SourceError(
            f"The source has no user on {domain}: that would delete everybody there, so the run stops. "
            "Check that the users' UPN (or Email) in the source is on this domain."
        )


async def _given(people: list[SourceUser]) -> list[SourceUser]:
    return people


def _warnings(listing: Listing, protection: Protection, plan: Plan) -> Sequence[str]:
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
    if plan.without_session_time:
        warnings.append(
            f"Entra asks {len(plan.without_session_time)} users of this federated domain to sign in every 12 hours. "
            "A sync ends that, and signs each of them out once."
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
