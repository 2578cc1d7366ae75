"""A scenario: plain data that says everything that happens to the app. A seed only makes one."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

import orjson

from tests.simulation.faults import Fault

EditKind = Literal[
    "source.put", "source.edit", "source.remove",
    "entra.create", "entra.update", "entra.delete", "entra.mailbox", "entra.roles", "storage.older",
]  # fmt: skip
ActKind = Literal["settings", "dryRun", "sync", "approve", "cancel", "undo", "hold"]


@dataclass(frozen=True, slots=True)
class Edit:
    """What somebody changes by hand. `at`: seconds. `who`: a Username, a UPN in Entra, or a container of blobs."""

    at: float
    kind: EditKind
    who: str
    values: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Act:
    """What an administrator asks the app for, over HTTP."""

    at: float
    kind: ActKind
    domain: str
    body: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Rule:
    """A fault of one kind of call to Graph, also inside a `$batch`, during one hour: as the emulator takes it."""

    hour: int
    rule: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Scenario:
    """`clocks`: by how many seconds the clock of each instance is wrong; there are as many instances.

    `people` are Access Control's, `accounts` are entries of the Entra emulator's seed. `stale`: for how many seconds
    Graph's lists do not show a write, and a new user is not found.
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
                "edits": tuple(Edit(**one) for one in document["edits"]),
                "acts": tuple(Act(**one) for one in document["acts"]),
                "faults": tuple(Fault(**one) for one in document["faults"]),
                "rules": tuple(Rule(**one) for one in document["rules"]),
            }
        )
