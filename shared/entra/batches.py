"""`$batch`: 20 requests a call, several calls in flight, every inner answer looked at and matched by its id.

The outer 200 proves nothing and no SDK retries an inner 429, so each request is followed until it is answered for
good, as `Sending` has it.
"""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence
from datetime import datetime

from shared.entra.batch import BATCH_SIZE, BeforeSend, Posted, Request, Subject
from shared.entra.client import Answer, GraphClient
from shared.entra.sending import Sending, pause_after
from shared.entra.workloads import Workload, throttled_workloads
from shared.entra.write_quota import Expected, WriteQuota
from shared.errors import GraphError
from shared.outbound.retries import THROTTLED, retry_after_seconds
from shared.outbound.waiting import Stop


class Batches:
    """Sends requests within one write quota; `in_flight` batches at a time. `expected`: they, and what follows."""

    def __init__(
        self,
        client: GraphClient,
        quota: WriteQuota,
        expected: Expected,
        stop: Stop,
        in_flight: int,
        low_priority: bool,
    ) -> None:
        self._client = client
        self._quota = quota
        self._expected = expected
        self._stop = stop
        self._in_flight = in_flight
        self._low_priority = low_priority

    async def send(
        self, requests: Sequence[Request[Subject]], before_send: BeforeSend[Subject] | None = None
    ) -> AsyncGenerator[list[tuple[Request[Subject], Answer]], None]:
        """Yields the final answers as they come, each request exactly once, in any order.

        Raises RunStopped between two batches, CallerRefused when Graph refuses the app itself; the answers of
        batches under way are yielded first. Requests of one call must not depend on each other's order.
        """
        sending = Sending(waiting=deque(requests), size=len(requests), clock=self._client.clock)
        stopped: Exception | None = None
        try:
            while sending.tasks or (sending.left and stopped is None):
                if stopped is None:
                    try:
                        await self._launch(sending, before_send)
                    except Exception as error:
                        stopped = error
                if sending.tasks:
                    done, _ = await asyncio.wait(sending.tasks, return_when=asyncio.FIRST_COMPLETED)
                    # In the order in which they were sent: that of a set of tasks differs from process to process.
                    ended = [task for task in sending.tasks if task in done]
                    sending.tasks = [task for task in sending.tasks if task not in done]
                    answered = [pair for task in ended for pair in sending.settle(task.result())]
                    stopped = stopped or sending.refusal
                    if answered:
                        yield answered
        finally:
            for task in sending.tasks:
                task.cancel()
        if stopped is not None:
            raise stopped

    async def _launch(self, sending: Sending[Subject], before_send: BeforeSend[Subject] | None) -> None:
        """Starts as many batches as may go out now; a part-filled one only when nothing else is under way."""
        while sending.left and len(sending.tasks) < self._in_flight:
            ready = sending.ready()
            if len(ready) < BATCH_SIZE and sending.tasks:
                return
            writes = sum(1 for request in ready if request.writes)
            try:
                await self._client.authenticate()
            except GraphError as error:
                sending.turned_away(error)
                if sending.refusal is not None:
                    raise sending.refusal from error
            await (self._stop.check() if writes else self._stop.check_read())
            if writes and not self._quota.granted:
                if sending.tasks:
                    return
                await self._quota.take(max(self._expected.left, len(sending.waiting)))
            # After the last await before the quota is spent: another run may have used it up meanwhile, or have
            # been told to wait; and what is not spent of a slice soon is lost.
            paused = self._quota.paused({request.workload for request in ready})
            of = max(self._expected.total, sending.size)
            wait = max(self._quota.wait_for(writes, of), paused, sending.held(ready))
            if wait > 0 or not ready or (writes and not self._quota.granted):
                if sending.tasks:
                    return
                await self._stop.sleep(wait)
                continue
            batch = [sending.waiting.popleft() for _ in ready]
            self._quota.spend(writes)
            self._expected.left -= writes
            for request in batch:
                request.no_effect = False
            if before_send is not None:
                await before_send(batch)
            sending.tasks.append(asyncio.create_task(self._post(batch)))

    async def _post(self, batch: list[Request[Subject]]) -> Posted[Subject]:
        items = [request.as_json(number, self._low_priority) for number, request in enumerate(batch)]
        try:
            outer = await self._client.post_batch(items)
        except GraphError as error:
            error.code = "NoAnswer"
            outer = Answer(status=0, lost=error)
        if outer.status != 200:
            answers = [outer] * len(batch)
        else:
            inner = _by_id(outer, self._client.clock.now())
            left_out = Answer(status=0, lost=GraphError("graph.leftOut", code="NoAnswer"))
            answers = [inner.get(str(number), left_out) for number in range(len(batch))]
        for request, answer in zip(batch, answers, strict=True):
            # A mailbox is throttled for itself alone: its request waits, and nothing else.
            if answer.status == THROTTLED and request.workload is not Workload.MAILBOXES:
                bound = throttled_workloads(request.method, request.path, answer.throttle_scope)
                self._quota.pause(pause_after(answer), bound, drained=request.writes)
        return Posted(outer, list(zip(batch, answers, strict=True)))


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
            status=status,
            body=body if isinstance(body, dict) else {},
            retry_after=retry_after_seconds(headers.get("retry-after"), now),
            request_id=headers.get("request-id", outer.request_id),
            throttle_scope=headers.get("x-ms-throttle-scope", ""),
        )
    return answers
