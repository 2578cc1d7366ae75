"""What was called: for tests that count requests."""

from collections import Counter
from dataclasses import asdict, dataclass, field


@dataclass(frozen=True, slots=True)
class LoggedCall:
    """One call; `page` is 0 except for users, `status` 0 for a connection dropped without an answer."""

    method: str
    path: str
    page: int
    status: int
    at: float


@dataclass
class RequestLog:
    calls: list[LoggedCall] = field(default_factory=list)

    def count(self, path: str | None = None, *, status: int | None = None) -> int:
        """Calls that fit everything given; `path` is `/oauth/token` or `/20230822/users`."""
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
