"""Lives through one scenario, hour by hour, and has the oracle look at it."""

import asyncio
import gc
import json
import logging
import os
import sys
import warnings
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from math import inf
from random import Random
from typing import Any

from local.access_control.users import User as SourceUser
from local.access_control.users import UserError
from local.entra import Entra, Fault, FaultPlan, User, parse_seed
from local.entra.directory import deleted_upn
from local.entra.errors import GraphError, Json
from shared.http import endpoints as http
from shared.http.endpoint import AnyEndpoint
from tests.simulation.access_control import API_URL, CLIENT, SECRET, TOKEN_URL, AccessControl
from tests.simulation.blobs import Blobs
from tests.simulation.clock import VirtualClock, seconds, world_time
from tests.simulation.earlier import BEFORE, Left, left
from tests.simulation.faults import Faults
from tests.simulation.gate import History
from tests.simulation.graph import BASE_URL, PERFORMING, SENT, AtOnce, Deed, Effect, watched
from tests.simulation.loop import OWNER, VirtualLoop
from tests.simulation.occurring import occurred
from tests.simulation.oracle import Oracle
from tests.simulation.outside import Outside
from tests.simulation.platform import SECOND, Instance, Platform
from tests.simulation.scenario import DAY, HOUR, Act, Edit, Gap, Scenario
from tests.simulation.tables import Tables

_RECYCLE_BIN = 30 * DAY
# After the last fault: a whole run, a dry run whose every change is approved, and two whole runs more.
QUIET_HOURS = 5
# Hours after the last fault → limits that are switched off: an approval does not release renames that can't be made
# while others keep the addresses.
_RAISED = {3: ["maxRenames"]}
ALL_KINDS = ["delete", "rename", "clear", "block", "add", "restore", "update"]


class Unconfirmed(Exception):
    """What was asked for waits for a second person, who never confirms it."""


@dataclass
class Result:
    """What came of one scenario."""

    scenario: Scenario
    digest: str
    violations: list[str]
    lines: list[str]
    hours: int
    faults: int
    runs: int
    seen: Counter[str] = field(default_factory=Counter)


def simulate(scenario: Scenario) -> Result:
    """Deterministic: the same scenario gives the same result."""
    with _signed_in(), _collected_afterwards():
        return _simulated(scenario)


def _simulated(scenario: Scenario) -> Result:
    """Leaves nothing behind but garbage: what a caller still held would outlast the collection, and all that follow."""
    loop = VirtualLoop()
    loop.set_exception_handler(lambda _loop, _context: None)
    try:
        return loop.run_until_complete(_lived(loop, scenario))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
        loop.forget()


async def _lived(loop: VirtualLoop, scenario: Scenario) -> Result:
    return await World(loop, scenario).live()


