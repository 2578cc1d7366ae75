"""Both emulators as processes, which the tests of this folder take turns at."""

import contextlib
from collections.abc import AsyncIterator, Iterator
from typing import Protocol

import pytest

from local.host import HostProcess
from tests.support.processes import Apart, People, Sides, apart, settings_of


class StartApart(Protocol):
    """The fixture `start_apart`."""

    async def __call__(self, *them: People, **settings: str) -> Apart:
        """These people on both sides, on a storage account of their own; `settings` of the app."""
        ...


@pytest.fixture(scope="session")
def sides() -> Iterator[Sides]:
    both = Sides()
    yield both
    both.end()


@pytest.fixture(scope="session")
def running_host(sides: Sides, storage_accounts: Iterator[str]) -> Iterator[tuple[HostProcess, str]]:
    """One host for every test that neither kills nor configures its own, and its storage account."""
    storage = next(storage_accounts)
    with HostProcess(settings_of(sides, storage), drain=0.2) as host:
        yield host, storage


@pytest.fixture
async def product(sides: Sides, running_host: tuple[HostProcess, str]) -> AsyncIterator[Apart]:
    """The product on the host that all share; each test takes a domain of its own."""
    host, storage = running_host
    async with apart(sides, storage) as product:
        product.connect(host)
        yield product


@pytest.fixture
async def start_apart(sides: Sides, storage_accounts: Iterator[str]) -> AsyncIterator[StartApart]:
    async with contextlib.AsyncExitStack() as ending:

        async def start(*them: People, **settings: str) -> Apart:
            product = apart(sides, next(storage_accounts), *them, settings=settings)
            return await ending.enter_async_context(product)

        yield start
