"""The host itself: runs an app's functions on loopback."""

import asyncio
import contextlib
import logging
import os
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from types import ModuleType

import azure.functions as func
from aiohttp import web

from local.host.admin import Admin
from local.host.functions import DeclaredFunction
from local.host.http_server import HttpServer, empty, refused
from local.host.http_trigger import HttpTriggers
from local.host.invocation import Invoker
from local.host.keys import Keys
from local.host.limits import PLATFORM, Limits
from local.host.paths import BadPath, normalised
from local.host.queue_trigger import QueueListener
from local.host.queues import Queues
from local.host.schedule import ScheduleError
from local.host.settings import HostSettings, SettingError, read_host_json
from local.host.storage_watch import StorageWatch
from local.host.timer_trigger import Timer
from local.host.worker import Worker
from local.processes import REPOSITORY

_log = logging.getLogger("local.host")

# Replaces Microsoft's page, which has 150 kB.
_HOMEPAGE = "<!DOCTYPE html><title>Your Functions app is up and running</title>"


class Host:
    """A running host; `url` has no slash at the end."""

    def __init__(
        self,
        worker: Worker,
        settings: HostSettings,
        environ: Mapping[str, str],
        limits: Limits,
    ) -> None:
        self.storage = StorageWatch(limits.storage)
        self._queues = Queues(settings.queues, environ, limits.storage_answer)
        self._worker = worker
        self._invoker = Invoker(worker, self._queues.send, settings.function_timeout)
        self._environ = environ
        self._settings = settings
        self._message_lock = limits.message_lock
        self._timers: dict[str, Timer] = {}
        self._listeners: dict[str, QueueListener] = {}
        keys = Keys.from_environment(environ)
        http_functions = [function for function in worker.functions if function.trigger.type == "httpTrigger"]
        self._http = HttpTriggers(
            http_functions,
            self._invoker,
            prefix=settings.route_prefix,
            keys=keys,
            limit=limits.answer,
        )
        for function in worker.functions:
            if function not in http_functions:
                self._add_trigger(function)
        self._admin = Admin(worker.functions, self._timers, self._invoker, keys)
        self._loops: list[asyncio.Task[None]] = []
        self._runner: web.ServerRunner | None = None
        self._site: web.TCPSite | None = None
        self.url = ""

    def summary(self) -> str:
        """Every running function with its trigger, as one line."""
        parts = [f"{name} (timer {timer.expression})" for name, timer in self._timers.items()]
        parts += [f"{name} (queue {listener.queue_name})" for name, listener in self._listeners.items()]
        parts += [
            f"{route.function.name} ({','.join(sorted(route.methods or ['any']))} /{route.template})"
            for route in self._http.routes
        ]
        return ", ".join(parts)

    async def start(self, port: int) -> None:
        self._runner = web.ServerRunner(HttpServer(self._handle), shutdown_timeout=1)
        await self._runner.setup()
        self._site = web.TCPSite(self._runner, "127.0.0.1", port)
        await self._site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self._loops = [asyncio.create_task(trigger.run()) for trigger in self._triggers()]

    async def stop(self, drain: float) -> None:
        """Accepts nothing new, waits `drain` seconds for running invocations, then cancels them."""
        if self._site:
            await self._site.stop()
        for trigger in self._triggers():
            trigger.stop()
        await self._invoker.drain(drain)
        await asyncio.gather(*self._loops, return_exceptions=True)
        if self._runner:
            await self._runner.cleanup()
        await self._queues.close()
        self._worker.close()

    async def _handle(self, request: web.BaseRequest) -> web.Response:
        if answer := refused(request):
            return answer
        try:
            path = normalised(request.rel_url.raw_path)
        except BadPath:
            return empty(400, close=True)
        answer = await self._admin.handle(request, path) or await self._http.handle(request, path)
        if answer is None and path == "/":
            return self._homepage()
        return answer or empty(404)

    def _homepage(self) -> web.Response:
        """From azure-functions-host, HomepageMiddleware.cs."""
        if self._environ.get("AzureWebJobsDisableHomepage", "").lower() == "true":
            return empty(204)
        return web.Response(text=_HOMEPAGE, content_type="text/html")

    def _triggers(self) -> list[Timer | QueueListener]:
        """Those that are not disabled by a setting. A disabled function can still be run by the admin endpoint.

        From learn.microsoft.com/azure/azure-functions/disable-function.
        """
        triggers: dict[str, Timer | QueueListener] = {**self._timers, **self._listeners}
        return [trigger for name, trigger in triggers.items() if not self._disabled(name)]

    def _disabled(self, name: str) -> bool:
        return self._environ.get(f"AzureWebJobs.{name}.Disabled", "").lower() in {"true", "1"}

    def _add_trigger(self, function: DeclaredFunction) -> None:
        """A function in error does not stop the others, as on the real host."""
        try:
            if function.trigger.type == "timerTrigger":
                self._timers[function.name] = Timer(function, self._invoker, self._environ)
            elif function.trigger.type == "queueTrigger":
                self._listeners[function.name] = QueueListener(
                    function,
                    self._queues,
                    self._invoker,
                    self._settings.queues,
                    self._message_lock,
                    self.storage,
                )
            else:
                _log.error("Function %s: no %s on the local host", function.name, function.trigger.type)
        except (SettingError, ScheduleError) as error:
            _log.error("Function %s is in error: %s", function.name, error)


@contextlib.asynccontextmanager
async def serve(
    app: func.FunctionApp | ModuleType | Worker,
    *,
    port: int = 0,
    environ: Mapping[str, str] = os.environ,
    host_json: Mapping[str, object] | None = None,
    limits: Limits = PLATFORM,
    drain: float = 10.0,
    root: Path = REPOSITORY,
) -> AsyncIterator[Host]:
    """Runs the app, or the only app of a module, on loopback in this event loop, until the block ends.

    `environ`: the settings that bindings name; the app's code still reads its own environment. `host_json`: used
    instead of the file in `root`. `drain`: how many seconds running invocations may go on when the block ends.
    `host.storage.lost` is set once storage has been unreachable for too long.
    """
    settings = HostSettings.read(read_host_json(root) if host_json is None else host_json, environ)
    worker = app if isinstance(app, Worker) else await Worker.of(app)
    host = Host(worker, settings, environ, limits)
    try:
        await host.start(port)
        yield host
    finally:
        await host.stop(0 if host.storage.lost.is_set() else drain)
