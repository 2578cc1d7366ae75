"""Two runs write what they know of people at once, freeze, and lose answers: nobody is lost, and nothing is undone.

The blob is in memory and keeps the part of the SDK's protocol that the store uses: whatever way the writes interleave,
the service sees them one after the other.
"""

import asyncio
import atexit
import gzip
from dataclasses import dataclass, field, replace
from functools import partial
from types import SimpleNamespace
from typing import Any

import orjson
import pytest
from azure.core import MatchConditions
from azure.core.exceptions import ResourceModifiedError, ServiceResponseError
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import LeaseLost
from shared.model.memory import difference
from shared.model.people import Memory
from shared.store.attempts import KEEP_TRYING_SECONDS
from shared.store.known_people import COLUMNS, KnownPeople
from tests.support.surveys import InlineClock

EMPTY: dict[str, object] = {name: {} for name in COLUMNS} | {"anew": "", "reviewed": [], "writers": []}

_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)


class Blob:
    """A storage account with one blob. At each write something may happen, in the order of `troubles`."""

    def __init__(self, clock: InlineClock) -> None:
        self.clock = clock
        self.content = gzip.compress(orjson.dumps(EMPTY))
        self.version = 0
        self.troubles: list[Any] = []
        self.under_way: list[Write] = []
        self.expected: dict[str, str] = {}

    @property
    def links(self) -> dict[str, str]:
        return dict(orjson.loads(gzip.decompress(self.content))["links"])

    def forget_existing(self) -> None:
        raise AssertionError("nothing is missing")

    async def open_container(self, _name: str) -> "Blob":
        return self

    def get_blob_client(self, _name: str) -> "Blob":
        return self

    async def download_blob(self, _name: str, *, decompress: bool) -> Any:
        content, properties = self.content, SimpleNamespace(etag=str(self.version), metadata={})

        async def readall() -> bytes:
            return content

        assert not decompress
        return SimpleNamespace(readall=readall, properties=properties)

    async def upload_blob(
        self, content: bytes, *, overwrite: bool, etag: str, match_condition: MatchConditions
    ) -> dict[str, str]:
        assert overwrite
        assert match_condition is MatchConditions.IfNotModified
        trouble = self.troubles.pop(0) if self.troubles else "none"
        if not isinstance(trouble, str):
            await trouble()
        if trouble == "lost before":
            raise ServiceResponseError("The connection was reset.")
        if etag != str(self.version):
            raise ResourceModifiedError("The condition was not met.")
        self.content, self.version = content, self.version + 1
        if self.under_way:
            self.under_way[-1].took_effect()
            assert self.links == self.expected
        if trouble == "lost after":
            raise ServiceResponseError("The connection was reset.")
        return {"etag": str(self.version)}


class Hurried(InlineClock):
    """Time passes only by waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.passed = 0.0

    def monotonic(self) -> float:
        return self.passed

    async def sleep(self, seconds: float) -> None:
        self.passed += seconds


@dataclass
class Write:
    """The accounts of some people before and after, empty if they have none."""

    blob: Blob
    changes: dict[str, tuple[str, str]]
    done: bool = False

    @property
    def due(self) -> dict[str, str]:
        """What it still has to change: whoever is as they were read, or forgotten, and has another account now."""
        known = self.blob.expected
        return {
            who: now
            for who, (was, now) in self.changes.items()
            if was != now and known.get(who, "") in ((was, "") if now else (was,))
        }

    def took_effect(self) -> None:
        assert not self.done, "it took effect twice"
        merged = self.blob.expected | self.due
        self.done, self.blob.expected = True, {who: account for who, account in merged.items() if account}


@dataclass
class Worker:
    """One run: what it knows is what it has read once, and what it has learned since."""

    blob: Blob
    known: Memory = field(default_factory=Memory)
    stored: Memory = field(default_factory=Memory)
    busy: bool = False

    async def read(self) -> None:
        self.known = self.stored = await KnownPeople(self.blob).read("contoso.com")  # type: ignore[arg-type]

    async def learn(self, lesson: dict[str, str]) -> None:
        if self.busy:
            return
        links = {who: account for who, account in {**self.known.links, **lesson}.items() if account}
        now = replace(self.known, links=links)
        write = Write(self.blob, {who: (self.known.links.get(who, ""), lesson[who]) for who in lesson})
        self.busy = True
        self.blob.under_way.append(write)
        people = KnownPeople(self.blob)  # type: ignore[arg-type]
        self.stored = await people.write(difference(self.known, now), self.stored)
        assert self.blob.under_way.pop() is write
        self.known, self.busy = now, False
        assert write.done or not write.due


lessons = st.dictionaries(st.sampled_from("abc"), st.sampled_from(["", "1", "2", "3"]), min_size=1)
workers = st.integers(0, 2)
troubles = st.sampled_from(["none", "lost before", "lost after"]) | st.tuples(workers, lessons)
steps = st.tuples(workers, lessons | st.none())


@given(st.lists(steps, max_size=8), st.lists(troubles, max_size=8))
def test_each_person_is_as_the_last_one_left_them_who_knew_them(
    steps: list[tuple[int, dict[str, str] | None]], troubles: list[str | tuple[int, dict[str, str]]]
) -> None:
    async def all_of_it() -> None:
        blob = Blob(Hurried())
        team = [Worker(blob) for _ in range(3)]
        for worker in team:
            await worker.read()
        blob.troubles = [
            trouble if isinstance(trouble, str) else partial(team[trouble[0]].learn, trouble[1])
            for trouble in troubles
        ]
        for number, lesson in steps:
            await (team[number].read() if lesson is None else team[number].learn(lesson))
        assert blob.links == blob.expected

    _LOOP.run_until_complete(all_of_it())


async def test_where_others_never_stop_writing_the_run_goes_on_later() -> None:
    blob = Blob(clock := Hurried())
    worker, rival = Worker(blob), Worker(blob)
    await worker.read()
    accounts = iter(range(1_000))

    async def write_first() -> None:
        await rival.read()
        await rival.learn({"b": str(next(accounts))})

    blob.troubles = [trouble for _ in range(1_000) for trouble in (write_first, "none")]

    with pytest.raises(LeaseLost):
        await worker.learn({"a": "1"})

    assert clock.passed == pytest.approx(KEEP_TRYING_SECONDS, abs=15)
