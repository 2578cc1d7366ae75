"""Reads both sides of a domain, does the lookups that follow from them, and makes the plan. Only reads."""

import asyncio
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.errors import SourceError, looks_right
from shared.model.changes import Action, Plan
from shared.model.domains import domain_named, initial_domain
from shared.model.holds import Hold, ending_soon
from shared.model.leavers import Leaver, LeaverTerms, due_soon, read_all
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, Memory, People, SignIn
from shared.model.results import KEPT
from shared.outbound.waiting import Stop
from shared.planning.aside import with_those_left_aside
from shared.planning.conflicts import addresses_of
from shared.planning.deeds import LEAVING, NONE, Deeds
from shared.planning.doubts import undated, with_created
from shared.planning.emptied import Emptied, emptied
from shared.planning.forms import RETRIED_AFTER
from shared.planning.holders import Holder
from shared.planning.lookups import Lookups
from shared.planning.matching import Matching, against_memory, is_on, match, remembered_elsewhere, set_aside
from shared.planning.names import Names
from shared.planning.plan import decide, with_scope
from shared.planning.protection import Protection
from shared.planning.sides import Administration, Directory, KnownPeople, Listing, Source
from shared.planning.sign_in import warnings as signing_in
from shared.planning.stages import Now, Staging
from shared.planning.surveyed import Survey, Terms
from shared.planning.territory import Territory, strangers
from shared.planning.upns import UpnFrom, named_by, told_of_upns, with_upns
from shared.runs.missing import Missing
from shared.runs.pointing import Pointing
from shared.runs.side_looks import SideLooks
from shared.services import Services

# So many who were there before are signed out by one run: it ends, and not everybody has to sign in at once.
SIGNED_OUT_AT_ONCE = 1_000
# Graph may not find an account for some time after it was created. A link has the day alone.
_YOUNG = timedelta(days=1)
# Whose mailbox is looked at first.
_LOOKED_AT = (Action.RENAME, Action.UPDATE, Action.BLOCK, Action.UNBLOCK, Action.DELETE)


def surveyor(
    services: Services,
    domain: str,
    directory: Directory,
    terms: Terms,
    stop: Stop,
    administration: Administration | None = None,
    source: Source | None = None,
) -> "Surveyor":
    """A surveyor for a domain; `administration` stands in for what is really set, `source` for the app's own."""
    return Surveyor(
        domain,
        source or services.source(terms.attribute_map, stop),
        directory,
        services.known_people,
        terms,
        services.clock,
        administration or services.administration,
    )


