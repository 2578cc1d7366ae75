"""Whether the app runs, and on request whether it reaches what it needs. Anybody may ask: no details are given."""

from typing import Literal

import azure.functions as func
from pydantic import BaseModel

from shared.http.endpoint import Body, Call, Nothing
from shared.http.problems import json
from shared.services import Check


class HealthQuery(Body):
    deep: bool = False


class Health(BaseModel):
    """`checks` has the results of a deep check of storage, source and Graph; the log says why one failed."""

    status: Literal["ok", "failed"]
    checks: dict[str, Check] = {}


async def health(call: Call[HealthQuery, Nothing]) -> func.HttpResponse:
    if not call.query.deep:
        return json({"status": "ok"})
    checks = (await call.services.deep_health.get()).value
    failed = any(result != "ok" for result in checks.values())
    return json({"status": "failed" if failed else "ok", "checks": checks}, 503 if failed else 200)
