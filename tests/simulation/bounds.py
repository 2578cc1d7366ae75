"""Judges whether a run keeps within what it was asked for, and within the limits other than Max Allowed Deletions."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import orjson

from tests.simulation.audit_log import Line
from tests.simulation.blobs import Blobs
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
    # Run → the source ids and object ids that it was asked for.
    _chosen: dict[str, Collection[str]] = field(default_factory=dict)
    # Source id → the accounts that the rows of any sync name with it.
    _accounts: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Run → when its first invocation began.
    _begun: dict[str, float] = field(default_factory=dict)
    # Domain → how often a second person has confirmed something; runs with an approval.
    _confirmed: Counter[str] = field(default_factory=Counter)
    _approved: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    # Domain, or empty for the tenant → from when on which periodic syncs write nothing, until when; None if they may.
    _closed: dict[str, list[tuple[float, float | None]]] = field(default_factory=lambda: defaultdict(list))

    # -- what was asked for -----------------------------------------------------------------------------

    def chosen(self, run_id: str, people: Collection[str]) -> None:
        self._chosen[run_id] = people

    def closed(self, domain: str, until: float | None) -> None:
        """From now on, no periodic sync writes until then. None: perhaps, or no longer."""
        self._closed[domain].append((self.world.loop.time(), until))

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
        if run["id"] in self._chosen:
            self._expect_only_chosen(run, rows, made)
        if not (run["approval"] or run["undoes"]):
            self._expect_limits(run, made, in_scope, everybody)

    def at_the_end(self) -> None:
        """After hours in which the timer ticked: no audit log is older than a day."""
        now = self.world.blobs.now()
        for name, log in self.world.blobs.by_container.get("audit-logs", {}).items():
            if (now - log.created).total_seconds() > DAY + 2 * HOUR:
                self.wrong("an audit log outlived its day", f"{name} of {log.created}")

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

    def _within(self, run: Mapping[str, Any], what: str, amount: int, of: int) -> None:
        if amount > _COUNT and amount * 100 >= _PERCENT * (of + 1):
            self.wrong("more was done than a limit lets", f"{run['id']} {what}: {amount} of {of}")
