"""What goes wrong, as plain data: in which hour, at which operation of which service, and how."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

# queue: a message that is sent · timer: a tick
Service = Literal["table", "blob", "graph", "source", "queue", "timer"]
SERVICES: tuple[Service, ...] = ("table", "blob", "graph", "source", "queue", "timer")
# refused: 503, with Retry-After where the service has one · throttled: 429 (Graph, Access Control)
# lost: never arrives, no answer · unheard: takes effect, no answer · late: no answer, takes effect afterwards
# twice: takes effect, and the SDK sends it again · slow: takes long
# killed: the instance ends before it is sent · killedAfter: once it has taken effect
# frozen: takes effect, and the instance stands still for a while before it hears of that
# expired: the token is refused · cutOff: half an answer · empty: a list without anybody
Kind = Literal[
    "refused", "throttled", "lost", "unheard", "late", "twice", "slow", "killed", "killedAfter", "frozen",
    "expired", "cutOff", "empty",
]  # fmt: skip
_ANYWHERE: tuple[Kind, ...] = ("refused", "lost", "unheard", "slow", "killed", "killedAfter", "frozen")
KINDS: dict[Service, tuple[Kind, ...]] = {
    "table": (*_ANYWHERE, "late"),
    "blob": (*_ANYWHERE, "late", "twice"),
    "graph": (*_ANYWHERE, "throttled", "expired"),
    "source": (*_ANYWHERE, "throttled", "expired", "cutOff", "empty"),
    "queue": ("lost", "twice", "slow"),
    "timer": ("lost", "twice", "slow"),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """Strikes operation `nth` (1 is the first) of `service` in `hour`, and `times` - 1 operations after it.

    Only operations whose text begins with `what` count, and none up to the first that begins with `after`. `seconds`:
    of a Retry-After, a delay or a freeze.
    """

    hour: int
    service: Service
    nth: int
    kind: Kind
    times: int = 1
    seconds: float = 0.0
    what: str = ""
    after: str = ""


class Faults:
    """The faults of a scenario; `struck` are those that acted."""

    def __init__(self, faults: Iterable[Fault]) -> None:
        self._of_hour: dict[tuple[int, Service], list[Fault]] = {}
        for one in faults:
            self._of_hour.setdefault((one.hour, one.service), []).append(one)
        self._hour = -1
        # How many operations of this hour each fault has counted.
        self._counted: dict[Fault, int] = {}
        self.struck: list[Fault] = []

    def begin(self, hour: int) -> None:
        self._hour = hour
        self._counted.clear()

    def next(self, service: Service, what: str = "") -> Fault | None:
        """The fault that strikes this operation, which begins now."""
        found = None
        for one in self._of_hour.get((self._hour, service), ()):
            if one.after and one not in self._counted:
                # It counts from the next operation on.
                if what.startswith(one.after):
                    self._counted[one] = 0
            elif what.startswith(one.what):
                number = self._counted[one] = self._counted.get(one, 0) + 1
                if found is None and one.nth <= number < one.nth + one.times:
                    found = one
        if found:
            self.struck.append(found)
        return found
