"""A refusal of the app itself, which says nothing about the person or object that was asked for.

A 401 of `$batch`, or of a read outside it, means the token; for a managed identity the same token may come back for
a while. A 401 inside a batch is a workload's own, and is an answer.
"""

from dataclasses import dataclass

from shared.entra.client import Answer
from shared.errors import CallerRefused, GraphError
from shared.outbound.retries import UNAUTHORIZED

PATIENCE = 60
_SHORTEST_WAIT = 1.0


@dataclass(slots=True)
class CallerPatience:
    """Waits that grow, for 60 seconds in all, until the app is answered again."""

    since: float | None = None

    def accepted(self) -> None:
        self.since = None

    def wait(self, now: float, why: GraphError) -> float:
        """Seconds until the next try, each time as long as the refusals have lasted; CallerRefused after 60."""
        if self.since is None:
            self.since = now
        lasted = now - self.since
        if lasted >= PATIENCE:
            raise CallerRefused("caller.refused", because=why, seconds=PATIENCE)
        return min(max(lasted, _SHORTEST_WAIT), PATIENCE - lasted)


def why(answer: Answer) -> GraphError:
    """What Graph said to the app."""
    named = f"{answer.status} {answer.error.code}".rstrip()
    said = ", ".join(filter(None, (named, answer.message.rstrip("."))))
    return GraphError(
        "caller.unauthorized" if answer.status == UNAUTHORIZED else "caller.answered",
        status=answer.status,
        said=said,
    )
