"""The pre-check of a domain, and people: found by their names, and one of them in full. All only read."""

import asyncio
from collections.abc import Container, Sequence
from dataclasses import dataclass

from shared.entra.directory import Directory
from shared.errors import PersonNotFound, SourceError
from shared.model.parts import parts_of, say
from shared.model.people import EntraUser, Memory, People
from shared.outbound.waiting import NoStop
from shared.planning.holders import Holder
from shared.planning.mapping import AttributeMap, domain_of
from shared.planning.surveyed import Survey
from shared.reports.found_people import MOST_FOUND, FoundPeople, called, found_people
from shared.reports.person import Person, person
from shared.reports.pre_check import PreCheck, pre_check
from shared.runs.side_looks import SideLooks
from shared.runs.survey import surveyor, untold
from shared.services import Services


async def pre_check_of(services: Services, domain: str) -> PreCheck:
    """The pre-check of a domain. Works without the source, too: it then has Entra's side and says why.

    Raises GraphError or DomainNotFound as `Surveyor.survey` does.
    """
    terms = await services.tenant_settings.read_terms()
    directory = Directory(services.graph(), terms.attribute_map)
    looking = surveyor(services, domain, directory, terms, NoStop(services.clock))
    try:
        seen = await looking.survey(predict=True)
    except SourceError as error:
        seen = await looking.survey(predict=True, people=People())
        found = await pre_checked(directory, seen)
        return found.noting(parts_of(error))
    return await pre_checked(directory, seen)


async def pre_checked(directory: Directory, seen: Survey) -> PreCheck:
    """The pre-check of a domain that has been surveyed. Its notice names the lookups that failed."""
    name, looks = seen.domain, SideLooks()
    none: dict[str, Holder] = {}
    holders = seen.addresses or await looks.at(
        directory.read_addresses(name), none, say("preCheck.groupsUnread")
    )
    others = [(address, holder) for address, holder in holders.items() if holder.kind == "group"]
    applications = await looks.at(directory.read_applications(name), (), say("preCheck.applicationsUnread"))
    others += [("", found) for found in applications or ()]
    hennge_sync = await looks.at(directory.find_hennge_sync(), False, say("preCheck.henngeSyncUnread"))
    found = pre_check(
        name,
        seen.target,
        seen.protection,
        others,
        seen.initial_domain,
        active_directory=await looks.at(
            directory.find_active_directory(), False, say("preCheck.activeDirectoryUnread")
        ),
        missing=("Application.Read.All",) if applications is None or hennge_sync is None else (),
        unread=seen.protection.roles_unread + seen.protection.untold + untold(directory) + looks.warnings,
    )
    return found.noting(say("preCheck.henngeSync", domain=name)) if hennge_sync else found


@dataclass(frozen=True, slots=True)
class _Read:
    """A source that has been read."""

    people: People

    async def users(self) -> People:
        return self.people


async def people_called(services: Services, words: str) -> FoundPeople:
    """The people of the tenant and of the source with these words in a name, an address or an id."""
    attribute_map = (await services.tenant_settings.read_terms()).attribute_map
    everybody, accounts, memory = await _both_sides(services, words, attribute_map)
    users = await services.clock.in_thread(called, words, everybody, attribute_map)
    alone = [one.upn for one in users if one.upn and one.source_id not in memory.links]
    accounts += await Directory(services.graph(), attribute_map).find_users(upns=alone)
    holds = (await services.administration.read_decisions()).holds
    return await services.clock.in_thread(found_people, users, accounts, memory.links, attribute_map, holds)


async def person_called(services: Services, query: str, domain: str) -> Person:
    """The person with that UPN, source id or object id, by the sync of `domain`; if empty, by that of their own.

    Raises PersonNotFound if neither side has them, or no domain of the tenant.
    """
    terms = await services.tenant_settings.read_terms()
    users, accounts, memory = await _both_sides(services, query, terms.attribute_map)
    if not domain:
        of_tenant = await _domains(services)
        domain = await services.clock.in_thread(_domain_of, query, users, accounts, memory, of_tenant)
    directory = Directory(services.graph(), terms.attribute_map)
    stop = NoStop(services.clock)
    looking = surveyor(services, domain, directory, terms, stop, source=_Read(users))
    return await services.clock.in_thread(person, await looking.survey(predict=True), query)


async def _domains(services: Services) -> frozenset[str]:
    return frozenset(one.name for one in (await services.tenant_domains.get()).value if not one.removed)


async def _both_sides(
    services: Services, words: str, attribute_map: AttributeMap
) -> tuple[People, list[EntraUser], Memory]:
    """Everybody in the source, the accounts of whom `words` may be a name, and what earlier syncs knew."""
    directory = Directory(services.graph(), attribute_map)
    users, accounts, memory = await asyncio.gather(
        services.source(attribute_map, NoStop(services.clock)).users(),
        directory.find_called(words.strip(), MOST_FOUND + 1),
        services.known_people.read(""),
    )
    return users, accounts, memory


def _domain_of(
    query: str, users: People, accounts: Sequence[EntraUser], memory: Memory, domains: Container[str]
) -> str:
    wanted = query.strip().lower()
    account = next((one for one in accounts if wanted in (one.object_id.lower(), one.upn.lower())), None)
    linked = {wanted, account.object_id if account else ""}
    ids = {wanted, *(who.lower() for who, object_id in memory.links.items() if object_id in linked)}
    user = next((one for one in users if one.upn.lower() == wanted or one.source_id.lower() in ids), None)
    upns = [one.upn for one in (user, account) if one]
    for upn in upns:
        if (name := domain_of(upn)) in domains:
            return name
    if upns:
        raise PersonNotFound("person.noDomain", query=query, upn=upns[0])
    raise PersonNotFound("person.nowhere", query=query)
