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


def page(entra: Entra, url: str, **headers: str) -> Json:
    """The body of a page, which must come."""
    found = asked(entra, url, **headers)
    assert found.status == 200, found
    assert found.body is not None
    return found.body


def rows(found: Json) -> list[Json]:
    """The objects on a page."""
    value = found["value"]
    assert isinstance(value, list)
    return value


def error(entra: Entra, url: str) -> tuple[int, object]:
    """Status and code of a refusal."""
    found = asked(entra, url)
    assert found.body is not None
    problem = found.body["error"]
    assert isinstance(problem, dict)
    return found.status, problem["code"]


def in_truth(entra: Entra, select: str) -> dict[str, Json]:
    """Everybody as a client should know them: nothing about what was never set."""
    names = ["id", *select.split(",")]
    return {
        user.id: {name: user[name] for name in names if name in user.properties}
        for user in entra.directory.users.values()
    }


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

    def _merged(self, found: Json) -> str:
        """The nextLink, if there is one."""
        self.pages.append(rows(found))
        for row in rows(found):
            object_id = str(row["id"])
            if "@removed" in row:
                self.users.pop(object_id, None)
            else:
                self.users[object_id] = self.users.get(object_id, {}) | row
        following, last = found.get("@odata.nextLink", ""), found.get("@odata.deltaLink", "")
        assert bool(following) != bool(last), "a page has one link"
        self.link = str(last) or self.link
        return str(following)
