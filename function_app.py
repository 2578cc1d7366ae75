"""Every trigger on one page: what starts it, and the one call that does it.

Those of the HTTP API are declared in shared/http/endpoints.py: name, method, route and role.
"""

import os
from typing import List  # noqa: UP035 - see hourly_sync

import azure.functions as func

from shared.http import endpoints as http
from shared.http.endpoint import AnyEndpoint
from shared.http.misconfigured import misconfigured
from shared.log import leave_out_requests
from shared.runs import hourly, notifying, orders
from shared.runs.messages import (
    MOST_TRIES,
    OUTBOX_QUEUE,
    POISON_QUEUE,
    QUEUE,
    outbox_message,
    read_outbox_message,
)
from shared.services import Services
from shared.settings import Settings, SettingsError
from shared.words import said

leave_out_requests()
app: func.FunctionApp | func.Blueprint
try:
    settings = Settings.from_environment(os.environ)
    # With keys the platform checks the caller's key; with App Service authentication the app checks the roles.
    app = func.FunctionApp(http_auth_level="FUNCTION" if settings.auth_mode == "keys" else "ANONYMOUS")
except SettingsError as error:
    # Azure loads this app instead. The triggers below go to a blueprint that no app registers.
    instead = misconfigured(said(error.parts))
    settings = Settings.model_construct()
    app = func.Blueprint()  # type: ignore[no-untyped-call]  # unannotated in azure-functions

services = Services(settings)
STORAGE = "AzureWebJobsStorage"


# The hourly timer and the queues


@app.timer_trigger("timer", schedule=str(settings.schedule), use_monitor=True)
@app.queue_output("messages", QUEUE, STORAGE)
@app.queue_output("outbox", OUTBOX_QUEUE, STORAGE)
async def hourly_sync(
    timer: func.TimerRequest,
    messages: func.Out[List[str]],  # noqa: UP006
    outbox: func.Out[List[str]],  # noqa: UP006
) -> None:
    # With list[str] Azure's worker would load none of the functions (azure-functions-python-worker#1176).
    due = await hourly.tick(services, past_due=timer.past_due)
    messages.set(due.messages)
    outbox.set([outbox_message(domain) for domain in await notifying.hour(services)])


@app.queue_trigger("msg", QUEUE, STORAGE)
@app.queue_output("messages", QUEUE, STORAGE)
@app.queue_output("outbox", OUTBOX_QUEUE, STORAGE)
async def perform_run(
    msg: func.QueueMessage,
    messages: func.Out[List[str]],  # noqa: UP006
    outbox: func.Out[List[str]],  # noqa: UP006
) -> None:
    follows = await orders.perform(services, msg.get_body(), redelivered=(msg.dequeue_count or 1) > 1)
    messages.set(follows.messages)
    outbox.set(follows.outbox)


@app.queue_trigger("msg", POISON_QUEUE, STORAGE)
@app.queue_output("messages", QUEUE, STORAGE)
@app.queue_output("outbox", OUTBOX_QUEUE, STORAGE)
async def give_up_run(
    msg: func.QueueMessage,
    messages: func.Out[List[str]],  # noqa: UP006
    outbox: func.Out[List[str]],  # noqa: UP006
) -> None:
    follows = await orders.give_up(services, msg.get_body())
    messages.set(follows.messages)
    outbox.set(follows.outbox)


@app.queue_trigger("msg", OUTBOX_QUEUE, STORAGE)
async def deliver_messages(msg: func.QueueMessage) -> None:
    if order := read_outbox_message(msg.get_body()):
        try:
            await notifying.deliver(services, order.domain)
        except notifying.NotDelivered:
            # The host delivers the message again; what it would set aside in the end is left to the timer.
            if (msg.dequeue_count or 1) < MOST_TRIES:
                raise


# The HTTP API


def serve(name: str, endpoint: AnyEndpoint) -> None:
    """Declares the function of this name that answers for the endpoint, with an output for the messages it sends."""

    async def answer(req: func.HttpRequest) -> func.HttpResponse:
        return await endpoint(services, req)

    async def answer_and_send(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
        return await endpoint(services, req, messages.set)

    level = func.AuthLevel.ANONYMOUS if endpoint.role is None else None
    function = app.queue_output("messages", QUEUE, STORAGE)(answer_and_send) if endpoint.sends else answer
    trigger = app.route(endpoint.route, methods=[endpoint.method], auth_level=level)
    app.function_name(name)(trigger(function))


for name, endpoint in http.FUNCTIONS.items():
    serve(name, endpoint)


# The host tries routes in the order of the functions' names: this one must sort last.
@app.route("{*path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def unknown_path(req: func.HttpRequest) -> func.HttpResponse:
    return http.unknown_path(req)
