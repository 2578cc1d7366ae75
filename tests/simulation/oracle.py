"""Judges what the app did, in the field's words, from what the world saw. Shares no code with the app's planner.

What was true since before the invocation began is what its last look must have shown: only that is held against it.
"""

import unicodedata
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from local.entra import Entra, User
from local.entra.errors import Json
from tests.simulation.access_control import AccessControl
from tests.simulation.audit_log import Line, lines_of
from tests.simulation.blobs import Blob, Blobs
from tests.simulation.blocking import still_blocked, still_signed_in
from tests.simulation.bounds import Bounds
from tests.simulation.cells import domains_in
from tests.simulation.clock import seconds
from tests.simulation.counting import miscounted
from tests.simulation.equal_hours import overlooked, tells_late
from tests.simulation.gate import History
from tests.simulation.graph import Deed, Effect, Performing
from tests.simulation.grounds import Grounds
from tests.simulation.loop import VirtualLoop
from tests.simulation.remembering import forgotten
from tests.simulation.scenario import Act, Edit, Scenario
from tests.simulation.secrets import Secrets
from tests.simulation.slips import ABROAD
from tests.simulation.tables import Tables
from tests.simulation.telling import misleading
from tests.simulation.undoing import not_undone, taken_from_others

_CHANGES = frozenset({"update", "rename", "block", "unblock", "restore", "add"})
_ROWS_OF: Mapping[str, frozenset[str]] = {
    "create": frozenset({"add"}),
    "delete": frozenset({"delete"}),
    "restore": frozenset({"restore"}),
    "update": _CHANGES,
}
_ONCE: tuple[Deed, ...] = ("create", "delete", "restore")
# After which deed by hand nothing shows any more that this one took effect.
_OVER: Mapping[Deed, Deed] = {"update": "update", "delete": "restore"}
# A hold ends by the clock of whoever looks.
_CLOCKS_DIFFER = 120.0
# In calm hours: an active run that nobody performs is noticed by the next tick.
_LONGEST_IDLE = 2
# So old may a list of Graph be.
_LAG = 120.0
_DAY = 86_400.0


class Seen(Protocol):
    """What the oracle looks at."""

    loop: VirtualLoop
    scenario: Scenario
    tables: Tables
    blobs: Blobs
    entra: Entra
    access_control: AccessControl
    history: History


@dataclass(slots=True)
class _Record:
    """A Username's record as it is now, since when it has named the same account, and by which UPN before."""

    upn: str
    immutable_id: str
    since: float
    former: str = ""


