"""The strike matrix: the writes, and the faults that can strike each of them."""

import re
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from shared.model.runs import RUN_ID_PATTERN
from tests.support.stack import Json
from tests.support.storage_control import Asked

STORAGE_TIMEOUT, LEASE = 2, 15
# The host's; longer, because a message that was taken and not received stays hidden for its lock.
QUEUE_TIMEOUT = 8
_TIMEOUTS = {"blob": STORAGE_TIMEOUT, "table": STORAGE_TIMEOUT, "queue": QUEUE_TIMEOUT}

FAULTS: dict[str, Json] = {
    "lost after": {"kind": "drop", "tookEffect": True},
    "lost before": {"kind": "drop"},
    "500 after": {"kind": "refuse", "code": "OperationTimedOut", "tookEffect": True},
    "503 before": {"kind": "refuse", "code": "ServerBusy"},
    "inner 500": {"kind": "refuse", "code": "OperationTimedOut", "inner": True, "tookEffect": True},
    "inner 503": {"kind": "refuse", "code": "ServerBusy", "inner": True},
    "hang": {"kind": "hang", "tookEffect": True},
    "late": {"kind": "delay"},
}
# aiohttp retries a PUT or DELETE once by itself if a kept-alive connection turns out closed, unseen by the app. So
# these faults must strike twice.
_TWICE = ("lost after", "lost before")
# They belong to the host, not to the app.
_OF_THE_HOST = ("CreateQueue", "GetMessages")


@dataclass(frozen=True, slots=True)
class Write:
    """The `nth` write of this kind in a scenario, as in `locks/{domain}`; 1 is the first."""

    service: str
    operation: str
    pattern: str
    nth: int

    @property
    def kind(self) -> str:
        return f"{self.operation} {self.pattern}"

    def __str__(self) -> str:
        return f"{self.kind} #{self.nth}"

    def rule(self, fault: str) -> Json:
        """The rule by which the proxy strikes this write with this fault."""
        times = [self.nth, self.nth + 1] if fault in _TWICE and self.operation not in _POSTED else [self.nth]
        resource = re.sub(r"\{\w+\}", "*", self.pattern)
        after_its_caller = 1_000 * (_TIMEOUTS[self.service] + 1)
        struck = {"operation": self.operation, "resource": resource, "nth": times, "ms": after_its_caller}
        return {**FAULTS[fault], **struck}

    @property
    def faults(self) -> list[str]:
        """The faults that can strike this write."""
        return [
            name
            for name, fault in FAULTS.items()
            if not fault.get("inner") or self.operation == "EntityGroupTransaction"
        ]


# Neither PUT nor DELETE, so aiohttp does not retry them.
_POSTED = ("CreateTable", "EntityGroupTransaction", "InsertEntity", "MergeEntity", "PutMessage")


def writes_of(asked: Iterable[Asked], domain: str) -> list[Write]:
    """Every write in order, without those of the host."""
    seen: Counter[tuple[str, str]] = Counter()
    found = []
    for one in asked:
        if one.operation not in _OF_THE_HOST:
            pattern = re.sub(RUN_ID_PATTERN, "{run}", one.resource.replace(domain, "{domain}"))
            # Ids of accounts are others in every run of a scenario, and so are their digests in the history.
            pattern = re.sub(r"\b[0-9a-f]{20}\b", "{person}", pattern)
            # So is the token of who reads the source.
            pattern = re.sub(r"\b[0-9a-f]{16}\b", "{reader}", pattern)
            seen[one.operation, pattern] += 1
            found.append(Write(one.service, one.operation, pattern, seen[one.operation, pattern]))
    return found
