"""Invocations: the worker runs the function; its outputs are sent once it has returned."""

import asyncio
import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Mapping
from types import MappingProxyType

from local.host import rpc
from local.host.functions import Binding, DeclaredFunction
from local.host.log import invocation_running
from local.host.worker import Worker

_log = logging.getLogger("local.host")

SendOutput = Callable[[Binding, rpc.TypedData], Awaitable[None]]
Result = rpc.TypedData | None


class FunctionTimeoutError(Exception):
    """A function ran longer than host.json's functionTimeout."""


class Invoker:
    """Runs async functions on this loop, and synchronous ones in the worker's threads."""

    def __init__(self, worker: Worker, send: SendOutput, timeout: float | None) -> None:
        self._worker = worker
        self._send = send
        self._timeout = timeout
        self._running: set[asyncio.Task[Result]] = set()

    def start(
        self,
        function: DeclaredFunction,
        trigger: rpc.TypedData,
        metadata: Mapping[str, rpc.TypedData] = MappingProxyType({}),
    ) -> asyncio.Task[Result]:
        """Starts an invocation. The task runs to its end even if no one awaits it; its result is the function's."""
        task = asyncio.create_task(self._invoke(function, trigger, metadata), name=f"invoke {function.name}")
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def drain(self, limit: float) -> None:
        """Waits for running invocations; cancels those that still run after `limit` seconds."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=limit)
        for task in late:
            task.cancel()
        if late:
            _log.warning("Cancelled %d invocations that were still running", len(late))
            await asyncio.wait(late)

    def _done(self, task: asyncio.Task[Result]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # Already logged by _invoke. Reading it avoids asyncio's "never retrieved" warning.

    async def _invoke(
        self, function: DeclaredFunction, trigger: rpc.TypedData, metadata: Mapping[str, rpc.TypedData]
    ) -> Result:
        invocation_id = str(uuid.uuid4())
        started = time.monotonic()
        _log.info("Executing %s (%s)", function.name, invocation_id)
        outcome = "Cancelled"
        try:
            with invocation_running(invocation_id, self._worker):
                response = await self._within_timeout(function, invocation_id, trigger, metadata)
            await self._send_outputs(function, response)
            outcome = "Succeeded"
        except Exception as error:
            outcome = "Failed"
            _log.error("Exception in %s (%s): %s", function.name, invocation_id, error)
            raise
        finally:
            took = (time.monotonic() - started) * 1000
            _log.info("Executed %s (%s, %s, %.0f ms)", function.name, outcome, invocation_id, took)
        return response.return_value

    async def _within_timeout(
        self,
        function: DeclaredFunction,
        invocation_id: str,
        trigger: rpc.TypedData,
        metadata: Mapping[str, rpc.TypedData],
    ) -> rpc.InvocationResponse:
        try:
            async with asyncio.timeout(self._timeout):
                return await self._worker.invoke(function, invocation_id, trigger, metadata)
        except TimeoutError:  # the worker turns the function's own into FunctionFailed
            raise FunctionTimeoutError(f"{function.name} exceeded {self._timeout} s") from None

    async def _send_outputs(self, function: DeclaredFunction, response: rpc.InvocationResponse) -> None:
        queues = {output.name: output for output in function.outputs if output.type == "queue"}
        sent = {output.name: output.data for output in response.output_data}
        if response.return_value is not None:
            sent["$return"] = response.return_value
        for name in queues.keys() & sent.keys():
            await self._send(queues[name], sent[name])