class Surveyor:
    """Surveys one domain. Each lookup is only for users that the earlier ones did not settle."""

    def __init__(
        self,
        domain: str,
        source: Source,
        directory: Directory,
        known_people: KnownPeople,
        terms: Terms,
        clock: Clock,
        administration: Administration,
    ) -> None:
        self._domain = domain
        self._source = source
        self._directory = directory
        self._known_people = known_people
        self._terms = terms
        self._clock = clock
        self._administration = administration

    async def survey(
        self,
        *,
        predict: bool,
        people: People | None = None,
        approved: Deeds = NONE,
    ) -> Survey:
        """Reads everything and plans. `predict` also looks up who has the addresses that the plan wants.

        `people` replaces the users of the source, which is then not read. It may be empty, so use it to inspect a
        domain and never for a sync. `approved` is what an administrator approved.

        Raises SourceError or GraphError if a side can't be read completely, DomainNotFound if the domain is not the
        tenant's, and RunStopped if the run must stop. If any other lookup fails, the plan is made without it, and
        the plan and the warnings say what follows.
        """
        looks = SideLooks()
        tenant = await self._directory.read_domains()
        domain = domain_named(self._domain, tenant)
        initial = initial_domain(tenant, domain)
        read, listing, memory = await self._read_both_sides(people)
        upn_from = await self._clock.in_thread(self._upn_from, read.whole or read, memory)
        everybody = await self._clock.in_thread(with_upns, read.whole or read, upn_from)
        if people is None:
            require_users_on(self._domain, everybody)
            require_status(self._terms, everybody)
        people = with_upns(read, upn_from) if read.whole else everybody
        decisions = await self._administration.read_decisions()
        names = Names(self._terms.attribute_map)
        # Off the event loop: other invocations of this worker go on while a large domain is matched.
        matching = await self._clock.in_thread(
            match, self._domain, people, listing.users, memory, names, decisions
        )
        await self._set_aside_matches_against_memory(matching, looks)
        before = memory.filled.get(self._domain, "").split()
        empty = Emptied()
        if people:
            pairs, attribute_map = matching.pairs, self._terms.attribute_map
            empty = await self._clock.in_thread(emptied, everybody, pairs, attribute_map, before)
        leaving = await self._administration.read_leaving(self._domain)
        lookups = Lookups(
            federated=domain.federated,
            initial_domain=initial,
            usage_location=self._terms.usage_location,
            sign_in=self._terms.sign_in_mode,
            blocked=memory.blocked,
            memory_doubt=memory.doubt,
            deleted_by_sync=memory.deleted.keys(),
            forms=memory.forms,
            refused_since=(self._clock.now().date() - RETRIED_AFTER).isoformat(),
            known_since={account: memory.since.get(who, "") for who, account in memory.links.items()},
            ask_unlinked=leaving.ask_unlinked,
            approved={deed.who for deed in approved if deed.kind in LEAVING},
            left_out=frozenset(memory.links[who] for who in memory.outside),
            other_domains=any(one.name not in (domain.name, initial) for one in tenant),
            territory=Territory.of(
                tenant, await self._administration.read_syncing(), self._terms.foreign_domains
            ),
            # Before the looks that follow from it: whom a group leaves out of scope is no leaver.
            protection=await read_protection(self._terms, self._directory, decisions.holds),
            untouched=empty.untouched,
        )
        staging = await self._staging(leaving.terms, memory, listing, looks, lookups.territory)
        ordered = {deed.who for deed in approved if deed.kind == "now"}
        lookups = replace(lookups, staging=replace(staging, ordered=ordered))
        missing = Missing(
            directory=self._directory,
            terms=self._terms,
            looks=looks,
            young_since=(self._clock.now() - _YOUNG).date().isoformat(),
            decisions=decisions,
        )
        lookups = with_scope(matching, await missing.look_for(matching, lookups))
        pointing = Pointing(
            directory=self._directory,
            attribute_map=self._terms.attribute_map,
            looks=looks,
            clock=self._clock,
        )
        lookups = await pointing.look(people, matching, lookups)
        plan, lookups = await self._plan_with_protection(matching, lookups)
        wanted = list(plan.of(Action.ADD, Action.RENAME, Action.RESTORE))
        # A user that gets a temporary UPN first needs the final UPN to be free afterwards.
        if any(predict or change.via for change in wanted):
            none: dict[str, Holder] = {}
            addresses = await looks.at(
                self._directory.read_addresses(
                    self._domain, addresses_of(wanted, lookups.former_addresses), listing.listed
                ),
                none,
                say("look.addressesOnDomain", domain=self._domain),
            )
            lookups = replace(lookups, addresses=addresses)
            plan = await self._decide(matching, lookups)
        plan = await self._date(plan, looks)
        aside = await looks.at(self._directory.read_aside(initial), (), say("look.aside"))
        plan = with_those_left_aside(plan, aside, people, memory.links, lookups.territory)
        return Survey(
            domain=self._domain,
            lookups=lookups,
            decisions=decisions,
            terms=self._terms,
            initial_domain=initial,
            source=people,
            on_tenant=sum(
                count for name, count in people.domains.items() if name in lookups.territory.verified
            ),
            target=listing.users,
            memory=memory,
            protection=lookups.protection,
            plan=plan,
            emptied=empty.stopping,
            left_out=self._newly_left_out(matching, memory),
            rules=matching.rules,
            upn_from=upn_from,
            # The doubt first: a long list is cut at its end, and an approval needs to know that it was seen.
            warnings=memory.doubt
            + _of_both_sides(listing, plan)
            + await self._clock.in_thread(told_of_upns, people, upn_from)
            + empty.warnings(self._terms.attribute_map)
            + lookups.protection.warnings
            + looks.warnings
            + self._terms.warnings
            + (
                say("warning.looksRight", map=people.fitting, mode=self._terms.sign_in_mode)
                if people.fitting
                else ()
            )
            + signing_in(self._terms.sign_in_mode, matching.pairs, matching.here)
            + untold(self._directory)
            + strangers(people, lookups.territory)
            + self._told_of_holds(listing, decisions.holds)
            + self._told_of_leavers(staging.rows),
            federated=domain.federated,
        )

    async def _staging(
        self, terms: LeaverTerms, memory: Memory, listing: Listing, looks: SideLooks, territory: Territory
    ) -> Staging:
        """Who waits. Accounts that wait and are no longer here are looked up: they may be gone, or elsewhere."""
        now = Now(self._clock.now(), self._directory.told)
        rows = await self._clock.in_thread(read_all, memory.leavers)
        listed = {user.object_id for user in listing.users}
        lost = [
            account
            for account, row in rows.items()
            if row
            and not row.ended
            and account not in listed
            and (row.domain == self._domain or row.domain not in territory.syncing)
        ]
        elsewhere: dict[str, EntraUser | None] = {}
        if lost:
            elsewhere = await looks.at(self._directory.look_up_users(lost), elsewhere, say("look.leavers"))
        return Staging(domain=self._domain, terms=terms, now=now, rows=rows, elsewhere=elsewhere)

    async def _read_both_sides(self, people: People | None) -> tuple[People, Listing, Memory]:
        """All users of the source, Entra's users on the domain, and what earlier syncs knew."""
        source, listing, memory = await _together(
            self._source.users() if people is None else _given(people),
            self._directory.read_users(self._domain),
            self._known_people.read(self._domain),
        )
        return source, listing, memory

    def _upn_from(self, people: People, memory: Memory) -> UpnFrom:
        """Raises SourceError if the field that named people at the last good sync is gone, or many have lost it."""
        named = named_by(people, memory.upns, self._terms.upn_from, self._terms.attribute_map)
        if named.missed:
            raise SourceError("source.upnLost", field=named.field, lost=named.lost, had=named.had)
        return named.upn_from

    def _newly_left_out(self, matching: Matching, memory: Memory) -> int:
        """How many who were synchronised here are out of scope now by a rule on the source: they have not left it."""
        out = (user.source_id for user in matching.here if user.out_of_scope)
        return sum(who in memory.links and who not in memory.outside for who in out)

    def _told_of_holds(self, listing: Listing, holds: Mapping[str, Hold]) -> Parts:
        """The reminder of holds that end soon, of people on this domain."""
        here = {user.object_id for user in listing.users} if holds else set[str]()
        ending = ending_soon((one for one in holds.values() if one.object_id in here), self._clock.now())
        return say("warning.holdsEnding", count=len(ending)) if ending else ()

    def _told_of_leavers(self, rows: Mapping[str, Leaver | None]) -> Parts:
        """The word of deletions that are due within a day, for as long as they are ahead."""
        soon = due_soon(rows.values(), self._domain, self._clock.now())
        return say("warning.leaversDue", count=soon) if soon else ()

    async def _set_aside_matches_against_memory(self, matching: Matching, looks: SideLooks) -> None:
        """Makes a match ambiguous if the user's remembered account is another one and still exists, or may."""
        if doubted := against_memory(matching):
            accounts = await looks.at(
                self._directory.look_up_users(doubted),
                dict[str, EntraUser | None](),
                say("look.remembered"),
            )
            known = {doubted[object_id]: account for object_id, account in accounts.items() if account}
            unread = {object_id: who for object_id, who in doubted.items() if object_id not in accounts}
            set_aside(matching, remembered_elsewhere(matching, known, unread))

    async def _plan_with_protection(self, matching: Matching, lookups: Lookups) -> tuple[Plan, Lookups]:
        """Plans, looks up the mailboxes of those it would change or asks about, and plans again with the answers."""
        protection = lookups.protection
        # Ignores what could not be read: users that are not deleted for that reason alone are looked up all the same.
        seen = replace(protection, missing_permissions=(), roles_unread=())
        unhindered = replace(lookups, protection=seen, ask_unlinked=False)
        plan = await self._decide(matching, unhindered)
        changed = plan.of(*_LOOKED_AT)
        signed_out = plan.without_session_time[:SIGNED_OUT_AT_ONCE]
        in_bin = {gone.object_id for gone in lookups.in_bin}
        asked = (one.object_id for one in plan.questions if one.object_id not in in_bin)
        touched = dict.fromkeys([*(str(change.object_id) for change in changed), *signed_out, *asked])
        if not touched:
            return plan, lookups
        matched = (target.object_id for _, target in matching.pairs)
        mailboxes = await self._directory.look_up_mailboxes(touched, matched)
        lookups = replace(lookups, protection=protection.with_mailboxes(mailboxes))
        return await self._decide(matching, lookups), lookups

    async def _date(self, plan: Plan, looks: SideLooks) -> Plan:
        """The same plan, whose questions say when the accounts were created: a listing does not tell."""
        if not (asked := undated(plan.questions)):
            return plan
        accounts = await looks.at(self._directory.find_users(object_ids=asked), (), say("look.created"))
        created = {account.object_id: account.created for account in accounts}
        return replace(plan, questions=with_created(plan.questions, created))

    async def _decide(self, matching: Matching, lookups: Lookups) -> Plan:
        return await self._clock.in_thread(decide, matching, lookups, self._terms.attribute_map)


