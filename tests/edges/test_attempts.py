"""Whatever storage does to a write and its answers: it takes effect once, or never and its author hears so, in time."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import pytest
from azure.core.exceptions import HttpResponseError, ServiceRequestError, ServiceResponseTimeoutError
from hypothesis import example, given
from hypothesis import strategies as st

from shared.clock import Clock
from shared.errors import PreconditionFailed
from shared.store.attempts import (
    AT_LEAST_TRIES,
    FIRST_PAUSE,
    KEEP_TRYING_SECONDS,
    LONGEST_PAUSE,
    keep_trying,
    update_if_unchanged,
)

FAULTS = ("none", "lost before", "lost after", "hang", "late", "busy", "error after", "reading", "changed")
# The default of STORAGE_TIMEOUT_SECONDS.
SILENCE = 30.0


def refusal(status: int, code: str) -> HttpResponseError:
    error = HttpResponseError(code)
    error.status_code = status
    error.error_code = code  # type: ignore[attr-defined]  # as the SDKs do, undeclared
    return error


class PassingTime(Clock):
    """Time that passes by waiting alone: for the next try, and for an answer that does not come."""

    def __init__(self, seed: int = 0) -> None:
        self.chance = Random(seed)
        self.at = 0.0
        self.paused = 0.0

    def monotonic(self) -> float:
        return self.at

    async def sleep(self, seconds: float) -> None:
        self.at += seconds
        self.paused += seconds

    def pass_silently(self) -> None:
        self.at += SILENCE


@dataclass
class Account:
    """What tries need of a storage account."""

    clock: PassingTime = field(default_factory=PassingTime)
    forgotten: int = 0

    def forget_existing(self) -> None:
        self.forgotten += 1


@dataclass
class Row:
    """One row, whose writes meet faults in turn; a late write takes effect before a later look or write."""

    faults: list[str]
    clock: PassingTime = field(default_factory=PassingTime)
    etag: int = 0
    marks: list[str] = field(default_factory=list)
    late: list[Callable[[], None]] = field(default_factory=list)

    async def read(self) -> tuple[int, list[str]]:
        if len(self.faults) % 2:
            self._arrive()
        return self.etag, list(self.marks)

    async def write(self, etag: int, mark: str) -> None:
        fault = self.faults.pop() if self.faults else "none"
        if fault == "changed":
            self.etag += 1
        if fault == "lost before":
            raise ServiceRequestError("reset")
        if fault == "busy":
            raise refusal(503, "ServerBusy")
        if fault == "reading":
            raise refusal(409, "BlobModifiedWhileReading")
        if fault == "late":
            self.late.append(lambda: self._apply(etag, mark))
            self.clock.pass_silently()
            raise ServiceResponseTimeoutError("silent")
        self._arrive()
        if etag != self.etag:
            raise refusal(412, "UpdateConditionNotSatisfied")
        self._apply(etag, mark)
        if fault == "lost after":
            raise ServiceRequestError("reset")
        if fault == "hang":
            self.clock.pass_silently()
            raise ServiceResponseTimeoutError("silent")
        if fault == "error after":
            raise refusal(500, "OperationTimedOut")

    def _apply(self, etag: int, mark: str) -> None:
        if etag == self.etag:
            self.etag += 1
            self.marks.append(mark)

    def _arrive(self) -> None:
        while self.late:
            self.late.pop()()


async def marked(row: Row, account: Account) -> None:
    """Leaves a mark on the row that its author knows again."""

    async def write(seen: tuple[int, list[str]]) -> None:
        etag, marks = seen
        if "mine" not in marks:
            await row.write(etag, "mine")

    await update_if_unchanged(account, row.read, write, PreconditionFailed("others keep writing"))


@given(st.lists(st.sampled_from(FAULTS), max_size=12), st.integers())
@example(["hang"] * 3, 0)
@example(["late"] * 3, 0)
async def test_a_write_takes_effect_once_or_its_author_hears_that_it_may_not_have(
    faults: list[str], seed: int
) -> None:
    clock = PassingTime(seed)
    row, account = Row(list(faults), clock), Account(clock)

    try:
        await marked(row, account)
    except (HttpResponseError, ServiceRequestError, ServiceResponseTimeoutError, PreconditionFailed):
        made = False
    else:
        made = True
    row._arrive()

    assert row.marks in ([["mine"]] if made else [[], ["mine"]])
    assert clock.paused <= KEEP_TRYING_SECONDS
    # Each pause is up to half longer than the one it is drawn from; the first three are 1, 2 and 4 times the first.
    assert clock.at <= AT_LEAST_TRIES * SILENCE + 7 * FIRST_PAUSE * 1.5
    if len(faults) <= 3:
        assert made, "three in a row are survived"


@pytest.mark.parametrize("code", ["TableBeingDeleted", "ContainerBeingDeleted"])
async def test_what_is_being_deleted_is_waited_for_and_then_named(
    code: str, caplog: pytest.LogCaptureFixture
) -> None:
    account = Account()

    async def attempt() -> None:
        raise refusal(409, code)

    with pytest.raises(HttpResponseError, match=code):
        await keep_trying(account, attempt)

    assert KEEP_TRYING_SECONDS - 1.5 * LONGEST_PAUSE < account.clock.at <= KEEP_TRYING_SECONDS
    (told,) = map(json.loads, caplog.messages)
    assert (told["event"], told["code"]) == ("storage.failed", code)


@pytest.mark.parametrize("code", ["TableNotFound", "ContainerNotFound"])
async def test_what_is_missing_is_made_anew_at_the_next_try(code: str) -> None:
    account = Account()

    async def attempt() -> str:
        if not account.forgotten:
            raise refusal(404, code)
        return "made"

    assert await keep_trying(account, attempt) == "made"
    assert account.forgotten == 1


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
async def test_a_status_that_passes_is_waited_for(status: int) -> None:
    account = Account()
    answers = iter([refusal(status, ""), refusal(status, "")])

    async def attempt() -> str:
        for error in answers:
            raise error
        return "answered"

    assert await keep_trying(account, attempt) == "answered"
    assert account.clock.at > 0


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (403, "AuthorizationFailure"),
        (400, "InvalidInput"),
        (501, "NotImplemented"),
        (505, "HttpVersionNotSupported"),
    ],
)
async def test_what_no_try_changes_is_not_tried_again(status: int, code: str) -> None:
    account, tries = Account(), 0

    async def attempt() -> None:
        nonlocal tries
        tries += 1
        raise refusal(status, code)

    with pytest.raises(HttpResponseError, match=code):
        await keep_trying(account, attempt)

    assert (tries, account.clock.at) == (1, 0.0)


async def test_no_two_wait_for_the_same_time() -> None:
    """500 domains start in the same second: what refused all of them at once must not meet all of them again."""
    waits = set()
    for seed in range(500):
        row, account = Row(["busy"]), Account(PassingTime(seed))
        await marked(row, account)
        waits.add(account.clock.at)

    assert len(waits) > 490
