"""What a change of settings says of a pause."""

from collections.abc import Mapping
from datetime import datetime, timedelta

from shared.http.problems import Problem
from shared.model.parts import say
from shared.model.pause import LONGEST_PAUSE


def with_pause(changes: Mapping[str, object], now: datetime) -> Mapping[str, object]:
    """The changes; a new pause does not keep the reason of an earlier one.

    Raises Problem if it would end in the past, or too far ahead.
    """
    if "paused_until" not in changes:
        return changes
    until = changes["paused_until"]
    if isinstance(until, datetime) and not timedelta(0) < until - now <= LONGEST_PAUSE:
        problem = Problem(400, "Bad body", say("pause.notAhead", days=LONGEST_PAUSE.days))
        problem.errors = [("pausedUntil", problem.parts)]
        raise problem
    return {"pause_reason": None, **changes}