async def read_protection(terms: Terms, directory: Directory, holds: Mapping[str, Hold]) -> Protection:
    """Who is protected by settings, by a hold, by a role, or by a group that the scope names.

    Mailboxes are not looked at yet.
    """
    protection = replace(terms.protection.with_roles(await directory.read_roles()), holds=holds)
    groups = protection.scope.including_groups | protection.scope.excluding_groups
    return replace(protection, members=await directory.read_members(groups)) if groups else protection


def require_users_on(domain: str, people: People) -> None:
    """Raises SourceError if no user's UPN is on exactly this domain: a sync would delete every user there."""
    if not any(is_on(domain, user.upn) for user in people if not user.only_found):
        raise SourceError("source.nobodyOnDomain", domain=domain, because=looks_right(people.fitting))


def require_status(terms: Terms, people: People) -> None:
    """Raises SourceError if the source's status is to count and nobody has one: its field has another name."""
    if terms.sign_in_mode is not SignIn.LEAVE and all(user.status is None for user in people):
        raise SourceError(
            "source.nobodyHasStatus",
            mode=terms.sign_in_mode,
            field=terms.attribute_map.status_field,
            because=looks_right(people.fitting),
        )


def untold(directory: Directory) -> Parts:
    """A warning that names what this cloud does not tell of users; empty if there is nothing."""
    names = directory.not_selectable
    return say("warning.notSelectable", properties=names) if names else ()


async def _given(people: People) -> People:
    return people


def _of_both_sides(listing: Listing, plan: Plan) -> Parts:
    """The warnings about the users of both sides, a part each."""
    told: Parts = ()
    if listing.short:
        told += say("warning.shortListing", listed=listing.listed, counted=listing.expected)
    if kept := sum(1 for one in plan.changes if one.obstacle and one.obstacle.code == KEPT):
        told += say("warning.leaversKept", count=kept)
    if plan.without_session_time:
        told += say("warning.shortSessions", count=len(plan.without_session_time))
    return told


async def _together(*reads: Coroutine[Any, Any, Any]) -> list[Any]:
    """All results, in order. Raises the first error, after the other reads have been cancelled."""
    tasks = [asyncio.create_task(read) for read in reads]
    try:
        return list(await asyncio.gather(*tasks))
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise
