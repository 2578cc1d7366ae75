"""A value that has to be asked for elsewhere: fresh, or as it was last known, and never waited for without end."""

import asyncio
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from shared.clock import Clock
from shared.errors import GraphError, SourceError, Unavailable
from shared.store.cached import Cached, Known
from tests.support.errors import raises

NOON = datetime(2026, 8, 1, 12, tzinfo=UTC)


class SetClock(Clock):
    """A clock that a test sets by hand."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds = 0.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return NOON + timedelta(seconds=self.seconds)


@dataclass
class Elsewhere:
    """Answers "one", "two", …; fails while `error` is set, and does not answer while `answers` is closed."""

    error: Exception | None = None
    asked: int = 0
    answers: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answers.set()

    async def load(self, _: str | None) -> str:
        self.asked += 1
        await self.answers.wait()
        if self.error is not None:
            raise self.error
        return ("zero", "one", "two", "three")[self.asked]


@dataclass
class Shelf:
    known: Known[str] | None = None
    writes: int = 0
    error: Exception | None = None

    async def read(self) -> Known[str] | None:
        if self.error is not None:
            raise self.error
        return self.known

    async def write(self, known: Known[str]) -> None:
        if self.error is not None:
            raise self.error
        self.known = known
        self.writes += 1


@dataclass
class Setting:
    clock: SetClock = field(default_factory=SetClock)
    elsewhere: Elsewhere = field(default_factory=Elsewhere)
    shelf: Shelf = field(default_factory=Shelf)

    def cached(self) -> Cached[str]:
        return Cached(
            "domains.unknown",
            self.elsewhere.load,
            self.clock,
            fresh=60,
            patience=0.01,
            rest=15,
            kept=self.shelf,
        )


async def test_a_fresh_value_is_not_asked_for_again() -> None:
    at = Setting()
    cached = at.cached()

    known = [await cached.get(), await cached.get()]
    at.clock.seconds = 61
    later = await cached.get()

    assert ([one.value for one in known], later.value, at.elsewhere.asked) == (["one", "one"], "two", 2)


async def test_callers_at_the_same_time_share_one_load() -> None:
    at = Setting()
    cached = at.cached()

    values = await asyncio.gather(*(cached.get() for _ in range(50)))

    assert ({one.value for one in values}, at.elsewhere.asked) == ({"one"}, 1)


async def test_a_failed_load_leaves_what_was_known_with_its_time() -> None:
    at = Setting()
    cached = at.cached()
    await cached.get()
    at.clock.seconds, at.elsewhere.error = 100, SourceError("gone.")

    known = await cached.get()

    assert (known.value, known.as_of) == ("one", NOON)


async def test_a_failed_load_is_remembered_for_a_while() -> None:
    at = Setting(elsewhere=Elsewhere(error=SourceError("gone.")))
    cached = at.cached()

    for _ in range(10):
        with raises(Unavailable, match=r"list of domains can't be had now: gone\.") as raised:
            await cached.get()
    assert (at.elsewhere.asked, raised.value.retry_after) == (1, 15)

    at.clock.seconds, at.elsewhere.error = 15, None
    assert (await cached.get()).value == "two"


async def test_a_load_that_takes_too_long_goes_on_without_its_callers() -> None:
    at = Setting()
    at.elsewhere.answers.clear()
    cached = at.cached()

    for _ in range(10):
        with raises(Unavailable, match="no answer in time"):
            await cached.get()
    at.elsewhere.answers.set()
    at.clock.seconds = 15

    assert ((await cached.get()).value, at.elsewhere.asked) == ("one", 1)


async def test_a_missing_permission_is_not_to_be_tried_again_later() -> None:
    at = Setting(elsewhere=Elsewhere(error=GraphError("Insufficient privileges.", status=403)))

    with raises(GraphError, match="Insufficient"):
        await at.cached().get()


async def test_another_process_knows_what_this_one_learned() -> None:
    at = Setting()
    await at.cached().get()
    at.clock.seconds, at.elsewhere.error = 3600, SourceError("gone.")

    known = await at.cached().get()

    assert (known.value, known.as_of) == ("one", NOON)


async def test_only_news_is_kept_and_once_a_day_its_time() -> None:
    at = Setting()
    at.elsewhere.asked = -100
    cached = Cached("x", _same, at.clock, fresh=60, patience=1, kept=at.shelf)

    for at.clock.seconds in (0.0, 3600.0, 7200.0, 86_400.0):
        await cached.get()

    assert at.shelf.writes == 2


async def _same(_: str | None) -> str:
    return "the same"


async def test_a_shelf_that_is_away_costs_nothing_but_its_memory(caplog: pytest.LogCaptureFixture) -> None:
    at = Setting(shelf=Shelf(error=OSError("away")))

    assert (await at.cached().get()).value == "one"
    assert [json.loads(record.message) for record in caplog.records] == [
        {"event": "cache.notKept", "code": "domains.unknown", "error": "away"}
    ]


async def test_closing_ends_a_load_under_way() -> None:
    at = Setting()
    at.elsewhere.answers.clear()
    cached = at.cached()
    with pytest.raises(Unavailable):
        await cached.get()

    await cached.aclose()

    assert len(asyncio.all_tasks()) == 1