class World:
    def __init__(self, loop: VirtualLoop, scenario: Scenario) -> None:
        self.loop = loop
        self.scenario = scenario
        self.history = History(loop)
        self.faults = Faults(scenario.faults)
        self.seen: Counter[str] = Counter()
        now = lambda: world_time(loop)  # noqa: E731 - what the service's clock says
        self.tables, self.blobs = Tables(now), Blobs(now)
        self.entra = Entra(clock=AtOnce(loop, f"{scenario.name} entra"), url=BASE_URL)
        self.entra.load(_seed(scenario))
        self.entra.directory = watched(self.entra.directory, self._told, self._sent)
        clock = VirtualClock(loop, f"{scenario.name} access control")
        self.access_control = AccessControl(clock, scenario.page_size, scenario.keys)  # type: ignore[arg-type]
        for one in scenario.people:
            self.access_control.users.put(SourceUser.model_validate(dict(one)))
        chance = Random(f"{scenario.name} world")
        self.outside = Outside(
            scenario.name, loop, self.history, self.faults, chance,
            self.tables, self.blobs, self.entra, self.access_control,
        )  # fmt: skip
        self.oracle = Oracle(self)
        self.tables.tell = self.oracle.grounds.written
        self._earlier = left(scenario.earlier) if scenario.earlier else None
        if self._earlier:
            self._take_over(self._earlier)
        settings = {**SETTINGS, **scenario.settings}
        self.platform = Platform(self.outside, settings, scenario.clocks, self.oracle.begins)
        self._rules_struck = 0
        self._changed = False

    def _take_over(self, earlier: Left) -> None:
        """Storage as an earlier release has left it, by its own clock."""
        left_at = world_time(self.loop) - BEFORE
        self.tables.load("Runs", earlier.rows, left_at)
        for one in earlier.files:
            self.blobs.load(one.container, one.name, one.content, left_at, one.metadata, appends=one.appends)
        self.oracle.began_before(earlier.run_id, in_flight=earlier.in_flight)

    async def live(self) -> Result:
        with _listening(self):
            counted = 0
            if self._earlier and self._earlier.in_flight:
                self.platform.deliver(self._earlier.domain, self._earlier.run_id)
            for hour in range(self.scenario.hours + QUIET_HOURS):
                for gap in self.scenario.gaps:
                    if gap.hour == hour:
                        await self._days(gap)
                struck = len(self.faults.struck) + self._rules_struck
                self._changed = False
                await self._hour(hour)
                calm = len(self.faults.struck) + self._rules_struck == struck
                counted += self._changed or not calm
                self.oracle.after_hour(calm=calm)
                if hour == self.scenario.hours + 1:
                    self.oracle.expect_lines_true()
                    self.oracle.expect_timely()
            for domain in (*self.scenario.domains, ""):
                await self._verify(domain)
            self.oracle.at_the_end()
        self.seen.update(f"fault {one.service} {one.kind}" for one in self.faults.struck)
        self.seen.update(occurred(self.tables, self.blobs, self.oracle.rows))
        return Result(
            scenario=self.scenario,
            digest=self.history.digest,
            violations=self.oracle.violations,
            lines=self.history.lines,
            hours=counted,
            faults=len(self.faults.struck) + self._rules_struck,
            runs=self.seen["event run.finished"],
            seen=self.seen,
        )

    async def _hour(self, hour: int) -> None:
        begins = self.scenario.begins(hour)
        self.faults.begin(hour)
        self._empty_the_recycle_bin()
        rules = [Fault.model_validate(dict(one.rule)) for one in self.scenario.rules if one.hour == hour]
        stale, fresh = self.scenario.stale if hour < self.scenario.hours else (0.0, 0.0)
        plan = FaultPlan(rules=rules, stale_list_seconds=stale, fresh_not_found_seconds=fresh)
        self.entra.faults.plan = plan
        for edit in self.scenario.edits:
            if begins <= edit.at < begins + HOUR:
                self.loop.call_at(edit.at, self._edit, edit)
        for act in self.scenario.acts:
            if begins <= act.at < begins + HOUR:
                self.loop.call_at(act.at, self.loop.start, self._act(act))
        for raised in _RAISED.get(hour - self.scenario.hours, ()):
            for domain in self.scenario.domains:
                self.loop.call_at(
                    begins + 60, self.loop.start, self._act(Act(0, "settings", domain, {raised: None}))
                )
        # Twice: what was done may let more be done, which is above a limit again.
        if hour - self.scenario.hours in (2, 3):
            for domain in self.scenario.domains:
                self.loop.call_at(begins + 60, self.loop.start, self._act(Act(0, "dryRun", domain)))
                approve = Act(0, "approve", domain, {"kinds": ALL_KINDS})
                self.loop.call_at(begins + 1800, self.loop.start, self._act(approve))
        self.loop.start(self._timer())
        await asyncio.sleep(begins + HOUR - self.loop.time())
        self._rules_struck += sum(one.struck for one in rules)
        for one in rules:
            self.seen[_rule_named(one)] += one.struck
        self.entra.requests.clear()

    async def _days(self, gap: Gap) -> None:
        """Days without edits, acts and faults."""
        self.faults.begin(-1)
        self.entra.faults.plan = FaultPlan()
        for _ in range(gap.days):
            self._empty_the_recycle_bin()
            ends = self.loop.time() + DAY
            if gap.ticks:
                self.loop.start(self._timer())
                await asyncio.sleep(HOUR)
                self.oracle.after_hour(calm=True)
            else:
                # What was confirmed before may be done now.
                await asyncio.sleep(HOUR)
                self.oracle.judge_finished()
            await asyncio.sleep(ends - self.loop.time())
            self.entra.requests.clear()
        self.seen["gap that ticks" if gap.ticks else "gap"] += 1

    def _empty_the_recycle_bin(self) -> None:
        directory = self.entra.directory
        for user in list(directory.deleted.values()):
            if self.loop.time() - seconds(str(user["deletedDateTime"])) > _RECYCLE_BIN:
                user.roles = ()
                directory.purge(user)
                self.seen["purged"] += 1

    async def _timer(self) -> None:
        fault = self.faults.next("timer")
        if fault and fault.kind == "lost":
            return
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        again = [self.platform.tick()] if fault and fault.kind == "twice" else []
        await asyncio.gather(self.platform.tick(past_due=bool(fault)), *again)

    # -- what people do ---------------------------------------------------------------------------------

    def _edit(self, edit: Edit) -> None:
        """Does nothing where the person or account is no longer there, or the service refuses."""
        try:
            self._made(edit)
        except (KeyError, UserError, GraphError) as error:
            self.history.note("edit", f"{edit.kind} {edit.who} refused {error}")
            return
        self._changed = True
        self.seen[f"edit {edit.kind}"] += 1
        self.history.note("edit", f"{edit.kind} {edit.who} {json.dumps(dict(edit.values), sort_keys=True)}")
        self.oracle.edited(edit)

    def _made(self, edit: Edit) -> None:
        users, directory = self.access_control.users, self.entra.directory
        if edit.kind == "source.put":
            users.put(SourceUser.model_validate(dict(edit.values)))
        elif edit.kind == "source.edit":
            users.edit(edit.who, edit.values)
        elif edit.kind == "source.remove":
            users.remove(edit.who)
        elif edit.kind == "storage.older":
            self.blobs.go_back(edit.who)
        elif edit.kind == "storage.cut":
            self.blobs.cut(edit.who)
        elif edit.kind in ("entra.restore", "entra.purge"):
            self._take_out_of_the_bin(edit)
        elif edit.kind == "entra.create":
            directory.create({"userPrincipalName": edit.who, **edit.values})
        else:
            user = directory.user(edit.who)
            if user is None:
                raise KeyError(edit.who)
            self._meddle(user, edit)

    def _take_out_of_the_bin(self, edit: Edit) -> None:
        directory = self.entra.directory
        for gone in list(directory.deleted.values()):
            if gone["userPrincipalName"] == deleted_upn(gone.id, edit.who):
                if edit.kind == "entra.restore":
                    directory.restore(gone, None, drop_conflicting_addresses=False)
                else:
                    directory.purge(gone)
                return
        raise KeyError(edit.who)

    def _meddle(self, user: User, edit: Edit) -> None:
        directory = self.entra.directory
        if edit.kind == "entra.update":
            directory.update(user, dict(edit.values))
        elif edit.kind == "entra.delete":
            directory.delete(user)
        elif edit.kind == "entra.mailbox":
            user.mailbox = str(edit.values["purpose"])
        elif edit.kind == "entra.roles":
            user.roles = tuple(edit.values.get("roles", user.roles))
            user.eligible = tuple(edit.values.get("eligible", user.eligible))

    async def _act(self, act: Act) -> None:
        """What an administrator does; what the app answers is in the history."""
        self._changed = True
        self.seen[f"act {act.kind}"] += 1
        with suppress(Unconfirmed):
            await self._done(act)

    async def _done(self, act: Act) -> None:
        """Raises Unconfirmed if a second person is needed, who never confirms it."""
        place = {"domain": act.domain}
        if act.kind == "settings":
            asked_at = self.loop.time()

            def about_to() -> None:
                nonlocal asked_at
                asked_at = self.loop.time()

            answer = await self._asked(act, http.change_domain, place, act.body, about_to)
            # Also without an answer: it may have taken effect.
            self.oracle.set(act.domain, act.body, asked_at, heard=answer is not None)
            if "periodicSync" in act.body:
                watched_only = answer and act.body["periodicSync"] == "watch"
                self.oracle.bounds.closed(act.domain, inf if watched_only else None)
        elif act.kind == "tenant":
            answer = await self._asked(act, http.change_settings, {}, act.body)
            until = act.body["pausedUntil"] if answer else None
            self.oracle.bounds.closed("", seconds(until) if until else None)
        elif act.kind == "hold":
            await self._hold(act)
        elif act.kind in ("dryRun", "sync"):
            await self._start(act, place)
        elif act.kind == "decide":
            await self._decide(act, place)
        else:
            domain = await self.platform.call(http.get_domain, place, {})
            if domain:
                await self._act_on(act, place, domain)

    async def _asked(
        self,
        act: Act,
        endpoint: AnyEndpoint,
        place: dict[str, str],
        body: Mapping[str, Any],
        about_to: Callable[[], None] = lambda: None,
    ) -> dict[str, Any] | None:
        """The answer, after a second person has confirmed it where that is needed. None for any that is not good.

        `about_to` is called before the request that may have an effect.
        """
        if self.scenario.settings.get("APPROVALS") != "two":
            about_to()
        asked_at = self.loop.time()
        answer = await self.platform.call(endpoint, place, body)
        waiting = (answer or {}).get("approval") or {}
        if "asks" not in waiting:
            if answer and self.scenario.settings.get("APPROVALS") == "two":
                self.oracle.done_alone(act, asked_at)
            return answer
        there = {"approvalId": waiting["id"]}
        if await self.platform.call(http.confirm_approval, there, {}):
            self.oracle.bounds.wrong("one person approved alone", waiting["id"])
        if act.confirmed_after is None:
            raise Unconfirmed
        await asyncio.sleep(act.confirmed_after)
        about_to()
        self.oracle.bounds.confirmed(act.domain)
        self.seen["confirmed"] += 1
        return await self.platform.call(http.confirm_approval, there, {}, by=SECOND)

    async def _start(self, act: Act, place: dict[str, str]) -> None:
        body = dict(act.body)
        found = [self.entra.directory.user(upn) for upn in body.pop("accounts", ())]
        chosen = [*body.get("only", ()), *(user.id for user in found if user)]
        if chosen:
            body["only"] = chosen
        endpoint = http.start_dry_run if act.kind == "dryRun" else http.start_sync
        run = await self._asked(act, endpoint, place, body)
        if run and chosen:
            # A leaver may be chosen by the Username they had.
            self.oracle.bounds.chosen(run["id"], [*chosen, *self.oracle.accounts_of(chosen)])

    async def _decide(self, act: Act, place: dict[str, str]) -> None:
        """Answers some of the open questions, all alike."""
        shown = await self.platform.call(http.list_decisions, place, {})
        pairs = [
            {"sourceId": one["sourceId"], "objectId": one["objectId"], "same": act.body["same"]}
            for one in (shown or {}).get("questions", ())[: act.body["most"]]
        ]
        if pairs:
            self.seen["decided"] += len(pairs)

            def decided() -> None:
                for one in pairs:
                    self.oracle.decided(one["sourceId"], one["objectId"], same=one["same"])

            await self._asked(act, http.make_decisions, place, {"decisions": pairs}, decided)

    async def _verify(self, domain: str) -> None:
        """The chains of the log, of a domain or of the tenant, as anybody may have them verified."""
        query = {"domain": domain} if domain else {}
        while True:
            page = await self.platform.call(http.get_integrity, {}, {}, query)
            self.oracle.verified(domain, page)
            if not page or not page["cursor"]:
                return
            query = {**query, "cursor": page["cursor"]}

    async def _hold(self, act: Act) -> None:
        user = self.entra.directory.user(act.body["who"])
        if user:
            body = {name: value for name, value in act.body.items() if name != "who"}
            if await self._asked(act, http.set_hold, {"objectId": user.id}, body):
                self.oracle.held(user.id, seconds(body["until"]))

    async def _act_on(self, act: Act, place: dict[str, str], domain: Json) -> None:
        shown: dict[str, Any] = domain
        if act.kind == "approve" and shown["lastDryRun"]:
            body = {"approve": {"dryRunId": shown["lastDryRun"]["id"], **act.body}}
            await self._asked(act, http.start_sync, place, body)
        elif act.kind == "cancel" and shown["activeRun"]:
            await self.platform.call(http.cancel_run, {**place, "runId": shown["activeRun"]["id"]}, {})
        elif act.kind == "undo" and shown["lastSync"]:
            undone = {**place, "runId": shown["lastSync"]["id"]}
            await self._asked(replace(act, body={**act.body, **undone}), http.undo_run, undone, act.body)

    # -- what is heard ----------------------------------------------------------------------------------

    def _told(self, deed: Deed, object_id: str, before: Json, after: Json, _user: User) -> None:
        by = PERFORMING.get()
        # What arrives late belongs to no instance any more.
        late = by is not None and OWNER.get() is None
        self._changed = True
        self.seen[f"effect {deed}"] += by is not None
        upns = " → ".join(dict.fromkeys(str(one["userPrincipalName"]) for one in (before, after) if one))
        doer = f"by run {by.run_id}" if by else "by hand"
        self.history.note("effect", f"{deed} {upns} {object_id} {doer}")
        self.seen["effect late"] += late
        self.oracle.effect(Effect(self.loop.time(), SENT.get(), deed, object_id, before, after, by, late))

    def _sent(self, body: Json) -> None:
        self.oracle.secrets.sent(body)

    def heard(self, line: str) -> None:
        """A line of the app's log."""
        owner = OWNER.get()
        self.history.note(owner.name if isinstance(owner, Instance) else "-", line)
        self.oracle.logged(line)
        if line.startswith('{"event"'):
            event = json.loads(line)
            self.seen[f"event {event['event']}"] += 1
            if "status" in event:
                self.seen[f"status {event['status']}"] += 1


