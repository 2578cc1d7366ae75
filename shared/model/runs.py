"""Runs, as they are stored and as the API answers them. JSON in camelCase, times in UTC."""

import base64
import re
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Literal

from pydantic import Field, JsonValue

from shared.model.changes import Action
from shared.model.parts import Parts
from shared.model.records import Record, Time

AUDIT_LOG_LIFETIME = timedelta(hours=24)
RUN_LIFETIME = timedelta(days=90)


class Mode(StrEnum):
    DRY_RUN = "dryRun"
    SYNC = "sync"


class Trigger(StrEnum):
    MANUAL = "manual"
    SCHEDULE = "schedule"


class Status(StrEnum):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    COMPLETED_WITH_ERRORS = "completedWithErrors"
    CANCELLED = "cancelled"
    FAILED = "failed"

    @property
    def active(self) -> bool:
        return self in (Status.QUEUED, Status.RUNNING)

    @property
    def good(self) -> bool:
        """The run did its work, for all users or all but some."""
        return self in (Status.SUCCEEDED, Status.COMPLETED_WITH_ERRORS)


class Counts(Record):
    """Counts of people, not of attributes: what a dry run would do, or what a sync did."""

    source: int = 0
    target: int = 0
    add: int = 0
    update: int = 0
    rename: int = 0
    restore: int = 0
    block: int = 0
    unblock: int = 0
    delete: int = 0
    unchanged: int = 0
    skipped: int = 0
    failed: int = 0
    doubtful: int = 0

    @property
    def made(self) -> int:
        """The changes that took effect."""
        return self.add + self.update + self.rename + self.restore + self.block + self.unblock + self.delete


class Progress(Record):
    done: int = 0
    total: int = 0
    eta_seconds: int | None = None


class DeletionCheck(Record):
    """Max Allowed Deletions with its arithmetic; `percent` has as many digits as the verdict needs.

    `approved`: how many of `deletions` were approved. `percent` and `exceeded` are those of the others.
    """

    deletions: int
    target: int
    percent: float
    max_allowed_deletions: int
    exceeded: bool
    approved: int = 0


# What an administrator can approve. A rename from another domain is one, too.
Approvable = Literal["delete", "rename", "clear", "block", "add", "restore", "update"]


class LimitCheck(Record):
    """One of the further limits with its arithmetic: `amount` of `of`, against `limit` in `unit`.

    `count`: with a percentage, the number that must be passed, too. `attribute`: which one is cleared. `approved`:
    further people, who do not count since what happens to them was approved. `kinds`: what such an approval names.
    """

    name: str
    amount: int
    of: int
    limit: int
    unit: Literal["count", "percent"]
    count: int | None = None
    kinds: tuple[Approvable, ...] = ()
    attribute: str | None = None
    exceeded: bool
    approved: int = 0
    verdict: str = ""
    verdict_parts: Parts = ()


class Approval(Record):
    """A release of exactly those changes of some kinds which a dry run listed. `released`: how many of each kind.

    `named`: deletions were approved one by one, so the sync leaves all others. `reviewed`: all deletions of a whole dry
    run were, which ends the doubt of which it told. `reason`: as given with it. `dryRunId` is empty where one leaver's
    deletion was ordered.
    """

    dry_run_id: str
    approved_by: str
    deletions: int
    released: dict[str, int] = Field(default_factory=dict)
    named: bool = False
    reviewed: bool = False
    reason: str = ""


# `gone`: nothing was left to do. `left`: skipped. `otherwise`: another change, or other values.
Departure = Literal["gone", "left", "failed", "otherwise", "unplanned"]


class Departed(Record):
    """Somebody whom a sync treated otherwise than the approved dry run said; null for nothing."""

    how: Departure
    user_principal_name: str
    display_name: str
    planned: Action | None
    done: Action | None


class Compared(Record):
    """What a sync did, against the dry run that was approved with it: `people` differ, the first are in `some`."""

    people: int = 0
    some: tuple[Departed, ...] = ()


class AuditLog(Record):
    available: bool = False
    expires_at: Time | None = None
    size_bytes: int = 0


class PreCheckSummary(Record):
    """How many objects on the domain are not users to synchronise, by kind."""

    active_directory: bool
    notice: str = ""
    notice_parts: Parts = ()
    objects: dict[str, int]


class RunKind(StrEnum):
    """`ONLY`: of a few chosen people. `WHAT_IF`: a dry run with other settings than those in force. `WATCH`: the hourly
    dry run of a watched domain. `CHECK`: a pre-check alone. From the last three nothing can follow."""

    WHOLE = "whole"
    ONLY = "only"
    UNDO = "undo"
    WHAT_IF = "whatIf"
    WATCH = "watch"
    CHECK = "check"


# So many differences, of a what-if or of an approved sync, are in its Sync Log.
DIFFERENCES_NAMED = 50


class Differs(Record):
    """Somebody whom a sync would treat otherwise under the settings tried: what it would do, null for nothing."""

    user_principal_name: str
    display_name: str
    today: Action | None
    tried: Action | None


