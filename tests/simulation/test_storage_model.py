"""The tables in memory do what Azurite does, through the SDK, for generated operations."""

import asyncio
import itertools
from collections.abc import Awaitable, Callable, Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from shared.settings import Settings
from shared.store.account import AzureAccount
from shared.store.attempts import error_code, unchanged
from tests.simulation.blobs import Blobs, SimulatedAccount
from tests.simulation.faults import Faults
from tests.simulation.gate import Gate, History
from tests.simulation.loop import Owner, VirtualLoop
from tests.simulation.tables import Tables

KEYS = st.sampled_from(["a", "b", "c"])
VERSIONS = st.sampled_from(["none", "last", "older"])
_numbers = itertools.count()


class Side:
    """One of the two accounts, and the ETags that it gave: ETags themselves differ, what they allow does not."""

    def __init__(self, account: Any, name: str, never_given: str) -> None:
        self.account = account
        self.name = name
        self.never_given = never_given
        self.etags: dict[str, list[str]] = {}

    def condition(self, key: str, version: str) -> dict[str, Any]:
        known = self.etags.get(key, [])
        if version == "none":
            return {}
        if version == "older":
            return unchanged(known[0] if len(known) > 1 else self.never_given)
        return unchanged(known[-1] if known else self.never_given)

    def keep(self, key: str, answer: dict[str, Any] | None) -> None:
        if answer and "etag" in answer:
            self.etags.setdefault(key, []).append(str(answer["etag"]))


Step = Callable[[Side], Awaitable[object]]


async def outcome(step: Step, side: Side) -> object:
    """What came of a step, comparable between the sides."""
    try:
        return await step(side)
    except Exception as error:
        return type(error).__name__, getattr(error, "status_code", None), error_code(error)


@st.composite
def row_steps(draw: st.DrawFn) -> Step:
    verb = draw(st.sampled_from(["create", "update", "upsert", "delete"]))
    alone, key = draw(st.booleans()), draw(KEYS)
    # In a transaction the app never updates or deletes without a condition.
    version = draw(VERSIONS if alone else st.sampled_from(["last", "older"]))
    properties = draw(st.dictionaries(st.sampled_from(["n", "text"]), st.integers(0, 3), max_size=2))
    mode = draw(st.sampled_from(["merge", "replace"]))
    other = draw(st.none() | KEYS)

    async def step(side: Side) -> object:
        table = side.account.tables.get_table_client(side.name)
        entity = {"PartitionKey": "p", "RowKey": key, **properties}
        options = side.condition(key, version) if verb in ("update", "delete") else {}
        if verb in ("update", "upsert"):
            options["mode"] = mode
        if alone and verb in ("update", "delete"):
            answer = await getattr(table, f"{verb}_entity")(entity, **options)
            side.keep(key, answer)
            return "done"
        operations: list[Any] = [(verb, entity, options) if options else (verb, entity)]
        if other and other != key:
            operations.append(("upsert", {"PartitionKey": "p", "RowKey": other, "n": 9}))
        for one, answer in zip((key, other), await table.submit_transaction(operations), strict=False):
            side.keep(str(one), answer)
        return "done"

    return step


@st.composite
def row_looks(draw: st.DrawFn) -> Step:
    key, below = draw(KEYS), draw(KEYS)
    page = draw(st.sampled_from([1, 2, 1000]))

    async def step(side: Side) -> object:
        table = side.account.tables.get_table_client(side.name)
        found = [
            dict(row)
            async for row in table.query_entities(
                "PartitionKey eq @p and RowKey lt @below",
                parameters={"p": "p", "below": below},
                results_per_page=page,
            )
        ]
        row = await table.get_entity("p", key)
        return found, dict(row), row.metadata["etag"] == side.etags[key][-1]

    return step


@pytest.fixture(scope="module")
def storage(storage_accounts: Iterator[str]) -> Settings:
    environment = {"AzureWebJobsStorage": next(storage_accounts), "SOURCE": "csv", "CSV_PATH": "people.csv"}
    return Settings.from_environment(environment)


ETAGS = {"create_table": "W/\"datetime'2020-01-01T00%3A00%3A00.0000000Z'\"", "create_container": '"0x0"'}


def compare(storage: Settings, steps: list[Step], make: str) -> None:
    async def on_both() -> list[tuple[object, object]]:
        name = f"model{next(_numbers)}"
        real, simulated = AzureAccount(storage), simulated_account()
        try:
            for account in (real, simulated):
                await getattr(account.tables if make == "create_table" else account.blobs, make)(name)
            sides = [Side(account, name, ETAGS[make]) for account in (real, simulated)]
            return [(await outcome(step, sides[0]), await outcome(step, sides[1])) for step in steps]
        finally:
            await real.aclose()

    for there, here in asyncio.run(on_both()):
        assert here == there


def simulated_account() -> SimulatedAccount:
    def now() -> datetime:
        return datetime.now(UTC)

    loop = VirtualLoop()
    gate = Gate(loop, History(loop), Faults(()), Owner(), "one", Random(0))
    return SimulatedAccount(Tables(now), Blobs(now), gate)


FEW = settings(
    max_examples=40,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


@FEW
@given(steps=st.lists(row_steps() | row_steps() | row_looks(), min_size=1, max_size=12))
def test_tables_in_memory_are_those_of_the_service(storage: Settings, steps: list[Step]) -> None:
    compare(storage, steps, "create_table")
