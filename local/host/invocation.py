"""One invocation: arguments in, the function called, its outputs sent once it has returned."""

import asyncio
import inspect
import logging
import threading
import time
import uuid
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import azure.functions as func
from azure.functions._abc import RetryContext, TraceContext

from local.host.functions import Binding, DeclaredFunction

_log = logging.getLogger("local.host")

SendMessages = Callable[[Binding, list[str | bytes]], Awaitable[None]]


class FunctionTimeoutError(Exception):
    """A function ran longer than host.json's functionTimeout."""


class Output(func.Out[object]):
    """What a function's `func.Out` argument holds until the function has returned."""

    def __init__(self) -> None:
        self._value: object = None

    def set(self, val: object) -> None:
        self._value = val

    def get(self) -> object:
        return self._value


class Context(func.Context):
    """Who is running; tracing and retry policies do not exist here."""

    def __init__(self, function_name: str, invocation_id: str) -> None:
        self._function_name = function_name
        self._invocation_id = invocation_id

    @property
    def invocation_id(self) -> str:
        return self._invocation_id

    @property
    def function_name(self) -> str:
        return self._function_name

    @property
    def function_directory(self) -> str:
        return ""

    @property
    def thread_local_storage(self) -> type[threading.local]:
        raise NotImplementedError

    @property
    def trace_context(self) -> TraceContext:
        raise NotImplementedError

    @property
    def retry_context(self) -> RetryContext:
        raise NotImplementedError


class Invoker:
    """Runs functions: async ones on this loop, the others in threads, like the Python worker."""

    def __init__(self, send: SendMessages, timeout: float | None) -> None:
        self._send = send
        self._timeout = timeout
        self._threads = ThreadPoolExecutor(thread_name_prefix="function")
        self._running: set[asyncio.Task[object]] = set()

    def start(self, function: DeclaredFunction, trigger: object) -> asyncio.Task[object]:
        """The invocation as a task that survives whoever waits for it; it raises what the function raised."""
        task = asyncio.create_task(self._invoke(function, trigger), name=f"invoke {function.name}")
        self._running.add(task)
        task.add_done_callback(self._done)
        return task

    async def drain(self, limit: float) -> None:
        """Lets what runs finish, and cancels what still runs after `limit` seconds."""
        if not self._running:
            return
        _, late = await asyncio.wait(self._running, timeout=limit)
        for task in late:
            task.cancel()
        if late:
            _log.warning("Cancelled %d invocations that were still running", len(late))
            await asyncio.wait(late)

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _done(self, task: asyncio.Task[object]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # Reported by _invoke; nobody need be waiting for it.

    async def _invoke(self, function: DeclaredFunction, trigger: object) -> object:
        invocation_id = str(uuid.uuid4())
        started = time.monotonic()
        _log.info("Executing %s (%s)", function.name, invocation_id)
        outcome = "Cancelled"
        try:
            result = await self._call(function, trigger, invocation_id)
            outcome = "Succeeded"
        except Exception:
            outcome = "Failed"
            _log.exception("Exception in %s (%s)", function.name, invocation_id)
            raise
        finally:
            took = (time.monotonic() - started) * 1000
            _log.info("Executed %s (%s, %s, %.0f ms)", function.name, outcome, invocation_id, took)
        return result

    async def _call(self, function: DeclaredFunction, trigger: object, invocation_id: str) -> object:
        outputs = {binding.name: Output() for binding in function.outputs if binding.name != "$return"}
        arguments: dict[str, object] = {function.trigger.name: trigger, **outputs}
        if function.wants_context:
            arguments["context"] = Context(function.name, invocation_id)
        result = await self._within_timeout(function, arguments)
        # The worker's own rule, azure-functions-python-worker: only a $return binding takes a value.
        if result is not None and not function.returns:
            raise TypeError(f"{function.name} has no $return binding and returned {type(result).__name__}")
        for binding in function.outputs:
            value = result if binding.name == "$return" else outputs[binding.name].get()
            if binding.type == "queue" and value is not None:
                await self._send(binding, _messages(value, function.name))
        return result

    async def _within_timeout(self, function: DeclaredFunction, arguments: dict[str, object]) -> object:
        try:
            async with asyncio.timeout(self._timeout) as limit:
                if inspect.iscoroutinefunction(function.call):
                    return await function.call(**arguments)
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(self._threads, lambda: function.call(**arguments))
        except TimeoutError:
            if limit.expired():
                raise FunctionTimeoutError(f"{function.name} exceeded {self._timeout} s") from None
            raise


def _messages(value: object, function: str) -> list[str | bytes]:
    """What a queue output binding was given, as messages."""
    if isinstance(value, str | bytes):
        return [value]
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        return list(value)
    raise TypeError(
        f"{function}: a queue output takes str, bytes or a list of str, not {type(value).__name__}"
    )
