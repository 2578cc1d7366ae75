"""What the writes of a run rest on, as the world saw it: its fence, its looks at the source, what it remembers."""

import gzip
from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any, Protocol

import orjson

from tests.simulation.access_control import AccessControl
from tests.simulation.audit_log import Line
from tests.simulation.blobs import Blobs
from tests.simulation.cells import domains_in
from tests.simulation.graph import PERFORMING, Effect, Performing
from tests.simulation.loop import VirtualLoop

_READINGS = "~readings"
# A run chooses a snapshot of the last quarter of an hour; a fault may hold up what it does next.
_OLDEST = 900.0 + 750.0
# What may lie between the look at the fence and the request.
_AT_ONCE = 1.0


class Seen(Protocol):
    """What is looked at."""

    loop: VirtualLoop
    blobs: Blobs
    access_control: AccessControl


@dataclass
class Grounds:
    """`wrong` takes a statement and what violates it."""

    world: Seen
    wrong: Callable[[str, str], None]
    # Run → its row's document; run → its last invocation's number, and who has that, since when.
    _runs: dict[str, Mapping[str, Any]] = field(default_factory=dict)
    _taken: dict[str, tuple[int, Performing | None, float]] = field(default_factory=dict)
    # Run → when it was cancelled; and when batches of it were sent after that.
    _cancelled: dict[str, float] = field(default_factory=dict)
    _sent_after: dict[str, set[float]] = field(default_factory=lambda: defaultdict(set))
    # Invocation → when its plan was first known to have been made.
    _planned: dict[Performing, float] = field(default_factory=dict)
    # Invocation → when the reading began that it rests on, if others share that.
    _read: dict[Performing, float] = field(default_factory=dict)
    # Reading of the source → when it began, when it ended.
    _begun: dict[int, float] = field(default_factory=dict)
    _ended: dict[int, float] = field(default_factory=dict)
    _ended_by: dict[int, Performing | None] = field(default_factory=dict)
    # How many people each domain had in the source, since when.
    _sizes: list[tuple[float, Counter[str]]] = field(default_factory=list)

    # -- as it happens ----------------------------------------------------------------------------------

    def written(self, table: str, key: tuple[str, str], row: Mapping[str, Any]) -> None:
        """A row of some table was written."""
        if table != "Runs":
            return
        now, by = self.world.loop.time(), PERFORMING.get()
        if key == (_READINGS, "state"):
            self._begun.setdefault(row["begun"], now)
            if row["ended"] not in self._ended:
                self._ended[row["ended"]] = now
                self._ended_by[row["ended"]] = by
        elif key[1] == "active" and "invocation" in row:
            run_id, number = str(row["runId"]), int(row["invocation"])
            if number > self._taken.get(run_id, (0, None, 0.0))[0]:
                self._taken[run_id] = number, by, now
            if row.get("cancelledBy"):
                self._cancelled.setdefault(run_id, now)
        elif key[1][0].isdigit() and "run" in row:
            run = orjson.loads(row["run"])
            self._runs[run["id"]] = run
            if by and by.run_id == run["id"] and run["deletionCheck"]:
                self._planned.setdefault(by, now)

    def edited(self, upns: Iterable[str]) -> None:
        """The source has these people now."""
        on_domains = Counter(domain for upn in upns for domain in domains_in(upn))
        self._sizes.append((self.world.loop.time(), on_domains))

    def last_edit(self) -> float:
        """When the source was last changed."""
        return self._sizes[-1][0] if self._sizes else -1.0

    def told(self, event: Mapping[str, Any]) -> None:
        """The app's log says that a snapshot was made, or that a run uses one."""
        by = PERFORMING.get()
        if by:
            self._read.setdefault(by, self._begun[event["version"]])
        if event["event"] == "snapshot.used":
            self._expect_used(event)

    def was_interrupted(self, run_id: str) -> bool:
        """Whether more than one invocation has performed it."""
        return bool(self._runs[run_id]["invocations"] > 1)

    def by_a_person(self, by: Performing) -> bool:
        """Whether somebody has approved it, or undoes something."""
        run = self._runs[by.run_id]
        return bool(run["approval"] or run["undoes"])

    def looked_at(self, by: Performing) -> float:
        """Since when the source has been as the plan of this invocation has it."""
        return min(by.began_at, self._read.get(by, by.began_at))

    def _expect_used(self, event: Mapping[str, Any]) -> None:
        number, after = event["version"], self._runs[event["runId"]]["readAfter"]
        told = f"{event['runId']} version {number}"
        if number <= after:
            self.wrong("a run uses a snapshot from before it was asked for", told)
        if self.world.loop.time() - self._ended[number] > _OLDEST:
            self.wrong("a run uses an old snapshot", told)

    # -- the statements ---------------------------------------------------------------------------------

    def expect_fenced(self, one: Effect, by: Performing) -> None:
        """Nothing is sent for a run after another invocation has taken it."""
        _, last, since = self._taken.get(by.run_id, (0, by, 0.0))
        if last is not by and since < one.sent - _AT_ONCE:
            self.wrong(
                "a run wrote that another invocation has taken", f"{by.run_id} {one.deed} {one.object_id}"
            )

    def expect_heeded(self, one: Effect, by: Performing) -> None:
        """Once a run is cancelled, nothing is sent for it but a batch that was about to be."""
        if one.sent > self._cancelled.get(by.run_id, inf):
            self._sent_after[by.run_id].add(one.sent)
            if len(self._sent_after[by.run_id]) > 1:
                self.wrong("a cancelled run went on", f"{by.run_id} {one.deed} {one.object_id}")

    def planned(self, by: Performing) -> float:
        """When the plan of this invocation was first known to have been made; infinite where it was not yet."""
        return self._planned.get(by, inf)

    def read_again(self, by: Performing) -> float:
        """When this invocation has ended a reading of its own that it began after its plan; else -1."""
        planned = self.planned(by)
        own = (self._ended[n] for n, who in self._ended_by.items() if who == by and self._begun[n] > planned)
        return min(own, default=-1.0)

    def expect_second_look(self, one: Effect, by: Performing) -> float:
        """Before a deletion the source is read again, after the plan. Returns since when that look shows it."""
        if self._runs[by.run_id]["undoes"]:
            return by.began_at
        planned = self._planned.get(by, by.began_at)
        begun, ended = self.world.access_control.begun, self.world.access_control.ended
        after = bisect_right(begun, planned)
        if after == len(begun) or not ended or not begun[after] <= ended[-1]:
            self.wrong(
                "an account was deleted without a second look at the source", f"{by.run_id} {one.object_id}"
            )
            return by.began_at
        # Nobody can see whom a list leaves out without any sign.
        short = any(begun[after] <= at <= one.at for at in self.world.access_control.short)
        return self.looked_at(by) if short else max(by.began_at, begun[after])

    def expect_counted(self, run: Mapping[str, Any]) -> None:
        """A run counts everybody whom the source had on the domain when it was read."""
        read = run["read"] and run["read"]["source"]
        began = self._begun.get(read["version"]) if read else None
        special = run["undoes"] or run["only"] is not None or run["invocations"] > 1
        if began is None or special or run["status"] != "succeeded":
            return
        before = [size for at, size in self._sizes if at < began][-1:]
        moments = [*(at for at, _ in self._sizes), *self.world.access_control.short]
        disturbed = any(began <= at <= self._ended[read["version"]] for at in moments)
        if before and not disturbed and before[0][run["domain"]] != run["counts"]["source"]:
            self.wrong(
                "a run counted others than the source had",
                f"{run['id']} {before[0]} {run['counts']['source']}",
            )

    def expect_remembered(self, rows: Iterable[Line], people: Iterable[str], accounts: Iterable[str]) -> None:
        """Whose account a sync has created is remembered, while both sides have them."""
        blob = self.world.blobs.by_container.get("links", {}).get("people")
        links = orjson.loads(gzip.decompress(blob.content))["links"] if blob else {}
        for row in rows:
            created = row.result == "succeeded" and row.action == "add"
            there = row.source_id in people and row.object_id in accounts
            if created and there and row.source_id not in links:
                self.wrong(
                    "who was created is not remembered",
                    f"{row.source_id} {row.object_id} {row.run_id}",
                )
