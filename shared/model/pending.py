"""What waits for a second person (`APPROVALS=two`)."""

from collections.abc import Mapping
from datetime import timedelta

from pydantic import Field, JsonValue

from shared.model.parts import Parts
from shared.model.records import Record, Time

WAITS = timedelta(hours=24)


class Asked(Record):
    """What a call asks for: `asks` in a sentence, `listed` one by one."""

    asks: Parts
    listed: tuple[Parts, ...]


class Pending(Record):
    """A call that a second person has to confirm. `place`: the parameters of its path; `by_id`: the first one's object
    id; `if_match`: the version of settings that it was made for."""

    id: str
    method: str
    route: str
    place: Mapping[str, str]
    body: JsonValue
    if_match: str | None
    asked: Asked
    by: str
    by_id: str
    at: Time
    expires_at: Time = Field(description="Until then a second person may confirm it.")
