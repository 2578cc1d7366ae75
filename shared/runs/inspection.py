"""The pre-check of a domain, and people: found by their names, one of them in full, and what was done to them.

All only read, but for the history that is erased.
"""

import asyncio
from collections.abc import Set
from dataclasses import dataclass, replace
from datetime import datetime

from pydantic import ValidationError

from shared.entra.directory import Directory
from shared.errors import NotPossible, PersonNotFound, SourceError
from shared.model.addresses import fold, fold_domain, is_object_id, nearly
from shared.model.history import Entry
from shared.model.memory import doubt_on
from shared.model.parts import parts_of, say
from shared.model.people import EntraUser, Memory, People, SourceUser
from shared.model.runs import EntraRead
from shared.outbound.waiting import NoStop
from shared.planning.circle import Circle
from shared.planning.holders import Holder
from shared.planning.mapping import AttributeMap, domain_of
from shared.planning.surveyed import Survey, Terms
from shared.reports.found_people import MOST_FOUND, FoundPeople, called, found_people
from shared.reports.person import Asked, Person, asked_about, paired, person, username_of
from shared.reports.pre_check import PreCheck, pre_check
from shared.runs.closely import close_directory, survey_closely
from shared.runs.newest import Sides, newest_sides
from shared.runs.side_looks import SideLooks
from shared.runs.survey import surveyor, untold
from shared.services import Services
from shared.store.snapshots import StoredMirror


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
        return (await pre_checked(directory, seen, services.clock.now())).noting(parts_of(error))
    return await pre_checked(directory, seen, services.clock.now())


async def pre_checked(directory: Directory, seen: Survey, now: datetime) -> PreCheck:
    """The pre-check of a domain that has been surveyed. Its notice names the lookups that failed."""
    name, looks = seen.domain, SideLooks()
    none: dict[str, Holder] = {}
    groups = await looks.at(directory.read_groups(name), none, say("preCheck.groupsUnread"))
    others = [*groups.items()]
    applications = await looks.at(directory.read_applications(name), (), say("preCheck.applicationsUnread"))
    others += [("", found) for found in applications or ()]
    hennge_sync = await looks.at(directory.find_hennge_sync(), False, say("preCheck.henngeSyncUnread"))
    found = pre_check(
        name,
        seen.target,
        seen.protection,
        others,
        seen.initial_domain,
        as_of=now,
        active_directory=await looks.at(
            directory.find_active_directory(), False, say("preCheck.activeDirectoryUnread")
        ),
        missing=("Application.Read.All",) if applications is None or hennge_sync is None else (),
    )
    unread = seen.protection.roles_unread + seen.protection.untold + untold(directory) + looks.warnings
    return found.noting(unread + (say("preCheck.henngeSync", domain=name) if hennge_sync else ()))


async def kept_pre_check(services: Services, domain: str) -> PreCheck | None:
    """What the last run that looked has found; None before any has, or where another version has kept it."""
    found = await services.findings.read(domain)
    try:
        return PreCheck.model_validate_json(found) if found else None
    except ValidationError:
        return None


@dataclass(frozen=True, slots=True)
class _Read:
    """A source that has been read."""

    people: People

    async def users(self) -> People:
        return self.people


async def people_called(services: Services, words: str, after: int = 0) -> FoundPeople:
    """The people of the tenant and of the source with these words in a name, an address or an id.

    Raises as `newest_sides` does.
    """
    attribute_map = (await services.tenant_settings.read_terms()).attribute_map
    sides, accounts, memory = await _both_sides(services, words, attribute_map, after)
    users = await services.clock.in_thread(called, words, sides.people, attribute_map)
    alone = [one.upn for one in users if one.upn and one.source_id not in memory.links]
    accounts += await Directory(services.graph(), attribute_map).find_users(upns=alone)
    holds = (await services.administration.read_decisions()).holds
    arguments = (users, accounts, memory.links, attribute_map, holds)
    found = await services.clock.in_thread(found_people, *arguments)
    return found.model_copy(update={"read": sides.read})


async def person_called(services: Services, query: str, domain: str, after: int = 0) -> Person:
    """The person with that UPN, source id or object id, by the sync of `domain`; if empty, by that of their own.

    Raises PersonNotFound if neither side has them, or no domain of the tenant; and as `newest_sides` does.
    """
    terms = await services.tenant_settings.read_terms()
    directory = Directory(services.graph(), terms.attribute_map)
    called_so = username_of(query) or query
    sides, accounts, memory = await _both_sides(services, called_so, terms.attribute_map, after)
    users = sides.people
    asked = await services.clock.in_thread(asked_about, query, users, accounts, memory.links)
    if asked is None:
        if not domain:
            raise PersonNotFound("person.nowhere", query=username_of(query) or query)
        asked = Asked(query=query)
    known = {one.object_id: one for one in accounts}

    async def account_of(object_id: str | None) -> EntraUser | None:
        if object_id and object_id not in known:
            found = (await directory.look_up_users([object_id])).get(object_id)
            known.update({object_id: found} if found else {})
        return known.get(object_id or "")

    linked = {who for who, account in memory.links.items() if account == asked.object_id} | {asked.source_id}
    user = next((one for one in users if one.source_id in linked), None)
    account = await account_of(asked.object_id or memory.links.get(asked.source_id or ""))
    if not domain:
        domain = _domain_of(asked.query, user, account, await _domains(services))
    circle = Circle(
        everybody=users,
        memory=replace(memory, doubt=doubt_on(domain, memory)),
        decisions=await services.administration.read_decisions(),
        attribute_map=terms.attribute_map,
        asked={asked.query, asked.query.lower(), asked.source_id or "", asked.object_id or ""},
        users={user.source_id: user} if user else {},
    )
    circle.add([account] if account else ())
    seen, entra = await _surveyed(services, domain, circle, sides.mirror, terms)
    asked = await services.clock.in_thread(paired, seen, asked)
    here = any(one.object_id == asked.object_id for one in seen.target)
    account = None if here else await account_of(asked.object_id)
    found = await services.clock.in_thread(person, seen, asked, account)
    return found.model_copy(update={"read": sides.read.model_copy(update={"entra": entra})})


