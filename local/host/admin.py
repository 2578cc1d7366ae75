"""The part of the real host's admin API that the demo and the tests use."""

import json
import logging
import re

from aiohttp import web

from local.host.functions import DeclaredFunction
from local.host.http_server import empty
from local.host.invocation import Invoker
from local.host.keys import Keys, Level
from local.host.rpc import TypedData
from local.host.timer_trigger import Timer

_log = logging.getLogger("local.host")
_FUNCTION = re.compile(r"/admin/functions/(?P<name>[^/]+)/?", re.IGNORECASE)
_STATUS = re.compile(r"/admin/host/status/?", re.IGNORECASE)
_JSON = re.compile(r"(?:application|text)/(?:[\w.-]+\+)?json")


class Admin:
    """`POST /admin/functions/{name}` runs a timer or queue function now; `{"input": …}` is the queue message.
    `GET /admin/host/status` answers once the host runs.

    Both need the master key (azure-functions-host, FunctionsController.cs, HostController.cs).
    """

    def __init__(
        self, functions: list[DeclaredFunction], timers: dict[str, Timer], invoker: Invoker, keys: Keys
    ) -> None:
        self._functions = {function.name.lower(): function for function in functions}
        self._timers = timers
        self._invoker = invoker
        self._keys = keys

    async def handle(self, request: web.BaseRequest, path: str) -> web.Response | None:
        """Returns None for any other path or method."""
        function = _FUNCTION.fullmatch(path) if request.method == "POST" else None
        status = _STATUS.fullmatch(path) if request.method == "GET" else None
        if not function and not status:
            return None
        level = self._keys.level(request)
        if level < Level.ADMIN:
            return empty(403) if level else empty(401, WWW_Authenticate="Bearer")
        return await self._invoke(request, function["name"]) if function else _running()

    async def _invoke(self, request: web.BaseRequest, name: str) -> web.Response:
        """From FunctionsController.cs, `Invoke`: a body that makes no object, such as an empty one, is answered 400.

        One that no formatter takes is answered 415, by MVC's UnsupportedContentTypeFilter.
        """
        if not _JSON.fullmatch(request.content_type):
            return empty(415)
        try:
            body = json.loads(await request.content.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return empty(400)
        function = self._functions.get(name.lower())
        if function is None:
            return empty(404)
        self._start(function, str(body.get("input") or ""))
        return empty(202)

    def _start(self, function: DeclaredFunction, text: str) -> None:
        if function.name in self._timers:
            self._timers[function.name].fire()
        elif function.trigger.type == "queueTrigger":
            metadata = {"Id": TypedData(string=""), "DequeueCount": TypedData(json="1")}
            self._invoker.start(function, TypedData(string=text), metadata)
        else:
            _log.error(
                "Function %s is not run: the local host calls HTTP functions by their route", function.name
            )


def _running() -> web.Response:
    return web.json_response({"state": "Running"})
