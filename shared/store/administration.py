"""What administrators have set and decided, as a survey needs it."""

from shared.model.leavers import NEVER, Leaving
from shared.model.questions import Decisions
from shared.store.decisions import DecisionStore
from shared.store.domains import Domains


class Administration:
    def __init__(self, domains: Domains, decisions: DecisionStore) -> None:
        self._domains = domains
        self._decisions = decisions

    async def read_syncing(self) -> frozenset[str]:
        """The domains whose periodic sync is switched on; not watched ones, nor those of which that can't be read."""
        stored = await self._domains.read_all()
        return frozenset(name for name, one in stored.items() if one.shown()["periodic_sync"] is True)

    async def read_leaving(self, domain: str) -> Leaving:
        """What becomes of the domain's leavers: the most careful where a setting can't be read."""
        stored = await self._domains.read_settings(domain)
        shown, settings = stored.shown(), stored.readable
        terms = NEVER if shown["leavers"] is None else settings.leavers
        return Leaving(terms, ask_unlinked=shown["unlinked"] != "delete")

    async def read_decisions(self) -> Decisions:
        return await self._decisions.read_all()
