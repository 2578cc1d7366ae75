"""Table `Runs`: the Sync Logs, and which run of a domain is active.

One partition per domain. A run's row is keyed by its id, newest first. Beside the runs there are a few pointers:
`active` (exists exactly while a run is queued or running), `last-dryRun`, `last-sync`, `last-watch`, `last-check`,
`dry-run-log` (the run whose audit log the blob holds), `good-sync` (of the last sync that succeeded, for all users or
all but some: the size of the source, the digest of the map, and the blob in which it remembered them), `previewed` (the
digest of the map of the last good dry run since then), `told` (what notifications have told), `in-doubt` (the last sync
with failures: what it left in doubt, the next one settles), `listed` (when the last sync or watch that listed the whole
domain in Entra was created). They share the partition, so a run and its pointers change in one transaction: there is
never a second active run, nor a finished one that blocks the next. The messages that a run's end is worth are in that
transaction, too: see `outbox.py`. So is the head of the chain of finished runs: see `chain.py`. A run's start writes
the head as well, so its ETag tells that no run has begun or ended since.

`active` has the number of the invocation that performs the run: the fencing token. Every write of a running run is
conditional on that row's ETag, so a stale invocation can't overwrite its successor.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial
from typing import Any

from pydantic import ValidationError

from shared.errors import CancelRequested, LeaseLost, NotPossible, RunActive, RunNotFound
from shared.log import event
from shared.model.runs import (
    Mode,
    Run,
    RunKind,
    Wanted,
    cursor_after,
    newest_first,
    oldest_run_id,
    run_id_in,
)
from shared.model.told import Told
from shared.store.attempts import or_none, tried_again, unchanged, update_if_unchanged, write_if
from shared.store.chain import HEAD, Head, Mark, linked, mark_in
from shared.store.covered import covered_run
from shared.store.run_rows import from_row, to_row
from shared.store.storage import RUNS, Storage

# The blob that holds what is known of people: a good sync names it, so that its loss is noticed.
PEOPLE = "people"
_ACTIVE, _DRY_RUN_LOG, _GOOD_SYNC, _IN_DOUBT = "active", "dry-run-log", "good-sync", "in-doubt"
_PREVIEWED, _TOLD, _LISTED = "previewed", "told", "listed"
# Their last runs have pointers of their own.
_REMEMBERED_APART = (RunKind.WATCH, RunKind.CHECK)
_RUNS_ONLY = "PartitionKey eq @domain and RowKey ge '0' and RowKey lt ':'"
_POINTERS_ONLY = "PartitionKey eq @domain and RowKey ge 'a'"
# With one query: what else is between the two is small without its columns.
_ACTIVE_AND_HEAD = f"PartitionKey eq @domain and RowKey ge '{_ACTIVE}' and RowKey le '{HEAD}'"
# Without `Timestamp` the service may leave out the ETag.
_THEIR_COLUMNS = ["PartitionKey", "RowKey", "Timestamp", "runId", "invocation", "mark"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pointers:
    """A domain's pointers; `last_good_source` is a number of users, `in_doubt` and the other two texts are run ids.

    `told`: what notifications have told of it; None for nothing yet.
    `last_good_map`: the digest of the map of the last good sync, as in `Terms.map_digest`. None without such a sync,
    empty if an earlier version made it. `previewed_map`: that of the last good dry run of everybody since then.
    `listed_at`: when the last sync or watch that listed the domain was created; None for none yet.
    """

    active: str | None = None
    last_dry_run: Run | None = None
    last_sync: Run | None = None
    last_watch: Run | None = None
    last_check: Run | None = None
    dry_run_log: str | None = None
    last_good_source: int | None = None
    last_good_map: str | None = None
    previewed_map: str = ""
    told: Told | None = None
    in_doubt: str | None = None
    listed_at: datetime | None = None

    @property
    def told_so_far(self) -> Told:
        """A good sync before there were notifications is not told as the first one."""
        return self.told or Told(clean=self.last_good_map is not None)

    def waits_for_review(self, map_digest: str) -> bool:
        """Whether map, sign-in state or scope have changed since the last good sync: no timer starts the next."""
        return self.last_good_map not in (None, map_digest)

    def needs_dry_run(self, map_digest: str) -> bool:
        """Whether no dry run has shown what these changed settings do: a person can't start the next sync, either."""
        return self.waits_for_review(map_digest) and self.previewed_map != map_digest