SETTINGS = {
    "AzureWebJobsStorage": "UseDevelopmentStorage=true",
    "HENNGE_CLIENT_ID": CLIENT,
    "HENNGE_CLIENT_SECRET": SECRET,
    "HENNGE_TOKEN_URL": TOKEN_URL,
    "HENNGE_API_URL": API_URL,
    "GRAPH_BASE_URL": BASE_URL,
}


def _rule_named(rule: Fault) -> str:
    effect = ", took effect" if rule.took_effect else ""
    status = f" {rule.status}" if rule.kind == "status" else ""
    return f"fault graph call {rule.kind}{status}{effect}"


def _seed(scenario: Scenario) -> Any:
    domains = [
        {"id": name, "authenticationType": "Federated" if federated else "Managed"}
        for name, federated in scenario.domains.items()
    ]
    deleted = [dict(one) for one in scenario.deleted]
    if scenario.earlier:
        deleted += [dict(one) for one in left(scenario.earlier).deleted]
    users = [dict(one) for one in scenario.accounts]
    return parse_seed({"domains": domains, "users": users, "deletedUsers": deleted})


class _Listener(logging.Handler):
    def __init__(self, world: World) -> None:
        super().__init__(logging.INFO)
        self._world = world

    def emit(self, record: logging.LogRecord) -> None:
        self._world.heard(record.getMessage())


