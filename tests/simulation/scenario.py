"""A scenario: plain data that says everything that happens to the app. A seed only makes one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import Any, Literal

import orjson

from tests.simulation.faults import Fault

HOUR, DAY = 3600.0, 86_400.0
EditKind = Literal[
    "source.put", "source.edit", "source.remove",
    "entra.create", "entra.update", "entra.delete", "entra.mailbox", "entra.roles", "entra.restore",
    "entra.purge", "storage.older", "storage.cut",
]  # fmt: skip
ActKind = Literal["settings", "tenant", "dryRun", "sync", "approve", "cancel", "undo", "hold", "decide"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody changes by hand. `at`: seconds. `who`: a Username, a UPN in Entra, or how blobs begin."""

    at: float
    kind: EditKind
    who: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """What an administrator asks the app for, over HTTP. `confirmed_after`: so many seconds later a second person
    confirms it, if it waits for one; None for never."""

    at: float
    kind: ActKind
    domain: str
    body: Mapping[str, Any] = field(default_factory=dict)
    confirmed_after: float | None = 30.0


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault of one kind of call to Graph, also inside a `$batch`, during one hour: as the emulator takes it."""

    hour: int
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """Days that go by before this hour. `ticks`: the timer ticks once a day; else the app stands still."""

    hour: int
    days: int
    ticks: bool


@dataclass(frozen=True, slots=True)
class Scenario:
    """`clocks`: by how many seconds the clock of each instance is wrong; there are as many instances.

    `people` are Access Control's, `accounts` are entries of the Entra emulator's seed, `deleted` of its recycle bin.
    `stale`: for how many seconds Graph's lists do not show a write, and a new user is not found. `earlier`: what an
    earlier release has left, a sample whose people and accounts are among these; empty for none. Moments of edits and
    acts include the gaps; hours of faults and rules are counted without them.
    """

    name: str
    hours: int
    settings: Mapping[str, str]
    domains: Mapping[str, bool]
    clocks: tuple[float, ...]
    people: tuple[Mapping[str, Any], ...]
    accounts: tuple[Mapping[str, Any], ...]
    page_size: int = 50
    keys: str = "snake_case"
    stale: tuple[float, float] = (0.0, 0.0)
    edits: tuple[Edit, ...] = ()
    acts: tuple[Act, ...] = ()
    faults: tuple[Fault, ...] = ()
    rules: tuple[Rule, ...] = ()
    gaps: tuple[Gap, ...] = ()
    deleted: tuple[Mapping[str, Any], ...] = ()
    earlier: str = ""

    def gone_by(self, at: float) -> float:
        """The seconds of all gaps before this moment, itself counted without them."""
        return sum(one.days * DAY for one in self.gaps if one.hour * HOUR <= at)

    def begins(self, hour: int) -> float:
        """When this hour begins, gaps included."""
        return hour * HOUR + self.gone_by(hour * HOUR)

    def hour_at(self, moment: float) -> int:
        """The hour of a moment that includes the gaps."""
        return next(hour for hour in count() if moment < self.begins(hour + 1))

    def as_json(self) -> bytes:
        return orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2) + b"\n"

    @classmethod
    def read(cls, content: bytes) -> "Scenario":
        document = orjson.loads(content)
        return cls(
            **{
                **document,
                "clocks": tuple(document["clocks"]),
                "stale": tuple(document["stale"]),
                "people": tuple(document["people"]),
                "accounts": tuple(document["accounts"]),
                "deleted": tuple(document.get("deleted", ())),
                "edits": tuple(Edit(**one) for one in document["edits"]),
                "acts": tuple(Act(**one) for one in document["acts"]),
                "faults": tuple(Fault(**one) for one in document["faults"]),
                "rules": tuple(Rule(**one) for one in document["rules"]),
                "gaps": tuple(Gap(**one) for one in document.get("gaps", ())),
            }
        )
