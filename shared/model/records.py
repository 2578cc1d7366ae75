"""What every stored and answered record has in common: JSON in camelCase, times in UTC."""

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any, NamedTuple

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, PlainSerializer
from pydantic.alias_generators import to_camel

Time = Annotated[
    AwareDatetime,
    PlainSerializer(
        lambda time: time.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    ),
]
Percent = Annotated[int, Field(strict=True, ge=0, le=100)]


class Record(BaseModel):
    """Frozen, camelCase outside, no unknown fields."""

    model_config = ConfigDict(frozen=True, extra="forbid", alias_generator=to_camel, populate_by_name=True)


class Author(NamedTuple):
    """Who asks for something, and from which network address."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class Recorded:
    """What an administrator has changed. `domain`: None for a change of the tenant.

    `before` and `after`: all settings by their names in the API, or a decision; None where there was none.
    """

    id: str
    domain: str | None
    at: datetime
    by: str
    address: str
    before: dict[str, Any] | None
    after: dict[str, Any] | None
