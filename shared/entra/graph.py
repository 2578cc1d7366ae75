"""The requests of one invocation to Graph, retried until they have a final answer."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any, TypeVar

from shared.entra.batch import BeforeSend, Request, Subject
from shared.entra.batches import Batches
from shared.entra.caller import CallerPatience, why
from shared.entra.client import Answer, GraphClient, graph_pages, headers, next_link, page_items
from shared.entra.workloads import throttled_workloads, workload
from shared.entra.write_quota import Expected, WriteQuota
from shared.errors import DENIED, GraphError, TimeBudgetSpent
from shared.outbound.retries import THROTTLED, UNAUTHORIZED, passes, wait_before
from shared.outbound.waiting import Deadline, Stop

T = TypeVar("T")

READ_TRIES = 8
# Most times a listing is read when the link to one of its pages expires.
LISTINGS = 3
_EXPIRED = "Directory_ExpiredPageToken"


class Graph:
    """Bound to a stop signal, which ends every request with RunStopped, and to the app's write quota.

    `in_flight`: most batches under way at the same time. `told`: the earliest time that answers to reads have named so
    far, None if none did. `expected`: the writes that its run will send.
    """

    def __init__(
        self,
        client: GraphClient,
        quota: WriteQuota,
        stop: Stop,
        in_flight: int,
        *,
        low_priority: bool = False,
    ) -> None:
        self.clock = client.clock
        self.told: datetime | None = None
        self.expected = Expected()
        self._client = client
        self._quota = quota
        self._stop = stop
        self._in_flight = in_flight
        self._low_priority = low_priority

    def within(self, seconds: float) -> "Graph":
        """For reads with a deadline of their own, which no other stop or pause affects.

        Raises TimeBudgetSpent at the deadline. They have a quota of their own, so that a pause of the shared one
        does not delay them.
        """
        deadline = Deadline(seconds, self.clock, TimeBudgetSpent("graph.tookTooLong"))
        return Graph(self._client, WriteQuota(clock=self.clock), deadline, self._in_flight)

    async def get(self, path: str, *, eventual: bool = False) -> Answer:
        """GET of a path, or of a nextLink from Graph, retried until it has a final answer.

        Raises GraphError if the last try gets no answer, or a temporary one such as 5xx; raises CallerRefused after a
        minute of 401. Returns any other answer, including other 4xx.
        """
        url = self._client.url(path)
        given = headers(eventual=eventual, low_priority=self._low_priority)
        patience = CallerPatience()
        attempt = 1
        while True:
            await self._stop.check_read()
            if paused := self._quota.paused([workload("GET", url)]):
                await self._stop.sleep(paused)
            try:
                answer = await self._client.get(url, given)
            except GraphError:
                if attempt == READ_TRIES:
                    raise
                await self.pause(attempt)
                attempt += 1
                continue
            if answer.date:
                self.told = min(self.told or answer.date, answer.date)
            if answer.status == UNAUTHORIZED:
                await self._stop.sleep(patience.wait(self.clock.monotonic(), why(answer)))
                continue
            if not passes(answer.status):
                return answer
            if attempt == READ_TRIES:
                raise answer.error
            if answer.status == THROTTLED and answer.retry_after is not None:
                bound = throttled_workloads("GET", url, answer.throttle_scope)
                self._quota.pause(answer.retry_after, bound, drained=False)
            await self.pause(attempt, answer.retry_after)
            attempt += 1

    async def read(self, path: str, *, eventual: bool = False) -> dict[str, Any]:
        """The body of a GET. Raises GraphError unless the status is 200."""
        answer = await self.get(path, eventual=eventual)
        if answer.status != 200:
            raise answer.error
        return answer.body

    async def read_all(self, path: str, *, eventual: bool = False) -> list[dict[str, Any]]:
        """Every item of a collection, of all pages: an empty page with a nextLink is not the last one."""
        return await begun_again_if_expired(lambda: self._read_pages(path, eventual=eventual))

    async def _read_pages(self, path: str, *, eventual: bool) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        pages = graph_pages()
        link: str | None = path
        while link:
            page = await self.read(link, eventual=eventual)
            found = page_items(page)
            items.extend(found)
            link = next_link(page)
            if link:
                pages.turn(len(found), link)
        return items

    async def read_all_if_granted(self, path: str, *, eventual: bool = False) -> list[dict[str, Any]] | None:
        """Every item, or None if the app lacks the permission (403)."""
        try:
            return await self.read_all(path, eventual=eventual)
        except GraphError as error:
            if error.status == 403:
                return None
            raise

    def send(
        self, requests: Sequence[Request[Subject]], before_send: BeforeSend[Subject] | None = None
    ) -> AsyncGenerator[list[tuple[Request[Subject], Answer]], None]:
        """Reads or writes in batches, as `Batches.send` has it."""
        within = self._quota, self.expected, self._stop, self._in_flight, self._low_priority
        return Batches(self._client, *within).send(requests, before_send)

    async def ask(self, requests: Sequence[Request[Any]]) -> list[Answer]:
        """Their answers, in the same order."""
        found = dict[int, Answer]()
        async for answers in self.send(requests):
            found.update((id(request), answer) for request, answer in answers)
        return [found[id(request)] for request in requests]

    async def items_of(self, request: Request[Any], answer: Answer) -> list[dict[str, Any]]:
        """Every item of a collection that was asked for in a batch. Raises GraphError unless the status is 200."""
        if answer.status != 200:
            raise answer.error
        # Of many, all are read by themselves, since a link may expire on the way.
        return await self.read_all(request.path) if next_link(answer.body) else page_items(answer.body)

    async def pause(self, attempt: int, retry_after: float | None = None) -> None:
        """Waits before the next try: `retry_after` seconds if given, else a backoff that grows with `attempt`."""
        await self._stop.sleep(wait_before(self.clock.chance, attempt, retry_after))


async def begun_again_if_expired(listing: Callable[[], Awaitable[T]]) -> T:
    """The result of a listing, which is started again if the link to one of its pages has expired."""
    for _ in range(LISTINGS - 1):
        try:
            return await listing()
        except GraphError as error:
            if error.code != _EXPIRED:
                raise
    return await listing()


@contextmanager
def needs(permission: str) -> Iterator[None]:
    """A read without which nothing can be done: if Graph denies it, the GraphError names the permission."""
    try:
        yield
    except GraphError as error:
        if (error.status, error.code) != (403, DENIED):
            raise
        raise GraphError(
            "graph.denied",
            permission=permission,
            status=error.status,
            code=error.code,
            request_id=error.request_id,
        ) from error


class Part:
    """Base of the directory's parts: their access to Graph."""

    def __init__(self, graph: Graph) -> None:
        self.graph = graph
