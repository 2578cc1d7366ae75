"""Queue triggers that behave like the listener of the Functions storage extension."""

import asyncio
import base64
import binascii
import datetime
import json
import logging
import random
from collections.abc import Awaitable

from azure.core.exceptions import AzureError, HttpResponseError
from azure.storage.queue import QueueMessage as StoredMessage

from local.host.functions import DeclaredFunction
from local.host.invocation import Invoker
from local.host.queues import Queues, error_code
from local.host.rpc import TypedData
from local.host.settings import QueueSettings
from local.host.storage_watch import StorageWatch

_log = logging.getLogger("local.host")

_POISON = "-poison"
_MINIMUM_WAIT = 0.1


class QueueListener:
    """Polls one queue and runs its function for each message.

    `lock`: seconds that a message stays invisible unless renewed. The message of a killed host comes back after that.
    """

    def __init__(
        self,
        function: DeclaredFunction,
        queues: Queues,
        invoker: Invoker,
        settings: QueueSettings,
        lock: int,
        storage: StorageWatch,
    ) -> None:
        self._function = function
        self._queues = queues
        self._invoker = invoker
        self._settings = settings
        self._lock = lock
        self._storage = storage
        self._address = queues.address(function.trigger)
        self._queue = queues.client(self._address)
        self._wake = asyncio.Event()
        self._stopping = False
        self._processing: set[asyncio.Task[None]] = set()
        queues.listen(self._address, self._wake.set)

    @property
    def queue_name(self) -> str:
        return self._address[1]

    async def run(self) -> None:
        """Runs until `stop()`, and then until every message it took has been processed."""
        wait = _MINIMUM_WAIT
        while not self._stopping:
            self._wake.clear()
            if await self._take_batch():
                wait = _MINIMUM_WAIT
                await self._wait_for_fewer_than(self._settings.new_batch_threshold + 1)
            else:
                await self._pause(wait * random.uniform(0.8, 1.2))
                wait = min(wait * 2, self._settings.max_polling_interval)
        await self._wait_for_fewer_than(1)

    def stop(self) -> None:
        self._stopping = True
        self._wake.set()

    async def _pause(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self._wake.wait(), seconds)
        except TimeoutError:
            return

    async def _wait_for_fewer_than(self, count: int) -> None:
        """Waits until fewer than `count` messages are being processed."""
        while len(self._processing) >= count:
            await asyncio.wait(self._processing, return_when=asyncio.FIRST_COMPLETED)
            # A task is removed from the set by its done callback, which runs right after the task ends.
            await asyncio.sleep(0)

    async def _take_batch(self) -> bool:
        """Starts a function for each message it got; False if there was none or storage did not answer."""
        size = self._settings.batch_size
        found = False
        try:
            async for message in self._queue.receive_messages(
                max_messages=size, messages_per_page=size, visibility_timeout=self._lock, retry_total=0
            ):
                found = True
                task = asyncio.create_task(self._process(message))
                self._processing.add(task)
                task.add_done_callback(self._processing.discard)
            self._storage.answered()
        except HttpResponseError as error:
            self._storage.answered()
            await self._after_failed_poll(error)
        except AzureError as error:
            self._storage.failed()
            await self._after_failed_poll(error)
        return found

    async def _after_failed_poll(self, error: AzureError) -> None:
        try:
            if error_code(error) == "QueueNotFound":
                await self._queues.create(self._address)
                return
        except AzureError as second:
            error = second
        _log.warning("Cannot read queue %s: %s", self.queue_name, str(error).splitlines()[0])

    async def _process(self, message: StoredMessage) -> None:
        try:
            if self._stopping:
                await self._release(message, 0)
            elif (message.dequeue_count or 0) > self._settings.max_dequeue_count:
                await self._to_poison_queue(message)
            elif (body := self._body(message)) is None:
                # Another try would fail too, so the extension makes none (azure-sdk-for-net#18326).
                await self._to_poison_queue(message)
            else:
                await self._run_function(message, body)
        except AzureError as error:
            _log.warning("Message %s of queue %s: %s", message.id, self.queue_name, error)

    async def _run_function(self, message: StoredMessage, body: bytes) -> None:
        finished = asyncio.Event()
        renewal = asyncio.create_task(self._renew(message, finished))
        text = TypedData(string=body.decode(errors="replace"))
        invocation = self._invoker.start(self._function, text, _metadata(message))
        await asyncio.wait([invocation])
        # Not cancelled: a renewal in flight returns the pop receipt that the next call needs.
        finished.set()
        await renewal
        if invocation.cancelled():
            return  # The host is stopping: the message comes back after the lock, as after a kill.
        if invocation.exception() is None:
            await self._if_still_ours(self._queue.delete_message(message))
        elif self.queue_name.endswith(_POISON):
            return  # A poison queue has no poison queue: the message is tried again after the lock.
        elif (message.dequeue_count or 0) >= self._settings.max_dequeue_count:
            await self._to_poison_queue(message)
        else:
            await self._release(message, self._settings.visibility_timeout)

    async def _renew(self, message: StoredMessage, finished: asyncio.Event) -> None:
        """Keeps the message invisible while its function runs; renews at half the lock, like the extension."""
        while True:
            try:
                await asyncio.wait_for(finished.wait(), self._lock / 2)
            except TimeoutError:
                try:
                    renewed = await self._queue.update_message(message, visibility_timeout=self._lock)
                    message.pop_receipt = renewed.pop_receipt
                except AzureError as error:
                    _log.warning(
                        "Cannot renew message %s of queue %s: %s", message.id, self.queue_name, error
                    )
            else:
                return

    async def _release(self, message: StoredMessage, seconds: float) -> None:
        await self._if_still_ours(self._queue.update_message(message, visibility_timeout=round(seconds)))

    async def _to_poison_queue(self, message: StoredMessage) -> None:
        if self.queue_name.endswith(_POISON):
            return
        connection, name = self._address
        _log.warning(
            "Message %s has reached MaxDequeueCount of %d. Moving it to queue %s",
            message.id,
            self._settings.max_dequeue_count,
            name + _POISON,
        )
        await self._queues.put((connection, name + _POISON), message.content)
        await self._if_still_ours(self._queue.delete_message(message))

    async def _if_still_ours(self, call: Awaitable[object]) -> None:
        """Ignores an error that means another host has taken or deleted the message."""
        try:
            await call
        except HttpResponseError as error:
            if error_code(error) not in {"MessageNotFound", "PopReceiptMismatch", "QueueNotFound"}:
                raise
            _log.warning(
                "A message of queue %s is no longer this host's (%s)", self.queue_name, error_code(error)
            )

    def _body(self, message: StoredMessage) -> bytes | None:
        """The message's bytes, or None if it is not encoded as messageEncoding says."""
        text = str(message.content)
        if not self._settings.base64:
            return text.encode()
        try:
            return base64.b64decode(text, validate=True)
        except binascii.Error:
            return None


def _metadata(message: StoredMessage) -> dict[str, TypedData]:
    """The storage extension's binding data by name; values other than text are JSON."""
    values = {
        "DequeueCount": message.dequeue_count,
        "ExpirationTime": message.expires_on,
        "InsertionTime": message.inserted_on,
        "NextVisibleTime": message.next_visible_on,
    }
    texts = {"Id": message.id, "PopReceipt": message.pop_receipt}
    return {
        **{name: TypedData(string=text) for name, text in texts.items() if text},
        **{name: TypedData(json=json.dumps(v, default=_iso)) for name, v in values.items() if v is not None},
    }


def _iso(moment: object) -> str:
    return moment.isoformat() if isinstance(moment, datetime.datetime) else str(moment)
