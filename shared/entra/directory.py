"""The directory of one tenant; one object per invocation, request or final lookup."""

from collections.abc import AsyncGenerator, Iterable, Sequence
from datetime import datetime

from shared.entra.addresses import Addresses
from shared.entra.batch import BeforeSend, Request
from shared.entra.delta import Delta
from shared.entra.domains import DOMAINS, Domains, domains_of
from shared.entra.protected import Protected, role_lists
from shared.entra.sessions import Sessions
from shared.entra.unheard import Earlier
from shared.entra.users import COUNT, counted
from shared.entra.writes import apply
from shared.model.changes import Change
from shared.model.results import Outcome
from shared.planning.mirror import TenantFacts


class Directory(Domains, Delta, Addresses, Protected, Sessions):
    """Every read and write of the app, in parts by subject that share one `graph`.

    Implements the protocol `shared.planning.sides.Directory`. Unless a method says otherwise, it raises GraphError
    if Graph refuses or can't answer, and RunStopped if the run must stop.
    """

    @property
    def told(self) -> datetime | None:
        return self.graph.told

    async def read_facts(self, groups: Iterable[str]) -> tuple[TenantFacts, int]:
        """What has no delta, with the members of `groups`, in few requests; and how many users Graph counts."""
        domains = Request(method="GET", path=DOMAINS, subject=None)
        count = Request(method="GET", path=f"/users?{COUNT}", eventual=True, subject=None)
        roles = role_lists()
        in_domains, users, *in_roles = await self.graph.ask([domains, count, *roles])
        if users.status != 200:
            raise users.error
        facts = TenantFacts(
            domains=domains_of(await self.graph.items_of(domains, in_domains)),
            roles=await self.roles_in(roles, in_roles),
            members=await self.read_members(groups),
            told=self.told,
        )
        return facts, counted(users.body)

    def apply(
        self, changes: Sequence[Change], before_send: BeforeSend[Change], earlier: Earlier | None = None
    ) -> AsyncGenerator[list[Outcome], None]:
        """Writes these changes; see `writes.apply`. Without `earlier`, nothing was sent before this moment."""
        return apply(changes, self.graph, before_send, earlier or Earlier(self.graph.clock.now()))
