"""Holds: until a date, an account is left as it is, or at least stays."""

from typing import Annotated

from pydantic import Field, StringConstraints

from shared.http.endpoint import Call, Nothing
from shared.http.pausing import require_ahead
from shared.http.problems import Problem
from shared.model.holds import Hold, Scope
from shared.model.parts import say
from shared.model.pause import LONGEST_PAUSE, LONGEST_REASON
from shared.model.records import Record, Time
from shared.runs.deciding import hold, lift


class HoldOrder(Record):
    until: Time = Field(
        description=f"A time with its zone, at most {LONGEST_PAUSE.days} days ahead. The hold ends by itself."
    )
    reason: Annotated[
        str, StringConstraints(strip_whitespace=True, min_length=1, max_length=LONGEST_REASON)
    ] = Field(description="Why, as audit log and console show it.")
    scope: Scope = Field(
        "all",
        description="`all`: not touched at all. `delete`: neither deleted nor blocked as a leaver; updates go on.",
    )


async def set_hold(call: Call[Nothing, HoldOrder]) -> Hold:
    order = call.body
    require_ahead("until", order.until, call.services.clock.now())
    return await hold(call.services, call.object_id, order.until, order.reason, order.scope, call.author)


async def lift_hold(call: Call[Nothing, Nothing]) -> Hold:
    lifted = await lift(call.services, call.object_id, call.author)
    if lifted is None:
        raise Problem(404, "Unknown hold", say("hold.none", id=call.object_id))
    return lifted
