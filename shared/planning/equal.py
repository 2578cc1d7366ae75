"""An hour is equal to the last whole run of a domain if nothing on which that run's plan rests is another since. Pure.

Such an hour needs no run: the plan would be the same, and that one had nothing to do, except for people whom it could
not or may not touch. What follows from time alone has a time: see `due_at`.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import sha256

from shared.model import holds, leavers
from shared.model.changes import Action, Change, Plan
from shared.model.domains import DomainSettings
from shared.model.questions import Decisions
from shared.model.results import key
from shared.model.runs import Mode, Run, RunKind
from shared.planning.surveyed import Survey, Terms

_DAY = timedelta(days=1)
_PROTECTED = ("protected.", "scope.")
_HOUR = timedelta(hours=1)
# Runs begin some minutes apart from their hour; what is due some minutes after one would wait for the next.
_EARLY = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ground:
    """What the plans of an hour rest on.

    `code`: digest of the app's code. `people` and `users`: digest by domain of its people in the source, and of its
    users in the copy of Entra's. `facts`: of what that has of the tenant. `syncing`: domains with a periodic sync.
    `memory`: the version of what is known of people.
    """

    code: str
    terms: Terms
    decisions: Decisions
    syncing: frozenset[str]
    people: Mapping[str, str]
    users: Mapping[str, str]
    facts: str
    memory: str

    def digest(self, domain: str, settings: DomainSettings, *, alone: bool) -> str:
        """Of what the plan of a domain rests on. `alone`: as in `is_alone`; else it is everybody of the tenant."""
        decided = self.decisions
        own = self.people.get(domain), self.users.get(domain)
        everybody = sorted(self.people.items()), sorted(self.users.items()), self.memory
        rests_on = [
            self.code,
            self.terms.digest(),
            settings.model_dump_json(),
            (sorted(decided.same.items()), sorted(decided.apart)),
            [one.model_dump_json() for _, one in sorted(decided.holds.items())],
            sorted(self.syncing),
            own if alone else everybody,
            self.facts,
        ]
        return sha256(json.dumps(rests_on, sort_keys=True).encode()).hexdigest()


def is_alone(plan: Plan) -> bool:
    """Whether a domain is at rest by its own people: each has an account, each account in scope somebody, and all is as
    it is to be. Nobody of another domain can then be one of its leavers or newcomers."""
    protected = all(_is_protected(one) for one in plan.changes)
    return protected and not plan.questions and plan.unchanged == plan.source == plan.target


def _is_protected(change: Change) -> bool:
    """Whether it is left for what the account is, whoever may have it."""
    codes = [part.code for part in change.reason]
    return change.action is Action.SKIP and bool(codes) and codes[0].startswith(_PROTECTED)


def is_settled(run: Run, seen: Survey) -> bool:
    """Whether another run would do nothing either: of everybody, with nothing done, and nothing to be gone on with."""
    plan, counts = seen.plan, run.counts
    if run.undoes or run.only is not None or run.approval or not run.status.good or seen.memory.doubt:
        return False
    # The next hour is held against the copy, and this plan rests on something else.
    if seen.corrected:
        return False
    # What a look has left out, the next one may find; and a pause is over when the next one begins.
    if any(one.code.startswith(("look.", "pause.")) for one in run.warning_parts):
        return False
    if run.kind is RunKind.WATCH:
        return True
    going_on = plan.leavers or plan.signed_in or plan.without_session_time
    return run.mode is Mode.SYNC and not (counts.made or counts.doubtful or going_on)


def left_digest(plan: Plan) -> str:
    """Of whom the plan would change or leaves alone, and why: the same in any order, empty for nobody."""
    left = sorted(
        repr((one.action.value, key(one), one.new_upn, one.obstacle and one.obstacle.code, one.reason))
        for one in plan.changes
    )
    return sha256(repr(left).encode()).hexdigest()[:16] if left else ""


def due_at(run: Run, seen: Survey) -> datetime:
    """When the next whole run of the domain is due, whether anything has changed or not.

    Once a day, at a time of the domain's own; when a leaver's wait ends, and when people are reminded of that or of a
    hold's end; and, but for a watch, for those whom this one has left after 1, 2, 4 … hours, since what stood in their
    way may be in no digest. That a hold has ended is in the digest.
    """
    begun, staging, here = run.created_at, seen.lookups.staging, {user.object_id for user in seen.target}
    rows = [row for row in staging.rows.values() if row and row.waits and not row.kept]
    waits = [row.due for row in rows if row.due and row.domain == run.domain]
    reminders = [
        *(due - leavers.REMINDED_BEFORE for due in waits),
        *(
            one.until - holds.REMINDED_BEFORE
            for one in seen.decisions.holds.values()
            if one.object_id in here
        ),
    ]
    # What had not come when it was planned may have come since.
    due = [one for one in (*waits, *reminders) if not staging.now.is_past(one)]
    if run.left_since and run.kind is not RunKind.WATCH:
        due.append(begun + min(_DAY, max(_HOUR, begun - run.left_since)) - _EARLY)
    return min((daily(run.domain, begun), *due))


def daily(domain: str, after: datetime) -> datetime:
    """The first time after `after` at which the domain has its daily run: the domains are spread over the day."""
    place = int.from_bytes(sha256(domain.encode()).digest()[:4]) % int(_DAY.total_seconds())
    midnight = after.replace(hour=0, minute=0, second=0, microsecond=0)
    today = midnight + timedelta(seconds=place)
    return today if today > after else today + _DAY


def is_first_of_day(domain: str, before: datetime | None, now: datetime) -> bool:
    """Whether the domain's time of the day has been since `before`; None is never."""
    return before is not None and daily(domain, before) <= now
