"""Optimistic concurrency, and retries of calls to which storage gave no final answer.

Rows and blobs with several writers are written on the condition that nothing has changed since they were read. After
a broken connection, a time-out or a 5xx (also one inside a transaction's 202) it is unknown whether a write took
effect; it may even do so later. So no write is repeated blindly. The row or blob is read again, and the writer sees
from it whether an earlier try took effect. If two tries are under way, the condition refuses the later one.

The tables' SDK retries no POST and no PATCH, and waits without jitter. So all retries for tables are made here.
"""

import logging
from collections.abc import Awaitable, Callable, Coroutine
from functools import wraps
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from shared.clock import Clock
from shared.log import event

# By then a short outage is over, and the deletion of a container has finished.
KEEP_TRYING_SECONDS = 60.0
# However long they take: two silent requests alone take longer than that, and the last try sees what others did.
AT_LEAST_TRIES = 4
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 8.0
# How often a row or blob is read and written again while others keep changing it.
ROUNDS = 5

# Error codes for a condition that did not hold: the row or blob has changed since it was read, or exists already.
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
# Transient refusals. Hierarchical namespaces, and an administrator's storage browser, cause the first.
_TRANSIENT = frozenset({"BlobModifiedWhileReading", "ContainerBeingDeleted", "TableBeingDeleted"})
_MISSING = frozenset({"ContainerNotFound", "TableNotFound"})
_PERMANENT = (501, 505)
_NOT_FOUND, _NO_SUCH_RANGE = 404, 416

P = ParamSpec("P")
T = TypeVar("T")
Seen = TypeVar("Seen")


class Retrying(Protocol):
    """What retries need from a storage account."""

    @property
    def clock(self) -> Clock: ...

    def forget_existing(self) -> None:
        """From now on tables and containers are created again, if missing, when they are opened."""


class OnStorage(Protocol):
    _storage: Any


OnStorageT = TypeVar("OnStorageT", bound=OnStorage)


def error_code(error: Exception) -> str:
    """The service's error code, empty if there is none. The SDKs set it without declaring it, some as an enum."""
    code = getattr(error, "error_code", None) or ""
    return str(getattr(code, "value", code))


def unchanged(etag: str) -> dict[str, Any]:
    """The condition that a row or blob still has this ETag, as the SDKs take it."""
    from azure.core import MatchConditions

    return {"etag": etag, "match_condition": MatchConditions.IfNotModified}


def missing() -> dict[str, Any]:
    """The condition that a blob does not exist yet, as the SDK takes it."""
    from azure.core import MatchConditions

    return {"match_condition": MatchConditions.IfMissing}


async def write_if(conditional: Awaitable[object]) -> bool:
    """Makes one conditional write; False if its condition did not hold."""
    return bool(await answer_if(_made(conditional)))


async def answer_if(conditional: Awaitable[T]) -> T | None:
    """The answer to one conditional write; None if its condition did not hold."""
    try:
        return await conditional
    except Exception as error:
        if _is_refused(error):
            return None
        raise


async def _made(write: Awaitable[object]) -> bool:
    await write
    return True


async def or_none(read: Awaitable[T]) -> T | None:
    """What is read; None if there is no such row or blob, or if the blob ends before the piece that is asked for."""
    from azure.core.exceptions import HttpResponseError

    try:
        return await read
    except HttpResponseError as error:
        if error.status_code not in (_NOT_FOUND, _NO_SUCH_RANGE):
            raise
        return None


async def keep_trying(storage: Retrying, attempt: Callable[[], Awaitable[T]]) -> T:
    """The result of `attempt`, which must be idempotent: it may be called several times. Raises its last error."""
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
    """Retries an idempotent method: one that only reads, or that overwrites what is there."""

    @wraps(method)
    async def trying(self: OnStorageT, /, *args: P.args, **kwargs: P.kwargs) -> T:
        return await keep_trying(self._storage, lambda: method(self, *args, **kwargs))

    return trying


async def update_if_unchanged(
    storage: Retrying,
    read: Callable[[], Awaitable[Seen]],
    write: Callable[[Seen], Awaitable[T]],
    exhausted: Exception,
    known: Seen | None = None,
    *,
    crowded: bool = False,
) -> T:
    """Reads, then writes on the condition that nothing has changed since. Returns the result of `write`.

    Both are repeated if the condition did not hold, and if it is unknown whether a write took effect. So `write` must
    see from what was read that an earlier try of its own took effect, or be idempotent. `known` is the result of an
    earlier read: it is tried first. An error of `read` or `write` that no retry can help is raised at once.
    Raises `exhausted` if others keep writing: after a few rounds, or with `crowded` (hundreds may write in the same
    hour) after a minute, with waits between.
    """
    tries, turns, refusals, seen = _Tries(storage), _Tries(storage), 0, known
    while True:
        try:
            return await write(await read() if seen is None else seen)
        except Exception as error:
            seen = None
            if _is_refused(error):
                refusals += 1
                if not await turns.wait() if crowded else refusals == ROUNDS:
                    raise exhausted from error
            elif not await tries.another(error):
                raise


class _Tries:
    def __init__(self, storage: Retrying) -> None:
        self._storage = storage
        self._clock = storage.clock
        self._gives_up_at = self._clock.monotonic() + KEEP_TRYING_SECONDS
        self._pause = FIRST_PAUSE
        self._made = 0

    async def another(self, error: Exception) -> bool:
        """Waits until the next try. False if that would not help, or if the time is up (which is logged)."""
        gone = error_code(error) in _MISSING
        if not gone and not _passes(error):
            return False
        if gone:
            event("storage.missing", logging.WARNING, code=error_code(error))
            self._storage.forget_existing()
        if not await self.wait():
            event("storage.failed", logging.ERROR, code=error_code(error), error=str(error))
            return False
        return True

    async def wait(self) -> bool:
        """Waits, each time longer; False if the time is up."""
        # With jitter: 500 domains start in the same second.
        pause = self._pause * self._clock.chance.uniform(0.5, 1.5)
        self._made += 1
        if self._made >= AT_LEAST_TRIES and self._clock.monotonic() + pause > self._gives_up_at:
            return False
        await self._clock.sleep(pause)
        self._pause = min(2 * self._pause, LONGEST_PAUSE)
        return True


def _passes(error: Exception) -> bool:
    """Whether the error is transient: another try may succeed."""
    from azure.core.exceptions import IncompleteReadError, ServiceRequestError, ServiceResponseError

    if isinstance(error, ServiceRequestError | ServiceResponseError | IncompleteReadError):
        return True
    # A transaction's error has the status of the operation inside it that was refused.
    status = getattr(error, "status_code", None) or 0
    unanswered = status in (408, 429) or (status >= 500 and status not in _PERMANENT)
    return unanswered or error_code(error) in _TRANSIENT


def _is_refused(error: Exception) -> bool:
    """Whether a write's condition did not hold.

    The tables' SDK sets a code only for a transaction; for a single row it raises an exception of its own.
    """
    from azure.core.exceptions import ResourceExistsError, ResourceModifiedError, ResourceNotFoundError

    code = error_code(error)
    rows = ResourceExistsError | ResourceModifiedError | ResourceNotFoundError
    return code in _REFUSED if code else isinstance(error, rows)
