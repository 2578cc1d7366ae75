"""What goes into a `$batch` and comes out of it: requests, and their answers."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, NamedTuple, TypeVar

from shared.entra.client import Answer, headers
from shared.entra.workloads import Workload, workload

BATCH_SIZE = 20

Subject = TypeVar("Subject")


@dataclass(slots=True, kw_only=True)
class Request(Generic[Subject]):
    """One request inside a batch. `subject` is whatever the caller wants back with the answer."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    eventual: bool = False
    subject: Subject
    failures: int = field(default=0, init=False)
    waited: float = field(default=0.0, init=False)
    """Seconds that this request alone was waited for."""
    in_doubt: bool = field(default=False, init=False)
    """An earlier try got no clear answer: it may have taken effect."""
    no_effect: bool = field(default=False, init=False)
    """The last try was throttled, or the app itself refused: it took no effect."""

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    @property
    def workload(self) -> Workload:
        return workload(self.method, self.path)

    def as_json(self, number: int, low_priority: bool) -> dict[str, object]:
        item: dict[str, object] = {"id": str(number), "method": self.method, "url": self.path}
        given = headers(eventual=self.eventual, low_priority=low_priority)
        if self.body is not None:
            item["body"] = self.body
            given["Content-Type"] = "application/json"
        if given:
            item["headers"] = given
        return item


BeforeSend = Callable[[Sequence[Request[Subject]]], Awaitable[None]]


class Posted(NamedTuple, Generic[Subject]):
    """The answer to one `$batch`, and to each request in it."""

    outer: Answer
    answers: list[tuple[Request[Subject], Answer]]
