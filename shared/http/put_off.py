"""How the API shows a call that waits for a second person."""

from pydantic import Field

from shared.model.parts import Parts
from shared.model.pending import Pending
from shared.model.records import Record, Time


class ApprovalView(Record):
    """A call that waits for a second person. `asks`: for what; `list`: everything that it would do or change."""

    id: str
    domain: str | None
    asks: Parts
    listed: tuple[Parts, ...] = Field(serialization_alias="list")
    by: str
    at: Time
    expires_at: Time


class PutOff(Record):
    """The answer to a call that waits for a second person."""

    approval: ApprovalView


def view(pending: Pending) -> ApprovalView:
    return ApprovalView(
        id=pending.id,
        domain=pending.place.get("domain") or None,
        asks=pending.asked.asks,
        listed=pending.asked.listed,
        by=pending.by,
        at=pending.at,
        expires_at=pending.expires_at,
    )
