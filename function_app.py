"""Every trigger on one page: what starts it, and the one call that does it.

Method, route and role of an HTTP endpoint stand in shared/http/endpoints.py.
"""

import os
from collections.abc import Awaitable, Callable
from typing import List  # noqa: UP035 - see hourly_sync

import azure.functions as func

from shared.http import endpoints as http
from shared.http.endpoint import AnyEndpoint
from shared.http.misconfigured import misconfigured
from shared.log import leave_out_requests
from shared.runs import hourly, lifecycle, notifying
from shared.runs.invocation import Continues, Finished, perform
from shared.runs.messages import (
    MOST_TRIES,
    OUTBOX_QUEUE,
    POISON_QUEUE,
    QUEUE,
    message,
    outbox_message,
    read_message,
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


def endpoint(
    declared: AnyEndpoint,
) -> Callable[[Callable[..., Awaitable[func.HttpResponse]]], object]:
    """The HTTP trigger of an endpoint, as it is declared."""
    level = func.AuthLevel.ANONYMOUS if declared.role is None else None
    return app.route(declared.route, methods=[declared.method], auth_level=level)


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
    messages.set([message(domain, run_id) for domain, run_id in due.items()])
    outbox.set([outbox_message(domain) for domain in await notifying.hour(services)])


@app.queue_trigger("msg", QUEUE, STORAGE)
@app.queue_output("again", QUEUE, STORAGE)
@app.queue_output("outbox", OUTBOX_QUEUE, STORAGE)
async def perform_run(msg: func.QueueMessage, again: func.Out[str], outbox: func.Out[str]) -> None:
    if order := read_message(msg.get_body()):
        redelivered = (msg.dequeue_count or 1) > 1
        ended = await perform(services, order.domain, order.run_id, redelivered=redelivered)
        if isinstance(ended, Continues):
            again.set(message(order.domain, order.run_id))
        elif isinstance(ended, Finished) and ended.has_messages:
            outbox.set(outbox_message(order.domain))


@app.queue_trigger("msg", POISON_QUEUE, STORAGE)
@app.queue_output("outbox", OUTBOX_QUEUE, STORAGE)
async def give_up_run(msg: func.QueueMessage, outbox: func.Out[str]) -> None:
    order = read_message(msg.get_body())
    if order and await lifecycle.give_up(services, order.domain, order.run_id):
        outbox.set(outbox_message(order.domain))


@app.queue_trigger("msg", OUTBOX_QUEUE, STORAGE)
async def deliver_messages(msg: func.QueueMessage) -> None:
    if order := read_outbox_message(msg.get_body()):
        try:
            await notifying.deliver(services, order.domain)
        except notifying.NotDelivered:
            # The host delivers the message again; what it would set aside in the end is left to the timer.
            if (msg.dequeue_count or 1) < MOST_TRIES:
                raise


# Domains


@endpoint(http.list_domains)
async def list_domains(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_domains(services, req)


@endpoint(http.get_domain)
@app.queue_output("messages", QUEUE, STORAGE)
async def get_domain(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.get_domain(services, req, messages.set)


@endpoint(http.change_domain)
async def change_domain(req: func.HttpRequest) -> func.HttpResponse:
    return await http.change_domain(services, req)


@endpoint(http.get_settings)
async def get_settings(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_settings(services, req)


@endpoint(http.change_settings)
async def change_settings(req: func.HttpRequest) -> func.HttpResponse:
    return await http.change_settings(services, req)


@endpoint(http.try_notification)
async def try_notification(req: func.HttpRequest) -> func.HttpResponse:
    return await http.try_notification(services, req)


@endpoint(http.list_changes)
async def list_changes(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_changes(services, req)


@endpoint(http.get_integrity)
async def get_integrity(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_integrity(services, req)


@endpoint(http.pre_check)
async def pre_check(req: func.HttpRequest) -> func.HttpResponse:
    return await http.pre_check(services, req)


@endpoint(http.find_people)
async def find_people(req: func.HttpRequest) -> func.HttpResponse:
    return await http.find_people(services, req)


@endpoint(http.get_person)
async def get_person(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_person(services, req)


@endpoint(http.get_history)
async def get_history(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_history(services, req)


@endpoint(http.erase_history)
async def erase_history(req: func.HttpRequest) -> func.HttpResponse:
    return await http.erase_history(services, req)


@endpoint(http.set_hold)
async def set_hold(req: func.HttpRequest) -> func.HttpResponse:
    return await http.set_hold(services, req)


@endpoint(http.lift_hold)
async def lift_hold(req: func.HttpRequest) -> func.HttpResponse:
    return await http.lift_hold(services, req)


@endpoint(http.get_source)
async def get_source(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_source(services, req)


# Who is who


@endpoint(http.list_decisions)
async def list_decisions(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_decisions(services, req)


@endpoint(http.make_decisions)
async def make_decisions(req: func.HttpRequest) -> func.HttpResponse:
    return await http.make_decisions(services, req)


@endpoint(http.take_back_decision)
async def take_back_decision(req: func.HttpRequest) -> func.HttpResponse:
    return await http.take_back_decision(services, req)


# Leavers


@endpoint(http.list_all_leavers)
async def list_all_leavers(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_all_leavers(services, req)


@endpoint(http.list_leavers)
async def list_leavers(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_leavers(services, req)


@endpoint(http.decide_about_leaver)
@app.queue_output("messages", QUEUE, STORAGE)
async def decide_about_leaver(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.decide_about_leaver(services, req, messages.set)


# Runs


@endpoint(http.start_dry_run)
@app.queue_output("messages", QUEUE, STORAGE)
async def start_dry_run(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.start_dry_run(services, req, messages.set)


@endpoint(http.start_sync)
@app.queue_output("messages", QUEUE, STORAGE)
async def start_sync(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.start_sync(services, req, messages.set)


@endpoint(http.list_runs)
@app.queue_output("messages", QUEUE, STORAGE)
async def list_runs(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.list_runs(services, req, messages.set)


@endpoint(http.get_run)
@app.queue_output("messages", QUEUE, STORAGE)
async def get_run(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.get_run(services, req, messages.set)


@endpoint(http.cancel_run)
@app.queue_output("messages", QUEUE, STORAGE)
async def cancel_run(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.cancel_run(services, req, messages.set)


@endpoint(http.undo_run)
@app.queue_output("messages", QUEUE, STORAGE)
async def undo_run(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.undo_run(services, req, messages.set)


@endpoint(http.list_people)
async def list_people(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_people(services, req)


@endpoint(http.get_audit_log)
async def get_audit_log(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_audit_log(services, req)


# Four eyes


@endpoint(http.list_approvals)
async def list_approvals(req: func.HttpRequest) -> func.HttpResponse:
    return await http.list_approvals(services, req)


@endpoint(http.confirm_approval)
@app.queue_output("messages", QUEUE, STORAGE)
async def confirm_approval(req: func.HttpRequest, messages: func.Out[str]) -> func.HttpResponse:
    return await http.confirm_approval(services, req, messages.set)


@endpoint(http.take_back_approval)
async def take_back_approval(req: func.HttpRequest) -> func.HttpResponse:
    return await http.take_back_approval(services, req)


# The page, the document, and everything else


@endpoint(http.get_me)
async def get_me(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_me(services, req)


@endpoint(http.get_console)
async def get_console(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_console(services, req)


@endpoint(http.get_console_asset)
async def get_console_asset(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_console_asset(services, req)


@endpoint(http.get_health)
async def get_health(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_health(services, req)


@endpoint(http.get_openapi)
async def get_openapi(req: func.HttpRequest) -> func.HttpResponse:
    return await http.get_openapi(services, req)


# The host tries routes in the order of the functions' names: this one must sort last.
@app.route("{*path}", methods=["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
async def unknown_path(req: func.HttpRequest) -> func.HttpResponse:
    return http.unknown_path(req)
