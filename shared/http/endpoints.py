"""Every endpoint, declared once."""

import re
from collections.abc import Mapping
from functools import cache
from typing import Any

import azure.functions as func
from pydantic import BaseModel

from shared.http import (
    changes,
    console,
    decisions,
    domains,
    health,
    holds,
    inspection,
    integrity,
    leavers,
    loosening,
    me,
    notifications,
    openapi,
    problems,
    runs,
    second_person,
    settings,
    source,
)
from shared.http.endpoint import AnyEndpoint, Call, Endpoint, Nothing
from shared.http.principal import Role
from shared.model.domains import Domain
from shared.model.runs import Run
from shared.reports.leavers import LeaverView
from shared.reports.run_people import RunPeople

_DOMAIN = "domains/{domain}"
_RUN = f"{_DOMAIN}/runs/{{runId}}"
_TENANT = {503: "Graph has not said yet which domains the tenant has: try again after `Retry-After`."}
_TENANT_IF_NEW = {
    503: "Nothing is stored about the domain, and Graph has not said yet whether the tenant has it: "
    "try again after `Retry-After`."
}
_UPSTREAM = {502: "Microsoft Graph or the source can't be read.", **_TENANT}
_READ = {**_UPSTREAM, 503: "Both sides are being read for it: try again after `Retry-After`."}
_STARTED: Mapping[int, type[BaseModel] | str] = {
    202: Run, 409: "A run is active already; `runId` names it.", **_TENANT,
}  # fmt: skip
# 409 has two reasons: another run is active, or this run is of the wrong kind.
_ACTIVE_OR = "A run is active already, which `runId` names; or"
_POLL = ("Location", "Retry-After")

