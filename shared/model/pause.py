"""A pause of periodic sync, for one domain or for the tenant: it ends by itself. Pure."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from pydantic import Field

from shared.model.parts import Part, Parts, say
from shared.model.records import Record, Time
from shared.model.runs import Mode, Run, RunKind

LONGEST_PAUSE = timedelta(days=366)
LONGEST_REASON = 300


class Pausable(Record):
    """Settings with a pause. One that has ended stays stored, and means nothing."""

    paused_until: Time | None = Field(
        default=None,
        description="Until then the timer starts nothing; a time with its zone, at most 366 days ahead. The later end "
        "counts, the domain's or the tenant's. *Sync Now* and dry runs still work, with a warning.",
    )
    pause_reason: str | None = Field(
        default=None,
        max_length=LONGEST_REASON,
        description="Why, as Sync Logs and console show it. A new `pausedUntil` without it clears it.",
    )


@dataclass(frozen=True, slots=True)
class Pause:
    until: datetime
    reason: str | None

    @property
    def told(self) -> Part:
        """What a run says of it, as why it ended or as a warning."""
        until = f"{self.until.astimezone(UTC):%Y-%m-%d %H:%M}"
        (part,) = (
            say("pause.because", until=until, reason=self.reason)
            if self.reason
            else say("pause.until", until=until)
        )
        return part


def pause_of(now: datetime, settings: Iterable[Pausable]) -> Pause | None:
    """The pause in force: of several, the one that ends last."""
    pauses = [Pause(one.paused_until, one.pause_reason) for one in settings if one.paused_until]
    return max((one for one in pauses if now < one.until), key=lambda one: one.until, default=None)


def told_in(run: Run | None) -> Parts:
    """What a run has said of a pause."""
    told = (*run.message_parts, *run.warning_parts) if run else ()
    return tuple(part for part in told if part.code in ("pause.until", "pause.because"))


def is_periodic(run: Run) -> bool:
    """Whether it is what the timer starts, or the same by hand: a sync, or the dry run of a watched domain."""
    return run.mode is Mode.SYNC or run.kind is RunKind.WATCH
