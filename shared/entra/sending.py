"""Requests of one `$batch` sending, each followed until it is answered for good: what is tried again, and when.

Throttled ones go back and are sent again in full batches; a 5xx or a lost connection is tried again a bounded number
of times. Whoever asks learns with each answer whether an earlier try may have taken effect. A refusal of the app
itself is no answer: its requests wait until the app is answered again.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Generic

from shared.clock import Clock
from shared.entra.batch import BATCH_SIZE, Posted, Request, Subject
from shared.entra.caller import CallerPatience, why
from shared.entra.client import Answer
from shared.entra.workloads import Workload
from shared.errors import CallerRefused, GraphError
from shared.outbound.retries import THROTTLED, TRANSIENT, UNAUTHORIZED, wait_before

TRIES = 6
# A throttled request with no Retry-After waits this long; Graph names one in practice.
DEFAULT_PAUSE = 10.0
# How long one mailbox may keep a run waiting, over all its tries.
MAILBOX_PATIENCE = 60.0
QUOTA_EXCEEDED = "Directory_QuotaExceeded"


@dataclass(slots=True, kw_only=True)
class Sending(Generic[Subject]):
    """What is left of one `send` of `size` requests: those that wait, batches under way, and how long to hold back.

    `later`: requests that wait each for itself, with the moment at which they may go out.
    """

    waiting: deque[Request[Subject]]
    size: int
    clock: Clock
    tasks: list["asyncio.Task[Posted[Subject]]"] = field(default_factory=list)
    later: list[tuple[float, Request[Subject]]] = field(default_factory=list)
    held_until: float = 0.0
    patience: CallerPatience = field(default_factory=CallerPatience)
    refusal: CallerRefused | None = None

    @property
    def left(self) -> bool:
        return bool(self.waiting or self.later)

    def ready(self) -> list[Request[Subject]]:
        """The next batch, empty while all that is left waits for a moment of its own."""
        now = self.clock.monotonic()
        self.waiting.extend(request for due, request in self.later if due <= now)
        self.later = [(due, request) for due, request in self.later if due > now]
        return list(islice(self.waiting, BATCH_SIZE))

    def held(self, ready: Sequence[Request[Subject]]) -> float:
        """Seconds until this batch may go out, as far as its own requests have been told."""
        until = self.held_until if ready else min(due for due, _ in self.later)
        return max(0.0, until - self.clock.monotonic())

    def turned_away(self, reason: GraphError) -> None:
        """The app itself was refused: nothing goes out for a while, or ever again."""
        try:
            self._hold(self.patience.wait(self.clock.monotonic(), reason))
        except CallerRefused as refusal:
            self.refusal = refusal

    def settle(self, posted: Posted[Subject]) -> list[tuple[Request[Subject], Answer]]:
        """Final answers; what is to be tried again waits once more, in front."""
        outer, answers = posted
        if 400 <= outer.status < 500 and outer.status != THROTTLED:
            for request, _ in reversed(answers):
                request.no_effect = True
                self.waiting.appendleft(request)
            if outer.status == UNAUTHORIZED:
                self.turned_away(why(outer))
            else:
                self.refusal = CallerRefused("caller.batchRefused", because=why(outer))
            return []
        if outer.status == 200:
            self.patience.accepted()
        final, again = [], []
        for request, answer in answers:
            request.no_effect = answer.status == THROTTLED
            wait = self._wait(request, answer)
            if wait is None:
                final.append((request, answer))
            elif request.workload is Workload.MAILBOXES:
                request.waited += wait
                self.later.append((self.clock.monotonic() + wait, request))
            else:
                self._hold(wait)
                again.append(request)
        self.waiting.extendleft(reversed(again))
        return [*final, *self._answered_alike(final)]

    def _wait(self, request: Request[Subject], answer: Answer) -> float | None:
        """Seconds until the request is tried again; None if this answer is its last."""
        if answer.status == THROTTLED:
            wait = pause_after(answer)
        elif request.failures + 1 < _tries(request, answer):
            request.failures += 1
            request.in_doubt |= _unclear(answer)
            wait = wait_before(self.clock.chance, request.failures, answer.retry_after)
        else:
            return None
        for_itself = request.workload is Workload.MAILBOXES
        return None if for_itself and request.waited + wait > MAILBOX_PATIENCE else wait

    def _hold(self, seconds: float) -> None:
        self.held_until = max(self.held_until, self.clock.monotonic() + seconds)

    def _answered_alike(
        self, final: Sequence[tuple[Request[Subject], Answer]]
    ) -> list[tuple[Request[Subject], Answer]]:
        """Creates behind one that found the tenant full: they would be answered the same, so they are not sent."""
        full = next((pair for pair in final if _tenant_is_full(*pair)), None)
        if full is None:
            return []
        creates = [request for request in self.waiting if _creates(request)]
        self.waiting = deque(request for request in self.waiting if not _creates(request))
        return [(request, full[1]) for request in creates]


def pause_after(throttled: Answer) -> float:
    return DEFAULT_PAUSE if throttled.retry_after is None else throttled.retry_after


def _unclear(answer: Answer) -> bool:
    """Whether the request may have taken effect, whatever the answer says."""
    return not answer.status or answer.status in TRANSIENT


def _tries(request: Request[Subject], answer: Answer) -> int:
    """How often a request may be sent that is answered so."""
    if _unclear(answer):
        return TRIES
    if answer.status == 409 and answer.error.code == "Directory_ConcurrencyViolation":
        return TRIES
    # Also said of a create whose values are good (terraform-provider-azuread sends it once more).
    invalid = answer.status == 400 and answer.message.startswith(
        "One or more property values specified are invalid"
    )
    return 2 if invalid and _creates(request) else 1


def _creates(request: Request[Subject]) -> bool:
    return request.method == "POST" and request.path.split("/") == ["", "users"]


def _tenant_is_full(request: Request[Subject], answer: Answer) -> bool:
    return _creates(request) and answer.status == 403 and answer.error.code == QUOTA_EXCEEDED
