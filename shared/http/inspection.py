"""Inspecting a domain, which changes nothing."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import azure.functions as func
from pydantic import Field

from shared.errors import Unavailable
from shared.http.domains import domain_to_read
from shared.http.endpoint import Body, Call, Nothing
from shared.http.problems import json
from shared.log import event
from shared.runs import inspection

T = TypeVar("T")
# The platform ends a request after 230 s ("Azure Functions HTTP trigger", limits).
LONGEST_LOOK = 190.0


class TraceQuery(Body):
    user: str = Field(min_length=1, max_length=256, description="UPN, source id or object id.")


async def pre_check(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    domain = await domain_to_read(call.services, call.domain)
    return json(await in_time(inspection.pre_check_of(call.services, domain)))


async def trace(call: Call[TraceQuery, Nothing]) -> func.HttpResponse:
    domain = await domain_to_read(call.services, call.domain)
    found = await in_time(inspection.trace_of(call.services, domain, call.query.user))
    event("trace.read", **call.facts)
    return json(found)


async def in_time(look: Awaitable[T]) -> T:
    """The result of `look`. Raises Unavailable if it takes longer than the platform waits for an answer."""
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            return await look
    except TimeoutError:
        raise Unavailable("look.tooLong", seconds=round(LONGEST_LOOK), retry_after=60) from None
