"""Verifies the chains of the log, a page at a time: of a domain's finished runs, and of changes."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import orjson

from shared.model.runs import RUN_LIFETIME, Status, newest_first
from shared.store.attempts import or_none, tried_again
from shared.store.chain import (
    HEAD,
    Break,
    Covered,
    Head,
    LogName,
    Mark,
    Terms,
    Walk,
    ended,
    log_of,
    verified,
)
from shared.store.changes import TENANT
from shared.store.covered import covered_change, covered_run, run_fields
from shared.store.storage import DOMAINS, RUNS, Storage

_PAGE = 200
# The purge goes by the clock of another process, and may have taken a later row before an earlier one.
_SPARE = timedelta(days=1)
_LAST = "PartitionKey eq @partition and RowKey ge 'last-' and RowKey lt 'last.'"


@dataclass(frozen=True, slots=True)
class _Log:
    """`first` and `beyond`: between these are the keys. `kept_for`: how long rows are kept; None for ever."""

    table: str
    first: str
    beyond: str
    covered: Covered
    kept_for: timedelta | None = None
    is_open: Callable[[Mapping[str, Any]], bool] = lambda _: False


def _is_open(row: Mapping[str, Any]) -> bool:
    """Whether it is the row of a run that has not ended, in what is asked for as in what is shown."""
    try:
        statuses = {row["status"], orjson.loads(row["run"])["status"]}
    except (ValueError, TypeError, KeyError):
        return False
    return statuses <= {Status.QUEUED, Status.RUNNING}


_LOGS: Mapping[LogName, _Log] = {
    "runs": _Log(RUNS, "0", ":", covered_run, RUN_LIFETIME, _is_open),
    "changes": _Log(DOMAINS, "change-", "change.", covered_change),
}


@dataclass(frozen=True, slots=True)
class Page:
    """How far the log was verified, the first break if there is one, and where to go on, None at the end."""

    walk: Walk
    broken: Break | None = None
    following: Walk | None = None


class Integrity:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read_heads(self, domain: str) -> dict[str, str]:
        """The heads that prove something once they are kept elsewhere, by what they are of; none for an empty chain.

        `domain`: empty for the tenant, whose changes are among those of every domain.
        """
        places: dict[str, tuple[LogName, str]] = {"tenantChanges": ("changes", TENANT)}
        if domain:
            places = {"runs": ("runs", domain), "changes": ("changes", domain), **places}
        found = {name: await self._head(*place) for name, place in places.items()}
        return {name: str(mark) for name, mark in found.items() if mark.number}

    async def verify(self, domain: str, walk: Walk | None, kept: Mark) -> Page:
        """Verifies the next page after `walk`: of a domain's runs, then of its changes, or of the tenant's changes.

        `kept`: a head that its log must lead through.
        """
        if walk is None:
            walk = await (self._begun("runs", domain) if domain else self._begun("changes", TENANT))
        if log_of(kept) == walk.log:
            walk = walk.moved(kept=kept)
        walk, broken, more = await self._go_on(walk)
        if broken or more:
            return Page(walk, broken, walk if more else None)
        if walk.log == "changes":
            return Page(walk)
        broken = await self._altered_copy(domain)
        return Page(walk, broken, None if broken else await self._begun("changes", domain))

    async def _begun(self, log: LogName, partition: str) -> Walk:
        head = await self._head(log, partition)
        return Walk(log=log, partition=partition, after=_LOGS[log].first, head=head, expected=head)

    async def _go_on(self, walk: Walk) -> tuple[Walk, Break | None, bool]:
        """The walk after a further page, the first break, and whether there is more to verify."""
        log, clock = _LOGS[walk.log], self._storage.clock
        oldest = self._oldest(log.kept_for) if log.kept_for else "~"
        rows = await self._rows(log, walk)
        # Read after the rows: every row that was written by then is no further than this head.
        newest = (await self._head(walk.log, walk.partition)).number
        terms = Terms(covered=log.covered, newest=newest, oldest=oldest, is_open=log.is_open)
        found = await clock.in_thread(verified, walk, rows[:_PAGE], terms)
        if isinstance(found, Break):
            return walk, found, False
        if len(rows) > _PAGE and not found.done:
            return found, None, True
        return found, ended(found, oldest), False

    def _oldest(self, kept_for: timedelta) -> str:
        """What sorts behind this key may have been purged."""
        return newest_first(self._storage.clock.now() - kept_for + _SPARE)

    @tried_again
    async def _rows(self, log: _Log, walk: Walk) -> list[Mapping[str, Any]]:
        table = await self._storage.open_table(log.table)
        rows: list[Mapping[str, Any]] = []
        async for row in table.query_entities(
            "PartitionKey eq @partition and RowKey gt @after and RowKey lt @beyond",
            parameters={"partition": walk.partition, "after": walk.after, "beyond": log.beyond},
            results_per_page=_PAGE + 1,
        ):
            rows.append(row)
            if len(rows) > _PAGE:
                break
        return rows

    @tried_again
    async def _head(self, log: LogName, partition: str) -> Mark:
        table = await self._storage.open_table(_LOGS[log].table)
        return Head.of(await or_none(table.get_entity(partition, HEAD))).mark

    @tried_again
    async def _altered_copy(self, domain: str) -> Break | None:
        """A row `last-…`, which the domain's page shows, that is not as the run that it is a copy of."""
        table = await self._storage.open_table(RUNS)
        async for copy in table.query_entities(_LAST, parameters={"partition": domain}):
            try:
                run = await or_none(table.get_entity(domain, _id_in(copy)))
                purged = run is None and _id_in(copy) > self._oldest(RUN_LIFETIME)
                same = purged or (run is not None and run_fields(copy["run"]) == run_fields(run["run"]))
            except (ValueError, TypeError, KeyError, AttributeError):
                same = False
            if not same:
                return Break("altered", str(copy["RowKey"]))
        return None


def _id_in(copy: Mapping[str, Any]) -> str:
    return str(orjson.loads(copy["run"])["id"])