class WhatIf(Record):
    """The settings tried, and the versions of those that were in force, for `If-Match` when they are saved.

    `people`: how many would be treated otherwise, of whom the first are in `some`.
    """

    settings: dict[str, JsonValue]
    tenant_etag: str = ""
    domain_etag: str = ""
    people: int = 0
    some: tuple[Differs, ...] = ()


class SourceRead(Record):
    """The reading of the source that a plan rests on, shared by all domains. Later ones have higher versions."""

    version: int
    begun_at: Time
    ended_at: Time


class EntraRead(Record):
    """Entra's users of the domain: of the copy as of that time, or `live`. Whom a plan touches is always read live."""

    as_of: Time
    live: bool


class Read(Record):
    """`source`: null where the run has read the source for itself alone, or not at all. `entra`: null in old runs.

    `failed`: the version of the reading for all domains that failed, and the run with it.
    """

    source: SourceRead | None = None
    entra: EntraRead | None = None
    failed: int | None = None


class Run(Record):
    """One line of the Sync Logs.

    `questions`: how many are open about who is who, the oldest since `questionsSince`. `shielded`: accounts that are
    not deleted since somebody in the source may be them. `matches`: how many pairs each rule made.
    `only`: of how many chosen people it is; null for everybody.
    `settingsDigest`: of the settings that decided a dry run's plan; it can be approved while they are the same.
    `mapDigest`: of the attribute map and the sign-in state under which it was started; empty in earlier versions.
    `planDigest`: of all that a watch would change; `sameSince`: when a watch found that first, and ever since.
    `leftDigest`: of all that a run of everybody left undone, empty for nothing; `leftSince` is like `sameSince`.
    `unchangedSince`: in that hour nothing had changed since the run created then, and no run was needed; null for a
    run. `listed`: whether it lists the domain in Entra instead of believing the copy.
    `read`: what it has read. `readAfter`: the version of the last reading that was begun before the run was asked for;
    null where it reads for itself.
    `terms`: digest of the tenant's settings under which it runs. `compared`: of a sync with an approval; null if its
    dry run was gone by then.
    `message` and `warnings` are the English of the parts beside them, made when the run is shown. Rows of an earlier
    version have English only.
    """

    id: str
    domain: str
    mode: Mode
    trigger: Trigger
    requested_by: str
    requested_from: str = ""
    status: Status = Status.QUEUED
    created_at: Time
    started_at: Time | None = None
    finished_at: Time | None = None
    counts: Counts = Counts()
    progress: Progress = Progress()
    deletion_check: DeletionCheck | None = None
    limit_checks: tuple[LimitCheck, ...] = ()
    approval: Approval | None = None
    kind: RunKind = RunKind.WHOLE
    undoes: str | None = None
    what_if: WhatIf | None = None
    compared: Compared | None = None
    disable_added: bool = False
    pre_check: PreCheckSummary | None = None
    questions: int = 0
    questions_since: Time | None = None
    shielded: int = 0
    matches: dict[str, int] = Field(default_factory=dict)
    settings_digest: str = ""
    map_digest: str = ""
    plan_digest: str = ""
    same_since: Time | None = None
    left_digest: str = ""
    left_since: Time | None = None
    unchanged_since: Time | None = None
    listed: bool = False
    only: int | None = None
    message: str = ""
    message_parts: Parts = ()
    warnings: tuple[str, ...] = ()
    warning_parts: Parts = ()
    invocations: int = 0
    stalled_invocations: int = 0
    audit_log: AuditLog = AuditLog()
    terms: str = ""
    read: Read = Read()
    read_after: int | None = None

    @property
    def is_apart(self) -> bool:
        """Whether it is a dry run with an audit log of its own, which does not stand for its domain."""
        apart = (RunKind.ONLY, RunKind.WHAT_IF, RunKind.WATCH, RunKind.CHECK)
        return self.mode is Mode.DRY_RUN and self.kind in apart


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which runs: created at `since` or later and before `until`, by somebody whose name has `by` in it."""

    since: datetime | None = None
    until: datetime | None = None
    status: Status | None = None
    mode: Mode | None = None
    by: str = ""


RUN_ID_PATTERN = r"[0-9]{13}-[0-9a-f]{8}"
_END_OF_TIME = 10**13


def newest_first(moment: datetime) -> str:
    """A RowKey prefix that sorts the latest first: the milliseconds left until 2286."""
    return f"{_END_OF_TIME - int(moment.timestamp() * 1000):013d}"


def new_run_id(now: datetime, token: str) -> str:
    """An id that sorts newest first. `token`, eight random hex digits, makes it hard to guess."""
    return f"{newest_first(now)}-{token}"


def oldest_run_id(now: datetime) -> str:
    """A run older than `RUN_LIFETIME` has an id that sorts after this."""
    return f"{newest_first(now - RUN_LIFETIME)}-"


def is_run_id(text: str) -> bool:
    return re.fullmatch(RUN_ID_PATTERN, text) is not None


def cursor_after(run_id: str) -> str:
    """Where the page of a list of runs begins that follows this run."""
    return base64.urlsafe_b64encode(run_id.encode()).decode()


def run_id_in(cursor: str) -> str:
    """The run id in a cursor. Raises ValueError if the cursor is invalid."""
    run_id = base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True).decode("ascii")
    if not is_run_id(run_id):
        raise ValueError("not a cursor of this list")
    return run_id
