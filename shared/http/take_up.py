"""A run that nobody performs goes on for whoever asks after it, not only at the next full hour."""

from shared.http.endpoint import AnyCall
from shared.runs import lifecycle
from shared.runs.messages import message


async def take_up(call: AnyCall) -> str | None:
    """Sends the message of the domain's active run once more if nobody performs it; its id.

    The platform sends a message after the answer: nobody hears of one that could not be sent.
    """
    abandoned = await lifecycle.take_up_abandoned(call.services, call.domain, call.services.clock.now())
    if abandoned:
        call.enqueue(message(call.domain, abandoned))
    return abandoned
