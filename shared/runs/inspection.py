"""Inspecting a domain, which changes nothing: the pre-check, and the trace of one user."""

from shared.entra.addresses import addresses, applications_on
from shared.entra.users import synchronised_from_active_directory
from shared.errors import SourceError
from shared.model.parts import parts_of
from shared.outbound.waiting import Guard, Unguarded
from shared.planning.surveyed import Survey
from shared.reports.pre_check import PreCheck, pre_check
from shared.reports.trace import Trace, trace
from shared.runs.survey import Surveyor
from shared.services import Services


async def pre_check_of(services: Services, domain: str) -> PreCheck:
    """What stands on the domain; also before the source has anybody there, which only takes longer."""
    guard = Unguarded(services.clock)
    surveyor = Surveyor(services, domain, guard)
    try:
        seen = await surveyor.survey(predict=True)
    except SourceError as error:
        seen = await surveyor.survey(predict=True, source=[])
        found = await pre_checked(services, seen, guard)
        return found.noting(parts_of(error))
    return await pre_checked(services, seen, guard)


async def pre_checked(services: Services, seen: Survey, guard: Guard) -> PreCheck:
    """The pre-check of a domain that has been surveyed."""
    name = seen.domain
    holders = seen.addresses or await addresses(services.graph, name, guard)
    others = [(address, holder) for address, holder in holders.items() if holder.kind == "group"]
    applications = await applications_on(services.graph, name, guard)
    others += [("", found) for found in applications or ()]
    return pre_check(
        name,
        seen.target,
        seen.protection,
        others,
        seen.initial_domain,
        active_directory=await synchronised_from_active_directory(services.graph, guard),
        missing=("Application.Read.All",) if applications is None else (),
    )


async def trace_of(services: Services, domain: str, query: str) -> Trace:
    seen = await Surveyor(services, domain, Unguarded(services.clock)).survey(predict=True)
    return trace(seen, services.settings.attribute_map, query)
