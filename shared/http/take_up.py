"""An abandoned run goes on as soon as a caller asks about it or starts another, not only at the next hourly sweep."""

from shared.http.endpoint import AnyCall
from shared.runs import lifecycle
from shared.runs.messages import message


async def take_up(call: AnyCall) -> str | None:
    """Sends the message of the domain's active run again if no invocation performs it. Returns its id.

    The platform sends the message after the answer, so the caller never learns that it could not be sent.
    """
    abandoned = await lifecycle.take_up_abandoned(call.services, call.domain, call.services.clock.now())
    if abandoned:
        call.enqueue(message(call.domain, abandoned))
    return abandoned
