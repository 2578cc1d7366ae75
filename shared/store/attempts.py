"""Optimistic concurrency, and tries of what storage did not answer for good.

Rows and blobs that several may write are written on the condition that nothing has changed since they were read. A
connection that breaks, a time-out and a 5xx, also one inside a transaction's 202, leave open whether a write took
effect; it may even do so later. So nothing is written a second time blindly: what stands there is read again, the
writer sees by it whether an earlier try took effect, and of two tries the condition refuses the later one.

The tables' SDK would try no POST and no PATCH again, and waits without jitter: for tables all tries are made here.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from shared.clock import Clock
from shared.errors import SyncError
from shared.log import event

# A storage service that is away for a moment is back by then, and a container that was deleted is gone.
KEEP_TRYING_SECONDS = 60.0
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
# How often a row or blob is read and written anew when others keep changing it.
ROUNDS = 5

# What the services say where a condition did not hold: it is not as it was read, or it is there already.
_REFUSED = frozenset(
    {
        "UpdateConditionNotSatisfied",
        "ConditionNotMet",
        "ResourceNotFound",
        "BlobNotFound",
        "EntityAlreadyExists",
        "BlobAlreadyExists",
    }
)
# Refusals that pass. Hierarchical namespaces, and an administrator's storage browser, cause the first.
_PASSING = frozenset({"BlobModifiedWhileReading", "ContainerBeingDeleted", "TableBeingDeleted"})
_MISSING = frozenset({"ContainerNotFound", "TableNotFound"})
_FOR_GOOD = (501, 505)

P = ParamSpec("P")
T = TypeVar("T")
Seen = TypeVar("Seen")


class Retrying(Protocol):
    """What tries need of a storage account."""

    @property
    def clock(self) -> Clock: ...

    def forget_existing(self) -> None:
        """Has tables and containers made anew when they are opened next."""


class OnStorage(Protocol):
    _storage: Any


OnStorageT = TypeVar("OnStorageT", bound=OnStorage)


def error_code(error: Exception) -> str:
    """The service's own word for what is wrong; the SDKs set it without declaring it, some as an enum."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def unchanged(etag: str) -> dict[str, Any]:
    """The condition that a row or blob still has this ETag, as the SDKs take it."""
    from azure.core import MatchConditions

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def missing() -> dict[str, Any]:
    """The condition that a blob is not there yet, as the SDK takes it."""
    from azure.core import MatchConditions

    return {"match_condition": MatchConditions.IfMissing}


async def write_if(conditional: Awaitable[object]) -> bool:
    """Makes one conditional write; False if its condition did not hold."""
    try:
        await conditional
    except Exception as error:
        if _is_refused(error):
            return False
        raise
    return True


async def keep_trying(storage: Retrying, attempt: Callable[[], Awaitable[T]]) -> T:
    """What `attempt` answers, which may be made again from its start. Raises what storage says in the end."""
    tries = _Tries(storage)
    while True:
        try:
            return await attempt()
        except Exception as error:
            if not await tries.another(error):
                raise


def tried_again(
    method: Callable[Concatenate[OnStorageT, P], Awaitable[T]],
) -> Callable[Concatenate[OnStorageT, P], Coroutine[Any, Any, T]]:
    """For a method that may be made again from its start: one that reads, or overwrites whatever is there."""

    @wraps(method)
    async def trying(self: OnStorageT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await keep_trying(self._storage, lambda: method(self, *args, **kwargs))

    return trying


async def update_if_unchanged(
    storage: Retrying,
    read: Callable[[], Awaitable[Seen]],
    write: Callable[[Seen], Awaitable[T]],
    exhausted: SyncError,
    known: Seen | None = None,
) -> T:
    """What `write` answers, whose condition is that nothing has changed since `read`; both again if it has.

    Both again, too, where storage left open how a write ended: `write` must see by what was read that an earlier
    try of its own took effect, or do no harm by taking effect twice. `known` is what was read before: it is tried
    first. `read` and `write` may raise whatever ends all tries. Raises `exhausted` if others keep writing.
    """
    tries, refusals, seen = _Tries(storage), 0, known
    while True:
        try:
            return await write(await read() if seen is None else seen)
        except Exception as error:
            seen = None
            if _is_refused(error):
                refusals += 1
                if refusals == ROUNDS:
                    raise exhausted from error
            elif not await tries.another(error):
                raise


class _Tries:
    def __init__(self, storage: Retrying) -> None:
        self._storage = storage
        self._clock = storage.clock
        self._gives_up_at = self._clock.monotonic() + KEEP_TRYING_SECONDS
        self._pause = FIRST_PAUSE

    async def another(self, error: Exception) -> bool:
        """Waits until the next try; False if that would not help, or the time is up, which the log then says."""
        gone = error_code(error) in _MISSING
        if not gone and not _passes(error):
            return False
        # With jitter: 500 domains start in the same second.
        pause = self._pause * self._clock.chance.uniform(0.5, 1.5)
        if self._clock.monotonic() + pause > self._gives_up_at:
            event("storage.failed", logging.ERROR, code=error_code(error), error=str(error))
            return False
        if gone:
            self._storage.forget_existing()
        await self._clock.sleep(pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True


def _passes(error: Exception) -> bool:
    """Whether another try may end otherwise."""
    from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError

    if isinstance(error, ServiceRequestError | ServiceResponseError | IncompleteReadError):
        return True
    # A transaction's error has the status of the operation inside it that was refused.
    status = getattr(error, "status_code", None) or 0
    unanswered = status in (408, 429) or (status >= 500 and status not in _FOR_GOOD)
    return unanswered or error_code(error) in _PASSING


def _is_refused(error: Exception) -> bool:
    """By the code, which the tables' SDK has for a transaction alone; for a row it has an exception of its own."""
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

    code = error_code(error)
    rows = ResourceExistsError | ResourceModifiedError | ResourceNotFoundError
    return code in _REFUSED if code else isinstance(error, rows)
