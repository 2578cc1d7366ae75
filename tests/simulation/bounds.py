"""Judges whether a run keeps within what it was asked for, and within the limits other than Max Allowed Deletions."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

import orjson

from tests.simulation.audit_log import Line
from tests.simulation.blobs import Blobs
from tests.simulation.clock import seconds
from tests.simulation.graph import Effect, Performing
from tests.simulation.loop import VirtualLoop
from tests.simulation.scenario import DAY, HOUR, Scenario
from tests.simulation.tables import Tables

# Each of the further limits: a share of those in scope, and a number that must be passed, too.
_PERCENT, _COUNT = 20, 5
_CLEARED = ("displayName", "surname", "givenName", "mailNickname")
_CLOCKS_DIFFER = 120.0


class Seen(Protocol):
    loop: VirtualLoop
    scenario: Scenario
    tables: Tables
    blobs: Blobs


@dataclass
class Bounds:
    """`wrong` takes a statement and its detail."""

    world: Seen
    wrong: Callable[[str, str], None]
    # Dry run → the rows of its audit log, where it was not overwritten soon.
    listed: dict[str, Collection[Line]] = field(default_factory=dict)
    # Run → the source ids and object ids that it was asked for.
    _chosen: dict[str, Collection[str]] = field(default_factory=dict)
    # Source id → the accounts that the rows of any sync name with it.
    _accounts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Run → when its first invocation began.
    _begun: dict[str, float] = field(default_factory=dict)
    # Domain → how often a second person has confirmed something; runs with an approval.
    _confirmed: Counter[str] = field(default_factory=Counter)
    _approved: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Domain → Max Source Shrink, if it is known, and since when; how many people the source had at each sync since the
    # last good one.
    _shrinks: dict[str, tuple[float, int | None]] = field(default_factory=dict)
    _sources: dict[str, list[int]] = field(default_factory=dict)
    # Domain → how leavers are treated, None if unsure, and since when.
    _terms: dict[str, list[tuple[float, Any]]] = field(default_factory=lambda: defaultdict(list))
    # The audit logs of syncs, and when they were made.
    _logs: dict[str, datetime] = field(default_factory=dict)
    # Name of a snapshot → when it was last in use.
    _in_use: dict[str, datetime] = field(default_factory=dict)
    # Domain, or empty for the tenant → from when on which periodic syncs write nothing, until when; None if they may.
    _closed: dict[str, list[tuple[float, float | None]]] = field(default_factory=lambda: defaultdict(list))

    # -- what was asked for -----------------------------------------------------------------------------

    def chosen(self, run_id: str, people: Collection[str]) -> None:
        self._chosen[run_id] = people

    def closed(self, domain: str, until: float | None) -> None:
        """From now on, no periodic sync writes until then. None: perhaps, or no longer."""
        self._closed[domain].append((self.world.loop.time(), until))

    def set(self, domain: str, body: Mapping[str, Any], *, heard: bool) -> None:
        """Settings of a domain were changed; perhaps, if nobody heard the answer."""
        if "maxSourceShrink" in body:
            self._shrinks[domain] = self.world.loop.time(), body["maxSourceShrink"] if heard else None
        if "leavers" in body:
            self._terms[domain].append((self.world.loop.time(), body["leavers"] if heard else None))

    def begins(self, performing: Performing) -> None:
        self._begun.setdefault(performing.run_id, performing.began_at)

    def confirmed(self, domain: str) -> None:
        """A second person is about to confirm something."""
        self._confirmed[domain] += 1

    # -- the statements ---------------------------------------------------------------------------------

    def effect(self, one: Effect, by: Performing) -> None:
        """A dry run writes nothing, whatever it is for; nor does a periodic sync where only a watch goes on."""
        row = self.world.tables.by_name["Runs"][by.domain, by.run_id]
        run = orjson.loads(row.properties["run"])
        if run["mode"] == "dryRun":
            self.wrong("a dry run wrote", f"{run['kind']} {by.run_id} {one.deed} {one.object_id}")
        had, has = (bool(side.get("onPremisesImmutableId")) for side in (one.before, one.after))
        if one.deed == "update" and had and not has and not run["undoes"]:
            self.wrong("an immutable ID was taken away", f"{by.run_id} {one.object_id}")
        for domain in (by.domain, "") if run["trigger"] == "schedule" else ():
            # A run that has begun to write before a pause goes on.
            began, spans = self._begun[by.run_id], self._closed[domain]
            before = [until for at, until in spans if at <= began][-1:]
            in_between = any(began < at for at, _ in spans)
            if before and before[0] is not None and not in_between and one.at < before[0] - _CLOCKS_DIFFER:
                self.wrong("a periodic sync wrote while none may", f"{domain} {by.run_id} {one.object_id}")

    def judge(
        self,
        run: Mapping[str, Any],
        rows: Collection[Line],
        made: Collection[Effect],
        in_scope: int,
        everybody: int,
    ) -> None:
        """A finished sync. `in_scope`: accounts when it began; `everybody`: people of the source."""
        for row in rows:
            self._accounts[row.source_id].add(row.object_id)
        if run["approval"] and self.world.scenario.settings.get("APPROVALS") == "two":
            self._approved[run["domain"]].add(run["id"])
            if len(self._approved[run["domain"]]) > self._confirmed[run["domain"]]:
                self.wrong("an approval took effect unconfirmed", run["id"])
        if run["approval"]:
            self._expect_same_terms(run, run["approval"]["dryRunId"])
        if run["id"] in self._chosen:
            self._expect_only_chosen(run, rows, made)
        if not (run["approval"] or run["undoes"]):
            self._expect_limits(run, made, in_scope, everybody)
            self._expect_no_shrink(run, made)
        if run["status"] in ("succeeded", "completedWithErrors") and run["kind"] == "whole":
            before = [] if run["status"] == "succeeded" else self._sources.get(run["domain"], [])
            self._sources[run["domain"]] = [*before, run["counts"]["source"]]

    def after_hour(self) -> None:
        """An audit log of a sync is there for a day."""
        now = self.world.blobs.now()
        there = {
            name: log.created
            for name, log in self.world.blobs.by_container.get("audit-logs", {}).items()
            if name.startswith("sync/")
        }
        for name in sorted(self._logs.keys() - there.keys()):
            if (now - self._logs[name]).total_seconds() < DAY - _CLOCKS_DIFFER:
                self.wrong("an audit log was gone before its day", f"{name} of {self._logs[name]}")
        self._logs = there
        rows = self.world.tables.by_name.get("Runs", {})
        for (partition, key), row in rows.items():
            if partition == "~readings" and key in ("newest", "mirror"):
                self._in_use |= dict.fromkeys(map(str, row.properties.values()), now)

    def at_the_end(self) -> None:
        """After hours in which the timer ticked: no audit log is older than a day, and nothing replaced is left."""
        now = self.world.blobs.now()
        for name, log in self.world.blobs.by_container.get("audit-logs", {}).items():
            if (now - log.created).total_seconds() > DAY + 2 * HOUR:
                self.wrong("an audit log outlived its day", f"{name} of {log.created}")
        for name, blob in self.world.blobs.by_container.get("snapshots", {}).items():
            if (now - self._in_use.get(name, blob.modified)).total_seconds() > 3 * HOUR:
                self.wrong("a snapshot was kept that was replaced", f"{name} of {blob.modified}")

    def without_approved(self, run: Mapping[str, Any], made: Collection[Effect]) -> list[Effect]:
        """Without the deletions that an approval releases: those which its dry run has listed."""
        approval = run["approval"]
        if not approval:
            return list(made)
        rows = self.listed.get(approval["dryRunId"])
        if rows is None or "delete" not in approval["released"]:
            # Nobody knows what it listed, or a single leaver was ordered to be deleted.
            return [] if rows is None else list(made)
        released = {row.object_id for row in rows if row.action == "delete" and row.result == "planned"}
        return [one for one in made if one.object_id not in released]

    def _expect_same_terms(self, run: Mapping[str, Any], dry_run_id: str) -> None:
        """Between the dry run that is approved and the approval nobody has changed how leavers are treated."""
        dry_run = self.world.tables.by_name["Runs"].get((run["domain"], dry_run_id))
        if dry_run is None or dry_run_id not in self._begun:
            return  # a single leaver was ordered to be deleted, or an earlier release made the dry run
        shown = seconds(orjson.loads(dry_run.properties["run"])["finishedAt"]) + _CLOCKS_DIFFER
        approved = seconds(run["createdAt"])
        every = [one for one in self._terms[run["domain"]] if one[0] < approved + _CLOCKS_DIFFER]
        before = [terms for at, terms in every if at < self._begun[dry_run_id]]
        after = [terms for at, terms in every if shown < at < approved - _CLOCKS_DIFFER]
        sure = len(before) + len(after) == len(every) and before and after and before[-1] and after[-1]
        if sure and before[-1] != after[-1]:
            self.wrong(
                "an approval took effect under other settings", f"{run['id']} {before[-1]} → {after[-1]}"
            )

    def _expect_only_chosen(
        self, run: Mapping[str, Any], rows: Iterable[Line], made: Collection[Effect]
    ) -> None:
        chosen = self._chosen[run["id"]]
        # Whoever has left is known by the Username that an earlier sync knew.
        theirs = {*chosen, *(account for one in chosen if one for account in self._accounts[one])}
        theirs |= {row.object_id for row in rows if row.object_id in chosen}
        for one in made:
            if one.object_id not in theirs:
                self.wrong("a run of chosen people wrote to another", f"{run['id']} {one.object_id}")

    def _expect_limits(
        self, run: Mapping[str, Any], made: Collection[Effect], in_scope: int, everybody: int
    ) -> None:
        """Over all invocations of the run, of each account from what it was to what it is."""
        ends: dict[str, list[Effect]] = defaultdict(list)
        for one in made:
            if one.deed == "update":
                ends[one.object_id].append(one)
        pairs = [(effects[0].before, effects[-1].after) for effects in ends.values()]
        upns = [(str(b["userPrincipalName"]).lower(), str(a["userPrincipalName"]).lower()) for b, a in pairs]
        here = f"@{run['domain']}"
        renamed = sum(1 for b, a in upns if b != a and b.endswith(here) and a.endswith(here))
        joined = sum(1 for b, a in upns if a.endswith(here) and not b.endswith(here))
        blocked = sum(1 for b, a in pairs if b.get("accountEnabled") and not a.get("accountEnabled"))
        self._within(run, "renames", renamed, in_scope)
        self._within(run, "joins", joined, everybody)
        # Leavers who are blocked before they are deleted count as deletions.
        leavers = run["deletionCheck"]["deletions"] if run["deletionCheck"] else 0
        self._within(run, "blocks", blocked - leavers, in_scope)
        for attribute in _CLEARED:
            cleared = sum(1 for b, a in pairs if b.get(attribute) and not a.get(attribute))
            self._within(run, f"cleared {attribute}", cleared, in_scope)

    def _expect_no_shrink(self, run: Mapping[str, Any], made: Iterable[Effect]) -> None:
        """Nobody is deleted where the source has lost more than Max Source Shrink since the last good sync."""
        since, limit = self._shrinks.get(run["domain"], (0.0, None))
        before, now = self._sources.get(run["domain"], []), run["counts"]["source"]
        sure = limit is not None and before and since < self._begun.get(run["id"], 0.0)
        if not sure or run["invocations"] > 1 or run["kind"] != "whole":
            return
        lost, deleted = min(before) - now, [one.object_id for one in made if one.deed == "delete"]
        if limit is not None and deleted and lost * 100 > limit * min(before):
            self.wrong("people were deleted though the source shrank", f"{run['id']} {min(before)} → {now}")

    def _within(self, run: Mapping[str, Any], what: str, amount: int, of: int) -> None:
        if amount > _COUNT and amount * 100 >= _PERCENT * (of + 1):
            self.wrong("more was done than a limit lets", f"{run['id']} {what}: {amount} of {of}")
