"""/_emulator/: lets a test in another process read and change the emulator. Not part of Graph."""

from collections.abc import Callable

import orjson
from aiohttp import web
from pydantic import ValidationError

from local.entra.directory import User
from local.entra.errors import Json
from local.entra.faults import FaultPlan
from local.entra.seed import SeedError, parse_seed
from local.entra.state import Entra


def control_routes(entra: Entra) -> list[web.RouteDef]:
    async def health(_request: web.Request) -> web.Response:
        return _json({"status": "ok", "url": entra.url, "users": len(entra.directory.users)})

    async def requests(request: web.Request) -> web.Response:
        summary = entra.requests.summary()
        if request.query.get("log") == "true":
            summary["log"] = [call.as_json() for call in entra.requests.calls]
        return _json(summary)

    async def forget_requests(_request: web.Request) -> web.Response:
        entra.requests.clear()
        return web.Response(status=204)

    async def users(_request: web.Request) -> web.Response:
        directory = entra.directory
        return _json(
            {
                "users": [_full(user) for user in directory.users.values()],
                "deletedUsers": [_full(user) for user in directory.deleted.values()],
            }
        )

    async def faults(_request: web.Request) -> web.Response:
        rules = entra.faults.plan.rules
        return _json({"struck": [{"kind": rule.kind, "count": rule.struck} for rule in rules]})

    async def set_faults(request: web.Request) -> web.Response:
        body = await request.read()
        return _changed(lambda: entra.faults.load(FaultPlan.model_validate_json(body)))

    async def set_seed(request: web.Request) -> web.Response:
        body = await request.read()
        return _changed(lambda: entra.load(parse_seed(orjson.loads(body))))

    return [
        web.get("/_emulator/health", health),
        web.get("/_emulator/requests", requests),
        web.delete("/_emulator/requests", forget_requests),
        web.get("/_emulator/users", users),
        web.get("/_emulator/faults", faults),
        web.put("/_emulator/faults", set_faults),
        web.put("/_emulator/seed", set_seed),
    ]


def _changed(change: Callable[[], None]) -> web.Response:
    try:
        change()
    except (SeedError, ValidationError, orjson.JSONDecodeError) as error:
        return _json({"error": str(error)}, status=400)
    return web.Response(status=204)


def _full(user: User) -> Json:
    return {**user.properties, "_mailbox": user.mailbox, "_roles": list(user.roles)}


def _json(body: Json, status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
