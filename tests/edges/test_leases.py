"""The lease on a domain: one holder, a heartbeat nothing starves, free soon after the holder has died.

How long a killed host's domain stays taken is seen in tests/integration/faults.
"""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace

import azure.functions as func
import httpx
import pytest
from azure.core.exceptions import HttpResponseError
from azure.storage.blob.aio import BlobLeaseClient

from local.azurite import Azurite
from local.host.log import invocation_running
from local.host.worker import Worker
from shared.clock import Clock
from shared.errors import DomainBusy, LeaseLost
from shared.settings import Settings
from shared.store.leases import Lease, Times, is_held, take_lease
from shared.store.storage import LOCKS, Storage
from tests.support.errors import raises
from tests.support.stack import captured_events, until
from tests.support.storage_control import StorageControl

DOMAIN = "contoso.com"
QUICK = Times(lease=15, renew_every=0.2, trusted=12.0, patience=1.0, retry_every=0.1)


def settings_for(storage: str) -> Settings:
    return Settings.from_environment(
        {"AzureWebJobsStorage": storage, "SOURCE": "csv", "CSV_PATH": "people.csv"}
    )


@pytest.fixture
def settings(storage_accounts: Iterator[str]) -> Settings:
    return settings_for(next(storage_accounts))


@pytest.fixture
async def storage(settings: Settings) -> AsyncIterator[Storage]:
    storage = Storage(settings, Clock())
    yield storage
    await storage.aclose()


async def steal(storage: Storage) -> None:
    """What an administrator can do to a lease: break it, and take another."""
    blob = storage.blobs.get_blob_client(LOCKS, DOMAIN)
    await BlobLeaseClient(blob).break_lease(lease_break_period=0)
    await BlobLeaseClient(blob).acquire(lease_duration=60)


async def take_once(storage: Storage, settings: Settings, times: Times) -> None:
    async with take_lease(storage, settings, DOMAIN, times) as held:
        held.check()


async def lost(held: Lease) -> bool:
    async with asyncio.timeout(60):
        while True:
            try:
                held.check()
            except LeaseLost:
                return True
            await asyncio.sleep(0.02)


def test_the_times_leave_an_answer_under_way_the_rest_of_the_lease() -> None:
    times = Times()

    assert (times.lease, times.renew_every) == (60, 20)
    assert 2 * times.renew_every < times.trusted < times.lease < times.patience


async def test_a_domain_has_one_holder_at_a_time(storage: Storage, settings: Settings) -> None:
    async with take_lease(storage, settings, DOMAIN, QUICK) as held:
        held.check()

        with raises(DomainBusy, match=DOMAIN):
            async with take_lease(storage, settings, DOMAIN, QUICK):
                pass


async def test_whether_a_domain_is_held_can_be_seen_without_taking_it(
    storage: Storage, settings: Settings
) -> None:
    assert not await is_held(storage, DOMAIN)

    async with take_lease(storage, settings, DOMAIN, QUICK):
        assert await is_held(storage, DOMAIN)

    assert not await is_held(storage, DOMAIN)


@pytest.mark.parametrize(("still_held", "status"), [(True, 412), (False, 409)])
async def test_a_domain_that_another_makes_and_takes_meanwhile_is_waited_for(
    storage: Storage, settings: Settings, *, still_held: bool, status: int
) -> None:
    """Neither finds the blob: the later one makes it where the other's is, which is leased or free again."""
    assert settings.storage is not None
    async with httpx.AsyncClient() as http, asyncio.TaskGroup() as tasks:
        control = StorageControl(http, settings.storage.get_secret_value())

        async def made() -> list[int]:
            return [one.status for one in await control.writes() if one.operation == "PutBlob"]

        async def answers(*statuses: int) -> None:
            async def so() -> bool:
                return await made() == list(statuses)

            await until(so)

        await control.faults({"kind": "delay", "ms": 600_000, "operation": "PutBlob", "nth": 1})
        tasks.create_task(take_once(storage, settings, replace(QUICK, patience=60.0)))
        await answers(-1)
        async with take_lease(storage, settings, DOMAIN, QUICK):
            if still_held:
                await control.faults()
                await answers(status, 201)
        await control.faults()
        await answers(status, 201)


