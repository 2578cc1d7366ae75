"""Inspecting a domain, which changes nothing."""

import azure.functions as func
from pydantic import Field

from shared.http.domains import known_domain
from shared.http.endpoint import Body, Call, Nothing
from shared.http.problems import json
from shared.runs import inspection


class TraceQuery(Body):
    user: str = Field(min_length=1, max_length=256, description="UPN, source id or object id.")


async def pre_check(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    domain = await known_domain(call.services, call.domain)
    return json(await inspection.pre_check_of(call.services, domain.name))


async def trace(call: Call[TraceQuery, Nothing]) -> func.HttpResponse:
    domain = await known_domain(call.services, call.domain)
    return json(await inspection.trace_of(call.services, domain.name, call.query.user))
