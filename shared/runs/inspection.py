"""The pre-check of a domain and the trace of one user. Both only read."""

from shared.entra.directory import Directory
from shared.errors import SourceError
from shared.model.parts import parts_of, say
from shared.model.people import People
from shared.outbound.waiting import NoStop
from shared.planning.holders import Holder
from shared.planning.surveyed import Survey
from shared.reports.pre_check import PreCheck, pre_check
from shared.reports.trace import Trace, trace
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


async def trace_of(services: Services, domain: str, query: str) -> Trace:
    terms = await services.tenant_settings.read_terms()
    directory = Directory(services.graph(), terms.attribute_map)
    looking = surveyor(services, domain, directory, terms, NoStop(services.clock))
    return trace(await looking.survey(predict=True), query)
