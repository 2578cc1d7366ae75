"""Whether the app runs, and on request whether it reaches what it needs. No secrets: anybody may ask."""

import asyncio
from collections.abc import Awaitable
from typing import Literal

import azure.functions as func
from pydantic import BaseModel

from shared.errors import SyncError
from shared.http.endpoint import Body, Call, Nothing
from shared.http.problems import json
from shared.services import Services

PATIENCE_SECONDS = 30.0


class HealthQuery(Body):
    deep: bool = False


class Health(BaseModel):
    """`checks` says of storage, source and Graph what a deep look found: "ok", or what is wrong."""

    status: Literal["ok", "failed"]
    checks: dict[str, str] = {}


async def health(call: Call[HealthQuery, Nothing]) -> func.HttpResponse:
    """A deep look is shared for a while: anonymous callers must not be able to keep Graph busy."""
    if not call.query.deep:
        return json({"status": "ok"})
    checks = await call.services.deep_health.get(lambda: _checks(call.services))
    failed = any(result != "ok" for result in checks.values())
    return json({"status": "failed" if failed else "ok", "checks": checks}, 503 if failed else 200)


async def _checks(services: Services) -> dict[str, str]:
    async def source() -> None:
        people = services.open_source()
        try:
            await people.check()
        finally:
            await people.aclose()

    names = ("storage", "source", "graph")
    looks = (services.domains.all(), source(), services.tenant_domains())
    return dict(zip(names, await asyncio.gather(*map(_result, looks)), strict=True))


async def _result(look: Awaitable[object]) -> str:
    try:
        await asyncio.wait_for(look, PATIENCE_SECONDS)
    except TimeoutError:
        return f"no answer within {PATIENCE_SECONDS:g} s"
    except SyncError as error:
        return str(error)
    except Exception as error:
        return type(error).__name__
    return "ok"