async def _surveyed(
    services: Services, domain: str, circle: Circle, mirror: StoredMirror | None, terms: Terms
) -> tuple[Survey, EntraRead | None]:
    """The survey of those in the circle, and of when its copy of Entra is; of everybody, where there is no copy.

    While the memory is in doubt, what becomes of a newcomer rests on all the leavers of the domain.
    """
    graph = services.graph()
    if mirror and not circle.memory.doubt:
        close = await close_directory(services, graph, circle, domain, mirror)
        if close:
            seen = await survey_closely(domain, circle, close, terms, services.clock, services.administration)
            return seen, close.read
    directory, stop = Directory(graph, terms.attribute_map), NoStop(services.clock)
    looking = surveyor(services, domain, directory, terms, stop, source=_Read(circle.everybody))
    return await looking.survey(predict=True), None


async def history_called(services: Services, name: str) -> list[Entry]:
    """What was done to the person with that object id, Username or UPN, newest first; or that key of a Username.

    The history itself knows the UPNs that people have lost; whose a UPN is now, Graph is asked. Raises GraphError.
    """
    return await services.history.read(await _history_names(services, name))


async def erase_history(services: Services, name: str) -> None:
    """Deletes what is kept of that person.

    Raises NotPossible while the source or Entra has them, and GraphError or SourceError while that can't be told.
    """
    names = await _history_names(services, name)
    entries = await services.history.read(names)
    attribute_map = (await services.tenant_settings.read_terms()).attribute_map
    accounts = {one.object_id for one in entries if one.object_id} | {
        one for one in names if is_object_id(one)
    }
    known = {*(one.lower() for one in names), *(one.source_id.lower() for one in entries if one.source_id)}
    found = await Directory(services.graph(), attribute_map).look_up_users(accounts)
    users = await services.source(attribute_map, NoStop(services.clock)).users()  # as it is now
    # Who could not be read may be there.
    if any(found.get(one, one) for one in accounts) or any(
        user.source_id.lower() in known or user.upn.lower() in known for user in users
    ):
        raise NotPossible("history.stillThere", person=name)
    await services.history.erase(names)


async def _history_names(services: Services, name: str) -> list[str]:
    if username := username_of(name):
        return [username]
    if "@" not in name:
        return [name]
    attribute_map = (await services.tenant_settings.read_terms()).attribute_map
    accounts = await Directory(services.graph(), attribute_map).find_users(upns=[name])
    return [name, *(one.object_id for one in accounts)]


async def _domains(services: Services) -> frozenset[str]:
    return frozenset(one.name for one in (await services.tenant_domains.get()).value if not one.removed)


async def _both_sides(
    services: Services, words: str, attribute_map: AttributeMap, after: int
) -> tuple[Sides, list[EntraUser], Memory]:
    """Both sides, the accounts of whom `words` may be a name, and what earlier syncs knew."""
    directory = Directory(services.graph(), attribute_map)
    sides, accounts, memory = await asyncio.gather(
        newest_sides(services, attribute_map, after),
        directory.find_called(words.strip(), MOST_FOUND + 1),
        services.known_people.read(""),
    )
    return sides, accounts, memory


def _domain_of(query: str, user: SourceUser | None, account: EntraUser | None, domains: Set[str]) -> str:
    """The domain by whose sync somebody is treated: that of their UPN, or else that of their account."""
    named = [address.rpartition("@")[2] for address in fold(user.upn)] if user else []
    own = [domain_of(account.upn)] if account else []
    mail = [address.rpartition("@")[2] for address in fold(user.email)] if user else []
    near = (one for name in named for one in sorted(domains) if nearly(name, fold_domain(one)))
    folded = {fold_domain(one): one for one in domains}
    for name in (*named, *own, *mail, *near):
        if found := folded.get(fold_domain(name)):
            return found
    if user is None:
        raise PersonNotFound("person.nowhere", query=query)
    if not user.upn:
        raise PersonNotFound("person.noUpn", query=query)
    raise PersonNotFound("person.noDomain", query=query, upn=user.upn)