@dataclass(slots=True, kw_only=True)
class Fence:
    """The fencing token of one invocation: its number, and the ETag of `active` as it left it.

    A later invocation has a higher number, and every write of an earlier one is refused. `head`: of the domain's chain
    of finished runs; it stays until the run ends.
    """

    domain: str
    run_id: str
    invocation: int
    etag: str
    head: Head


@dataclass(frozen=True, slots=True)
class Idle:
    """An active run that nothing has been written about for a while; `etag` is that of its row `active`."""

    domain: str
    run_id: str
    etag: str


async def remembered_in(storage: Storage, domain: str) -> str:
    """The blob in which the domain's last good sync, or one that changed users, remembered them; empty without one.

    Versions with one memory per domain gave the blob the domain's name.
    """
    table = await storage.open_table(RUNS)
    for key in (_GOOD_SYNC, f"last-{Mode.SYNC}"):
        row = await or_none(table.get_entity(domain, key))
        if row is None:
            continue
        run = _readable(row) if "run" in row else None
        if run is None or run.progress.done:
            return str(row.get("memory", domain))
    return ""


class Runs:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def start(self, run: Run) -> None:
        """Writes the run as the domain's active one. Raises RunActive if it has one already."""
        active = {**_key(run.domain, _ACTIVE), "runId": run.id, "invocation": 0}

        async def read() -> str:
            row = await self._active(run.domain)
            return "" if row is None else str(row["runId"])

        async def write(holder: str) -> None:
            if holder not in ("", run.id):
                raise RunActive(run.domain, holder)
            if not holder:
                head = {**_key(run.domain, HEAD), "startedBy": run.id}
                started = [("create", active), ("create", to_row(run)), ("upsert", head, {"mode": "merge"})]
                await self._transaction(started)

        # The run's row exists but the run is not active: it was started and has ended already.
        ended = RunActive(run.domain, run.id)
        await update_if_unchanged(self._storage, read, write, ended, known="")

    async def get(self, domain: str, run_id: str) -> Run:
        """Raises RunNotFound if there is no such run, or this version can't read it."""
        run = await self.find(domain, run_id)
        if run is None:
            raise RunNotFound("run.unknown", domain=domain, run=run_id)
        return run

    async def find(self, domain: str, run_id: str) -> Run | None:
        """The run; None if there is none, or this version can't read it (which is logged)."""
        return _readable(await self._entity(domain, run_id))

    @tried_again
    async def read_page(
        self, domain: str, limit: int, cursor: str | None, wanted: Wanted | None = None
    ) -> tuple[list[Run], str | None]:
        """Up to `limit` Sync Logs, newest first, after the run in `cursor`; and the next page's cursor."""
        table = await self._storage.open_table(RUNS)
        wanted = wanted or Wanted()
        condition, parameters = _RUNS_ONLY, {"domain": domain}
        for further, value in (("RowKey gt @after", cursor and run_id_in(cursor)), *_conditions(wanted)):
            if value:
                condition, parameters = (
                    f"{condition} and {further}",
                    {**parameters, further.partition("@")[2]: value},
                )
        found: list[Run] = []
        async for row in table.query_entities(condition, parameters=parameters, results_per_page=limit + 1):
            if len(found) == limit:
                return found, cursor_after(found[-1].id)
            run = _readable(row)
            if run and wanted.by.casefold() in run.requested_by.casefold():
                found.append(run)
        return found, None

    @tried_again
    async def read_pointers(self, domain: str) -> Pointers:
        table = await self._storage.open_table(RUNS)
        rows = {
            r["RowKey"]: r async for r in table.query_entities(_POINTERS_ONLY, parameters={"domain": domain})
        }
        last = {one: _readable(rows.get(f"last-{one}")) for one in (*Mode, *_REMEMBERED_APART)}
        return Pointers(
            active=rows[_ACTIVE]["runId"] if _ACTIVE in rows else None,
            last_dry_run=last[Mode.DRY_RUN],
            last_sync=last[Mode.SYNC],
            last_watch=last[RunKind.WATCH],
            last_check=last[RunKind.CHECK],
            dry_run_log=rows[_DRY_RUN_LOG]["runId"] if _DRY_RUN_LOG in rows else None,
            last_good_source=_last_good_source(rows.get(_GOOD_SYNC)),
            last_good_map=str(rows[_GOOD_SYNC].get("map", "")) if _GOOD_SYNC in rows else None,
            previewed_map=str(rows[_PREVIEWED]["map"]) if _PREVIEWED in rows else "",
            told=_told(rows.get(_TOLD)),
            in_doubt=(rows[_IN_DOUBT]["runId"] if _IN_DOUBT in rows else "") or None,
            listed_at=rows[_LISTED]["at"] if _LISTED in rows else None,
        )

    async def take(self, domain: str, run_id: str) -> Fence | None:
        """Takes the run for this invocation and fences off every earlier one; None if the run is not active.

        Raises LeaseLost if other invocations keep taking it.
        """

        async def write(seen: tuple[Any, Head]) -> Fence | None:
            row, head = seen
            if row is None or row["runId"] != run_id:
                return None
            # After a lost answer the run is taken again, with the next number: numbers may have gaps.
            row["invocation"] = int(row["invocation"]) + 1
            table = await self._storage.open_table(RUNS)
            answer = await table.update_entity(row, **unchanged(row.metadata["etag"]))
            etag = answer["etag"]
            return Fence(domain=domain, run_id=run_id, invocation=row["invocation"], etag=etag, head=head)

        busy = LeaseLost("run.notTaken", domain=domain, run=run_id)
        return await update_if_unchanged(self._storage, partial(self._active_and_head, domain), write, busy)

    async def check(self, fence: Fence) -> None:
        """Called before each batch. Raises CancelRequested if the run is to stop, LeaseLost if it was taken over."""
        row = await self._active(fence.domain)
        if row is None or row["runId"] != fence.run_id or int(row["invocation"]) != fence.invocation:
            raise LeaseLost("run.takenOver", domain=fence.domain, run=fence.run_id)
        fence.etag = row.metadata["etag"]
        if cancelled_by := row.get("cancelledBy"):
            raise CancelRequested("run.cancelled", by=cancelled_by)

    async def save(self, fence: Fence, run: Run) -> None:
        """Writes the run. Raises LeaseLost if another invocation has taken over."""
        pointer = {**_key(run.domain, _ACTIVE), "savedBy": fence.invocation}

        async def write(etag: str) -> str:
            saved = ("upsert", to_row(run), {"mode": "replace"})
            answers = await self._transaction([("update", pointer, unchanged(etag)), saved])
            return str(answers[0].get("etag", ""))

        lost = _unwritten(fence)
        fence.etag = await update_if_unchanged(
            self._storage, partial(self._look, fence), write, lost, known=fence.etag
        )

    async def finish(
        self,
        fence: Fence,
        run: Run,
        quality: Mapping[str, object],
        messages: Sequence[Mapping[str, object]] = (),
        told: Told | None = None,
    ) -> Head:
        """Writes the finished run and frees the domain for the next one, in one transaction. Returns the chain's head.

        `quality` is kept for `find_finished`. `messages` are rows for the outbox; `told` is kept unless it is None.
        The head has no ETag if an earlier try took effect. Raises LeaseLost as `save` does.
        """
        pointers = ({**columns, **_key(run.domain, name)} for name, columns in _pointers_after(run).items())
        ended = {**to_row(run), "finishedBy": fence.invocation, "quality": json.dumps(quality)}
        after = () if told is None else ({**_key(run.domain, _TOLD), "told": told.model_dump_json()},)
        writes: list[Any] = [("upsert", row, {"mode": "replace"}) for row in (*pointers, *after, *messages)]
        active = _key(run.domain, _ACTIVE)

        async def look() -> tuple[str, Head, Any]:
            """The ETag of `active` and the chain's head; or the row, if an earlier try has finished the run already."""
            try:
                etag = await self._look(fence)
            except LeaseLost:
                row = await self._entity(run.domain, run.id)
                if row is None or row.get("finishedBy") != fence.invocation:
                    raise
                return "", Head(), row
            return etag, (await self._active_and_head(run.domain))[1], None

        async def write(seen: tuple[str, Head, Any]) -> Head:
            etag, head, finished = seen
            if finished is not None:
                return Head(mark_in(finished))
            row, mark = linked(ended, head.mark, covered_run)
            first = [head.moved_to(run.domain, mark), ("delete", active, unchanged(etag))]
            answers = await self._transaction([*first, ("upsert", row, {"mode": "replace"}), *writes])
            return Head(mark, str(answers[0].get("etag", "")))

        known = fence.etag, fence.head, None
        return await update_if_unchanged(self._storage, look, write, _unwritten(fence), known=known)

    async def add_equal(self, line: Run, quality: Mapping[str, object], head: Head) -> Head | None:
        """Writes the line of an hour in which nothing had changed. Returns the chain's head.

        None if a run of the domain has begun or ended since `head`. Idempotent with the same line, but for its answer.
        """
        row, mark = linked({**to_row(line), "quality": json.dumps(quality)}, head.mark, covered_run)
        pointers = ({**to_row(line), **_key(line.domain, _last(line))},)
        answers: list[Any] = []

        async def write() -> None:
            writes = [("upsert", one, {"mode": "replace"}) for one in (row, *pointers)]
            answers.extend(await self._transaction([head.moved_to(line.domain, mark), *writes]))

        return Head(mark, str(answers[0].get("etag", ""))) if await write_if(write()) else None

    async def find_finished(self, domain: str, run_id: str) -> tuple[Run, dict[str, Any], Mark] | None:
        """A run that has ended, its quality, and its place in the chain.

        None for any other, and for one that an earlier version ended.
        """
        row = await self._entity(domain, run_id)
        run = _readable(row)
        return (run, json.loads(row["quality"]), mark_in(row)) if run and "quality" in row else None

    async def request_cancel(self, domain: str, run_id: str, who: str) -> bool:
        """Asks the invocation that performs the run to stop; False if the run is not active.

        Of several callers, the run names the first. Raises NotPossible if the run's row keeps changing.
        """

        async def write(row: Any) -> bool:
            if row is None or row["runId"] != run_id:
                return False
            if not row.get("cancelledBy"):
                asked = {**_key(domain, _ACTIVE), "cancelledBy": who}
                table = await self._storage.open_table(RUNS)
                await table.update_entity(asked, **unchanged(row.metadata["etag"]))
            return True

        busy = NotPossible("run.notReached", run=run_id)
        return await update_if_unchanged(self._storage, partial(self._active, domain), write, busy)

    async def free(self, domain: str, run_id: str) -> None:
        """Frees the domain of an active run, whose row stays as it is. Nothing can be written for the run any more.

        Raises NotPossible if the run's row keeps changing.
        """

        async def write(row: Any) -> None:
            if row is not None and row["runId"] == run_id:
                table = await self._storage.open_table(RUNS)
                await table.delete_entity(row, **unchanged(row.metadata["etag"]))

        busy = NotPossible("run.notReached", run=run_id)
        await update_if_unchanged(self._storage, partial(self._active, domain), write, busy)

    @tried_again
    async def purge(self, domain: str, now: datetime) -> None:
        """Deletes the rows of runs that are older than 90 days, but for an active run: the app may have stood still."""
        table = await self._storage.open_table(RUNS)
        condition = f"{_RUNS_ONLY} and RowKey gt @oldest"
        parameters = {"domain": domain, "oldest": oldest_run_id(now)}
        found = table.query_entities(condition, parameters=parameters, select=["PartitionKey", "RowKey"])
        if old := [row async for row in found]:
            active = await self._active(domain)
            for row in old:
                if active is None or row["RowKey"] != active["runId"]:
                    await table.delete_entity(row)

    async def find_idle(self, domain: str, longer_than: timedelta, now: datetime) -> Idle | None:
        """The active run if nothing has been written about it for that long."""
        row = await self._active(domain)
        if row is None or now - row.metadata["timestamp"] < longer_than:
            return None
        return Idle(domain, str(row["runId"]), row.metadata["etag"])

    async def claim(self, idle: Idle) -> bool:
        """Claims an idle run. False if another caller was first, or if something was written about it since.

        Raises NotPossible if the run's row keeps changing.
        """
        claim = self._storage.clock.token(8)
        claimed = {**_key(idle.domain, _ACTIVE), "claim": claim}

        async def read() -> tuple[str, str]:
            row = await self._active(idle.domain)
            return ("", "") if row is None else (row.metadata["etag"], row.get("claim", ""))

        async def write(seen: tuple[str, str]) -> bool:
            etag, claimed_by = seen
            if etag == idle.etag:
                table = await self._storage.open_table(RUNS)
                await table.update_entity(claimed, **unchanged(etag))
                return True
            return claimed_by == claim

        busy = NotPossible("run.notTakenUp", run=idle.run_id)
        return await update_if_unchanged(self._storage, read, write, busy, known=(idle.etag, ""))

    async def _active(self, domain: str) -> Any:
        return await self._entity(domain, _ACTIVE)

    @tried_again
    async def _active_and_head(self, domain: str) -> tuple[Any, Head]:
        table = await self._storage.open_table(RUNS)
        found = table.query_entities(_ACTIVE_AND_HEAD, parameters={"domain": domain}, select=_THEIR_COLUMNS)
        rows = {row["RowKey"]: row async for row in found}
        return rows.get(_ACTIVE), Head.of(rows.get(HEAD))

    @tried_again
    async def _entity(self, domain: str, row_key: str) -> Any:
        table = await self._storage.open_table(RUNS)
        return await or_none(table.get_entity(domain, row_key))

    async def _look(self, fence: Fence) -> str:
        """The ETag of `active`. Raises LeaseLost if another invocation has the run."""
        with suppress(CancelRequested):  # a request to cancel changes the row, but the run is still ours
            await self.check(fence)
        return fence.etag

    async def _transaction(self, operations: list[Any]) -> list[Any]:
        table = await self._storage.open_table(RUNS)
        return list(await table.submit_transaction(operations))


