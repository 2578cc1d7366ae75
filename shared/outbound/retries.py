"""When a request is tried again, and after how long: one policy for Graph and for Access Control.

`Retry-After` is honoured. Without it, waits follow exponential backoff with full jitter ("Exponential Backoff And
Jitter", AWS Architecture Blog), so that callers who failed together do not come back together. The caller decides how
many tries there are.
"""

import math
from datetime import datetime
from email.utils import parsedate_to_datetime

from shared.clock import Chance

UNAUTHORIZED = 401
THROTTLED = 429
# Overloaded or broken for the moment; the request may have taken effect nevertheless.
TRANSIENT = frozenset({500, 502, 503, 504})
LONGEST_BACKOFF = 60.0


def passes(status: int) -> bool:
    """Whether a request that was answered with this status is worth another try."""
    return status == THROTTLED or status in TRANSIENT


def wait_before(chance: Chance, attempt: int, retry_after: float | None = None) -> float:
    """Seconds to wait before try number `attempt` + 1."""
    if retry_after is not None:
        return retry_after
    return chance.uniform(0, min(LONGEST_BACKOFF, 2.0**attempt / 2))


def retry_after_seconds(value: str | None, now: datetime) -> float | None:
    """The `Retry-After` header in seconds from now, also where it is an HTTP date (RFC 9110, section 10.2.3).

    None if the header is absent or makes no sense.
    """
    if not value:
        return None
    try:
        seconds = float(value)
    except ValueError:
        moment = http_date(value)
        return max(0.0, (moment - now).total_seconds()) if moment else None
    return max(0.0, seconds) if math.isfinite(seconds) else None


def http_date(value: str | None) -> datetime | None:
    """A header's moment, in UTC; None if it is absent or makes no sense."""
    try:
        moment = parsedate_to_datetime(value or "")
    except (ValueError, TypeError):
        return None
    # RFC 5322 has "-0000" for a time whose zone is unknown, which HTTP does not.
    return moment if moment.tzinfo else None
