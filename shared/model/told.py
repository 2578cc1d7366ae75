"""What notifications have told of a domain: so that nobody is told the same for ever. Pure."""

from pydantic import Field

from shared.model.notifications import Event
from shared.model.records import Record, Time

# After so many in a row there is quiet until something else happens.
MOST_ALIKE = 3


class Streak(Record):
    """The same event, `times` in a row, for the same reason (`like`)."""

    like: str
    since: Time
    times: int = 1

    @property
    def loud(self) -> bool:
        return self.times <= MOST_ALIKE


class Told(Record):
    """What was told of a domain, as it stands after its last run.

    `clean`: whether there has been a sync in which nothing failed. `failing`: digest of a user who fails → since when.
    """

    streaks: dict[Event, Streak] = Field(default_factory=dict)
    clean: bool = False
    failing: dict[str, Time] = Field(default_factory=dict)