def _key(domain: str, name: str) -> dict[str, str]:
    return {"PartitionKey": domain, "RowKey": name}


def _pointers_after(run: Run) -> dict[str, dict[str, Any]]:
    """The pointers that a run changes when it ends, by RowKey."""
    is_sync, good = run.mode is Mode.SYNC, run.status.good
    after: dict[str, dict[str, Any]] = {}
    if run.kind in _REMEMBERED_APART or not run.is_apart:
        after[_last(run)] = to_row(run)
    if good and not is_sync and not run.is_apart:
        after[_DRY_RUN_LOG] = {"runId": run.id}
    if good and not is_sync and run.kind is RunKind.WHOLE:
        after[_PREVIEWED] = {"map": run.map_digest}
    whole = not run.undoes and run.only is None
    if good and is_sync and whole:
        after[_GOOD_SYNC] = {"source": run.counts.source, "map": run.map_digest, "memory": PEOPLE}
        after[_PREVIEWED] = {"map": ""}
    if run.read.entra and run.read.entra.live and whole and (is_sync or run.kind is RunKind.WATCH):
        after[_LISTED] = {"at": run.created_at}
    if is_sync and run.audit_log.size_bytes:
        # It has begun to write, and settled what the syncs before it left in doubt, or has it in its own journal.
        after[_IN_DOUBT] = {"runId": run.id if run.counts.doubtful or run.counts.failed else ""}
    return after


