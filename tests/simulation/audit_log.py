"""An audit log as anybody may read it: a CSV with these columns."""

import csv
import io
import re
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
    error_code: str = ""
    reason: str = ""

    @property
    def doubtful(self) -> bool:
        """Whether nobody knows yet what became of it."""
        return self.error_code == "InDoubt"

    @property
    def looked_up(self) -> bool:
        """Whether its answer was lost, and Entra was as it wants it afterwards."""
        return "Its answer was lost" in self.reason or self.closes_a_doubt

    @property
    def closes_a_doubt(self) -> bool:
        """Whether it is not known who made it: it was found so afterwards."""
        return "Took effect before an interruption" in self.reason

    @property
    def who(self) -> str:
        return self.object_id or self.source_id or self.upn

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(one for one in (self.upn.lower(), self.object_id, self.source_id) if one)


_COLUMNS = (
    "runId", "action", "result", "userPrincipalName", "objectId", "sourceId", "attribute", "before",
    "errorCode", "reason",
)  # fmt: skip
# A cell that a spreadsheet would take for a formula has one more character.
_ESCAPED = re.compile(r"'(?=[=+\-@\t\r])")


def lines_of(content: bytes) -> list[Line]:
    return [
        Line(*(one[name][1:] if _ESCAPED.match(one[name]) else one[name] for name in _COLUMNS))
        for one in csv.DictReader(io.StringIO(content.decode("utf-8-sig"), newline=""))
    ]
