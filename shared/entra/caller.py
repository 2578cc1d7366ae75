"""Graph refuses the app itself, which says nothing about the user or object in the request.

A 401 to `$batch`, or to a read outside a batch, concerns the token; a managed identity may return the same token
again for a while. A 401 to one request inside a batch comes from its workload, and is an ordinary answer.
"""

from dataclasses import dataclass

from shared.entra.client import Answer
from shared.errors import CallerRefused, GraphError
from shared.outbound.retries import UNAUTHORIZED

PATIENCE = 60
_SHORTEST_WAIT = 1.0


@dataclass(slots=True)
class CallerPatience:
    """Growing waits, for 60 seconds in total, until Graph accepts the app again. `since`: time of the first refusal."""

    since: float | None = None

    def accepted(self) -> None:
        self.since = None

    def wait(self, now: float, why: GraphError) -> float:
        """Seconds until the next try: as long as the refusals have lasted so far, at least 1.

        Raises CallerRefused once they have lasted 60 seconds.
        """
        if self.since is None:
            self.since = now
        lasted = now - self.since
        if lasted >= PATIENCE:
            raise CallerRefused("caller.refused", because=why, seconds=PATIENCE)
        return min(max(lasted, _SHORTEST_WAIT), PATIENCE - lasted)


def why(answer: Answer) -> GraphError:
    """Graph's refusal of the app as an error: status, code and message."""
    named = f"{answer.status} {answer.error.code}".rstrip()
    said = ", ".join(filter(None, (named, answer.message.rstrip("."))))
    return GraphError(
        "caller.unauthorized" if answer.status == UNAUTHORIZED else "caller.answered",
        status=answer.status,
        said=said,
    )
