"""The log of calls, for tests that count requests."""

from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call. `page` is 0 except for users; `status` is 0 if the connection was dropped without an answer."""

    method: str
    path: str
    page: int
    status: int
    at: float


@dataclass
class RequestLog:
    calls: list[LoggedCall] = field(default_factory=list)

    def count(self, path: str | None = None, *, status: int | None = None) -> int:
        """The number of calls that match; `path` is `/oauth/token` or `/20230822/users`."""
        return sum(
            (path is None or call.path == path) and (status is None or call.status == status)
            for call in self.calls
        )

    def clear(self) -> None:
        self.calls.clear()

    def summary(self) -> dict[str, object]:
        """`{"count": 3, "counts": {"GET /20230822/users 200": 2, …}, "log": […]}`."""
        counts = Counter(f"{call.method} {call.path} {call.status}" for call in self.calls)
        return {
            "count": len(self.calls),
            "counts": dict(counts),
            "log": [asdict(call) for call in self.calls],
        }