async def test_two_domains_do_not_wait_for_each_other(storage: Storage, settings: Settings) -> None:
    async with (
        take_lease(storage, settings, DOMAIN, QUICK),
        take_lease(storage, settings, "fabrikam.com", QUICK),
    ):
        pass


async def test_a_domain_is_free_at_once_when_its_holder_is_done(storage: Storage, settings: Settings) -> None:
    async with take_lease(storage, settings, DOMAIN, QUICK):
        pass

    async with take_lease(storage, settings, DOMAIN, replace(QUICK, patience=0)):
        pass


async def test_a_domain_is_free_at_once_when_its_holder_fails(storage: Storage, settings: Settings) -> None:
    with pytest.raises(ZeroDivisionError):
        async with take_lease(storage, settings, DOMAIN, QUICK):
            raise ZeroDivisionError

    async with take_lease(storage, settings, DOMAIN, replace(QUICK, patience=0)):
        pass


async def test_a_stolen_lease_is_noticed_at_the_next_renewal(storage: Storage, settings: Settings) -> None:
    async with take_lease(storage, settings, DOMAIN, QUICK) as held:
        held.check()

        await steal(storage)

        assert await lost(held)


async def test_a_holder_that_ends_leaves_a_stolen_lease_to_the_thief(
    storage: Storage, settings: Settings
) -> None:
    async with take_lease(storage, settings, DOMAIN, QUICK) as held:
        await steal(storage)
        await lost(held)

    blob = storage.blobs.get_blob_client(LOCKS, DOMAIN)
    with pytest.raises(HttpResponseError, match="already a lease"):
        await BlobLeaseClient(blob).acquire(lease_duration=15)


async def test_a_heartbeat_outlives_anything_that_goes_wrong_once(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewals, enough = 0, threading.Event()
    renew = BlobLeaseClient.renew

    async def unlucky(self: BlobLeaseClient, **_: object) -> None:
        nonlocal renewals
        renewals += 1
        if renewals <= 3:
            raise RuntimeError("the transport was closed")  # no AzureError, as aiohttp's own are none
        await renew(self)
        if renewals > 15:
            enough.set()

    monkeypatch.setattr(BlobLeaseClient, "renew", unlucky)
    async with take_lease(storage, settings, DOMAIN, QUICK) as held:
        assert await asyncio.to_thread(enough.wait, 20)

        held.check()


async def test_a_renewal_that_failed_reaches_the_log_with_its_invocation(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    tried = threading.Event()

    async def unlucky(_: BlobLeaseClient, **__: object) -> None:
        tried.set()
        raise RuntimeError("the transport was closed")

    monkeypatch.setattr(BlobLeaseClient, "renew", unlucky)
    worker = await Worker.of(func.FunctionApp())
    with captured_events() as events, invocation_running("an invocation", worker):
        async with take_lease(storage, settings, DOMAIN, QUICK):
            assert await asyncio.to_thread(tried.wait, 20)

    failures = events.named("lease.notRenewed")
    assert (failures[0]["domain"], failures[0]["message"]) == (DOMAIN, "the transport was closed")


async def test_a_lease_that_cannot_be_renewed_is_trusted_no_longer() -> None:
    with Azurite() as azurite:
        settings = settings_for(azurite.connection_string)
        storage = Storage(settings, Clock())
        async with take_lease(storage, settings, DOMAIN, replace(QUICK, trusted=1.0)) as held:
            azurite.stop()
            assert await lost(held)
        await storage.aclose()


async def test_a_heartbeat_goes_on_while_a_cpu_bound_step_starves_the_event_loop(
    storage: Storage, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    renewed, renew = threading.Semaphore(0), BlobLeaseClient.renew

    async def noted(self: BlobLeaseClient, **_: object) -> None:
        await renew(self)
        renewed.release()

    monkeypatch.setattr(BlobLeaseClient, "renew", noted)
    async with take_lease(storage, settings, DOMAIN, QUICK) as held:
        for _ in range(5):
            # Nothing else runs in this event loop until the heartbeat has beaten.
            while not renewed.acquire(blocking=False):
                sum(range(100_000))

        held.check()
