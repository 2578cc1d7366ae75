"""What every stored and answered record has in common: JSON in camelCase, times in UTC."""

from datetime import UTC
from typing import Annotated, NamedTuple

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
