"""The directory of one tenant, as one invocation, request or closing look sees it."""

from collections.abc import AsyncGenerator, Sequence

from shared.entra.addresses import Addresses
from shared.entra.batch import BeforeSend
from shared.entra.domains import Domains
from shared.entra.protected import Protected
from shared.entra.sessions import Sessions
from shared.entra.users import Users
from shared.entra.writes import apply
from shared.model.changes import Change
from shared.model.results import Outcome


class Directory(Domains, Users, Addresses, Protected, Sessions):
    """Every read and write of the app, in parts by subject; all of them share one `graph`.

    Keeps the protocol `shared.planning.sides.Directory`. What Graph refuses or can't answer is a GraphError, and a
    directory that must stop raises RunStopped, unless a method says otherwise.
    """

    def within(self, seconds: float) -> "Directory":
        """For looking up what a run leaves behind: done by then, and never waiting for the write quota."""
        return Directory(self.graph.within(seconds), self._attribute_map)

    def apply(
        self, changes: Sequence[Change], before_send: BeforeSend[Change]
    ) -> AsyncGenerator[list[Outcome], None]:
        """Writes these changes, as `writes.apply` has it."""
        return apply(changes, self.graph, before_send)
