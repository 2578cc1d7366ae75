"""Access Control's public API: a client-credentials token, then the users page by page.

HENNGE publishes neither the spelling of the JSON keys nor the page size and calls the API "not supported", so
keys are read tolerantly (`AttributeMap`) and everything else strictly: an answer that is not clearly a page of users
is an error that names the call.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from functools import partial
from typing import Any
from urllib.parse import urlsplit

import httpx
import orjson

from shared.clock import Clock
from shared.errors import SourceError
from shared.outbound.bounded import AnswerRefused, BoundedTransport
from shared.outbound.paging import Pages
from shared.outbound.retries import passes, retry_after_seconds, wait_before
from shared.planning.mapping import AttributeMap, flat
from shared.source import SourceUsers, Staged, Stages, T

TRIES = 7
RENEW_BEFORE_EXPIRY = 300.0
TOKEN_LIFETIME = 3600.0
LONGEST_WAIT = 60.0
WHOLE_ANSWER_SECONDS = 120.0
# Words in the name of a field that may announce a further page.
_FURTHER = ("cursor", "next", "more")


class HenngeSource:
    """Reads every user; one instance per run, closed with `aclose`."""

    def __init__(
        self,
        *,
        token_url: str,
        api_url: str,
        client_id: str,
        client_secret: str,
        attribute_map: AttributeMap,
        clock: Clock,
        connect: Callable[[float, Clock], httpx.AsyncBaseTransport] | None = None,
    ) -> None:
        self._clock = clock
        self._token_url = token_url
        self._users_url = f"{api_url}/users"
        self._login = httpx.BasicAuth(client_id, client_secret)
        self._attribute_map = attribute_map
        # Redirects are refused: they could carry the token to another host.
        self._http = httpx.AsyncClient(
            transport=(connect or partial(BoundedTransport, light=True))(WHOLE_ANSWER_SECONDS, clock),
            timeout=httpx.Timeout(60, connect=10),
            follow_redirects=False,
        )
        self._token = ""
        self._renew_at = 0.0

    async def aclose(self) -> None:
        await self._http.aclose()

    async def read(self, people: T, stages: Stages | None = None, /) -> T:
        staged = await stages.kept() if stages else None
        if stages and staged:
            try:
                await self._page(staged.cursor)
            except (
                SourceError
            ):  # the page is asked for once more, from the start: what is really wrong is told then
                await stages.drop()
                staged = None
        return await self._read_pages(people, stages, staged)

    async def _read_pages(self, people: T, stages: Stages | None, staged: Staged | None) -> T:
        users = SourceUsers("Access Control", self._attribute_map, "page", people)
        if staged:
            users.go_on(staged)
        async for pages, items, cursor in self._pages(staged):
            number = pages.number
            for item in items:
                users.add(item, number)
            if stages and cursor:
                await stages.keep(users, cursor, number, pages.items + len(items))
        return users.complete()

    async def describe(self, add: Callable[[object], None]) -> None:
        async for _, items, _ in self._pages():
            for item in items:
                add(item)

    async def _pages(self, after: Staged | None = None) -> AsyncIterator[tuple[Pages, list[Any], str | None]]:
        """Every page: where the listing is, what is on the page, and the cursor of the next one."""
        pages = Pages("Access Control", "cursor", SourceError)
        cursor: str | None = None
        if after:
            cursor = after.cursor
            pages.go_on(after.pages, after.items, cursor)
        while True:
            page = await self._page(cursor)
            items = _items(page)
            cursor = _cursor(page)
            yield pages, items, cursor
            if not cursor:
                return
            pages.turn(len(items), cursor)

    async def check(self) -> None:
        """Reads one page, for the health check. Raises SourceError if that fails."""
        _items(await self._page(None))

    async def _page(self, cursor: str | None) -> dict[str, Any]:
        call = "GET users" if cursor is None else "GET users (next page)"
        url = httpx.URL(self._users_url, params={"cursor": cursor} if cursor else None)
        answer = await self._with_token(call, url)
        if answer.status_code == 401:
            self._renew_at = 0.0
            answer = await self._with_token(call, url)
        return json_object(call, answer)

    async def _with_token(self, call: str, url: httpx.URL) -> httpx.Response:
        if self._clock.monotonic() >= self._renew_at:
            await self._renew_token()
        return await self._send(call, "GET", url, headers={"Authorization": f"Bearer {self._token}"})

    async def _renew_token(self) -> None:
        call = "POST token"
        answer = await self._send(
            call,
            "POST",
            httpx.URL(self._token_url),
            auth=self._login,
            data={"grant_type": "client_credentials"},
        )
        body = json_object(call, answer)
        token, lifetime = body.get("access_token"), body.get("expires_in", TOKEN_LIFETIME)
        if not isinstance(token, str) or not token or not token.isascii() or not token.isprintable():
            raise SourceError("hennge.noToken", call=call)
        if not isinstance(lifetime, int | float):
            lifetime = TOKEN_LIFETIME
        self._token = token
        self._renew_at = self._clock.monotonic() + max(lifetime - RENEW_BEFORE_EXPIRY, lifetime / 2)

    async def _send(self, call: str, method: str, url: httpx.URL, **options: Any) -> httpx.Response:
        """One call, retried if throttled, overloaded or cut off. The last answer is returned whatever its status.

        Raises SourceError if the last try got no answer, or an answer was refused as too large.
        """
        host = urlsplit(str(url)).hostname
        for attempt in range(1, TRIES + 1):
            named = None
            try:
                answer = await self._http.request(method, url, **options)
            except AnswerRefused as error:
                raise SourceError("hennge.answerRefused", call=call, why=str(error)) from error
            except httpx.RequestError as error:
                if attempt == TRIES:
                    raise SourceError(
                        "hennge.unreachable", call=call, host=str(host), error=type(error).__name__
                    ) from error
            else:
                if attempt == TRIES or not passes(answer.status_code):
                    return answer
                named = retry_after_seconds(answer.headers.get("Retry-After"), self._clock.now())
            await self._clock.sleep(min(LONGEST_WAIT, wait_before(self._clock.chance, attempt, named)))
        raise AssertionError("unreachable")


def json_object(call: str, answer: httpx.Response) -> dict[str, Any]:
    """The body of a good answer. Raises SourceError that names the call otherwise."""
    if answer.status_code != 200:
        refused = answer.status_code in (400, 401, 403)
        raise SourceError(
            "hennge.notAuthorised" if refused else "hennge.answered", call=call, status=answer.status_code
        )
    try:
        body = _loaded(answer.content)
    except (ValueError, RecursionError) as error:
        raise SourceError("hennge.notJson", call=call, bytes=len(answer.content)) from error
    if not isinstance(body, dict):
        raise SourceError("hennge.notAnObject", call=call)
    return body


def _loaded(content: bytes) -> Any:
    """JSON, also with half of a pair of surrogates in it, which orjson refuses: only that person is to fail."""
    try:
        return orjson.loads(content)
    except orjson.JSONDecodeError:
        return json.loads(content.decode(), parse_constant=_no_json)


def _no_json(constant: str) -> Any:
    raise ValueError(f"{constant} is not JSON")


def _items(page: Mapping[str, Any]) -> list[Any]:
    items = page.get("items")
    if not isinstance(items, list):
        raise SourceError("hennge.noItems")
    return items


def _cursor(page: Mapping[str, Any]) -> str | None:
    cursor = page.get("cursor")
    if cursor is not None and not isinstance(cursor, str):
        raise SourceError("hennge.badCursor")
    if not cursor and (others := _announcing_more(page)):
        # Taken for the last page, it would make leavers of everybody on the pages after it.
        raise SourceError("hennge.otherCursor", fields=others)
    return cursor or None


def _announcing_more(page: Mapping[str, Any]) -> tuple[str, ...]:
    """The fields other than `cursor` that may announce a further page, also one level down."""
    others = flat({name: value for name, value in page.items() if name != "cursor"})
    return tuple(sorted(name for name, value in others.items() if value and any(w in name for w in _FURTHER)))
