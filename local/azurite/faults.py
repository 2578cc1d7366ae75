"""Faults on demand: which fault, on which operations, and how often."""

import asyncio
import contextlib
from fnmatch import fnmatchcase
from typing import Annotated, Literal, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PrivateAttr, model_validator
from pydantic.alias_generators import to_camel

from local.azurite.errors import Code
from local.azurite.operations import Operation

Kind = Literal["refuse", "drop", "hang", "delay", "emptyPage"]
PAGED = ("QueryEntities", "ListBlobs")
_CONFIG = ConfigDict(alias_generator=to_camel, populate_by_name=True, extra="forbid")


def _one_or_many(value: object) -> object:
    return [value] if isinstance(value, int) else value


class Fault(BaseModel):
    """A fault of operations that match `service`, `operation` and `resource`.

    `operation` and `resource` are those of `Operation` and may contain `*`. The fault strikes at most `count` times, or
    only at the `nth` matching operations (1 is the first).

    `kind` is one of
    - `refuse`: answers with `code`; with `inner`, a transaction gets 202 and the code inside; with `status`, with that
      alone, as a gateway on the way does;
    - `drop`: resets the connection;
    - `hang`: never answers;
    - `delay`: forwards the request, or the answer, after `ms`, or when other faults are set;
    - `emptyPage`: an empty page of entities or blobs, with a continuation to what the page should have held.

    With `tookEffect` the fault (any but `emptyPage`) comes after the operation was carried out, not before.
    """

    model_config = _CONFIG

    kind: Kind
    code: Code = "ServerBusy"
    inner: bool = False
    status: Literal[408, 429, 502, 504] | None = None
    took_effect: bool = False
    ms: int = Field(default=1_000, ge=0)
    service: Literal["blob", "queue", "table", "*"] = "*"
    operation: str = "*"
    resource: str = "*"
    count: int | None = Field(default=None, ge=1)
    nth: Annotated[tuple[int, ...] | None, BeforeValidator(_one_or_many)] = None

    _matched: int = PrivateAttr(0)
    _struck: int = PrivateAttr(0)
    _taken_away: asyncio.Event = PrivateAttr(default_factory=asyncio.Event)

    @property
    def struck(self) -> int:
        """How often this fault has struck so far."""
        return self._struck

    @model_validator(mode="after")
    def _fits_its_kind(self) -> Self:
        if (self.inner or self.status) and self.kind != "refuse":
            raise ValueError("inner and status go with kind refuse")
        if self.took_effect and self.kind == "emptyPage":
            raise ValueError("an empty page takes no effect")
        return self

    async def wait_out(self) -> None:
        """Waits for `ms` milliseconds, or until the fault is removed."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._taken_away.wait(), self.ms / 1_000)

    def strikes(self, operation: Operation) -> bool:
        """Counts the operation if it matches, and returns whether the fault strikes it."""
        fits = self.service in ("*", operation.service) and fnmatchcase(operation.name, self.operation)
        if not fits or not fnmatchcase(operation.resource, self.resource):
            return False
        if self.inner and operation.name != "EntityGroupTransaction":
            return False
        if self.kind == "emptyPage" and operation.name not in PAGED:
            return False
        self._matched += 1
        if self.nth is not None and self._matched not in self.nth:
            return False
        if self.count is not None and self._struck >= self.count:
            return False
        self._struck += 1
        return True


class FaultPlan(BaseModel):
    """All faults of one account, as `PUT /_emulator/{account}/faults` takes them.

    A deletion of a container, table or queue takes `deletionSeconds`; the real service takes at least 30.
    """

    model_config = _CONFIG

    deletion_seconds: float | None = Field(default=None, ge=0)
    rules: list[Fault] = []

    def struck(self, operation: Operation) -> Fault | None:
        """The first fault that strikes this operation now."""
        return next((rule for rule in self.rules if rule.strikes(operation)), None)

    def end(self) -> None:
        """Lets go what its faults delay."""
        for rule in self.rules:
            rule._taken_away.set()