list_domains = Endpoint(
    method="GET", route="domains",
    summary="The tenant's verified domains with settings, active and last runs.",
    role=Role.READER, handler=domains.list_domains, answers={200: domains.DomainList, **_TENANT},
)  # fmt: skip
get_domain = Endpoint(
    method="GET", route=_DOMAIN,
    summary="One domain; `ETag` is the version of its settings.",
    role=Role.READER, handler=domains.get_domain, answers={200: Domain, **_TENANT_IF_NEW}, gives=("ETag",),
    sends=True,
)  # fmt: skip
change_domain = Endpoint(
    method="PATCH", route=_DOMAIN,
    summary="Changes settings, any subset; honours `If-Match`.",
    role=Role.ADMINISTRATOR, handler=domains.change_domain, asks=loosening.domain_settings,
    answers={200: Domain, 412: "The settings were changed meanwhile.", **_TENANT_IF_NEW},
    takes=("If-Match",), gives=("ETag",),
)  # fmt: skip
get_settings = Endpoint(
    method="GET", route="settings",
    summary="The tenant's settings, and where each comes from; `ETag` is the version of the stored ones.",
    role=Role.READER, handler=settings.get_settings, answers={200: settings.TenantSettingsView}, gives=("ETag",),
)  # fmt: skip
change_settings = Endpoint(
    method="PATCH", route="settings",
    summary="Changes settings of the tenant, any subset; null returns to the app setting; honours `If-Match`.",
    role=Role.ADMINISTRATOR, handler=settings.change_settings, asks=loosening.tenant_settings,
    answers={200: settings.TenantSettingsView, 412: "The settings were changed meanwhile."},
    takes=("If-Match",), gives=("ETag",),
)  # fmt: skip
list_changes = Endpoint(
    method="GET", route="changes",
    summary="Who changed which setting, and decided who is who, newest first; of the tenant, and of a domain beside.",
    role=Role.READER, handler=changes.list_changes,
    answers={404: "No such domain.", **_TENANT_IF_NEW},
)  # fmt: skip
get_integrity = Endpoint(
    method="GET", route="integrity",
    summary="Verifies a page of the chains of finished runs and of changes, and names the first break.",
    role=Role.READER, handler=integrity.get_integrity,
    answers={200: integrity.Integrity, 404: "No such domain.", **_TENANT_IF_NEW},
)  # fmt: skip
try_notification = Endpoint(
    method="POST", route="notifications/{notificationId}/test",
    summary="Sends a message of test, and says how it fared.",
    role=Role.ADMINISTRATOR, handler=notifications.try_notification,
)  # fmt: skip
start_dry_run = Endpoint(
    method="POST", route=f"{_DOMAIN}/dry-run",
    summary="Starts a dry run; with `settings`, which takes an administrator, one that tries them.",
    role=Role.OPERATOR, handler=runs.start_dry_run, answers=_STARTED, gives=_POLL, sends=True,
)  # fmt: skip
start_sync = Endpoint(
    method="POST", route=f"{_DOMAIN}/sync",
    summary="Sync Now; `approve` releases exactly the changes which that dry run listed.",
    role=Role.ADMINISTRATOR, handler=runs.start_sync, asks=loosening.sync,
    answers={**_STARTED, 409: f"{_ACTIVE_OR} `dryRunId` is no dry run that succeeded.",
             410: "The dry run's list of deletions is gone: run it again.",
             412: "Settings have changed since that dry run."}, gives=_POLL, sends=True,
)  # fmt: skip
pre_check = Endpoint(
    method="GET", route=f"{_DOMAIN}/pre-check",
    summary="Objects on the domain that are not users to synchronise, and what to do: as the last run has found them.",
    role=Role.OPERATOR, handler=inspection.pre_check,
    answers={**_UPSTREAM, 503: "No run has looked yet. One is started: try again after `Retry-After`."},
    sends=True,
)  # fmt: skip
start_pre_check = Endpoint(
    method="POST", route=f"{_DOMAIN}/pre-check",
    summary="Starts a run that looks at these objects anew, and keeps what it finds; it is no dry run.",
    role=Role.OPERATOR, handler=inspection.start_pre_check, answers=_STARTED, gives=_POLL, sends=True,
)  # fmt: skip
find_people = Endpoint(
    method="GET", route="people",
    summary="People found by part of a name, an address or an id, on both sides; read-only.",
    role=Role.OPERATOR, handler=inspection.find_people, answers=_READ, sends=True,
)  # fmt: skip
get_person = Endpoint(
    method="GET", route="people/{person}",
    summary="One person: both sides, what paired them, what protects them, and what a sync would do now; read-only.",
    role=Role.OPERATOR, handler=inspection.get_person, answers=_READ, sends=True,
)  # fmt: skip
get_history = Endpoint(
    method="GET", route="people/{person}/history",
    summary="What runs and administrators did to a person, newest first; also under a Username or UPN they had.",
    role=Role.READER, handler=inspection.get_history, answers={502: "Microsoft Graph can't be read."},
)  # fmt: skip
erase_history = Endpoint(
    method="DELETE", route="people/{person}/history",
    summary="Erases what is kept of a person who has gone.",
    role=Role.ADMINISTRATOR, handler=inspection.erase_history,
    answers={204: "Nothing is kept any more.", 409: "The source or Entra still has this person.", **_UPSTREAM},
)  # fmt: skip
set_hold = Endpoint(
    method="PUT", route="people/{objectId}/hold",
    summary="Leaves an account as it is until a date, or keeps it from being deleted; in place of an earlier hold.",
    role=Role.ADMINISTRATOR, handler=holds.set_hold, asks=loosening.hold,
    answers={412: "Others keep changing the same hold."},
)  # fmt: skip
lift_hold = Endpoint(
    method="DELETE", route="people/{objectId}/hold",
    summary="Ends a hold at once; answers with it.",
    role=Role.ADMINISTRATOR, handler=holds.lift_hold, asks=loosening.no_hold,
    answers={404: "No hold is on this account.", 412: "Others keep changing the same hold."},
)  # fmt: skip
get_source = Endpoint(
    method="GET", route="source",
    summary="What the source has: its fields, how many people have each, masked samples, and a map that would suit it.",
    role=Role.OPERATOR, handler=source.source, answers={502: "The source can't be read.", 503: _READ[503]}, sends=True,
)  # fmt: skip
list_decisions = Endpoint(
    method="GET", route=f"{_DOMAIN}/decisions",
    summary="Who is who: the questions that the last run has left open, and what people have decided.",
    role=Role.OPERATOR, handler=decisions.list_decisions, answers=_TENANT,
)  # fmt: skip
make_decisions = Endpoint(
    method="POST", route=f"{_DOMAIN}/decisions",
    summary="Decides whether a source user and an account are one person, from the next run on.",
    role=Role.ADMINISTRATOR, handler=decisions.make_decisions, asks=loosening.decisions,
    answers={201: decisions.DecisionList, 409: "The last run has not asked about such a pair.", **_TENANT},
)  # fmt: skip
take_back_decision = Endpoint(
    method="DELETE", route=f"{_DOMAIN}/decisions/{{decisionId}}",
    summary="Takes a decision back.",
    role=Role.ADMINISTRATOR, handler=decisions.take_back_decision, asks=loosening.decision_back, answers=_TENANT,
)  # fmt: skip
list_all_leavers = Endpoint(
    method="GET", route="leavers",
    summary="The leavers of all domains who wait, and until when; also those whose domain has no sync any more.",
    role=Role.READER, handler=leavers.list_all_leavers,
)  # fmt: skip
list_leavers = Endpoint(
    method="GET", route=f"{_DOMAIN}/leavers",
    summary="The leavers of a domain who wait, and until when.",
    role=Role.READER, handler=leavers.list_leavers, answers=_TENANT_IF_NEW,
)  # fmt: skip
decide_about_leaver = Endpoint(
    method="POST", route=f"{_DOMAIN}/leavers/{{objectId}}",
    summary="Keeps a leaver, lets them wait until a date, or starts a sync that deletes them now.",
    role=Role.ADMINISTRATOR, handler=leavers.decide_about_leaver, asks=loosening.leaver,
    answers={200: LeaverView, **_STARTED}, gives=_POLL, sends=True,
)  # fmt: skip
list_runs = Endpoint(
    method="GET", route=f"{_DOMAIN}/runs",
    summary="The Sync Logs, newest first; filtered by time, status, mode and who started them.",
    role=Role.READER, handler=runs.list_runs, answers=_TENANT_IF_NEW, sends=True,
)  # fmt: skip
get_run = Endpoint(
    method="GET", route=_RUN,
    summary="One run, live while it runs.",
    role=Role.READER, handler=runs.get_run, answers={200: Run}, gives=("Retry-After",), sends=True,
)  # fmt: skip
cancel_run = Endpoint(
    method="POST", route=f"{_RUN}/cancel",
    summary="Stops a run before its next write.",
    role=Role.ADMINISTRATOR, handler=runs.cancel_run,
    answers={202: Run, 409: "The run can't be reached; or a newer version wrote it, and `detail` says whether "
             "its domain is free now."}, gives=("Retry-After",), sends=True,
)  # fmt: skip
undo_run = Endpoint(
    method="POST", route=f"{_RUN}/undo",
    summary="Takes a sync back, or previews that.",
    role=Role.ADMINISTRATOR, handler=runs.undo_run, asks=loosening.undo,
    answers={**_STARTED, 409: f"{_ACTIVE_OR} this one is no sync that has ended.",
             410: "The sync is more than 30 days ago."}, gives=_POLL, sends=True,
)  # fmt: skip
list_people = Endpoint(
    method="GET", route=f"{_RUN}/people",
    summary="The people of a run as data, a page at a time: what its audit log says, as long as it says it.",
    role=Role.READER, handler=runs.list_people,
    answers={200: RunPeople, 410: "Expired or overwritten with the audit log."},
)  # fmt: skip
get_audit_log = Endpoint(
    method="GET", route=f"{_RUN}/audit-log",
    summary="The audit log: a redirect to a link; by `Accept` the link as JSON, or the CSV itself.",
    role=Role.READER, handler=runs.get_audit_log,
    answers={200: runs.AuditLogLink, 302: "The link, for 60 minutes at most.",
             406: "Too large to be had as text/csv from here.", 410: "Expired or overwritten."},
    files=("text/csv",),
)  # fmt: skip


