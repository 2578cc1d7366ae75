"""The log of all calls, for tests that count requests and look for repeated writes."""

from dataclasses import asdict, dataclass, field

from local.entra.errors import Json


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """`path` is the template of the route, `url` the actual path and query. `inner`: the call was in a $batch.

    `priority` is the call's x-ms-throttle-priority, "normal" without one.
    """

    method: str
    path: str
    url: str
    inner: bool
    status: int
    request_id: str
    at: float
    priority: str = "normal"

    def as_json(self) -> Json:
        return {
            "method": self.method,
            "path": self.path,
            "url": self.url,
            "inner": self.inner,
            "status": self.status,
            "requestId": self.request_id,
            "at": self.at,
            "priority": self.priority,
        }


@dataclass
class RequestLog:
    """A status of 0 means that the connection was dropped without an answer."""

    calls: list[LoggedCall] = field(default_factory=list)

    def count(
        self,
        method: str | None = None,
        path: str | None = None,
        *,
        inner: bool | None = None,
        status: int | None = None,
    ) -> int:
        """How many calls match all arguments. `path` is a template such as `/users/{user}`."""
        return sum(
            (method is None or call.method == method)
            and (path is None or call.path == path)
            and (inner is None or call.inner == inner)
            and (status is None or call.status == status)
            for call in self.calls
        )

    def clear(self) -> None:
        self.calls.clear()

    def summary(self) -> Json:
        """Counts per kind of call: `{"GET /users": {"outer": 3, "inner": 0, "statuses": {"200": 3}}}`."""
        kinds: dict[str, _Kind] = {}
        for call in self.calls:
            kind = kinds.setdefault(f"{call.method} {call.path}", _Kind())
            kind.inner += call.inner
            kind.outer += not call.inner
            status = str(call.status)
            kind.statuses[status] = kind.statuses.get(status, 0) + 1
        return {
            "outer": sum(kind.outer for kind in kinds.values()),
            "inner": sum(kind.inner for kind in kinds.values()),
            "counts": {name: asdict(kind) for name, kind in sorted(kinds.items())},
        }


@dataclass
class _Kind:
    outer: int = 0
    inner: int = 0
    statuses: dict[str, int] = field(default_factory=dict)
