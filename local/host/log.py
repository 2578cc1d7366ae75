"""Which lines of an app's log the host keeps: only those of an invocation that is running.

The worker sends each line with the id of an invocation: that of the asyncio task that writes the line (child tasks
inherit it), or that of the thread that runs a synchronous function (azure-functions-python-worker,
`get_current_invocation_id`). The host drops lines without an id, and lines of an invocation that has ended
(azure-functions-host, GrpcWorkerChannel.cs, `Log`). So these lines are lost: written at import, in plain threads, in
`asyncio.to_thread`, or by a task that outlives its function.
"""

import asyncio
import contextlib
import contextvars
import logging
import threading
from collections.abc import Iterator
from dataclasses import dataclass

from local.host.worker import Worker

# Log categories that only Microsoft sees (azure-functions-python-worker, `is_system_log_category`).
_SYSTEM = ("azure_functions_worker", "azure.functions")
_HOST = "local.host"


@dataclass(frozen=True)
class _Task:
    """The invocation of a task, and the thread of its event loop."""

    invocation_id: str
    thread: int


_task: contextvars.ContextVar[_Task | None] = contextvars.ContextVar("invocation", default=None)
_running: dict[str, Worker] = {}


@contextlib.contextmanager
def invocation_running(invocation_id: str, worker: Worker) -> Iterator[None]:
    """During the block, log lines of this task and of the tasks it starts belong to the invocation."""
    token = _task.set(_Task(invocation_id, threading.get_ident()))
    _running[invocation_id] = worker
    try:
        yield
    finally:
        del _running[invocation_id]
        _task.reset(token)


def current_invocation() -> str | None:
    """The id of the running invocation that a log line written here belongs to, or None."""
    found = _of_task() or _of_thread()
    return found if found in _running else None


def reaches_the_log(record: logging.LogRecord) -> bool:
    """A filter for the handlers of the app's log; the host's own lines pass."""
    if record.name.startswith(_HOST):
        return True
    return not record.name.startswith(_SYSTEM) and current_invocation() is not None


def _of_task() -> str | None:
    """None in a callback, which is not a task: the worker would use the latest invocation, perhaps a wrong one."""
    try:
        in_a_task = asyncio.current_task() is not None
    except RuntimeError:  # no event loop runs in this thread
        return None
    task = _task.get()
    return task.invocation_id if in_a_task and task and task.thread == threading.get_ident() else None


def _of_thread() -> str | None:
    found = (worker.invocation_of_thread() for worker in set(_running.values()))
    return next((invocation_id for invocation_id in found if invocation_id), None)
