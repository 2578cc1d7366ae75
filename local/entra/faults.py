"""Fault injection: which errors occur, on which calls, and how often."""

import asyncio
import contextlib
import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from email.utils import format_datetime
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator
from pydantic.alias_generators import to_camel

from local.entra.calls import Call
from local.entra.directory import JOURNAL_SECONDS
from local.entra.errors import GraphError, ThrottleLimit, throttled

Kind = Literal[
    "status",
    "drop",
    "delay",
    "emptyPage",
    "shortListing",
    "countTooHigh",
    "replay",
    "outOfOrder",
    "onlyChanged",
    "removedAtFirst",
    "lateChange",
    "missedChange",
    "lostToken",
]
_CONFIG = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
_MESSAGES = {
    400: ("Request_BadRequest", "One or more property values specified are invalid."),
    401: ("InvalidAuthenticationToken", "Lifetime validation failed, the token is expired."),
    403: ("Authorization_RequestDenied", "Insufficient privileges to complete the operation."),
    404: ("Request_ResourceNotFound", "Resource does not exist or is not replicated yet."),
    409: ("Directory_ConcurrencyViolation", "Concurrency violation has occurred."),
    500: ("InternalServerError", "An internal server error occurred."),
    502: ("BadGateway", "Bad gateway."),
    503: ("ServiceUnavailable", "The service is temporarily unavailable."),
    504: ("GatewayTimeout", "The gateway did not receive a timely response."),
}


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, int) else value


