"""Protection against cross-site request forgery: another site's page must not make a browser start a sync.

A browser sends headers that say where a request comes from. A request without them does not come from a browser; its
key or token is enough.
"""

from collections.abc import Mapping
from urllib.parse import urlsplit

from shared.http.problems import Problem
from shared.model.parts import say

# A header that a foreign page can't add without the consent of this server, which never gives it (no CORS).
OWN_HEADER = "X-Requested-With"
_BROWSER_HEADERS = ("Origin", "Sec-Fetch-Site", "Cookie")


def from_browser(headers: Mapping[str, str]) -> bool:
    return any(headers.get(name) for name in _BROWSER_HEADERS)


def require_same_origin(headers: Mapping[str, str]) -> None:
    """For requests that change something. Raises Problem 403 if a browser sends it for another site."""
    if not from_browser(headers):
        return
    origin, host = _origin(headers.get("Origin", "")), headers.get("Host", "").lower()
    if not origin or origin != host or headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
        raise Problem(403, "Request from another site", say("http.foreignPage"))
    if not headers.get(OWN_HEADER):
        raise Problem(403, "Header missing", say("http.headerMissing", header=OWN_HEADER))


def _origin(header: str) -> str:
    """The host and port of an origin; empty for `null` and for an invalid one."""
    try:
        return urlsplit(header).netloc.lower()
    except ValueError:
        return ""
