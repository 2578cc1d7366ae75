"""Single requests to Microsoft Graph, and their answers.

Answers are taken as bytes and parsed with orjson: the SDK's models cost more than 4 ms of CPU per user, orjson less
than a thousandth of that.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, urlsplit

import orjson

from shared.clock import Clock
from shared.entra.sdk import TokenSource, Transport, Wire
from shared.errors import DENIED, GraphError
from shared.outbound.paging import Pages
from shared.outbound.retries import UNAUTHORIZED, http_date, retry_after_seconds

if TYPE_CHECKING:
    import httpx


_KINDS = {
    DENIED: "denied",
    "Directory_ObjectNotFound": "gone",
    "Directory_QuotaExceeded": "quota",
    "Request_ResourceNotFound": "gone",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """Graph's answer to one request. `retry_after`: seconds; `body` is empty unless it is a JSON object.

    `date`: when Graph says that it answered.
    """

    status: int
    body: dict[str, Any] = field(default_factory=dict)
    retry_after: float | None = None
    request_id: str = ""
    throttle_scope: str = ""
    date: datetime | None = None
    lost: GraphError | None = None
    """Why there is no answer; its status is 0 then."""

    @property
    def error(self) -> GraphError:
        """The answer as an exception, with Graph's own message: it names the property or object at fault."""
        if self.lost:
            return self.lost
        code = str(self._error.get("code") or "")
        if self.message:
            return GraphError(
                {
                    "busy": "graph.refusedBusy",
                    "conflict": "graph.refusedConflict",
                    "denied": "graph.refusedDenied",
                    "gone": "graph.refusedGone",
                    "quota": "graph.refusedQuota",
                    "value": "graph.refusedValue",
                    "other": "graph.refused",
                }[self._kind(code)],
                text=self.message,
                status=self.status,
                code=code,
                request_id=self.request_id,
            )
        return GraphError(
            "graph.answered", answer=self.status, status=self.status, code=code, request_id=self.request_id
        )

    @property
    def message(self) -> str:
        """Graph's error message, in English; empty if it has none."""
        return str(self._error.get("message") or "")

    def conflict_on(self) -> list[str]:
        """The properties whose values another object has already; from `details`, since the message is not stable."""
        return self._targets("ObjectConflict")

    def invalid(self) -> list[str]:
        """The properties whose values are refused; also empty if Graph does not say which."""
        return self._targets("InvalidValue")

    def conflicting(self) -> list[str]:
        """The objects that have a value already, as Graph names them (`User_…`, with the object id)."""
        return self._targets("ConflictingObjects")

    def _kind(self, code: str) -> str:
        """What is wrong, as far as it tells an administrator what to do."""
        if code in _KINDS:
            return _KINDS[code]
        if self.conflict_on():
            return "conflict"
        if self.invalid():
            return "value"
        return "busy" if self.status == 429 or self.status >= 500 else "other"

    def _targets(self, code: str) -> list[str]:
        details = self._error.get("details")
        objects = [d for d in details if isinstance(d, dict)] if isinstance(details, list) else []
        return [str(d.get("target")) for d in objects if d.get("code") == code]

    @property
    def _error(self) -> dict[str, Any]:
        error = self.body.get("error")
        return error if isinstance(error, dict) else {}


def headers(*, eventual: bool, low_priority: bool) -> dict[str, str]:
    """The headers for eventual consistency, and for a low throttling priority (throttled before others)."""
    named = {"ConsistencyLevel": "eventual"} if eventual else {}
    return {**named, "x-ms-throttle-priority": "low"} if low_priority else named


def literal(text: str) -> str:
    """A string literal of an OData filter."""
    return "'" + text.replace("'", "''") + "'"


def ends_with(name: str, ending: str) -> str:
    """An `endsWith` filter, encoded for a URL. An advanced query: it needs `$count=true` and eventual consistency."""
    return quote(f"endsWith({name},{literal(ending)})", safe="(),'@")


def starts_with(name: str, beginning: str) -> str:
    """A `startsWith` filter, encoded for a URL."""
    return quote(f"startsWith({name},{literal(beginning)})", safe="(),'@")


def any_ends_with(name: str, ending: str) -> str:
    """As `ends_with`, for a property that is a list of strings."""
    return quote(f"{name}/any(x:endsWith(x,{literal(ending)}))", safe="/:(),'@")


