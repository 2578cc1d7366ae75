"""The end of a pause or a hold, as a request may set it."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.http.problems import Problem
from shared.model.parts import say
from shared.model.pause import LONGEST_PAUSE


def with_pause(changes: Mapping[str, object], now: datetime) -> Mapping[str, object]:
    """The changes; a new pause does not keep the reason of an earlier one. Raises Problem as `require_ahead`."""
    if "paused_until" not in changes:
        return changes
    until = changes["paused_until"]
    if isinstance(until, datetime):
        require_ahead("pausedUntil", until, now)
    return {"pause_reason": None, **changes}


def require_ahead(field: str, until: datetime, now: datetime) -> None:
    """Raises Problem that names the field if it is in the past, or too far ahead."""
    if not timedelta(0) < until - now <= LONGEST_PAUSE:
        why = say("pause.notAhead", days=LONGEST_PAUSE.days)
        raise Problem(400, "Bad body", why, errors=[(field, why)])