@contextmanager
def _listening(world: World) -> Iterator[None]:
    logger, listener = logging.getLogger("sync"), _Listener(world)
    level, propagate = logger.level, logger.propagate
    logger.setLevel(logging.INFO)
    logger.propagate = False
    logger.addHandler(listener)
    try:
        yield
    finally:
        logger.removeHandler(listener)
        logger.setLevel(level)
        logger.propagate = propagate


@contextmanager
def _signed_in() -> Iterator[None]:
    """App Service authentication is on, as the platform says in its environment."""
    name = "WEBSITE_AUTH_ENABLED"
    before = os.environ.get(name)
    os.environ[name] = "true"
    try:
        yield
    finally:
        os.environ.pop(name)
        if before is not None:
            os.environ[name] = before


@contextmanager
def _collected_afterwards() -> Iterator[None]:
    """Without the cyclic garbage collector, whose moments differ: what it closes would run in the middle of an hour.

    What is left of the world when it has ended is closed unheard: nobody runs its loop any more.
    """
    gc.disable()
    # What was there before need not be looked at when the rest is collected.
    gc.freeze()
    hook, sys.unraisablehook = sys.unraisablehook, lambda _: None
    try:
        yield
    finally:
        with warnings.catch_warnings():
            # Of what was never begun.
            warnings.simplefilter("ignore", RuntimeWarning)
            gc.collect()
        sys.unraisablehook = hook
        gc.unfreeze()
        gc.enable()
