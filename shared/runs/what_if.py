"""A dry run with other settings than those in force, compared with one under these."""

from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.model.domains import DomainSettings
from shared.model.leavers import Leaving
from shared.model.questions import Decisions
from shared.model.runs import DIFFERENCES_NAMED, WhatIf
from shared.outbound.waiting import Stop
from shared.planning.only import chosen
from shared.planning.sides import Administration
from shared.planning.surveyed import Survey, Terms
from shared.planning.trying import differing
from shared.runs.survey import surveyor
from shared.services import Services


class Trying:
    """What administrators have set, but for one domain, which has these settings."""

    def __init__(self, administration: Administration, domain: str, settings: DomainSettings) -> None:
        self._administration = administration
        self._domain = domain
        self._settings = settings

    async def read_syncing(self) -> frozenset[str]:
        others = await self._administration.read_syncing() - {self._domain}
        return others | {self._domain} if self._settings.periodic_sync is True else others

    async def read_leaving(self, _domain: str) -> Leaving:
        return Leaving(self._settings.leavers, ask_unlinked=self._settings.unlinked != "delete")

    async def read_decisions(self) -> Decisions:
        return await self._administration.read_decisions()


async def compared(
    services: Services, seen: Survey, what_if: WhatIf, terms: Terms, graph: Graph, stop: Stop
) -> WhatIf:
    """What was tried, with the people for whom it makes a difference.

    Reads both sides under the settings in force, `terms`.
    """
    directory = Directory(graph, terms.attribute_map)
    today = await surveyor(services, seen.domain, directory, terms, stop).survey(predict=True)
    if seen.only is not None:
        today = await services.clock.in_thread(chosen, today, seen.only)
    people = await services.clock.in_thread(differing, today.plan, seen.plan)
    return what_if.model_copy(update={"people": len(people), "some": tuple(people[:DIFFERENCES_NAMED])})
