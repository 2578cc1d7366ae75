"""Blob `locks/{domain}`: one invocation per domain at a time, by a lease that a heartbeat renews.

The heartbeat is a thread with an event loop and a client of its own, so that a long CPU-bound step can't starve
it. Once a renewal is refused, or none has succeeded for `Times.trusted` seconds, the work must stop: that is well
before the lease itself expires.
"""

import logging
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

from shared.clock import Ended
from shared.errors import DomainBusy, LeaseLost
from shared.log import event
from shared.settings import Settings
from shared.store.attempts import error_code, keep_trying, or_none
from shared.store.storage import LOCKS, Storage

if TYPE_CHECKING:
    from azure.storage.blob.aio import BlobClient

_HELD = ("LeaseAlreadyPresent", "LeaseIsBreakingAndCannotBeAcquired")
# The service checks the lease before it checks whether the blob exists.
_CREATED = ("BlobAlreadyExists", "LeaseIdMissing")


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """The times of a lease, in seconds; the storage service takes 15 to 60 for `lease`."""

    lease: int = 60
    renew_every: float = 20.0
    # After this long without a renewal nothing more is written. Answers under way can arrive until the lease expires.
    trusted: float = 50.0
    # How long to wait for the lease. A crashed holder's has expired by then; one that is still held is renewed.
    patience: float = 75.0
    retry_every: float = 2.0

    @classmethod
    def of(cls, lease: int) -> "Times":
        """The same proportions for a lease of `lease` seconds."""
        return cls(lease=lease, renew_every=lease / 3, trusted=lease * 5 / 6, patience=lease * 5 / 4)

    @property
    def one_try(self) -> dict[str, Any]:
        """SDK options for one request without retries: the heartbeat retries by itself."""
        seconds = max(1, self.lease // 6)
        return {
            "timeout": seconds,
            "retry_total": 0,
            "connection_timeout": seconds / 2,
            "read_timeout": seconds,
        }


class Lease:
    """A held lease. `check` is cheap: it asks the clock, not the storage."""

    def __init__(self, storage: Storage, domain: str, lease_id: str, taken_at: float, times: Times) -> None:
        self._storage = storage
        self._clock = storage.clock
        self._domain = domain
        self._lease_id = lease_id
        self._times = times
        self._renewed_at = taken_at
        self._refused = False
        self._failures: deque[str] = deque()
        self._heartbeat = self._clock.in_background(self._renew_until, f"lease-{domain}")

    def check(self) -> None:
        """Raises LeaseLost if another invocation may hold the domain by now."""
        self._report()
        if self._refused or self._clock.monotonic() - self._renewed_at > self._times.trusted:
            raise LeaseLost("lease.notRenewed", domain=self._domain)

    async def release(self) -> None:
        await self._heartbeat.end()
        self._report()

    def _report(self) -> None:
        """Logs failed renewals. Not in the heartbeat's thread: Azure's host drops lines outside of an invocation."""
        while self._failures:
            event("lease.notRenewed", logging.WARNING, domain=self._domain, message=self._failures.popleft())

    async def _renew_until(self, ended: Ended) -> None:
        from azure.core.exceptions import HttpResponseError

        storage = self._storage.apart()
        try:
            lease = storage.lease(LOCKS, self._domain, self._lease_id)
            wait = self._times.renew_every
            while not await ended.wait(wait):
                asked_at = self._clock.monotonic()
                wait = self._times.retry_every
                try:
                    await lease.renew(**self._times.one_try)
                    self._renewed_at = asked_at
                    wait = self._times.renew_every
                except HttpResponseError as error:
                    self._refused = self._refused or error.status_code in (404, 409, 412)
                except Exception as error:  # the heartbeat must survive any error
                    self._failures.append(str(error))
            with suppress(Exception):  # if the release fails, the lease expires
                await lease.release(**self._times.one_try)
        finally:
            await storage.aclose()


async def is_held(storage: Storage, domain: str) -> bool:
    """Whether an invocation holds the domain. The lease of a crashed one expires within a minute."""
    blob = (await storage.open_container(LOCKS)).get_blob_client(domain)
    properties = await or_none(blob.get_blob_properties())
    return properties is not None and properties.lease.state in ("leased", "breaking")


@asynccontextmanager
async def take_lease(
    storage: Storage, settings: Settings, domain: str, times: Times | None = None
) -> AsyncIterator[Lease]:
    """Holds the domain for the length of the block.

    Waits until the lease of a crashed holder has expired. Raises DomainBusy if another invocation keeps renewing it.
    """
    times = times or Times.of(settings.lease_seconds)
    clock = storage.clock
    lease_id = clock.guid()
    give_up_at = clock.monotonic() + times.patience
    acquire = partial(_acquire, storage, domain, lease_id, times)
    while (taken_at := await keep_trying(storage, acquire)) is None:
        if clock.monotonic() >= give_up_at:
            raise DomainBusy("lease.held", domain=domain)
        await clock.sleep(times.retry_every)
    held = Lease(storage, domain, lease_id, taken_at, times)
    try:
        yield held
    finally:
        await held.release()


async def _acquire(storage: Storage, domain: str, lease_id: str, times: Times) -> float | None:
    """The monotonic time at which the lease was requested; None if another invocation has it.

    Idempotent: acquiring it again with the same `lease_id` gives the same lease.
    """
    from azure.core.exceptions import HttpResponseError

    container = await storage.open_container(LOCKS)
    while True:
        asked_at = storage.clock.monotonic()
        try:
            await storage.lease(LOCKS, domain, lease_id).acquire(lease_duration=times.lease)
        except HttpResponseError as error:
            if error_code(error) in _HELD:
                return None
            if error_code(error) != "BlobNotFound":
                raise
            await _create(container.get_blob_client(domain))
        else:
            return asked_at


async def _create(blob: "BlobClient") -> None:
    """Creates the blob, unless another invocation has done so. That one may hold the lease already."""
    from azure.core.exceptions import HttpResponseError

    try:
        await blob.upload_blob(b"", overwrite=False)
    except HttpResponseError as error:
        if error_code(error) not in _CREATED:
            raise
