"""`$batch`: 20 requests a call, several calls in flight, every inner answer looked at and matched by its id.

The outer 200 proves nothing and no SDK retries an inner 429, so each request is followed until it is answered for
good. Throttled ones go back and are sent again in full batches; a 5xx or a lost connection is tried again a
bounded number of times. Whoever asks learns with each answer whether an earlier try may have taken effect.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from typing import Any

from shared.clock import Chance
from shared.entra.client import Answer, GraphClient
from shared.entra.write_quota import WriteQuota
from shared.errors import GraphError
from shared.outbound.retries import THROTTLED, TRANSIENT, retry_after_seconds, wait_before
from shared.outbound.waiting import Stop

BATCH_SIZE = 20
TRIES = 6
# A throttled request with no Retry-After waits this long; Graph names one in practice.
DEFAULT_PAUSE = 10.0

BeforeSend = Callable[[Sequence["Request"]], Awaitable[None]]


@dataclass(slots=True)
class Request:
    """One request inside a batch. `subject` is whatever the caller wants back with the answer."""

    method: str
    path: str
    body: dict[str, Any] | None = None
    eventual: bool = False
    subject: Any = None
    failures: int = field(default=0, init=False)
    in_doubt: bool = field(default=False, init=False)
    """An earlier try got no clear answer: it may have taken effect."""
    throttled: bool = field(default=False, init=False)
    """The last try was refused for now: it took no effect."""

    @property
    def writes(self) -> bool:
        return self.method != "GET"

    def as_json(self, number: int) -> dict[str, object]:
        item: dict[str, object] = {"id": str(number), "method": self.method, "url": self.path}
        headers = {"ConsistencyLevel": "eventual"} if self.eventual else {}
        if self.body is not None:
            item["body"] = self.body
            headers["Content-Type"] = "application/json"
        if headers:
            item["headers"] = headers
        return item


class Batches:
    """Sends requests within one write quota; `in_flight` batches at a time."""

    def __init__(self, client: GraphClient, quota: WriteQuota, stop: Stop, in_flight: int) -> None:
        self._client = client
        self._quota = quota
        self._stop = stop
        self._in_flight = in_flight

    async def send(
        self, requests: Sequence[Request], before_send: BeforeSend | None = None
    ) -> AsyncGenerator[list[tuple[Request, Answer]], None]:
        """Yields the final answers as they come, each request exactly once, in any order.

        Raises RunStopped between two batches; the answers of batches under way are yielded first. Requests of
        one call must not depend on each other's order.
        """
        sending = _Sending(deque(requests), self._client.clock.chance)
        stopped: Exception | None = None
        try:
            while sending.tasks or (sending.waiting and stopped is None):
                if stopped is None:
                    try:
                        await self._launch(sending, before_send)
                    except Exception as error:
                        stopped = error
                if sending.tasks:
                    done, sending.tasks = await asyncio.wait(
                        sending.tasks, return_when=asyncio.FIRST_COMPLETED
                    )
                    answered = [pair for task in done for pair in sending.settle(task.result())]
                    if answered:
                        yield answered
        finally:
            for task in sending.tasks:
                task.cancel()
        if stopped is not None:
            raise stopped

    async def _launch(self, sending: "_Sending", before_send: BeforeSend | None) -> None:
        """Starts as many batches as may go out now; a part-filled one only when nothing else is under way."""
        while sending.waiting and len(sending.tasks) < self._in_flight:
            if len(sending.waiting) < BATCH_SIZE and sending.tasks:
                return
            size = min(BATCH_SIZE, len(sending.waiting))
            writes = sum(1 for request in islice(sending.waiting, size) if request.writes)
            with suppress(GraphError):  # if it can't be had, sending will say so
                await self._client.authenticate()
            await self._stop.check()
            # After the last await before the quota is spent: another run may have used it up meanwhile, or have
            # been told to wait.
            wait = max(self._quota.wait_for(writes), sending.hold)
            if wait > 0 and sending.tasks:
                return
            if wait > 0:
                sending.hold = 0.0
                await self._stop.sleep(wait)
                continue
            batch = [sending.waiting.popleft() for _ in range(size)]
            self._quota.spend(writes)
            for request in batch:
                request.throttled = False
            if before_send is not None:
                await before_send(batch)
            sending.tasks.add(asyncio.create_task(self._post(batch)))

    async def _post(self, batch: list[Request]) -> list[tuple[Request, Answer]]:
        try:
            outer = await self._client.post_batch([r.as_json(n) for n, r in enumerate(batch)])
        except GraphError as error:
            error.code = "NoAnswer"
            return [(request, Answer(0, lost=error)) for request in batch]
        if outer.status == THROTTLED:
            pause = DEFAULT_PAUSE if outer.retry_after is None else outer.retry_after
            self._quota.pause(pause, writes=any(request.writes for request in batch))
        if outer.status != 200:
            return [(request, outer) for request in batch]
        inner = _by_id(outer, self._client.clock.now())
        unanswered = Answer(0, lost=GraphError("graph.leftOut", code="NoAnswer"))
        answers = [inner.get(str(number), unanswered) for number in range(len(batch))]
        throttled = [a.retry_after for a in answers if a.status == THROTTLED]
        if throttled:
            pause = max(DEFAULT_PAUSE if wait is None else wait for wait in throttled)
            self._quota.pause(pause, writes=any(request.writes for request in batch))
        return list(zip(batch, answers, strict=True))


@dataclass(slots=True)
class _Sending:
    """What is left of one `send`: requests that wait, batches under way, and how long to hold back."""

    waiting: deque[Request]
    chance: Chance
    tasks: set["asyncio.Task[list[tuple[Request, Answer]]]"] = field(default_factory=set)
    hold: float = 0.0

    def settle(self, answers: list[tuple[Request, Answer]]) -> list[tuple[Request, Answer]]:
        """Final answers; what is to be tried again waits once more, in front."""
        final, again = [], []
        for request, answer in answers:
            request.throttled = answer.status == THROTTLED
            if request.throttled:
                again.append(request)
            elif (answer.status in TRANSIENT or not answer.status) and request.failures + 1 < TRIES:
                request.failures += 1
                request.in_doubt = True
                self.hold = max(self.hold, wait_before(self.chance, request.failures, answer.retry_after))
                again.append(request)
            else:
                final.append((request, answer))
        self.waiting.extendleft(reversed(again))
        return final


def _by_id(outer: Answer, now: datetime) -> dict[str, Answer]:
    """What is not shaped like an answer is none: its request counts as unanswered, and is followed up."""
    answers: dict[str, Answer] = {}
    responses = outer.body.get("responses")
    for item in responses if isinstance(responses, list) else ():
        status = item.get("status") if isinstance(item, dict) else None
        if not isinstance(status, int):
            continue
        given = item.get("headers")
        named = given if isinstance(given, dict) else {}
        headers = {str(name).lower(): str(value) for name, value in named.items()}
        body = item.get("body")
        answers[str(item.get("id"))] = Answer(
            status,
            body if isinstance(body, dict) else {},
            retry_after_seconds(headers.get("retry-after"), now),
            headers.get("request-id", outer.request_id),
        )
    return answers
