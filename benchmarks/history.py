"""A person's history in a tenant of 100,000 people with 90 days of it, and what a batch of it costs to keep.

Each day 1 % of the people are changed, and 0.1 % each are added, renamed and deleted. Azurite looks at every row of a
table for each question; Azure's tables go by the key.
"""

import asyncio
import os
import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from benchmarks.measuring import Figures, Stopwatch, in_fresh_process, peak_mb, repeated
from benchmarks.report import Row, Target, markdown
from local.azurite import Azurite
from shared.model.changes import Action
from shared.model.history import Entry
from shared.model.parts import say
from shared.model.results import Result
from shared.model.runs import RunKind, new_run_id
from shared.services import Services
from shared.settings import Settings

TITLE = "The history of people"
_MODULE = "benchmarks.history"
_SHARES = {Action.UPDATE: 0.01, Action.ADD: 0.001, Action.RENAME: 0.001, Action.DELETE: 0.001}
_ASKED = 20


def rows(people: int = 100_000, runs: int = 5, days: int = 90, **_: bool) -> list[Row]:
    with Azurite(strict=False) as azurite:
        settings = {"AzureWebJobsStorage": azurite.connection_string, "SOURCE": "csv", "CSV_PATH": "none.csv"}
        kept = in_fresh_process(keep, people, days, env=settings)
        read = repeated(runs, lambda: in_fresh_process(ask, people, days, env=settings))
    return [
        Row(
            f"one of {people:,} people, {days} days",
            _MODULE,
            runs,
            read["cpu"],
            read["wall"],
            read["peak"],
            {"entries": read["entries"]},
            targets=(Target("< 1 s", read["wall"] < 1),),
        ),
        Row(
            "20 outcomes kept",
            _MODULE,
            1,
            kept["cpu"] / kept["transactions"],
            kept["wall"] / kept["transactions"],
            kept["peak"],
            {"transactions": kept["transactions"], "entries": kept["entries"]},
        ),
    ]


def keep(people: int, days: int) -> Figures:
    """Keeps that many days, an hour at a time."""
    return asyncio.run(_keep(people, days))


def ask(people: int, days: int) -> Figures:
    """The history of some who have one, each by object id; the figures are those of one person."""
    return asyncio.run(_ask(people, days))


async def _keep(people: int, days: int) -> Figures:
    services = Services(Settings.from_environment(os.environ))
    batches = [
        entries[start : start + 20]
        for entries in _hours(people, days)
        for start in range(0, len(entries), 20)
    ]
    watch = Stopwatch()
    for batch in batches:
        await services.history.note(batch)
    figures = watch.figures()
    await services.aclose()
    entries = sum(map(len, batches))
    return {**figures, "peak": peak_mb(), "transactions": len(batches), "entries": entries}


async def _ask(people: int, days: int) -> Figures:
    services = Services(Settings.from_environment(os.environ))
    asked = list(dict.fromkeys(str(one.object_id) for one in next(_hours(people, days))))[:_ASKED]
    await services.history.read(["warm"])
    watch = Stopwatch()
    found = [await services.history.read([object_id]) for object_id in asked]
    figures = {name: seconds / len(asked) for name, seconds in watch.figures().items()}
    await services.aclose()
    if not all(found):
        raise AssertionError("somebody who was changed has no history")
    return {**figures, "peak": peak_mb(), "entries": sum(map(len, found)) / len(found)}


def _hours(people: int, days: int) -> Iterator[list[Entry]]:
    """The entries of each hour, the same every time."""
    chance = random.Random(7)
    first = (
        datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
        - timedelta(days=days)
        + timedelta(hours=1)
    )
    for hour in range(days * 24):
        at = first + timedelta(hours=hour)
        run = new_run_id(at, f"{chance.getrandbits(32):08x}")
        yield [
            _entry(action, chance.randrange(people), at, run)
            for action, share in _SHARES.items()
            for _ in range(round(people * share / 24))
        ]


def _entry(action: Action, number: int, at: datetime, run: str) -> Entry:
    return Entry(
        at=at,
        action=action,
        result=Result.SUCCEEDED,
        by="schedule",
        domain="contoso.com",
        run_id=run,
        kind=RunKind.WHOLE,
        object_id=f"{number:08d}-0000-4000-8000-000000000000",
        source_id=f"user{number}",
        user_principal_name=f"user{number}@contoso.com",
        attributes=("surname", "displayName"),
        reason_parts=say("leaver.knownSince", date="2026-04-01") if action is Action.DELETE else (),
    )


if __name__ == "__main__":
    print(markdown(TITLE, rows()))