class Fault(BaseModel):
    """One rule for an error.

    It applies to calls that match `method`, `path` and `where` (inside or outside a batch). Of those, it strikes
    with `probability`, at most `count` times, or only the `nth` matching calls (1 is the first). `method` and `path`
    may contain `*`; the path is decoded, without query, and begins after /v1.0.

    `kind` is one of
    - `status`: answers `status`, with `code` instead of the usual one if given, with `retryAfter` (seconds;
      `retryAfterAs: "date"` for an HTTP date) and, if it is 429, with the limit of `scope` in x-ms-throttle-scope;
    - `drop`: closes the connection. Inside a batch, the items already done stay done;
    - `delay`: answers after `ms` milliseconds, or as soon as the fault is removed;
    - `emptyPage`: a page without values, whose nextLink leads to the values that were left out;
    - `shortListing`: a listing lacks its last `missing` objects, but its @odata.count includes them;
    - `countTooHigh`: @odata.count is `missing` too high;

    and of delta queries
    - `replay`: a page also has `objects` that changed before or are in the same round, as they are now, in any place;
    - `outOfOrder`: a page is shuffled, and then comes each of its objects as it was before its latest change. The next
      round tells them again: until then, who follows believes the older state;
    - `onlyChanged`: the objects on a page have only the properties that changed, as with Prefer: return=minimal;
    - `removedAtFirst`: a first round also has users who had been removed before;
    - `lateChange`: a change is not told until `seconds` after it was made;
    - `missedChange`: a change is never told. It shows where a later one brings the whole object;
    - `lostToken`: the token of a link is lost for good: 410 with a Location, or 400 or 404 syncStateNotFound.

    Each change that a delta query could tell for the first time counts as one matching call for `lateChange` and
    `missedChange`, all clients together; each page does for the others. For a user whom delta queries know and reads
    do not, there is `freshNotFoundSeconds`.

    With `tookEffect`, a `status` or `drop` strikes after the write took effect instead of before.
    """

    model_config = _CONFIG

    kind: Kind
    status: Literal[400, 401, 403, 404, 409, 410, 429, 500, 502, 503, 504] = 503
    code: str = ""
    retry_after: int | None = Field(default=None, ge=0)
    retry_after_as: Literal["seconds", "date"] = "seconds"
    scope: ThrottleLimit | None = None
    took_effect: bool = False
    ms: int = Field(default=1_000, ge=0)
    missing: int = Field(default=1, ge=1)
    objects: int = Field(default=1, ge=1)
    seconds: float = Field(default=0, ge=0)
    method: str = "*"
    path: str = "*"
    where: Literal["outer", "inner", "any"] = "any"
    probability: float = Field(default=1.0, gt=0, le=1)
    count: int | None = Field(default=None, ge=1)
    nth: Annotated[tuple[int, ...] | None, BeforeValidator(_one_or_many)] = None

    _matched: int = PrivateAttr(0)
    _struck: int = PrivateAttr(0)
    _taken_away: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @property
    def struck(self) -> int:
        """How often this fault has happened so far."""
        return self._struck

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if self.retry_after is not None and (self.kind, self.status) not in {
            ("status", 429),
            ("status", 503),
        }:
            raise ValueError("retryAfter goes with status 429 or 503")
        if self.scope is not None and (self.kind, self.status) != ("status", 429):
            raise ValueError("scope goes with status 429")
        if self.took_effect and self.kind not in {"status", "drop"}:
            raise ValueError("tookEffect goes with kind status or drop")
        if self.kind == "lostToken" and self.status not in {400, 404, 410}:
            raise ValueError("lostToken goes with status 400, 404 or 410")
        if self.status == 410 and self.kind != "lostToken":
            raise ValueError("status 410 goes with kind lostToken")
        if self.kind == "lateChange" and not self.seconds:
            raise ValueError("lateChange takes seconds above 0")
        return self

    async def wait_out(self) -> None:
        """Waits for `ms` milliseconds, or until the fault is removed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._taken_away.wait(), self.ms / 1_000)

    def take_away(self) -> None:
        self._taken_away.set()

    def strikes(self, call: Call, *, chance: random.Random) -> bool:
        if self.where == ("outer" if call.inner else "inner"):
            return False
        if not (fnmatchcase(call.method, self.method) and fnmatchcase(call.plain_path, self.path)):
            return False
        self._matched += 1
        if self.nth is not None and self._matched not in self.nth:
            return False
        if self.count is not None and self._struck >= self.count:
            return False
        if self.probability < 1 and chance.random() >= self.probability:
            return False
        self._struck += 1
        return True

    def answer(self, now: datetime) -> GraphError:
        """The error of a `status` fault."""
        retry_after = None
        if self.retry_after is not None:
            retry_after = str(self.retry_after)
            if self.retry_after_as == "date":
                moment = now + timedelta(seconds=self.retry_after)
                retry_after = format_datetime(moment, usegmt=True)
        if self.status == 429:
            return throttled(retry_after, self.scope)
        code, message = _MESSAGES[self.status]
        headers = {} if retry_after is None else {"Retry-After": retry_after}
        return GraphError(self.status, self.code or code, message, headers=headers)


class FaultPlan(BaseModel):
    """All faults of an emulator, as the seed's `faults` and `PUT /_emulator/faults` take them.

    Latency is added once per HTTP request, because Graph runs the items of a batch in parallel.
    """

    model_config = _CONFIG

    seed: int = 0
    latency_ms: float = Field(default=0, ge=0)
    jitter_ms: float = Field(default=0, ge=0)
    # Lists do not show the writes of the last so many seconds.
    stale_list_seconds: float = Field(default=0, ge=0, le=JOURNAL_SECONDS)
    # New and restored users answer 404 for so many seconds.
    fresh_not_found_seconds: float = Field(default=0, ge=0)
    # How many users a page of a delta query has; Graph's own number is not documented.
    delta_page_size: int = Field(default=200, ge=1)
    rules: list[Fault] = []


class Faults:
    """The current plan and its random generator: the same seed gives the same faults."""

    def __init__(self, plan: FaultPlan | None = None, *, latency_ms: float = 0) -> None:
        self._start_latency_ms = latency_ms
        self.plan = FaultPlan()
        self.load(plan or FaultPlan())

    def load(self, plan: FaultPlan) -> None:
        """Replaces all faults. Keeps the latency that the emulator was started with, unless the plan has its own."""
        for rule in self.plan.rules:
            rule.take_away()
        self.plan = plan
        if not plan.latency_ms:
            plan.latency_ms = self._start_latency_ms
        self.chance = random.Random(plan.seed)

    def add(self, *rules: Fault) -> None:
        self.plan.rules.extend(rules)

    def clear(self) -> None:
        self.load(FaultPlan(seed=self.plan.seed))

    def latency(self) -> float:
        """Seconds that the next HTTP request takes."""
        return (self.plan.latency_ms + self.chance.uniform(0, self.plan.jitter_ms)) / 1_000

    def struck(self, kinds: Sequence[Kind], call: Call, *, took_effect: bool = False) -> Fault | None:
        """The first fault of these kinds that strikes this call now."""
        for rule in self.plan.rules:
            if (
                rule.kind in kinds
                and rule.took_effect == took_effect
                and rule.strikes(call, chance=self.chance)
            ):
                return rule
        return None
