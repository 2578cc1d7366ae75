"""The queues that an app's bindings name, and sending to them."""

import base64
from collections.abc import Callable, Mapping

from azure.core.exceptions import AzureError, HttpResponseError, ResourceExistsError
from azure.storage.queue.aio import QueueClient

from local.host.functions import Binding
from local.host.queue_output import messages
from local.host.rpc import TypedData
from local.host.settings import QueueSettings, SettingError, connection_string, resolve


class Queues:
    """The queues that an app's bindings name; missing ones are created."""

    def __init__(self, settings: QueueSettings, environ: Mapping[str, str], answer: float) -> None:
        self._settings = settings
        self._answer = answer
        self._environ = environ
        self._clients: dict[tuple[str, str], QueueClient] = {}
        self._listeners: dict[tuple[str, str], Callable[[], None]] = {}

    def address(self, binding: Binding) -> tuple[str, str]:
        """The connection string and the queue's name, both resolved. Raises SettingError."""
        connection = binding.text("connection") or "AzureWebJobsStorage"
        name = resolve(binding.text("queueName"), self._environ)
        return connection_string(connection, self._environ), name

    def client(self, address: tuple[str, str]) -> QueueClient:
        if address not in self._clients:
            try:
                # The SDK would wait 15 s before its first retry; this host polls anyway.
                self._clients[address] = QueueClient.from_connection_string(
                    *address,
                    initial_backoff=1,
                    increment_base=2,
                    random_jitter_range=1,
                    read_timeout=self._answer,
                )
            except ValueError as error:
                # For example, only .NET knows UseDevelopmentStorage=true.
                raise SettingError(f"queue {address[1]}: its connection string cannot be read") from error
        return self._clients[address]

    async def create(self, address: tuple[str, str]) -> None:
        try:
            await self.client(address).create_queue()
        except ResourceExistsError:
            return

    async def send(self, binding: Binding, value: TypedData) -> None:
        """Sends a queue output's value; wakes this host's listener on the same queue."""
        for message in messages(value):
            raw = message.encode() if isinstance(message, str) else message
            text = base64.b64encode(raw).decode() if self._settings.base64 else raw.decode()
            await self.put(self.address(binding), text)

    async def put(self, address: tuple[str, str], text: str) -> None:
        try:
            await self.client(address).send_message(text)
        except HttpResponseError as error:
            if error_code(error) != "QueueNotFound":
                raise
            await self.create(address)
            await self.client(address).send_message(text)
        if wake := self._listeners.get(address):
            wake()

    def listen(self, address: tuple[str, str], wake: Callable[[], None]) -> None:
        self._listeners[address] = wake

    async def close(self) -> None:
        for client in self._clients.values():
            await client.close()


def error_code(error: AzureError) -> str | None:
    """The storage service's error code, which the SDK adds to the exceptions it raises."""
    return getattr(error, "error_code", None)