def _last(run: Run) -> str:
    """The pointer to the last run of its kind."""
    return f"last-{run.kind if run.kind in _REMEMBERED_APART else run.mode}"


def _conditions(wanted: Wanted) -> tuple[tuple[str, str | None], ...]:
    """Conditions on a row, each with the value of its parameter."""
    # A run's id begins with its time, and sorts newest first.
    since, until = (f"{newest_first(one)}~" if one else None for one in (wanted.since, wanted.until))
    return (
        ("RowKey le @since", since),
        ("RowKey gt @until", until),
        ("status eq @status", wanted.status and str(wanted.status)),
        ("mode eq @mode", wanted.mode and str(wanted.mode)),
    )


def _unwritten(fence: Fence) -> LeaseLost:
    return LeaseLost("run.notWritten", domain=fence.domain, run=fence.run_id)


def _readable(row: Any) -> Run | None:
    """The run of a row; None for no row, and for one with a value that only a newer version knows."""
    if row is None:
        return None
    try:
        return from_row(row)
    except ValidationError as error:
        _unreadable(row, error)
        return None


def _last_good_source(row: Any) -> int | None:
    """The number of users; None if there is none, also for a damaged one (which is logged)."""
    if row is None:
        return None
    try:
        return int(row["source"])
    except (KeyError, TypeError, ValueError) as error:
        _unreadable(row, error)
        return None


def _told(row: Any) -> Told | None:
    if row is None:
        return None
    try:
        return Told.model_validate(json.loads(row["told"]), extra="ignore")
    except (ValidationError, ValueError) as error:
        _unreadable(row, error)
        return None


def _unreadable(row: Any, error: Exception) -> None:
    event("run.unreadable", logging.ERROR, domain=row["PartitionKey"], row=row["RowKey"], error=repr(error))