@dataclass
class Oracle:
    world: Seen
    violations: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.grounds = Grounds(self.world, self._wrong)
        self.bounds = Bounds(self.world, self._wrong)
        self.secrets = Secrets(self._wrong)
        self._records = {
            str(one["username"]): _Record(_upn(one), _text(one, "immutable_id"), -1.0)
            for one in self.world.scenario.people
        }
        # Immutable ID → the Usernames that have had it.
        self._had_id: dict[str, set[str]] = defaultdict(set)
        for username, record in self._records.items():
            self._had_id[record.immutable_id].add(username)
        # Username → the account that is certainly theirs.
        self._accounts: dict[str, str] = {}
        self._protected_since: dict[str, tuple[float, str]] = {}
        self._there_since: dict[str, float] = {}
        for user in self.world.entra.directory.users.values():
            self._there_since[user.id] = -1.0
            self._note_protection(user, -1.0)
            for username, record in self._records.items():
                if _is_named(record, user.properties):
                    self._accounts.setdefault(username, user.id)
        self._tell_of_addresses()
        self._effects: dict[str, list[Effect]] = defaultdict(list)
        # Object id, and what somebody did to the account by hand → how often.
        self._by_hand: Counter[tuple[str, Deed]] = Counter()
        # Username → the accounts that a person has said to be theirs, or not to be.
        self._decisions: dict[str, list[tuple[str, bool]]] = defaultdict(list)
        # Also what was done by hand.
        self._everything: dict[str, list[Effect]] = defaultdict(list)
        # Who left before any sync had seen them beside their account.
        self._left_unseen: set[str] = set()
        self._judged: set[str] = set()
        # Runs that undo another.
        self._undoing: set[str] = set()
        self.rows: list[Line] = []
        self._percents: dict[str, list[tuple[float, int]]] = defaultdict(lambda: [(-1.0, 20)])
        # Run → how many are in scope when it begins, at least and at most: what a mailbox is for is not known of
        # those to whom nothing is done.
        self._in_scope: dict[str, tuple[int, int]] = {}
        # Domain → its active run, and for how many calm hours it has been the same.
        self._active: dict[str, tuple[str, int]] = {}
        # Domain → when the last change of its settings was heard of.
        self._set_at: defaultdict[str, float] = defaultdict(lambda: -1.0)
        # Object id → from when until when it is on hold.
        self._holds: dict[str, tuple[float, float]] = {}
        # Domain → from when on leavers wait how long at least; from when until when it is paused, None if unsure.
        self._waits: dict[str, list[tuple[float, float]]] = defaultdict(lambda: [(-1.0, 0.0)])
        self._pauses: dict[str, list[tuple[float, float | None]]] = defaultdict(lambda: [(-1.0, None)])
        # Run → when its first invocation began; domain → its good syncs, from when until when; object id → from when
        # until when a record of the source pointed to it.
        self._begun: dict[str, float] = {}
        # Domains whose leavers are blocked, or wait, before they are deleted, or once were to.
        self._in_stages: set[str] = set()
        # Domain → whether a sync is certainly due each hour.
        self._periodic = dict[str, bool]()
        # Domain → when which leavers were blocked without an approval.
        self._blocked: dict[str, list[tuple[float, str]]] = defaultdict(list)
        # Domains of which a sync has seen both sides.
        self._seen: set[str] = set()
        self._good: dict[str, list[tuple[float, float]]] = defaultdict(list)
        self._pointed: dict[str, list[tuple[float, float]]] = defaultdict(list)

        # When settings, roles, mailboxes, holds or decisions were last changed.
        self._meddled_at = -1.0

        # A run that has written before the world began.
        self._began_before = ""

    # -- as it happens ----------------------------------------------------------------------------------

    def began_before(self, run_id: str, *, in_flight: bool) -> None:
        """A run of an earlier release, which goes on or has ended."""
        self._began_before = run_id
        if not in_flight:
            self._judged.add(run_id)

    def edited(self, edit: Edit) -> None:
        now = self.world.loop.time()
        self._note_whom_it_pointed_to(edit.who, now)
        if edit.kind == "source.remove":
            self._records.pop(edit.who, None)
            self._note_whom_nobody_saw(edit.who)
        elif edit.kind.startswith("source."):
            one = self.world.access_control.users[edit.who]
            before = self._records.get(edit.who)
            upn, immutable_id = one.user_principal_name, one.immutable_id
            if not before or (before.upn, before.immutable_id) != (upn, immutable_id):
                self._records[edit.who] = _Record(upn, immutable_id, now, before.upn if before else "")
                self._had_id[immutable_id].add(edit.who)
                self._note_whom_nobody_saw(edit.who)
        elif user := self.world.entra.directory.user(edit.who):
            self._meddled_at = now
            self._note_protection(user, now)
        if edit.kind.startswith("source."):
            self._tell_of_addresses()

    def _note_whom_nobody_saw(self, username: str) -> None:
        """Whose record has left an account before any sync has seen the two together."""
        account = self.world.entra.directory.users.get(self._accounts.get(username, ""))
        if account and not self._is_known(account.properties, account.id):
            self._left_unseen.add(username)

    def _tell_of_addresses(self) -> None:
        """Whoever has no UPN counts by their Email."""
        self.grounds.edited(self.world.access_control.users[who].address for who in self._records)

    def set(self, domain: str, body: Mapping[str, Any], asked_at: float, *, heard: bool) -> None:
        """Settings of a domain were changed; perhaps, if nobody heard the answer, or if they were before another's."""
        now = self.world.loop.time()
        heard &= self._set_at[domain] < asked_at
        self._set_at[domain] = self._meddled_at = now
        self.bounds.set(domain, body, heard=heard)
        if "pausedUntil" in body:
            until = body["pausedUntil"]
            self._pauses[domain].append((now, seconds(until) if heard and until else None))
        if "leavers" in body:
            days, waits = body["leavers"]["deleteAfterDays"], self._waits[domain]
            if body["leavers"]["block"] or days != 0:
                self._in_stages.add(domain)
            wait = float("inf") if days is None else days * _DAY
            waits.append((now, wait if heard else min(wait, waits[-1][1])))
        if "periodicSync" in body:
            self._periodic[domain] = heard and body["periodicSync"] is True
        if "maxAllowedDeletions" in body:
            percent, known = body["maxAllowedDeletions"], self._percents[domain]
            known.append((now, percent if heard else max(percent, known[-1][1])))

    def done_alone(self, act: Act, asked_at: float) -> None:
        """Under four eyes something took effect at once: nobody alone may loosen what holds a sync back, or delete or
        block by an undo. What else was set meanwhile may have been set before or after.
        """
        if self._set_at[act.domain] >= asked_at:
            return
        body, loosened = act.body, False
        if act.kind == "settings":
            loosened = body.get("maxAllowedDeletions", 0) > self._percents[act.domain][-1][1]
            if leavers := body.get("leavers"):
                days = leavers["deleteAfterDays"]
                loosened |= days is not None and days * _DAY < self._waits[act.domain][-1][1]
        elif act.kind == "undo" and not body["dryRun"]:
            undone = [e for es in self._effects.values() for e in es if e.by and e.by.run_id == body["runId"]]
            there = self.world.entra.directory.users
            loosened = any(
                one.object_id in there
                and (one.deed == "restore" or (one.deed == "create" and body["disableAdded"]))
                for one in undone
            )
        if loosened:
            self._wrong("one person alone loosened what holds a sync back", f"{act.kind} {act.domain} {body}")

    def held(self, object_id: str, until: float) -> None:
        """An account is on hold, from now on."""
        self._meddled_at = self.world.loop.time()
        self._holds[object_id] = (self._meddled_at, until)

    def decided(self, username: str, object_id: str, *, same: bool) -> None:
        """A person has said whether this account is theirs, or may have said so."""
        self._meddled_at = self.world.loop.time()
        self._decisions[username].append((object_id, same))

    def begins(self, performing: Performing) -> None:
        """An invocation of a run begins."""
        self.bounds.begins(performing)
        people = self._people_on(performing.domain)
        sure = sum(1 for one in people if not _protection(one))
        most = len(people) + self._listed_still(performing.domain)
        self._in_scope.setdefault(performing.run_id, (sure, most))
        self._begun.setdefault(performing.run_id, performing.began_at)

    def effect(self, one: Effect) -> None:
        if one.deed in ("create", "restore"):
            self._there_since[one.object_id] = one.at
            # Graph tells neither what the mailbox of a deleted user is for, nor their roles.
            why = self._protected_since.get(one.object_id, (0.0, ""))[1]
            if why and why != "guest":
                self._protected_since[one.object_id] = one.at, why
        self._everything[one.object_id].append(one)
        if one.by is None:
            self._by_hand[one.object_id, one.deed] += 1
            return
        self.bounds.effect(one, one.by)
        if one.deed == "update":
            # Until now, nobody may have known whose it is.
            self._expect_not_handed_on(one, one.by)
        self._effects[one.object_id].append(one)
        self.grounds.expect_fenced(one, one.by)
        self.grounds.expect_heeded(one, one.by)
        if one.deed == "create":
            self._expect_no_second_account(one)
        else:
            self._expect_not_protected(one)
        if one.deed == "update":
            self._expect_left_unblocked(one, one.by)
        if one.deed == "delete":
            self._expect_nobody_there(one, one.by)

    def logged(self, line: str) -> None:
        if line.startswith(('{"event": "snapshot.used"', '{"event": "reading.finished"')):
            self.grounds.told(orjson.loads(line))

    def after_hour(self, *, calm: bool) -> None:
        """`calm`: no fault acted in it."""
        rows = self.world.tables.by_name.get("Runs", {})
        active = {p: str(row.properties["runId"]) for (p, key), row in rows.items() if key == "active"}
        for domain in self.world.scenario.domains:
            run_id, hours = active.get(domain, ""), 0
            if run_id and calm and self._active.get(domain, ("", 0))[0] == run_id:
                hours = self._active[domain][1] + 1
            self._active[domain] = (run_id, hours)
            if hours == _LONGEST_IDLE:
                self._wrong("a run is active and nobody performs it", f"{domain} {run_id}")
        self.bounds.after_hour()
        self.judge_finished()

    def judge_finished(self) -> None:
        """To be asked within a day of their end: no audit log is there for longer."""
        # From the oldest to the newest.
        rows = sorted(self.world.tables.by_name.get("Runs", {}).items(), reverse=True)
        # What an approval releases is known from its dry run.
        for mode, judge in (("dryRun", self._judge_dry_run), ("sync", self._judge)):
            for (_, key), row in rows:
                if row.properties.get("mode") == mode and key[0].isdigit() and key not in self._judged:
                    run = orjson.loads(row.properties["run"])
                    if run["finishedAt"]:
                        self._judged.add(key)
                        (self._judge_line if run["unchangedSince"] else judge)(run)

    def expect_timely(self) -> None:
        """Two hours after the last fault each domain that is due has a sync, or an hour's line, from after it."""
        # After an upgrade a domain may wait until somebody has read a dry run.
        due = [one for one, is_on in self._periodic.items() if is_on and not self.world.scenario.earlier]
        for domain in due:
            line = self._last_line(domain)
            since = self.world.scenario.begins(self.world.scenario.hours) - _CLOCKS_DIFFER
            if not line or seconds(line["createdAt"]) < since:
                self._wrong("a domain had no sync for two hours", f"{domain}: {line and line['createdAt']}")

    def expect_lines_true(self) -> None:
        """Two hours after the last edit: where an hour was no run, there is nothing to do.

        Unless Graph left out a change: that is found within a day.
        """
        if not tells_late(self.world.scenario.rules):
            for domain in self.world.scenario.domains:
                if (self._last_line(domain) or {}).get("unchangedSince"):
                    self._expect_equal(domain)

    def at_the_end(self) -> None:
        """After some hours without faults and edits, with every change approved."""
        self._expect_rows_and_effects()
        for detail in misleading(self.rows, self._everything):
            self._wrong("a row tells a value that was not there", detail)
        self.bounds.at_the_end()
        self.secrets.expect_kept(self.world.history.lines, self.world.tables, self.world.blobs)
        for domain in self.world.scenario.domains:
            self._expect_equal(domain)

    def verified(self, domain: str, page: Mapping[str, Any] | None) -> None:
        """A page of the chained log: nobody has tampered with it."""
        if page is None:
            self._wrong("the log can't be verified", domain)
        elif page["broken"]:
            self._wrong("the log is broken", f"{domain} {page['broken']}")

    # -- the statements ---------------------------------------------------------------------------------

    def _expect_nobody_there(self, one: Effect, by: Performing) -> None:
        """Nobody to whom a source record points loses an account."""
        looked_at = self.grounds.expect_second_look(one, by)
        self._expect_as_planned(one, by, looked_at)
        for username, record in self._records.items():
            if record.since > looked_at or domains_in(record.upn) == {ABROAD}:
                continue
            if self._is_decided_otherwise(username, one.object_id):
                continue
            theirs = self._accounts.get(username)
            by_id = record.immutable_id and record.immutable_id == one.before.get("onPremisesImmutableId")
            by_upn = record.upn.lower() == str(one.before["userPrincipalName"]).lower()
            # A UPN that was somebody else's points to nobody new, unless the names are the same: a Username made anew.
            anothers = one.object_id in self._accounts.values() or self._has_id_of_another(
                one.before, username
            )
            may_be = not anothers or self._has_names(one.before, username)
            # Who has an account by immutable ID has no other, neither by UPN nor by what a sync once made for them.
            elsewhere = self._is_elsewhere(username, record, one.object_id)
            by_upn = by_upn and theirs is None and not elsewhere
            known = theirs == one.object_id and self._is_known(one.before, one.object_id) and not elsewhere
            known = known and username not in self._left_unseen
            if known or by_id or (by_upn and may_be):
                self._wrong("an account was deleted to which the source points", f"{username} {_named(one)}")

    def _has_id_of_another(self, account: Json, username: str) -> bool:
        """Whether the account has an immutable ID that others in the source have had, and this one never."""
        immutable_id = _text(account, "onPremisesImmutableId")
        return bool(immutable_id) and username not in self._had_id.get(immutable_id, (username,))

    def _expect_no_second_account(self, one: Effect) -> None:
        """Nobody gets a second account while the first is there."""
        upn = str(one.after["userPrincipalName"]).lower()
        for username, record in self._records.items():
            # Who has got this UPN only since then: the account may be that of whoever had it before.
            late = one.by and record.since > self.grounds.looked_at(one.by)
            has_id = record.immutable_id and record.immutable_id == one.after.get("onPremisesImmutableId")
            if late and self._is_made_for(username, record, one):
                self._accounts.setdefault(username, one.object_id)
            if record.upn.lower() != upn or (late and not has_id):
                continue
            theirs = self._accounts.get(username)
            account = self.world.entra.directory.users.get(str(theirs))
            there = account and self._is_known(account.properties, account.id)
            there = there and not self._is_decided_otherwise(username, str(theirs))
            there = there and username not in self._left_unseen
            if there and one.by and self._there_since.get(str(theirs), 0.0) < one.by.began_at:
                self._wrong("somebody got a second account", f"{username} has {theirs} {_named(one)}")
            self._accounts[username] = one.object_id
            self._left_unseen.discard(username)

    def _is_made_for(self, username: str, record: _Record, one: Effect) -> bool:
        """Whether the account is this person's, although their record has changed since it was looked at."""
        if one.deed == "create":
            return str(one.after.get("mailNickname")) == username.partition("@")[0]
        there = self.world.entra.directory.user(record.upn)
        had_upn = record.former.lower() == str(one.after["userPrincipalName"]).lower()
        return had_upn and not there and not self._has_id_of_another(one.after, username)

    def _expect_as_planned(self, one: Effect, by: Performing, looked_at: float) -> None:
        """What somebody has done to the account between the plan and the second look holds the deletion up.

        Entra is looked at again when the source was read again.
        """
        planned, looked_at = self.grounds.planned(by), max(looked_at, self.grounds.read_again(by))
        meddled = [
            other
            for other in self._everything[one.object_id]
            if other.by is None and planned < other.at < looked_at and other.before != other.after
        ]
        if meddled:
            self._wrong("an account was deleted that had changed since the plan", _named(one))
        since, why = self._protected_since.get(one.object_id, (float("inf"), ""))
        if planned < since < looked_at:
            self._wrong("somebody was deleted who is protected since the plan", f"{why} {_named(one)}")

    def _expect_left_unblocked(self, one: Effect, by: Performing) -> None:
        """Whom somebody has unblocked by hand after a sync saw their block stand is not blocked again."""
        if not one.blocks:
            return
        switched = [e for e in self._everything[one.object_id] if e is not one and e.switches]
        if len(switched) < 2 or switched[-1].by or not switched[-2].by or self.grounds.by_a_person(by):
            return
        blocked, unblocked = switched[-2].at, switched[-1].at
        stood = any(blocked < began and ended < unblocked for began, ended in self._good[by.domain])
        back = any(until > blocked for _, until in self._pointed[one.object_id])
        here = any(_is_named(record, one.before) for record in self._records.values())
        theirs = {self._accounts.get(username) for username in self._records}
        if stood and unblocked < by.began_at - _LAG and not (back or here or one.object_id in theirs):
            self._wrong("a leaver was blocked again whom somebody had unblocked", _named(one))

    def _expect_not_handed_on(self, one: Effect, by: Performing) -> None:
        """The account that is known to be somebody's does not become that of whoever has got their UPN."""
        owners = [who for who, account in self._accounts.items() if account == one.object_id]
        owners = [who for who in owners if not self._has_another(who, one.object_id)]
        # Perhaps its owner is a namesake.
        owners_names = any(who in self._records and self._has_names(one.after, who) for who in owners)
        if not owners or owners_names:
            return
        upn, looked_at = str(one.before["userPrincipalName"]).lower(), self.grounds.looked_at(by)
        # Whoever had the account's immutable ID by mistake has the account since.
        immutable_id = _text(one.before, "onPremisesImmutableId")
        had_id = self._had_id.get(immutable_id, set()) if immutable_id else set()
        for username, record in self._records.items():
            got_upn = username not in owners and record.upn.lower() == upn and record.since < looked_at
            if not got_upn or username in had_id or self.grounds.by_a_person(by):
                continue
            renamed = self._has_names(one.after, username) and not self._has_names(one.before, username)
            if not renamed or self._is_decided({username, *owners, *had_id}, one.object_id):
                continue
            if self._is_known(one.before, one.object_id):
                self._wrong("somebody's account was handed on", f"{owners} → {username} {_named(one)}")
            # Where nobody knew, it is whose names it has got from now on.
            self._accounts = {who: account for who, account in self._accounts.items() if who not in owners}

    def _has_another(self, username: str, object_id: str) -> bool:
        """Whether they have another account by now, with their UPN and their names."""
        record, users = self._records.get(username), self.world.entra.directory.users.values()
        others = [
            one for one in users if record and one.id != object_id and one.upn.lower() == record.upn.lower()
        ]
        return any(self._has_names(one.properties, username) for one in others)

    def _is_decided(self, usernames: Collection[str], object_id: str) -> bool:
        """Whether a person has said anything of one of these, or of this account."""
        return any(
            who in usernames or account == object_id
            for who, made in self._decisions.items()
            for account, _ in made
        )

    def _expect_not_protected(self, one: Effect) -> None:
        since, why = self._protected_since.get(one.object_id, (float("inf"), ""))
        if one.by and since < one.by.began_at and not self._is_denied(one, why):
            self._wrong("somebody protected was written to", f"{why} {one.deed} {_named(one)}")
        since, until = self._holds.get(one.object_id, (float("inf"), 0.0))
        if one.by and since < one.by.began_at and one.at < until - _CLOCKS_DIFFER:
            self._wrong("somebody on hold was written to", f"{one.deed} {_named(one)}")

    def _is_denied(self, one: Effect, why: str) -> bool:
        """Whether nobody's roles, or nobody's mailbox, can be looked at: updates go on then, and blocks don't.

        Unblocks go on where it is mailboxes, renames neither where it is roles.
        """
        of_roles = why == "role holder"
        kept = ("accountEnabled", "userPrincipalName") if of_roles else ("accountEnabled",)
        is_harmless = one.deed == "update" and all(
            one.before.get(name) == one.after.get(name) or (one.after.get(name) is True and not of_roles)
            for name in kept
        )
        look = "roleManagement" if of_roles else "mailboxSettings"
        rules = self.world.entra.faults.plan.rules
        asked = any(look in rule.path and (of_roles or rule.status == 403) for rule in rules)
        # Of any call.
        denied = any(rule.path == "*" and rule.status == 403 and rule.struck for rule in rules)
        return is_harmless and (asked or denied)

    def _judge_dry_run(self, run: Mapping[str, Any]) -> None:
        apart, logs = f"{run['kind']}/{run['domain']}/{run['id']}.csv", self._audit_logs()
        log = logs.get(apart) or logs.get(f"dry-run/{run['domain']}.csv")
        # The next one has overwritten it, perhaps.
        if log and log.metadata.get("runid") == run["id"] and run["status"] == "succeeded":
            self.bounds.listed[run["id"]] = rows = lines_of(log.content)
            self._expect_each_row_once(rows)
            self._expect_counts(run, rows)

    def _audit_logs(self) -> Mapping[str, Blob]:
        return self.world.blobs.by_container.get("audit-logs", {})

    def _judge(self, run: Mapping[str, Any]) -> None:
        log = self._audit_logs().get(f"sync/{run['domain']}/{run['id']}.csv")
        rows = lines_of(log.content) if log else []
        self.rows += rows
        self._expect_each_row_once(rows)
        self._expect_counts(run, rows)
        # An earlier release kept no histories.
        for detail in forgotten(run, rows, self.world.tables) if run["id"] != self._began_before else ():
            self._wrong("a history does not tell what was done to somebody", detail)
        self.grounds.expect_counted(run)
        undecided = [row for row in rows if not self._is_decided_otherwise(row.source_id, row.object_id)]
        self.grounds.expect_remembered(undecided, self._records, self.world.entra.directory.users)
        made = [e for es in self._effects.values() for e in es if e.by and e.by.run_id == run["id"]]
        if not run["undoes"]:
            self._expect_limit(run, self.bounds.without_approved(run, made))
            self._expect_listed(run, made)
        if not run["undoes"]:
            self._expect_waits(run, made)
        if run["trigger"] == "schedule":
            self._expect_pause(run, made)
        self.bounds.judge(run, rows, made, self._in_scope.get(run["id"], (0, 0))[1], len(self._records))
        if run["status"] in ("succeeded", "completedWithErrors"):
            self._expect_nobody_aside(run, rows, made)
        if run["undoes"]:
            self._undoing.add(run["id"])
            for detail in taken_from_others(run, self._everything):
                self._wrong("an undo took back what somebody had changed since", detail)
        if run["undoes"] and run["status"] in ("succeeded", "completedWithErrors"):
            for detail in not_undone(run, rows, self._everything, self.world.entra.directory):
                self._wrong("an undo is not exact", detail)
        remembers = run["kind"] == "watch" or (run["mode"], run["kind"]) == ("sync", "whole")
        if remembers and run["status"] in ("succeeded", "completedWithErrors"):
            self._seen.add(run["domain"])
        # An undo looks at nobody else, nor does a sync of chosen people.
        if run["status"] == "succeeded" and run["kind"] == "whole":
            ended = seconds(run["finishedAt"]) + _CLOCKS_DIFFER
            self._good[run["domain"]].append((self._begun.get(run["id"], 0.0), ended))

    def _expect_listed(self, run: Mapping[str, Any], made: Iterable[Effect]) -> None:
        """Where nothing has changed since the dry run that was approved, the sync changes whom that has listed."""
        rows = self.bounds.listed.get((run["approval"] or {}).get("dryRunId", ""))
        began = self._begun.get((run["approval"] or {}).get("dryRunId", ""))
        if rows is None or began is None:
            return
        others = [
            one
            for every in self._everything.values()
            for one in every
            if one.at > began - _LAG and not (one.by and one.by.run_id == run["id"])
        ]
        if others or self.grounds.last_edit() > began - _LAG or self._meddled_at > began - _LAG:
            return
        listed = {name for row in rows if row.result == "planned" for name in row.names}
        # Their date, which the dry run has told, may have come since.
        leaving = {name for row in rows if row.error_code == "Waits" for name in row.names}
        for one in made:
            upn = str(one.after["userPrincipalName"]).lower()
            told = listed | leaving if one.deed == "delete" else listed
            if told.isdisjoint((one.object_id, upn)):
                self._wrong(
                    "an approved sync did what its dry run had not listed", f"{run['id']} {_named(one)}"
                )

    def _expect_nobody_aside(
        self, run: Mapping[str, Any], rows: Iterable[Line], made: Iterable[Effect]
    ) -> None:
        """A sync that ended by itself has left nobody at a temporary UPN, unless a row says so."""
        named = {name for row in rows if row.result != "succeeded" for name in row.names}
        for object_id in sorted({one.object_id for one in made} - named):
            user, last = self.world.entra.directory.users.get(object_id), self._everything[object_id][-1]
            aside = user and user.upn.startswith(f"sync-{object_id}@")
            if aside and last.by and not last.late and last.by.run_id == run["id"]:
                self._wrong("somebody was left at a temporary UPN, and no row says so", _named(last))

    def _judge_line(self, line: Mapping[str, Any]) -> None:
        """Of an hour in which no run was needed."""
        run = self._referred_to(line)
        if run and not tells_late(self.world.scenario.rules):
            for detail in overlooked(line, run, self._everything):
                self._wrong("an hour is called unchanged", detail)

    def _expect_each_row_once(self, rows: Iterable[Line]) -> None:
        """A change has one row an attribute; one that was in doubt has another that closes it.

        One account may be in question for several people, each of whom is skipped.
        """
        told = Counter(
            (row.run_id, row.action, row.who, row.source_id if row.action == "skip" else "", row.attribute)
            for row in rows
            if row.result != "inDoubt"
        )
        if twice := [str(one) for one, count in told.items() if count > 1]:
            self._wrong("a row is there twice", twice[0])

    def _expect_counts(self, run: Mapping[str, Any], rows: Iterable[Line]) -> None:
        """The counts of the Sync Log are those of its audit log."""
        for detail in miscounted(run, rows):
            self._wrong("counts and audit log differ", detail)

    def _expect_limit(self, run: Mapping[str, Any], made: Sequence[Effect]) -> None:
        """Without an approval a sync deletes fewer than the percentage of those in scope, over all its invocations."""
        deleted = sum(1 for one in made if one.deed == "delete")
        began = min((one.by.began_at for one in made if one.by), default=0.0)
        now = self.world.loop.time()
        before = [percent for at, percent in self._percents[run["domain"]] if at <= began][-1:]
        allowed = max(
            before + [percent for at, percent in self._percents[run["domain"]] if began < at <= now]
        )
        # Where the app counted the same people, its limit is held to the last one of them.
        (sure, most), check = self._in_scope.get(run["id"], (0, 0)), run["deletionCheck"]
        in_scope = check["target"] if check and sure <= check["target"] <= most else sure + 1
        due = min(deleted, self._due(run, made))
        for amount, of in ((deleted - due, in_scope), (due, in_scope + due)):
            if amount and amount * 100 >= allowed * of:
                self._wrong("more were deleted than the limit lets", f"{run['id']} {amount} of {of}")
        blocked = {one.object_id for one in made if one.blocks}
        if blocked and not run["approval"]:
            # Of a day, and leniently: who waits is in scope as long as nobody takes them out.
            leaving = blocked | self._blocked_lately(run["domain"], began)
            amount, of = len(leaving) + deleted - due, most + len(leaving)
            if amount * 100 >= allowed * of:
                self._wrong(
                    "more leavers were blocked in a day than the limit lets", f"{run['id']} {amount} of {of}"
                )
            self._blocked[run["domain"]] += [(one.at, one.object_id) for one in made if one.blocks]

    def _blocked_lately(self, domain: str, now: float) -> frozenset[str]:
        """Leavers whom syncs of the domain have blocked in the last day, without an approval, and who still are."""
        users = self.world.entra.directory.users_of(domain)
        still = frozenset(user.id for user in users if not user["accountEnabled"])
        return still & {who for at, who in self._blocked[domain] if now - _DAY + _CLOCKS_DIFFER < at}

    def _due(self, run: Mapping[str, Any], made: Iterable[Effect]) -> int:
        """How many went in a second stage: they counted when the first began. None where there never were two.

        Who was moved by hand from a domain with two may be in their second on one without.
        """
        due: int = sum(one["amount"] for one in run["limitChecks"] if one["name"] == "due")
        if run["domain"] in self._in_stages:
            return due
        upns = [[e.before.get("userPrincipalName") for e in self._effects[one.object_id]] for one in made]
        return min(
            due, sum(any(str(upn).partition("@")[2] in self._in_stages for upn in was) for was in upns)
        )

    def _expect_waits(self, run: Mapping[str, Any], made: Iterable[Effect]) -> None:
        """No leaver is deleted before the shortest wait that was asked for since a good sync last saw them."""
        good, waits = self._good[run["domain"]], self._waits[run["domain"]]
        for one in made:
            spans = self._pointed[one.object_id] if one.deed == "delete" else []
            spans = [(since, until) for since, until in spans if until <= one.at]
            for left in (until for since, until in spans if any(since <= b and e <= until for b, e in good)):
                asked = [wait for at, wait in waits if at <= left][-1:]
                shortest = min(asked + [wait for at, wait in waits if left < at <= one.at])
                if one.at - left < shortest - 2 * _CLOCKS_DIFFER:
                    self._wrong("a leaver was deleted early", f"{_named(one)} left at {left:.0f} s")

    def _expect_pause(self, run: Mapping[str, Any], made: Iterable[Effect]) -> None:
        """No periodic sync that begins in a pause writes anything until it ends."""
        began, pauses = self._begun.get(run["id"], 0.0), self._pauses[run["domain"]]
        _, until = [one for one in pauses if one[0] <= began][-1]
        for one in made:
            in_between = any(began < at <= one.at for at, _ in pauses)
            if until and not in_between and one.at < until - _CLOCKS_DIFFER:
                self._wrong("a periodic sync wrote in a pause", f"{run['id']} {_named(one)}")

    def _expect_rows_and_effects(self) -> None:
        """Every effect has a row, and every row its effect; accounts are made, deleted and restored once a row."""
        # Of what was done before the world began there are rows alone.
        here = [row for row in self.rows if row.run_id != self._began_before]
        for object_id, every in sorted(self._effects.items()):
            for one in every:
                found = one.by and not one.late and not self._is_overwritten(one, one.by)
                if one.by and found and not self._is_told(one, one.by):
                    self._wrong("an effect has no row", f"{one.deed} {_named(one)} by {one.by}")
            rows = [row for row in here if row.object_id == object_id]
            effects = [one for one in every if not (one.by and one.by.run_id == self._began_before)]
            for deed in _ONCE:
                made = sum(1 for one in effects if one.deed == deed)
                told = {
                    (row.run_id, row.result)
                    for row in rows
                    if row.action in _ROWS_OF[deed] and row.result in ("succeeded", "failed")
                }
                sure = sum(1 for _, result in told if result == "succeeded")
                # A restore whose second step was refused says in its row that the account is back. A write that arrives
                # after the last look for it was "not made".
                late = sum(1 for one in effects if one.deed == deed and one.late)
                # What somebody takes back in the middle of a run, that run may do again.
                taken_back = self._by_hand[object_id, "restore" if deed == "delete" else "delete"]
                most = taken_back + (len(told) if deed == "restore" else sure + late)
                good = [row for row in rows if row.action in _ROWS_OF[deed] and row.result == "succeeded"]
                sure -= self._maybe_by_hand(object_id, deed, good)
                if not sure <= made <= most:
                    self._wrong("effects and rows differ", f"{deed} {object_id}: {made} effects, {sure} rows")
        for row in here:
            untouched = row.result == "succeeded" and row.object_id not in self._effects
            if untouched and not self._maybe_by_hand(row.object_id, _deed_of(row), [row]):
                self._wrong("a row has no effect", f"{row.action} {row.object_id} {row.run_id}")

    def _maybe_by_hand(self, object_id: str, deed: Deed, rows: Iterable[Line]) -> int:
        """How many of these may tell of somebody else's deed: of a worker that ended before, that left a doubt, or that
        heard no answer.
        """
        by_hand = self._by_hand[object_id, deed]
        doubted = {name for row in self.rows if by_hand and row.doubtful for name in row.names}
        unsure = {
            row.run_id
            for row in rows
            if row.looked_up or self.grounds.was_interrupted(row.run_id) or not doubted.isdisjoint(row.names)
        }
        return min(len(unsure), by_hand)

    def _is_overwritten(self, one: Effect, by: Performing) -> bool:
        """Whether somebody wrote over it, or took it back, before a run that was interrupted looked for it."""
        later = [other for other in self._everything[one.object_id] if other.at > one.at]
        by_hand = bool(later) and later[0].by is None and later[0].deed == _OVER.get(one.deed)
        return by_hand and self.grounds.was_interrupted(by.run_id)

    def _is_told(self, one: Effect, by: Performing) -> bool:
        """Whether a row of this run tells of it. What is in doubt has no object ID while nobody knows of one."""
        return any(
            row.run_id == by.run_id
            and row.action in _ROWS_OF[one.deed]
            and (
                row.object_id == one.object_id
                or row.upn.lower() == str(one.after["userPrincipalName"]).lower()
            )
            for row in self.rows
        )

    def _expect_equal(self, domain: str) -> None:
        """Both sides are equal, but for what the last sync names with a reason."""
        if not any(one.upn.lower().endswith(f"@{domain}") for one in self._records.values()):
            return  # a source without anybody on the domain stops each run
        last = self._last_sync(domain)
        if last is None or last["status"] not in ("succeeded", "completedWithErrors"):
            told = (last or {}).get("messageParts")
            self._wrong("no good sync at the end", f"{domain} {last and last['status']} {told}")
            return
        told = [row for row in self.rows if row.run_id == last["id"] and row.result != "succeeded"]
        named = {who for row in told for who in row.names}
        accounts = {user.upn.lower(): user for user in self.world.entra.directory.users_of(domain)}
        wanted = {
            r.upn.lower(): name for name, r in self._records.items() if r.upn.lower().endswith(f"@{domain}")
        }
        for upn, username in sorted(wanted.items()):
            user = accounts.get(upn)
            if user is None and not named & {upn, username}:
                self._wrong("somebody in the source has no account, and no row says why", f"{username} {upn}")
            unnamed = user and not _protection(user) and not named & {upn, username, user.id}
            if user and unnamed and not self._has_names(user.properties, username):
                self._wrong("names differ, and no row says why", f"{username} {upn}")
            wanted_id = self._records[username].immutable_id
            if user and unnamed and wanted_id and not _has_id(self._records[username], user.properties):
                self._wrong("immutable IDs differ, and no row says why", f"{username} {upn}")
        for upn, user in sorted(accounts.items()):
            # One row tells of all the accounts that one person may have.
            named_beside = any(user.id in row.reason for row in told)
            unnamed = not named & {upn, user.id} and not named_beside
            if upn not in wanted and not _protection(user) and unnamed:
                self._wrong("an account has nobody in the source, and no row says why", upn)
        waiting = {row.object_id for row in told if row.error_code == "Waits"}
        leavers = [user for user in accounts.values() if user.id in waiting and not _protection(user)]
        for detail in still_signed_in(leavers, self._everything, self._undoing):
            self._wrong("a leaver was blocked, and not signed out", detail)
        here = [accounts[upn] for upn, who in wanted.items() if upn in accounts and not named & {upn, who}]
        unprotected = [user for user in here if user.id not in named and not _protection(user)]
        for detail in still_blocked(unprotected, self._everything, self._undoing):
            self._wrong("somebody in the source is blocked, and no row says why", detail)

    def _note_whom_it_pointed_to(self, username: str, now: float) -> None:
        """Called before the record of this Username changes."""
        record = self._records.get(username)
        if record is None:
            return
        anothers = {account for who, account in self._accounts.items() if who != username}
        theirs = None if username in self._left_unseen else self._accounts.get(username)
        is_there = username in self.world.access_control.users
        pointed = {
            user.id
            for user in self.world.entra.directory.users.values()
            if _is_named(record, user.properties)
            # As for who is deleted: a UPN that was somebody else's points to nobody new, unless the names are the same.
            and (user.id not in anothers or (is_there and self._has_names(user.properties, username)))
            # Nor does the UPN of whom is known to have another account.
            and (theirs is None or _has_id(record, user.properties))
        }
        for object_id in sorted({*pointed, *filter(None, [theirs])}):
            if not self._is_decided_otherwise(username, object_id):
                self._pointed[object_id].append((record.since, now))

    # -- what is looked up ------------------------------------------------------------------------------

    def accounts_of(self, usernames: Iterable[str]) -> list[str]:
        return [self._accounts[who] for who in usernames if who in self._accounts]

    def _is_known(self, account: Json, object_id: str) -> bool:
        """Whether a sync has seen whose it is: what the source had before that, nobody remembers."""
        domain = str(account["userPrincipalName"]).lower().partition("@")[2]
        return domain in self._seen or any(one.deed != "delete" for one in self._effects.get(object_id, ()))

    def _is_elsewhere(self, username: str, record: _Record, object_id: str) -> bool:
        """Whether another account has the record's immutable ID, or one that it has had: it is remembered as theirs."""
        others = [user for user in self.world.entra.directory.users.values() if user.id != object_id]
        return any(
            _has_id(record, user.properties)
            or username in self._had_id.get(_text(user.properties, "onPremisesImmutableId") or "-", ())
            for user in others
        )

    def _is_decided_otherwise(self, username: str, object_id: str) -> bool:
        """Whether a person has said that this account is not theirs, or another's, or that another one is theirs."""
        return any(
            (account == object_id) is not same if who == username else (account, same) == (object_id, True)
            for who, made in self._decisions.items()
            for account, same in made
        )

    def _has_names(self, account: Json, username: str) -> bool:
        one = self.world.access_control.users[username]
        names = {
            "displayName": one.display_name, "surname": one.family_name, "givenName": one.given_name,
        }  # fmt: skip
        return all(_read(account.get(name)) == _read(value) for name, value in names.items())

    def _last_line(self, domain: str) -> dict[str, Any] | None:
        row = self.world.tables.by_name.get("Runs", {}).get((domain, "last-sync"))
        return orjson.loads(row.properties["run"]) if row else None

    def _last_sync(self, domain: str) -> dict[str, Any] | None:
        """Of hours that were no runs, the run that they refer to."""
        line = self._last_line(domain)
        return (self._referred_to(line) or line) if line and line["unchangedSince"] else line

    def _referred_to(self, line: Mapping[str, Any]) -> dict[str, Any] | None:
        """The run since which a line says that nothing has changed."""
        rows = self.world.tables.by_name["Runs"]
        runs = (
            orjson.loads(row.properties["run"])
            for (p, key), row in rows.items()
            if p == line["domain"] and key[0].isdigit()
        )
        return next((one for one in runs if one["createdAt"] == line["unchangedSince"]), None)

    def _people_on(self, domain: str) -> list[User]:
        return [
            user
            for user in self.world.entra.directory.users_of(domain)
            if user["userType"] != "Guest" and not (user.roles or user.eligible)
        ]

    def _listed_still(self, domain: str) -> int:
        """How many have gone from the domain of late, so that Graph's lists may show them yet."""
        since = self.world.loop.time() - self.world.scenario.stale[0]
        here = {user.id for user in self.world.entra.directory.users_of(domain)}
        return sum(
            any(
                one.at >= since and str(one.before.get("userPrincipalName")).endswith(f"@{domain}")
                for one in made
            )
            for object_id, made in self._everything.items()
            if object_id not in here
        )

    def _note_protection(self, user: User, now: float) -> None:
        why = _protection(user)
        if not why:
            self._protected_since.pop(user.id, None)
        elif user.id not in self._protected_since:
            self._protected_since[user.id] = (now, why)

    def _wrong(self, statement: str, detail: str) -> None:
        self.violations.append(f"{self.world.loop.time():.0f} s: {statement}: {detail}")


def _protection(user: User) -> str:
    if user.roles or user.eligible:
        return "role holder"
    if user.mailbox not in ("user", "none"):
        return f"{user.mailbox} mailbox"
    return "guest" if user["userType"] == "Guest" else ""


def _deed_of(row: Line) -> Deed:
    return next((deed for deed in _ONCE if row.action in _ROWS_OF[deed]), "update")


def _has_id(record: _Record, properties: Json) -> bool:
    return bool(record.immutable_id) and record.immutable_id == properties.get("onPremisesImmutableId")


def _is_named(record: _Record, properties: Json) -> bool:
    return _has_id(record, properties) or record.upn.lower() == str(properties["userPrincipalName"]).lower()


def _named(one: Effect) -> str:
    shown = one.before or one.after
    return f"{shown['userPrincipalName']} ({one.object_id})"


def _read(name: object) -> str | None:
    """A name as people read it: without what nobody sees. A form that Entra makes of it is reported once alone."""
    return "".join(c for c in name if unicodedata.category(c) != "Cf") if isinstance(name, str) else None


def _text(one: Mapping[str, Any], name: str) -> str:
    return str(one.get(name) or "")


def _upn(one: Mapping[str, Any]) -> str:
    return _text(one, "user_principal_name")
