"""/_emulator/: the control API for the demo and for tests in other processes. Not part of HENNGE's API."""

from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import orjson
from aiohttp import web
from pydantic import ValidationError

from local.access_control.faults import FaultPlan
from local.access_control.seed import SeedError, build_users, first_mistake, parse_seed
from local.access_control.users import User, UserError

if TYPE_CHECKING:
    from local.access_control.server import AccessControl

_Handler = Callable[[web.Request], Awaitable[web.Response]]


def control_routes(access_control: "AccessControl") -> list[web.RouteDef]:
    async def health(_request: web.Request) -> web.Response:
        return _json({"status": "ok", "url": access_control.url, "users": len(access_control.users)})

    async def requests(_request: web.Request) -> web.Response:
        return _json(access_control.requests.summary())

    async def forget_requests(_request: web.Request) -> web.Response:
        access_control.requests.clear()
        return web.Response(status=204)

    async def faults(_request: web.Request) -> web.Response:
        rules = access_control.faults.plan.rules
        return _json({"struck": [{"kind": rule.kind, "count": rule.struck} for rule in rules]})

    async def set_faults(request: web.Request) -> web.Response:
        access_control.faults.load(FaultPlan.model_validate_json(await request.read()))
        return web.Response(status=204)

    async def set_seed(request: web.Request) -> web.Response:
        access_control.load(parse_seed(await _body(request)))
        return web.Response(status=204)

    async def users(_request: web.Request) -> web.Response:
        return _json({"users": [user.model_dump() for user in access_control.users.all()]})

    async def set_users(request: web.Request) -> web.Response:
        entries = (await _body(request)).get("users")
        if not isinstance(entries, list):
            raise SeedError('the body must be {"users": […]}')
        access_control.users = build_users(entries)
        return web.Response(status=204)

    async def user(request: web.Request) -> web.Response:
        return _json(access_control.users[request.match_info["username"]].model_dump())

    async def put_user(request: web.Request) -> web.Response:
        body = await _body(request)
        username = request.match_info["username"]
        if body.setdefault("username", username) != username:
            raise UserError(f"{username}: a username never changes")
        access_control.users.put(User.model_validate(body))
        return web.Response(status=204)

    async def edit_user(request: web.Request) -> web.Response:
        access_control.users.edit(request.match_info["username"], await _body(request))
        return web.Response(status=204)

    async def remove_user(request: web.Request) -> web.Response:
        access_control.users.remove(request.match_info["username"])
        return web.Response(status=204)

    one = "/_emulator/users/{username}"
    return [
        web.get("/_emulator/health", health),
        web.get("/_emulator/requests", requests),
        web.delete("/_emulator/requests", forget_requests),
        web.get("/_emulator/faults", faults),
        web.put("/_emulator/faults", _checked(set_faults)),
        web.put("/_emulator/seed", _checked(set_seed)),
        web.get("/_emulator/users", users),
        web.put("/_emulator/users", _checked(set_users)),
        web.get(one, _checked(user)),
        web.put(one, _checked(put_user)),
        web.patch(one, _checked(edit_user)),
        web.delete(one, _checked(remove_user)),
    ]


def _checked(handler: _Handler) -> _Handler:
    """Answers a refused change with 400, and a missing user with 404."""

    async def checked(request: web.Request) -> web.Response:
        try:
            return await handler(request)
        except KeyError as error:
            return _json({"error": f"no user {error.args[0]}"}, status=404)
        except ValidationError as error:
            return _json({"error": first_mistake(error)}, status=400)
        except (SeedError, UserError, orjson.JSONDecodeError) as error:
            return _json({"error": str(error)}, status=400)

    return checked


async def _body(request: web.Request) -> dict[str, object]:
    body = orjson.loads(await request.read())
    if not isinstance(body, dict):
        raise SeedError("the body must be a JSON object")
    return body


def _json(body: dict[str, object], status: int = 200) -> web.Response:
    return web.Response(status=status, body=orjson.dumps(body), content_type="application/json")
