"""The directory of one tenant; one object per invocation, request or final lookup."""

from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from shared.entra.addresses import Addresses
from shared.entra.batch import BeforeSend
from shared.entra.domains import Domains
from shared.entra.protected import Protected
from shared.entra.sessions import Sessions
from shared.entra.unheard import Earlier
from shared.entra.users import Users
from shared.entra.writes import apply
from shared.model.changes import Change
from shared.model.results import Outcome


class Directory(Domains, Users, Addresses, Protected, Sessions):
    """Every read and write of the app, in parts by subject that share one `graph`.

    Implements the protocol `shared.planning.sides.Directory`. Unless a method says otherwise, it raises GraphError
    if Graph refuses or can't answer, and RunStopped if the run must stop.
    """

    @property
    def told(self) -> datetime | None:
        return self.graph.told

    def apply(
        self, changes: Sequence[Change], before_send: BeforeSend[Change], earlier: Earlier | None = None
    ) -> AsyncGenerator[list[Outcome], None]:
        """Writes these changes; see `writes.apply`. Without `earlier`, nothing was sent before this moment."""
        return apply(changes, self.graph, before_send, earlier or Earlier(self.graph.clock.now()))
