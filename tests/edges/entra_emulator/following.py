"""A client of delta queries, written from their documentation, and a tenant for it that needs no socket."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from local.entra import Entra, parse_seed
from local.entra.answering import PREFIX, answer
from local.entra.calls import Answer
from local.entra.errors import Json
from shared.clock import Clock

URL = f"http://127.0.0.1:9{PREFIX}"
AUTHORIZED = {"Authorization": "Bearer any"}


class StoppedClock(Clock):
    """Stands still until the test moves it on."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    async def sleep(self, _seconds: float) -> None:
        return None


def tenant(**seed: object) -> tuple[Entra, StoppedClock]:
    clock = StoppedClock()
    entra = Entra(clock=clock, url=URL)
    entra.load(parse_seed({"limits": None, **seed}))
    return entra, clock


def asked(entra: Entra, url: str, **headers: str) -> Answer:
    """The answer to a GET of a link, or of a path after /v1.0."""
    parts = urlsplit(url if url.startswith("http") else URL + url)
    return asyncio.run(answer(entra, "GET", f"{parts.path}?{parts.query}", {**AUTHORIZED, **headers}, b""))


@dataclass
class Follower:
    """What a client knows of the users, by id.

    It follows every link as it is until there is a deltaLink, merges what a page tells, takes nothing that a page
    leaves out for gone, and starts over where Graph says so.
    """

    entra: Entra
    select: str
    headers: Mapping[str, str] = field(default_factory=dict)
    users: dict[str, Json] = field(default_factory=dict)
    link: str = ""
    # What each page of the latest round said.
    pages: list[Sequence[Json]] = field(default_factory=list)

    def round(self) -> None:
        """Everything up to the next deltaLink."""
        self.pages = []
        url = self.link or self._from_the_start()
        while url:
            found = asked(self.entra, url, **self.headers)
            if found.status in {400, 404, 410}:
                url = self._from_the_start()
                continue
            assert found.status == 200, found
            assert found.body is not None
            url = self._merged(found.body)

    def _from_the_start(self) -> str:
        self.users, self.link = {}, ""
        return f"/users/delta?$select={self.select}"

    def _merged(self, page: Json) -> str:
        """The nextLink, if there is one."""
        rows = page["value"]
        assert isinstance(rows, list)
        self.pages.append(rows)
        for row in rows:
            if "@removed" in row:
                self.users.pop(row["id"], None)
            else:
                self.users[row["id"]] = self.users.get(row["id"], {}) | row
        following, last = page.get("@odata.nextLink", ""), page.get("@odata.deltaLink", "")
        assert bool(following) != bool(last), "a page has one link"
        self.link = str(last) or self.link
        return str(following)
