"""Microsoft Graph: the strict emulator itself, called without a socket, and what each write did."""

from collections.abc import Callable, Coroutine, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass, fields
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Literal, TypeVar

import httpx
import orjson

from local.entra import Directory, Entra, User
from local.entra.answering import PREFIX, answer
from local.entra.errors import ConnectionDropped, Json
from shared.errors import GraphError
from tests.simulation.clock import VirtualClock
from tests.simulation.gate import Gate, NoAnswer, Struck

T = TypeVar("T")
BASE_URL = f"http://127.0.0.1:9{PREFIX}"
Deed = Literal["create", "update", "delete", "restore"]
# An answer belongs to some request; nobody looks at it.
_REQUEST = httpx.Request("GET", BASE_URL)


@dataclass(frozen=True, slots=True)
class Performing:
    """The invocation whose task this is: which run, and since when. `began_at` is in seconds of the world."""

    domain: str
    run_id: str
    began_at: float


PERFORMING: ContextVar[Performing | None] = ContextVar("performing", default=None)
# When the request whose effect this is was sent, in seconds of the world.
SENT: ContextVar[float] = ContextVar("sent", default=0.0)


@dataclass(frozen=True, slots=True)
class Effect:
    """What one write did to one account.

    `by`: None if a person did it by hand, whose `sent` says nothing. `late`: nobody waited for it.
    """

    at: float
    sent: float
    deed: Deed
    object_id: str
    before: Json
    after: Json
    by: Performing | None
    late: bool = False

    @property
    def switches(self) -> bool:
        """Whether it has turned the account on or off."""
        enabled = [one.get("accountEnabled") for one in (self.before, self.after)]
        return self.deed == "update" and enabled[0] is not enabled[1]

    @property
    def blocks(self) -> bool:
        return self.switches and not self.after["accountEnabled"]


@dataclass
class WatchedDirectory(Directory):
    """Tells of every write that took effect, whether or not anybody hears the answer."""

    tell: Callable[[Deed, str, Json, Json, User], None] = lambda *_: None
    tell_sent: Callable[[Json], None] = lambda *_: None

    def create(self, body: Json) -> User:
        user = super().create(body)
        self.tell("create", user.id, {}, user.properties, user)
        return user

    def update(self, user: User, changes: Json) -> None:
        before = user.properties
        super().update(user, changes)
        self.tell("update", user.id, before, user.properties, user)

    def delete(self, user: User) -> None:
        before = user.properties
        super().delete(user)
        self.tell("delete", user.id, before, user.properties, user)

    def restore(self, user: User, new_upn: str | None, *, drop_conflicting_addresses: bool) -> None:
        before = user.properties
        super().restore(user, new_upn, drop_conflicting_addresses=drop_conflicting_addresses)
        self.tell("restore", user.id, before, user.properties, user)


def watched(
    directory: Directory,
    tell: Callable[[Deed, str, Json, Json, User], None],
    tell_sent: Callable[[Json], None],
) -> WatchedDirectory:
    """`tell_sent` hears of the body of every request in a batch that has one, whatever becomes of it."""
    known = {one.name: getattr(directory, one.name) for one in fields(directory)}
    return WatchedDirectory(**known, tell=tell, tell_sent=tell_sent)


class AtOnce(VirtualClock):
    """The emulator's clock: what it waits for is part of the way to it, which the gate has."""

    async def sleep(self, _seconds: float) -> None:
        return None


class SimulatedWire:
    """Graph as one instance reaches it."""

    def __init__(self, entra: Entra, gate: Gate) -> None:
        self._entra = entra
        self._gate = gate

    async def send(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None
    ) -> httpx.Response:
        SENT.set(self._entra.clock.monotonic())
        self._gate.weigh(body or b"")
        target = url.removeprefix(BASE_URL.removesuffix(PREFIX))
        batch = orjson.loads(body or b"{}").get("requests", ()) if target.endswith("/$batch") else ()
        self._tell(one["body"] for one in batch if one.get("body"))
        named = {**headers, "Authorization": "Bearer emulator", "User-Agent": "kiota-python/simulated"}
        if body is not None:
            named["Content-Type"] = "application/json"
        try:
            found = await self._gate.through(
                "graph",
                f"{method} {target}{_asked_of_people(batch)}",
                lambda: at_once(answer(self._entra, method, target, named, body or b"")),
            )
        except Struck as struck:
            return _refusal(struck, self._entra.clock.now())
        except (NoAnswer, ConnectionDropped) as error:
            raise GraphError("graph.noAnswer", error="ReadError") from error
        return httpx.Response(
            found.status,
            headers={**found.headers, "Date": format_datetime(self._entra.clock.now(), usegmt=True)},
            content=b"" if found.body is None else orjson.dumps(found.body),
            request=_REQUEST,
        )

    def _tell(self, bodies: Iterable[Json]) -> None:
        directory = self._entra.directory
        if isinstance(directory, WatchedDirectory):
            for one in bodies:
                directory.tell_sent(one)

    async def aclose(self) -> None:
        """No connection is open."""


def _asked_of_people(batch: Iterable[Json]) -> str:
    """The methods in a batch, which tell a fault what it strikes: deletions, creations."""
    return "".join(f" {method}" for method in dict.fromkeys(one["method"] for one in batch))


def _refusal(struck: Struck, now: datetime) -> httpx.Response:
    status = {"throttled": 429, "expired": 401}.get(struck.fault.kind, 503)
    headers = {"Date": format_datetime(now, usegmt=True)}
    if status != 401 and struck.fault.seconds:
        headers["Retry-After"] = str(int(struck.fault.seconds))
    error = {"code": "InvalidAuthenticationToken" if status == 401 else "serviceNotAvailable", "message": "-"}
    return httpx.Response(status, headers=headers, json={"error": error}, request=_REQUEST)


def at_once(work: Coroutine[Any, Any, T]) -> T:
    """The result of work that never waits."""
    try:
        work.send(None)
    except StopIteration as ended:
        result: T = ended.value
        return result
    raise AssertionError("the emulator waits for something")
