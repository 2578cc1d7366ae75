"""What every test may ask for: one Azurite a session, and a stack on a storage account of its own.

Property-based tests: HYPOTHESIS_PROFILE=quick takes few examples, =thorough thousands of them, and minutes.
"""

import contextlib
import os
import random
import sys
import threading
import time
from collections.abc import AsyncIterator, Generator, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Unpack

import pytest
from hypothesis import HealthCheck, settings

from local.azurite import Azurite
from shared.store.hours import Hours, Settled
from tests.support.stack import Stack, StackOptions, StartStack, running_stack

pytest_plugins = ("tests.support.graph_recording",)

# A deadline per example would fail on a busy machine and say nothing about the program.
settings.register_profile(
    "default", max_examples=200, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
settings.register_profile("quick", parent=settings.get_profile("default"), max_examples=20)
settings.register_profile("thorough", parent=settings.get_profile("default"), max_examples=5_000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "default"))

# Shares are not cut to the test: a few come before those that wait.
BEFORE = 5
# Folders whose tests reach little of `shared/` that others don't: 96 % is reached without them.
UNTRACED = [
    Path(__file__).parent / folder
    for folder in ("console", "integration/faults", "integration/safety", "integration/security", "strikes")
]
# Which strikes tests/strikes chooses; the workers of a run inherit it.
os.environ.setdefault("STRIKES_SEED", str(random.randrange(1_000_000)))
# What was deleted can't be made anew for so long; the service takes half a minute and more.
DELETION_SECONDS = 2.0
ACCOUNTS = [f"stack{number}" for number in range(500)]


def pytest_report_header() -> str:
    return f"STRIKES_SEED={os.environ['STRIKES_SEED']}"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those that wait for minutes come near the beginning of each worker's share, which is an equal part of the list.

    One after the other at the end of it, they would be most of the time that all of it takes.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    waiting = sorted((item for item in items if item.get_closest_marker("waits")), key=_seconds, reverse=True)
    others = [item for item in items if not item.get_closest_marker("waits")]
    shares = [others[len(others) * n // workers : len(others) * (n + 1) // workers] for n in range(workers)]
    items[:] = [
        item
        for n, share in enumerate(shares)
        for item in (*share[:BEFORE], *waiting[n::workers], *share[BEFORE:])
    ]


def _seconds(item: pytest.Item) -> int:
    marker = item.get_closest_marker("waits")
    return int(marker.args[0]) if marker else 0


_set_trace = sys.settrace


def _set_trace_in_turn(function: Any) -> None:
    """As `sys.settrace`, which raises RuntimeError in a thread while another one is in it. That thread would not run.

    Coverage has each thread that begins call it, and an executor may begin two at once.
    """
    for _ in range(1_000):
        try:
            return _set_trace(function)
        except RuntimeError:
            time.sleep(0)
    return _set_trace(function)


sys.settrace = _set_trace_in_turn


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What is marked `untraced`, or lies in such a folder, runs without coverage's tracer, half as long again.

    pytest-cov has `no_cover` for that, which under xdist stops only one of two tracers.
    """
    tracer, of_threads = sys.gettrace(), threading.gettrace()
    if item.get_closest_marker("untraced") or any(item.path.is_relative_to(one) for one in UNTRACED):
        sys.settrace(None)
        threading.settrace(None)
    try:
        return (yield)
    finally:
        sys.settrace(tracer)
        threading.settrace(of_threads)


@pytest.fixture(scope="session")
def storage_accounts() -> Iterator[Iterator[str]]:
    """Connection strings of storage accounts that nobody has used yet."""
    with contextlib.ExitStack() as running:
        yield _new_accounts(running)


def _new_accounts(running: contextlib.ExitStack) -> Iterator[str]:
    """However many are asked for: an Azurite takes its accounts from one variable, which can't name many more."""
    # A child process ends with the thread that started it: a test's own thread would be too short-lived.
    starting = running.enter_context(ThreadPoolExecutor(max_workers=1))
    while True:
        azurite = Azurite(accounts=ACCOUNTS, deletion_seconds=DELETION_SECONDS)
        starting.submit(running.enter_context, azurite).result()
        yield from map(azurite.connection_string_of, ACCOUNTS)


@pytest.fixture
def every_hour_has_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if the last run of each domain had had something to do."""

    async def nobody(_hours: Hours) -> dict[str, Settled]:
        return {}

    monkeypatch.setattr(Hours, "read_all", nobody)


@pytest.fixture
async def start_stack(storage_accounts: Iterator[str]) -> AsyncIterator[StartStack]:
    """Starts a stack with these people and settings (see `running_stack`), which ends with the test."""
    async with contextlib.AsyncExitStack() as ending:

        async def start(**options: Unpack[StackOptions]) -> Stack:
            return await ending.enter_async_context(running_stack(next(storage_accounts), **options))

        yield start
