"""Runs: start, look, stop, and their audit logs."""

from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from datetime import timedelta, timezone
from typing import Annotated, Self

import azure.functions as func
from pydantic import AwareDatetime, Field, JsonValue, StrictBool, field_validator, model_validator

from shared.errors import RunActive
from shared.http.content import content
from shared.http.domains import domain_to_read, kept_domain
from shared.http.endpoint import AnyCall, Body, Call, Nothing
from shared.http.principal import Role, require_role
from shared.http.problems import Problem, json
from shared.http.settings import TenantSettingsChange
from shared.http.take_up import take_up
from shared.http.views import run_view
from shared.log import event
from shared.model.addresses import compared_id
from shared.model.bad_value import BadValue
from shared.model.domains import DomainSettings
from shared.model.parts import say
from shared.model.questions import Kind as QuestionKind
from shared.model.records import Record, Time
from shared.model.runs import RUN_ID_PATTERN, Approvable, Mode, Run, Status, Trigger, Wanted, run_id_in
from shared.reports.run_people import PersonKind, page_of_people
from shared.runs import lifecycle
from shared.runs.approving import Release, start_approved
from shared.runs.messages import message

POLL_AFTER_SECONDS = 2
LARGEST_LOG_TO_SHOW = 50 * 1024**2
MOST_CHOSEN = 200


class PageQuery(Body):
    limit: int = Field(50, ge=1, le=200)
    cursor: str | None = Field(None, max_length=64)

    @field_validator("cursor")
    @classmethod
    def _from_this_list(cls, cursor: str | None) -> str | None:
        if cursor is not None:
            run_id_in(cursor)
        return cursor


class RunsQuery(PageQuery):
    since: AwareDatetime | None = Field(None, alias="from", description="Created then or later.")
    until: AwareDatetime | None = Field(None, alias="to", description="Created before then.")
    status: Status | None = None
    mode: Mode | None = None
    by: str = Field("", max_length=256, description="Part of the name of who started it.")


class Answer(Record):
    kind: QuestionKind
    same: StrictBool


class Approve(Record):
    """`kinds`: what is approved of the list; left out, the deletions. `objectIds`, `sourceIds`: of whom; without both,
    of everybody. Where deletions are approved so, the sync leaves all others; against the limits they count.

    Approved are exactly the listed changes: of this person, to this UPN or of this attribute. `answers` settle every
    question of a kind against which nothing speaks. `reason` is kept in the Sync Log.
    """

    dry_run_id: str = Field(pattern=f"^{RUN_ID_PATTERN}$")
    kinds: tuple[Approvable, ...] = Field(("delete",), min_length=1)
    object_ids: tuple[str, ...] | None = None
    source_ids: tuple[str, ...] | None = None
    answers: tuple[Answer, ...] = ()
    reason: str = Field("", max_length=500)

    @model_validator(mode="after")
    def _not_contradictory(self) -> Self:
        if twice := [kind for kind, count in Counter(one.kind for one in self.answers).items() if count > 1]:
            raise BadValue("decisions.answeredTwice", ids=tuple(twice))
        return self

    @property
    def people(self) -> frozenset[str] | None:
        """None for everybody whom the dry run listed."""
        if self.object_ids is None and self.source_ids is None:
            return None
        return frozenset((*map(compared_id, self.object_ids or ()), *(self.source_ids or ())))


Person = Annotated[str, Field(min_length=1, max_length=1024)]
Chosen = Annotated[tuple[Person, ...], Field(min_length=1, max_length=MOST_CHOSEN)]


class SyncOrder(Record):
    """`approve` releases exactly the changes which that dry run listed.

    `only`: source ids or object ids; everybody is read and planned, and only what concerns these people is applied.
    """

    approve: Approve | None = None
    only: Chosen | None = None


class TriedSettings(DomainSettings, TenantSettingsChange):
    """Any subset of the domain's and the tenant's settings, as PATCH takes them."""


class DryRunOrder(Record):
    """`settings`: what if these were in force? Only administrators may ask that. `only`: as with a sync.

    With either, it does not stand for the domain: it is not its last dry run.
    """

    settings: TriedSettings | None = None
    only: Chosen | None = None


class UndoOrder(Record):
    """`dryRun` only previews; `disableAdded` also disables the users whom the sync added."""

    dry_run: StrictBool = False
    disable_added: StrictBool = False


class PeopleQuery(Body):
    """`kind`: only people of that kind. `q`: words that all appear in names, addresses, ids or new values."""

    kind: PersonKind | None = None
    q: str = Field("", max_length=256)
    limit: int = Field(1000, ge=1, le=50_000)
    cursor: str = Field("0", pattern="^[0-9]{1,9}$")


class AuditLogQuery(Body):
    utc_offset: int | None = Field(
        None, ge=-840, le=840, alias="utcOffset",
        description="Minutes east of UTC: the file is named by domain, kind and local time.",
    )  # fmt: skip


class RunList(Record):
    runs: list[Run]
    cursor: str | None


class AuditLogLink(Record):
    url: str
    expires_at: Time


async def start_dry_run(call: Call[Nothing, DryRunOrder]) -> func.HttpResponse:
    settings, only = call.body.settings, _chosen(call.body.only)
    if settings is None:
        return await _start(call, Mode.DRY_RUN, only)
    require_role(call.caller, Role.ADMINISTRATOR)
    tried = settings.model_dump(mode="json", by_alias=True, exclude_unset=True)
    return await _start(call, Mode.DRY_RUN, only, tried)


