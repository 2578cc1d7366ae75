"""The part of the real host's admin API that the demo and the tests use."""

import json
import uuid

from aiohttp import web
from azure.functions.queue import QueueMessage

from local.host.functions import DeclaredFunction
from local.host.http_trigger import HttpTriggers
from local.host.invocation import Invoker
from local.host.timer_trigger import Timer


class Admin:
    """`POST /admin/functions/{name}` runs a timer's or a queue's function now, `{"input": …}` being
    the queue message; `GET /admin/host/status` answers once the host runs."""

    def __init__(
        self,
        functions: list[DeclaredFunction],
        timers: dict[str, Timer],
        invoker: Invoker,
        http: HttpTriggers,
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._timers = timers
        self._invoker = invoker
        self._http = http

    async def status(self, request: web.Request) -> web.Response:
        if not self._http.has_key(request):
            return web.Response(status=401)
        return web.json_response({"state": "Running"})

    async def invoke(self, request: web.Request) -> web.Response:
        if not self._http.has_key(request):
            return web.Response(status=401)
        function = self._functions.get(request.match_info["name"].lower())
        if function is None:
            return web.Response(status=404)
        try:
            body = json.loads(await request.read() or b"{}")
        except ValueError:
            return web.Response(status=400, text="the body must be JSON, {} for one")
        if function.name in self._timers:
            self._timers[function.name].fire()
        elif function.trigger.type == "queueTrigger":
            message = QueueMessage(  # type: ignore[no-untyped-call]  # unannotated in azure-functions
                id=str(uuid.uuid4()), body=str(body.get("input", "")), dequeue_count=1
            )
            self._invoker.start(function, message)
        else:
            return web.Response(status=400, text="call an HTTP function by its route")
        return web.Response(status=202)
