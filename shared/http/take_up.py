"""An abandoned run goes on as soon as a caller asks about it or starts another, not only at the next hourly sweep."""

from shared.http.endpoint import AnyCall
from shared.runs import lifecycle
from shared.runs.messages import message


async def take_up(call: AnyCall) -> str | None:
    """Sends the message of the domain's active run again if no invocation performs it. Returns its id.

    A start that was answered 202 has its message in the queue: the host sends it before it answers, and answers 500 if
    it can't (azure-functions-host, WorkerFunctionInvoker.cs, `InvokeCore`). The run then stands, and waits for this.
    """
    abandoned = await lifecycle.take_up_abandoned(call.services, call.domain, call.services.clock.now())
    if abandoned:
        call.enqueue(message(call.domain, abandoned))
    return abandoned