def any_starts_with(name: str, beginnings: Iterable[str]) -> str:
    """A filter on a list of strings: any starts with any of `beginnings`. Encoded for a URL."""
    each = (f"{name}/any(x:startsWith(x,{literal(beginning)}))" for beginning in beginnings)
    return quote(" or ".join(each), safe="/:(),'@")


def any_equals(name: str, values: Iterable[str]) -> str:
    """A filter on a list of strings: any is one of `values`. Encoded for a URL."""
    return quote(" or ".join(f"{name}/any(x:x eq {literal(value)})" for value in values), safe="/:(),'@")


def one_of(name: str, values: Iterable[str]) -> str:
    """An `in` filter with at most 15 values, encoded for a URL."""
    return quote(f"{name} in ({','.join(map(literal, values))})", safe="(),'@")


class GraphClient:
    """The connections to Graph, one client per event loop; `aclose` closes them. Never retries a request."""

    def __init__(
        self,
        base_url: str,
        tokens: TokenSource,
        clock: Clock,
        connect: Callable[[str, TokenSource, Clock], Wire] = Transport,
    ) -> None:
        self.clock = clock
        self._base_url = base_url
        self._origin = _origin(base_url)
        self._tokens = tokens
        self._wire = connect(base_url, tokens, clock)

    async def aclose(self) -> None:
        await self._wire.aclose()

    async def authenticate(self) -> None:
        """Gets a token in advance, so that the next request goes out at once."""
        await self._tokens.token()

    def url(self, path: str) -> str:
        """The URL of a path, or of a nextLink from Graph. Raises GraphError if the nextLink is on another host."""
        if path.startswith("/"):
            return self._base_url + path
        if _origin(path) != self._origin:
            raise GraphError("graph.foreignPage", host=str(urlsplit(path).hostname))
        return path

    async def get(self, url: str, given: Mapping[str, str]) -> Answer:
        """One GET with these headers. Raises GraphError if no answer came."""
        return await self._send("GET", url, given, None)

    async def post_batch(self, requests: list[dict[str, object]]) -> Answer:
        """One `$batch`, sent once. Raises GraphError if no answer came: it is then unknown what took effect."""
        return await self._send("POST", self.url("/$batch"), {}, orjson.dumps({"requests": requests}))

    async def _send(self, method: str, url: str, given: Mapping[str, str], body: bytes | None) -> Answer:
        response = await self._wire.send(method, url, given, body)
        if response.status_code == UNAUTHORIZED:
            sent = response.request.headers.get("Authorization", "")
            await self._tokens.discard(sent.removeprefix("Bearer "))
        return _answer(response, self.clock.now())


def _origin(url: str) -> tuple[str, str]:
    parts = urlsplit(url)
    return parts.scheme, parts.netloc.lower()


def _answer(response: "httpx.Response", now: datetime) -> Answer:
    content = response.content
    body: Any = {}
    if content:
        try:
            body = orjson.loads(content)
        except orjson.JSONDecodeError as error:
            if response.status_code < 400:
                raise GraphError("graph.notJson", status=response.status_code) from error
    return Answer(
        status=response.status_code,
        body=body if isinstance(body, dict) else {},
        retry_after=retry_after_seconds(response.headers.get("Retry-After"), now),
        request_id=response.headers.get("request-id", ""),
        throttle_scope=response.headers.get("x-ms-throttle-scope", ""),
        date=http_date(response.headers.get("Date")),
    )


def page_items(page: dict[str, Any]) -> list[dict[str, Any]]:
    """The items of one page. Raises GraphError if `value` is not a list of objects."""
    items = page.get("value")
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise GraphError("graph.noValue")
    return items


def text(item: Mapping[str, Any], name: str) -> str:
    """A property that must be a string and not empty. Raises GraphError that names it otherwise."""
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise GraphError("graph.propertyMissing", name=name)
    return value


def graph_pages() -> Pages:
    return Pages("Graph", "@odata.nextLink", GraphError)


def next_link(page: dict[str, Any]) -> str | None:
    """The link to the next page, None on the last one. Raises GraphError if it is not a string."""
    link = page.get("@odata.nextLink")
    if link is not None and not isinstance(link, str):
        raise GraphError("graph.badNextLink")
    return link or None


def segment(text: str) -> str:
    """One segment of a path, encoded for a URL."""
    return quote(text, safe="@.'")