async def start_sync(call: Call[Nothing, SyncOrder]) -> func.HttpResponse:
    only = _chosen(call.body.only)
    if call.body.approve is None:
        return await _start(call, Mode.SYNC, only)
    domain = await domain_to_read(call.services, call.domain)
    approve = call.body.approve
    release = released_by(approve)
    start = start_approved(call.services, domain, approve.dry_run_id, call.author, release, only)
    return await started(call, start)


def released_by(approve: Approve) -> Release:
    return Release(
        kinds=approve.kinds,
        people=approve.people,
        answers=[(answer.kind, answer.same) for answer in approve.answers],
        reason=approve.reason.strip(),
    )


async def undo_run(call: Call[Nothing, UndoOrder]) -> func.HttpResponse:
    domain = await domain_to_read(call.services, call.domain)
    start = lifecycle.start_undo(
        call.services,
        domain,
        call.run_id,
        call.author,
        dry_run=call.body.dry_run,
        disable_added=call.body.disable_added,
    )
    return await started(call, start)


async def list_runs(call: Call[RunsQuery, Nothing]) -> RunList:
    await kept_domain(call.services, call.domain)
    asked = call.query
    wanted = Wanted(since=asked.since, until=asked.until, status=asked.status, mode=asked.mode, by=asked.by)
    runs, cursor = await call.services.runs.read_page(call.domain, asked.limit, asked.cursor, wanted)
    if any(run.status is Status.QUEUED for run in runs):
        await take_up(call)
    pointers = await call.services.runs.read_pointers(call.domain)
    now = call.services.clock.now()
    return RunList(runs=[run_view(run, pointers.dry_run_log, now) for run in runs], cursor=cursor)


async def get_run(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    run = await call.services.runs.get(call.domain, call.run_id)
    if run.status is Status.QUEUED:
        await take_up(call)
    return json(await _view(call, run), headers=_poll(run))


async def cancel_run(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    run = await lifecycle.cancel(call.services, call.domain, call.run_id, call.author)
    if run.status.active:
        call.enqueue(message(run.domain, run.id))
    return json(await _view(call, run), 202, _poll(run))


async def list_people(call: Call[PeopleQuery, Nothing]) -> func.HttpResponse:
    run = await call.services.runs.get(call.domain, call.run_id)
    outcomes = await call.services.audit_logs.read_outcomes(run, call.services.clock.now())
    query = call.query
    # In a thread: of 100,000 people this takes seconds.
    body = await call.services.clock.in_thread(
        page_of_people, outcomes, query.kind, query.q, int(query.cursor), query.limit
    )
    event("auditLog.read", **call.facts)
    return content(body, "application/json", call.headers, {"Cache-Control": "no-store"})


async def get_audit_log(call: Call[AuditLogQuery, Nothing]) -> func.HttpResponse:
    run = await call.services.runs.get(call.domain, call.run_id)
    accepted = call.headers.get("Accept", "")
    if "text/csv" in accepted:
        answer = await _audit_log_itself(call, run)
        event("auditLog.read", **call.facts)
        return answer
    name = _file_name(run, call.query.utc_offset)
    link = await call.services.audit_logs.make_link(run, call.services.clock.now(), name)
    event("auditLog.linked", **call.facts)
    if "application/json" in accepted:
        return json(AuditLogLink(url=link.url, expires_at=link.expires_at))
    return func.HttpResponse(status_code=302, headers={"Location": link.url, "Cache-Control": "no-store"})


def _file_name(run: Run, utc_offset: int | None) -> str | None:
    if utc_offset is None:
        return None
    local = run.created_at.astimezone(timezone(timedelta(minutes=utc_offset)))
    kind = f"{'undo-' if run.undoes else ''}{'dry-run' if run.mode is Mode.DRY_RUN else 'sync'}"
    return f"{run.domain}-{kind}-{local:%Y-%m-%d-%H%M}.csv"


async def _audit_log_itself(call: AnyCall, run: Run) -> func.HttpResponse:
    """The CSV, for the admin page: its Content-Security-Policy forbids requests to the storage account."""
    if run.audit_log.size_bytes > LARGEST_LOG_TO_SHOW:
        why = say("auditLog.tooLarge", megabytes=LARGEST_LOG_TO_SHOW // 1024**2)
        raise Problem(406, "Audit log too large to show", why)
    log = await call.services.audit_logs.read(run, call.services.clock.now())
    return content(log, "text/csv", call.headers, {"Cache-Control": "no-store"})


def _chosen(people: Sequence[str] | None) -> tuple[str, ...]:
    return tuple(dict.fromkeys(people or ()))


async def _start(
    call: AnyCall, mode: Mode, only: Sequence[str] = (), tried: Mapping[str, JsonValue] | None = None
) -> func.HttpResponse:
    domain = await domain_to_read(call.services, call.domain)
    run = lifecycle.new_run(call.services.clock, domain, mode, Trigger.MANUAL, call.author)
    run = lifecycle.what_if(run, tried) if tried else run
    return await started(call, lifecycle.start(call.services, run, only))


async def started(call: AnyCall, start: Awaitable[Run]) -> func.HttpResponse:
    """202 with the run. Raises RunActive if the domain has one; it goes on if no invocation was performing it."""
    try:
        run = await start
    except RunActive:
        if abandoned := await take_up(call):
            raise RunActive(call.domain, abandoned, taken_up=True) from None
        raise
    call.enqueue(message(run.domain, run.id))
    return json(run, 202, {"Location": f"/api/domains/{run.domain}/runs/{run.id}", **_poll(run)})


async def _view(call: AnyCall, run: Run) -> Run:
    pointers = await call.services.runs.read_pointers(run.domain)
    return run_view(run, pointers.dry_run_log, call.services.clock.now())


def _poll(run: Run) -> dict[str, str]:
    return {"Retry-After": str(POLL_AFTER_SECONDS)} if run.status.active else {}
