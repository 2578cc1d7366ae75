"""Faults on demand: which fault, on which calls, and how often."""

import asyncio
import contextlib
import random
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, model_validator
from pydantic.alias_generators import to_camel

Kind = Literal[
    "status",
    "drop",
    "delay",
    "cutOff",
    "invalidJson",
    "notJson",
    "redirect",
    "expireToken",
    "repeatCursor",
    "endsEarly",
    "emptyList",
]
Call = Literal["token", "users", "csv", "any"]
_CONFIG = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")
_PAGES_ONLY = {"repeatCursor", "endsEarly", "emptyList"}


class Fault(BaseModel):
    """A fault of a matching `call`: it strikes with `probability`, at most `count` times, or only at the
    `nth` matching call (1 is the first). `page` (1 is the first) limits it to one page of users; page 1
    counts the reads of the whole list.

    `kind` is one of
    - `status`: answers `status`, with `retryAfter` seconds if given;
    - `drop`: closes the connection without an answer;
    - `delay`: answers after `ms`, or as soon as the fault is removed;
    - `cutOff`: the connection breaks in the middle of the answer's body;
    - `invalidJson`: 200 with truncated JSON;
    - `notJson`: 200 with a page of HTML;
    - `redirect`: 302 to `to`;
    - `expireToken`: the token is refused from now on;
    - `repeatCursor`: a page whose cursor leads to the same page again;
    - `endsEarly`: a page without a cursor, as if it were the last;
    - `emptyList`: no users, and no cursor.
    """

    model_config = _CONFIG

    kind: Kind
    call: Call = "users"
    page: int | None = Field(default=None, ge=1)
    status: int = Field(default=503, ge=400, le=599)
    retry_after: int | None = Field(default=None, ge=0)
    ms: int = Field(default=1_000, ge=0)
    to: str = "https://login.example/users"
    probability: float = Field(default=1.0, gt=0, le=1)
    count: int | None = Field(default=None, ge=1)
    nth: int | None = Field(default=None, ge=1)

    _matched: int = PrivateAttr(0)
    _struck: int = PrivateAttr(0)
    _taken_away: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @property
    def struck(self) -> int:
        """How often this fault has struck so far."""
        return self._struck

    @model_validator(mode="after")
    def _fits_its_call(self) -> Self:
        if self.call != "users" and (self.kind in _PAGES_ONLY or self.page is not None):
            raise ValueError("pages are a matter of call users")
        return self

    async def wait_out(self) -> None:
        """Waits for the time of a `delay`, or until the fault is removed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._taken_away.wait(), self.ms / 1_000)

    def take_away(self) -> None:
        self._taken_away.set()

    def strikes(self, call: Call, page: int, chance: random.Random) -> bool:
        if self.call not in (call, "any") or self.page not in (page, None):
            return False
        self._matched += 1
        if self.nth not in (self._matched, None):
            return False
        if self.count is not None and self._struck >= self.count:
            return False
        if self.probability < 1 and chance.random() >= self.probability:
            return False
        self._struck += 1
        return True


class FaultPlan(BaseModel):
    """All faults of an emulator: the format of the seed's `faults` and of `PUT /_emulator/faults`."""

    model_config = _CONFIG

    seed: int = 0
    latency_ms: float = Field(default=0, ge=0)
    token_expires_after_calls: int | None = Field(default=None, ge=1)
    rules: list[Fault] = []


class Faults:
    """The current plan and its random generator; the same seed gives the same decisions."""

    def __init__(self) -> None:
        self.plan = FaultPlan()
        self.load(self.plan)

    def load(self, plan: FaultPlan) -> None:
        """Replaces all faults."""
        for rule in self.plan.rules:
            rule.take_away()
        self.plan = plan
        self._chance = random.Random(plan.seed)

    def add(self, *rules: Fault) -> None:
        self.plan.rules.extend(rules)

    def clear(self) -> None:
        self.load(FaultPlan())

    def struck(self, call: Call, page: int = 0) -> dict[Kind, Fault]:
        """The faults that strike this call, the first of each kind; counts them as struck."""
        found: dict[Kind, Fault] = {}
        for rule in self.plan.rules:
            if rule.kind not in found and rule.strikes(call, page, self._chance):
                found[rule.kind] = rule
        return found
