"""An audit log as anybody may read it: a CSV with these columns."""

import csv
import io
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Line:
    run_id: str
    action: str
    result: str
    upn: str
    object_id: str
    source_id: str
    attribute: str
    before: str = ""

    @property
    def who(self) -> str:
        return self.object_id or self.source_id or self.upn

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one for one in (self.upn.lower(), self.object_id, self.source_id) if one)


def lines_of(content: bytes) -> list[Line]:
    return [
        Line(
            one["runId"], one["action"], one["result"], one["userPrincipalName"], one["objectId"],
            one["sourceId"], one["attribute"], one["before"].removeprefix("'"),
        )
        for one in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    ]  # fmt: skip
