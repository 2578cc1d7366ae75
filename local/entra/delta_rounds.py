"""The rounds of delta queries, and the links within a round (nextLink) and to the next one (deltaLink)."""

import struct
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import sha256
from random import SystemRandom

from local.entra.errors import GraphError
from local.entra.tokens import Seal
from shared.clock import Chance

# https://learn.microsoft.com/graph/delta-query-overview, "Token duration"
LIFETIME_SECONDS = 7 * 86_400.0
_MOST_OPEN = 64
# Which token it is, the round or what is tracked, the place in the round or the number of a change, when it was made.
_TOKEN = struct.Struct(">1s8sQd")
_SKIP, _DELTA = b"s", b"d"


@dataclass(frozen=True, slots=True)
class Tracked:
    """The first request of all: `names` is its $select, `ids` its $filter (None: everybody)."""

    names: tuple[str, ...]
    ids: frozenset[str] | None = None


@dataclass(frozen=True, slots=True)
class Round:
    """Whom to tell about. `since`, `until`: numbers of changes; without `since`, it is the first round."""

    tracked: Tracked
    since: int | None
    until: int
    found: Sequence[str] = ()


@dataclass
class DeltaRounds:
    """A deltaLink holds for seven days, as often as it is used; a nextLink as long as its round is among the latest."""

    chance: Chance = field(default_factory=SystemRandom)
    _open: OrderedDict[bytes, Round] = field(default_factory=OrderedDict)
    _tracked: dict[bytes, Tracked] = field(default_factory=dict)
    # Token → the status that says so.
    _lost: dict[str, int] = field(default_factory=dict)

    @cached_property
    def _seal(self) -> Seal:
        return Seal(self.chance)

    def keep(self, one: Round) -> bytes:
        """Keeps a round of several pages, and returns its name."""
        name = self.chance.randbytes(8)
        self._open[name] = one
        if len(self._open) > _MOST_OPEN:
            self._open.popitem(last=False)
        return name

    def skip_token(self, name: bytes, place: int, now: float) -> str:
        return self._seal.token(_TOKEN.pack(_SKIP, name, place, now))

    def delta_token(self, tracked: Tracked, number: int, now: float) -> str:
        ids = None if tracked.ids is None else sorted(tracked.ids)
        name = sha256(repr((tracked.names, ids)).encode()).digest()[:8]
        self._tracked[name] = tracked
        return self._seal.token(_TOKEN.pack(_DELTA, name, number, now))

    def page_at(self, token: str, url: str, now: float) -> tuple[bytes, Round, int]:
        """The name of the round, the round and the place of a $skiptoken. Raises GraphError."""
        name, place = self._read(_SKIP, token, url, now)
        if name not in self._open:
            raise sync_state_not_found()
        return name, self._open[name], place

    def position(self, token: str, url: str, now: float) -> tuple[Tracked, int]:
        """What a $deltatoken tracks, and the number of the last change that it has seen. Raises GraphError."""
        name, number = self._read(_DELTA, token, url, now)
        return self._tracked[name], number

    def lose(self, token: str, status: int) -> None:
        self._lost.setdefault(token, status)

    def refuse_lost(self, token: str, url: str) -> None:
        status = self._lost.get(token)
        if status is not None:
            raise resync_required(url) if status == 410 else sync_state_not_found(status)

    def _read(self, kind: bytes, token: str, url: str, now: float) -> tuple[bytes, int]:
        said = self._seal.said(token)
        if said is None or said[:1] != kind:
            raise GraphError(400, "Request_BadRequest", "Badly formed token.")
        _, name, number, made_at = _TOKEN.unpack(said)
        if now - made_at > LIFETIME_SECONDS:
            raise resync_required(url)
        return name, number


def resync_required(url: str) -> GraphError:
    """https://learn.microsoft.com/graph/delta-query-overview, "Synchronization reset"."""
    return GraphError(
        410,
        "resyncRequired",
        "Resync required. Any differences between client and service must be reconciled.",
        headers={"Location": f"{url}/users/delta?$deltatoken="},
    )


def sync_state_not_found(status: int = 400) -> GraphError:
    return GraphError(
        status,
        "syncStateNotFound",
        "The sync state generation is not found; a full synchronization is needed.",
    )
