"""Blob `locks/{domain}`: one invocation per domain at a time, by a lease that a heartbeat renews.

The heartbeat is a thread with an event loop and a client of its own, so that a long CPU-bound step can't starve
it. Once a renewal has failed for good, or has not succeeded for too long, the work must stop: that is well before
the lease itself runs out.
"""

import asyncio
import threading
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from shared.errors import DomainBusy, LeaseLost
from shared.settings import Settings
from shared.store.storage import LOCKS, Storage, error_code

LEASE_SECONDS = 60
RENEW_SECONDS = 20.0
# After this long without a renewal nothing is written any more; an answer under way has the rest to arrive.
TRUSTED_SECONDS = 50.0
# A dead holder's lease is free after 60 s; whoever still holds it then is alive.
PATIENCE_SECONDS = 75.0
RETRY_SECONDS = 2.0


class Lease:
    """A held lease. `check` is cheap: it asks the clock, not the storage."""

    def __init__(self, settings: Settings, domain: str, lease_id: str, taken_at: float) -> None:
        self._settings = settings
        self._domain = domain
        self._lease_id = lease_id
        self._renewed_at = taken_at
        self._refused = False
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._beat, name=f"lease-{domain}", daemon=True)
        self._thread.start()

    def check(self) -> None:
        """LeaseLost if another invocation may hold the domain by now."""
        if self._refused or time.monotonic() - self._renewed_at > TRUSTED_SECONDS:
            raise LeaseLost(
                f"The lease on {self._domain} could not be renewed; another invocation may hold it by now."
            )

    async def release(self) -> None:
        self._ended.set()
        await asyncio.to_thread(self._thread.join)

    def _beat(self) -> None:
        asyncio.run(self._renew_until_ended())

    async def _renew_until_ended(self) -> None:
        from azure.core.exceptions import AzureError, HttpResponseError
        from azure.storage.blob.aio import BlobLeaseClient

        storage = Storage(self._settings)
        try:
            blob = storage.blobs.get_blob_client(LOCKS, self._domain)
            lease = BlobLeaseClient(blob, lease_id=self._lease_id)
            wait = RENEW_SECONDS
            while not await asyncio.to_thread(self._ended.wait, wait):
                asked_at = time.monotonic()
                try:
                    await lease.renew(timeout=10)
                    self._renewed_at = asked_at
                    wait = RENEW_SECONDS
                except HttpResponseError as error:
                    self._refused = self._refused or error.status_code in (404, 409, 412)
                    wait = RETRY_SECONDS
                except AzureError:
                    wait = RETRY_SECONDS
            with suppress(AzureError):
                await lease.release(timeout=10)
        finally:
            await storage.aclose()


@asynccontextmanager
async def lease(
    storage: Storage, settings: Settings, domain: str, patience: float = PATIENCE_SECONDS
) -> AsyncIterator[Lease]:
    """Holds the domain for the length of the block.

    Waits until a dead holder's lease has run out; DomainBusy if somebody alive keeps it.
    """
    from azure.core.exceptions import HttpResponseError, ResourceExistsError
    from azure.storage.blob.aio import BlobLeaseClient

    blob = (await storage.container(LOCKS)).get_blob_client(domain)
    with suppress(ResourceExistsError):
        await blob.upload_blob(b"", overwrite=False)
    lease_id = str(uuid.uuid4())
    give_up_at = time.monotonic() + patience
    while True:
        asked_at = time.monotonic()
        try:
            await BlobLeaseClient(blob, lease_id=lease_id).acquire(lease_duration=LEASE_SECONDS)
            break
        except HttpResponseError as error:
            if error_code(error) != "LeaseAlreadyPresent":
                raise
            if asked_at >= give_up_at:
                raise DomainBusy(f"Another run holds {domain} and is alive.") from None
        await asyncio.sleep(RETRY_SECONDS)
    held = Lease(settings, domain, lease_id, asked_at)
    try:
        yield held
    finally:
        await held.release()