async def confirm_approval_of_another(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    return await second_person.confirm(call, ENDPOINTS)


list_approvals = Endpoint(
    method="GET", route="approvals",
    summary="What waits for a second person, where `APPROVALS` is two; oldest first.",
    role=Role.READER, handler=second_person.list_approvals,
)  # fmt: skip
confirm_approval = Endpoint(
    method="POST", route="approvals/{approvalId}",
    summary="Confirms it: what was asked for is done, and answered as the first call would have been.",
    role=Role.ADMINISTRATOR, handler=confirm_approval_of_another,
    answers={200: "As the first call.", 202: "As the first call.", 403: "The same person, or a program.",
             410: "Nobody has confirmed it within 24 hours.",
             412: "What it would do has changed since."},
    sends=True,
)  # fmt: skip
take_back_approval = Endpoint(
    method="DELETE", route="approvals/{approvalId}",
    summary="Withdraws it.",
    role=Role.ADMINISTRATOR, handler=second_person.take_back_approval,
    answers={204: "Withdrawn.", 410: "Nobody has confirmed it within 24 hours."},
)  # fmt: skip
get_me = Endpoint(
    method="GET", route="me",
    summary="Who is calling: name, role, and how they are known.",
    role=Role.READER, handler=me.me,
)  # fmt: skip
get_console = Endpoint(
    method="GET", route="console",
    summary="The admin page.",
    role=None, handler=console.page, answers={200: "HTML", 304: "Unchanged."}, files=("text/html",),
)  # fmt: skip
get_console_asset = Endpoint(
    method="GET", route="console/{*asset}",
    summary="A style sheet, script or picture of the admin page.",
    role=None, handler=console.asset, answers={200: "The file.", 304: "Unchanged."},
    files=("text/css", "text/javascript", "image/svg+xml"),
)  # fmt: skip
get_health = Endpoint(
    method="GET", route="health",
    summary="Whether the app runs; `deep=true` also tries storage, source and Graph.",
    role=None, handler=health.health, answers={200: health.Health, 503: health.Health},
)  # fmt: skip


async def document(_: Call[Nothing, Nothing]) -> func.HttpResponse:
    return problems.json(_document())


@cache
def _document() -> dict[str, Any]:
    return openapi.openapi(ENDPOINTS)


get_openapi = Endpoint(
    method="GET", route="openapi.json",
    summary="This API as OpenAPI 3.1.",
    role=None, handler=document, answers={200: "OpenAPI"}, files=("application/json",),
)  # fmt: skip

# By the names of their functions in Azure.
FUNCTIONS: Mapping[str, AnyEndpoint] = {
    name: one for name, one in [*globals().items()] if isinstance(one, Endpoint)
}
ENDPOINTS = tuple(FUNCTIONS.values())


def unknown_path(request: func.HttpRequest) -> func.HttpResponse:
    """The answer for a path that nothing serves (404), or not with this method (405)."""
    path = request.route_params.get("path", "").removesuffix("/")
    allowed = sorted({e.method for e in ENDPOINTS if _matches(e.route, path)})
    return problems.secured(problems.nothing_here(request.method, f"/api/{path}", allowed))


def _matches(route: str, path: str) -> bool:
    """Whether the host routes the path there: it ignores case, and an asset's name is never empty."""
    pattern = re.sub(r"\\{\\\*\w+\\}", "[^/].*", re.escape(route))
    pattern = re.sub(r"\\{\w+\\}", "[^/]+", pattern)
    return re.fullmatch(pattern, path, re.IGNORECASE | re.DOTALL) is not None
