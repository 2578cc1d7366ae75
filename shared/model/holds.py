"""A hold on a person: until a date, their account is left as it is, or at least stays. Pure."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

from shared.model.parts import Parts, say
from shared.model.records import Record, Time

# People are reminded of a hold so long before it ends.
REMINDED_BEFORE = timedelta(days=3)
Scope = Literal["all", "delete"]


class Hold(Record):
    """`scope`: "all" leaves the account as it is; "delete" keeps it from being deleted, or blocked as a leaver's.

    `by` and `since`: who set it, and when. What ends is the hold: from `until` on it means nothing.
    """

    object_id: str
    until: Time
    reason: str
    scope: Scope
    by: str
    since: Time

    @property
    def id(self) -> str:
        return self.object_id

    @property
    def lapses_at(self) -> datetime:
        return self.until

    @property
    def told(self) -> Parts:
        until = f"{self.until.astimezone(UTC):%Y-%m-%d %H:%M}"
        if self.scope == "all":
            return say("hold.all", until=until, reason=self.reason)
        return say("hold.delete", until=until, reason=self.reason)


def ending_soon(holds: Iterable[Hold], now: datetime) -> list[Hold]:
    """Those that end within three days, the first end first."""
    soon = [one for one in holds if now < one.until <= now + REMINDED_BEFORE]
    return sorted(soon, key=lambda one: one.until)
