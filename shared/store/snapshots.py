"""Snapshots of both sides: blobs `snapshots/…`, and their readings: table `Runs`, partition `~readings`.

| row | what |
|---|---|
| `state` | the numbers of the last reading that was begun and of the last that ended; what is staged of the former |
| `newest` | the newest good reading: its blob, and the digest of that |
| `failed` | the newest failed reading, and why |
| `mirror` | the newest copy of Entra's users: its two blobs |
| `doubt` | the last of these copies that a run has found wrong |
| three digits | a reading that has ended: its number modulo `ROWS`, so that the last ones stay |
| `wait-` and a domain | the run that waits there, or has waited, and for which reading at least |
| `wait-~hour` | the same of the timer's hour |

Numbers only grow: a reading with a higher one was begun later. `state` is the fence: each write of a reading is made
on the condition that nobody has written it since. The transaction that ends a reading also makes its blob the newest,
so a snapshot is complete or not there. Storage's clock alone tells how old it is.

A run that waits writes its row, and then reads `state`; a reading that ends writes `state`, and then reads who waits.
So no run waits for a reading that has ended.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

from pydantic import TypeAdapter

from shared.errors import LeaseLost
from shared.model.packed import SnapshotDamaged
from shared.model.parts import Parts
from shared.store.attempts import or_none, tried_again, unchanged, update_if_unchanged
from shared.store.forbidden import tell_forbidden
from shared.store.storage import RUNS, SNAPSHOTS, Storage

READINGS = "~readings"
# A replaced snapshot may still be in use by a run that began with it.
KEPT_AFTER_REPLACED = timedelta(hours=1)
# Of the readings of more than a week, if there is one an hour.
ROWS = 200
# In a domain's place: the domains that may have nothing to do in this hour.
HOUR = "~hour"
_STATE, _NEWEST, _FAILED, _WAIT = "state", "newest", "failed", "wait-"
_MIRROR, _DOUBT = "mirror", "doubt"
# A transaction takes so many rows.
_AT_ONCE = 100
_PARTS = TypeAdapter(Parts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A good reading. `begun_at` and `ended_at` are for people. `map`: of the attribute map it was read with."""

    number: int
    blob: str
    digest: str
    map: str
    users: int
    begun_at: datetime
    ended_at: datetime
    age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    number: int
    why: Parts
    age: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredMirror:
    """A copy of Entra's users, as the reading with this number left it. `base`: the blob that `blob` goes on from."""

    number: int
    blob: str
    base: str
    age: timedelta = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """How readings stand. `begun`: the number of the last one that was begun; `ended`: of the last one that ended.

    Of one that has not ended: `map` and `begun_at` as in `Snapshot`, `stages`: the blobs that are staged, `users`:
    how many people are in these, `tries`: how many invocations have begun it since something was staged last,
    `quiet`: how long nothing has been written of it. `at`: storage's time. `writer`: a token of the only invocation
    that may write. `doubted`: the number of the last mirror that was found wrong.
    """

    begun: int = 0
    ended: int = 0
    map: str = ""
    begun_at: datetime | None = None
    stages: tuple[str, ...] = ()
    users: int = 0
    tries: int = 0
    quiet: timedelta = timedelta(0)
    newest: Snapshot | None = None
    failed: Failure | None = None
    mirror: StoredMirror | None = None
    doubted: int = 0
    at: datetime
    etag: str = ""
    writer: str = ""

    @property
    def under_way(self) -> bool:
        return self.begun > self.ended


@dataclass(frozen=True, slots=True)
class Waiting:
    """A run that waits for a reading with at least this number."""

    domain: str
    run_id: str
    number: int


@dataclass(slots=True)
class _Asked:
    """Takes storage's time from an answer."""

    at: datetime | None = None
    _tell: Any = field(default_factory=lambda: tell_forbidden("table"))

    def __call__(self, response: Any) -> None:
        self._tell(response)
        if date := response.http_response.headers.get("Date"):
            self.at = parsedate_to_datetime(date)


class Snapshots:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._last = "", b""

    @tried_again
    async def look(self) -> Readings:
        asked = _Asked()
        table = await self._storage.open_table(RUNS)
        found = table.query_entities(
            "PartitionKey eq @partition and RowKey ge 'a' and RowKey lt @wait",
            parameters={"partition": READINGS, "wait": _WAIT},
            raw_response_hook=asked,
        )
        rows = {str(row["RowKey"]): row async for row in found}
        now = asked.at or self._storage.clock.now()
        return _readings(rows, now)

    async def begin(
        self, seen: Readings, *, map_digest: str, begun_at: datetime, go_on: bool
    ) -> Readings | None:
        """Begins the next reading, or takes over the one under way, for this caller alone.

        None if another has begun or ended one since `seen`.
        """
        state = replace(seen, writer=self._storage.clock.token(8), tries=seen.tries + 1)
        if not go_on:
            begun = seen.begun + 1
            state = replace(
                state, begun=begun, map=map_digest, begun_at=begun_at, stages=(), users=0, tries=1
            )
        try:
            return await self._write(state)
        except LeaseLost:
            return None

    async def stage(self, state: Readings, content: bytes, users: int) -> Readings:
        """Adds what was read since the last stage. Raises LeaseLost if another goes on with the reading."""
        blob = await self.put(state, f"stages/{len(state.stages)}", content)
        return await self._write(replace(state, stages=(*state.stages, blob), users=users, tries=0))

    async def drop_staged(self, state: Readings) -> Readings:
        return await self._write(replace(state, stages=(), users=0))

    async def end(
        self,
        state: Readings,
        content: bytes,
        digest: str,
        users: int,
        ended_at: datetime,
        mirror: StoredMirror | None = None,
    ) -> Snapshot:
        """Makes this reading the newest snapshot, with the mirror if it has one.

        Raises LeaseLost if another goes on with it.
        """
        blob = await self.put(state, "source", content)
        begun_at = state.begun_at or ended_at
        columns = {
            "number": state.begun,
            "blob": blob,
            "digest": digest,
            "map": state.map,
            "users": users,
            "begunAt": begun_at.isoformat(),
            "endedAt": ended_at.isoformat(),
        }
        rows: dict[str, Mapping[str, object]] = {_NEWEST: columns, _row_of(state.begun): columns}
        if mirror:
            rows[_MIRROR] = {"number": mirror.number, "blob": mirror.blob, "base": mirror.base}
        await self._write(replace(state, ended=state.begun), rows)
        return _snapshot(columns, timedelta(0))

    async def fail(self, state: Readings, why: Parts, ended_at: datetime) -> None:
        """Ends the reading without a snapshot. Raises LeaseLost if another goes on with it."""
        columns = {
            "number": state.begun,
            "why": _PARTS.dump_json(why).decode(),
            "endedAt": ended_at.isoformat(),
        }
        await self._write(
            replace(state, ended=state.begun), {_FAILED: columns, _row_of(state.begun): columns}
        )

    async def wait(self, waiting: Sequence[Waiting]) -> None:
        """Their messages are sent once such a reading has ended."""
        for begin in range(0, len(waiting), _AT_ONCE):
            rows = [
                {**_key(f"{_WAIT}{one.domain}"), "runId": one.run_id, "number": one.number}
                for one in waiting[begin : begin + _AT_ONCE]
            ]
            await self._upsert(rows)

    @tried_again
    async def waiting(self, after: int) -> list[Waiting]:
        """Who waits for a reading with a higher number than that."""
        table = await self._storage.open_table(RUNS)
        rows = table.query_entities(
            "PartitionKey eq @partition and RowKey ge @wait and number gt @after",
            parameters={"partition": READINGS, "wait": _WAIT, "after": after},
        )
        return [
            Waiting(str(row["RowKey"]).removeprefix(_WAIT), str(row["runId"]), int(row["number"]))
            async for row in rows
        ]

    async def doubt(self, mirror: StoredMirror) -> None:
        """The next reading lists everybody again."""
        await self._upsert([{**_key(_DOUBT), "number": mirror.number}])

    async def last_content(self, blob: str) -> bytes:
        """As `content`; what was read last is kept, since every run of an hour asks for the same."""
        if self._last[0] != blob:
            self._last = blob, await self.content(blob)
        return self._last[1]

    @tried_again
    async def content(self, blob: str, offset: int | None = None, length: int | None = None) -> bytes:
        """The blob, or a piece of it. Raises SnapshotDamaged if it is gone, or ends before the piece."""
        container = await self._storage.open_container(SNAPSHOTS)
        asked = container.download_blob(blob, offset=offset, length=length, decompress=False)
        if (found := await or_none(asked)) is None:
            raise SnapshotDamaged
        return bytes(await found.readall())

    @tried_again
    async def purge(self) -> None:
        """Deletes what was replaced or staged more than an hour ago."""
        seen = await self.look()
        if not seen.begun:
            return
        container = await self._storage.open_container(SNAPSHOTS)
        kept = {seen.newest.blob} if seen.newest else set()
        kept |= {seen.mirror.blob, seen.mirror.base} if seen.mirror else set()
        async for blob in container.list_blobs():
            if blob.name not in kept and seen.at - blob.last_modified > KEPT_AFTER_REPLACED:
                await container.delete_blob(blob.name)

    @tried_again
    async def put(self, state: Readings, what: str, content: bytes) -> str:
        """Writes a blob of this reading, whose name nobody else takes. Returns that."""
        blob = f"{what}-{_number(state.begun)}-{state.writer}"
        container = await self._storage.open_container(SNAPSHOTS)
        await container.upload_blob(blob, content, overwrite=True)
        return blob

    @tried_again
    async def _upsert(self, rows: Sequence[Mapping[str, object]]) -> None:
        table = await self._storage.open_table(RUNS)
        await table.submit_transaction([("upsert", dict(row), {"mode": "replace"}) for row in rows])

    async def _write(
        self, state: Readings, rows: Mapping[str, Mapping[str, object]] | None = None
    ) -> Readings:
        """Writes the state, and these rows with it. Raises LeaseLost if another has written it since."""
        row = {
            **_key(_STATE),
            "begun": state.begun,
            "ended": state.ended,
            "map": state.map,
            "begunAt": state.begun_at.isoformat() if state.begun_at else "",
            "stages": " ".join(state.stages),
            "users": state.users,
            "tries": state.tries,
            "writer": state.writer,
        }
        others = [
            ("upsert", {**_key(name), **columns}, {"mode": "replace"})
            for name, columns in (rows or {}).items()
        ]

        async def read() -> str:
            """The ETag to write over; an earlier try of this writer may have taken effect."""
            now = await self.look()
            if now.etag != state.etag and now.writer != state.writer:
                raise LeaseLost("reading.takenOver")
            return now.etag

        async def write(etag: str) -> str:
            first: Any = ("update", row, unchanged(etag)) if etag else ("create", row)
            table = await self._storage.open_table(RUNS)
            answers = await table.submit_transaction([first, *others])
            return str(next(iter(answers)).get("etag", ""))

        lost = LeaseLost("reading.takenOver")
        return replace(
            state, etag=await update_if_unchanged(self._storage, read, write, lost, known=state.etag)
        )


def _key(name: str) -> dict[str, str]:
    return {"PartitionKey": READINGS, "RowKey": name}


def _number(number: int) -> str:
    return f"{number:010d}"


def _row_of(number: int) -> str:
    return f"{number % ROWS:03d}"


def _readings(rows: Mapping[str, Any], at: datetime) -> Readings:
    def age(name: str) -> timedelta:
        written: datetime = rows[name].metadata["timestamp"]
        return max(timedelta(0), at - written)

    state, newest, failed, mirror = map(rows.get, (_STATE, _NEWEST, _FAILED, _MIRROR))
    if state is None:
        return Readings(at=at)
    return Readings(
        begun=state["begun"],
        ended=state["ended"],
        map=state["map"],
        begun_at=datetime.fromisoformat(state["begunAt"]) if state["begunAt"] else None,
        stages=tuple(state["stages"].split()),
        users=state.get("users", 0),
        tries=state["tries"],
        quiet=age(_STATE),
        newest=_snapshot(newest, age(_NEWEST)) if newest else None,
        failed=Failure(number=failed["number"], why=_PARTS.validate_json(failed["why"]), age=age(_FAILED))
        if failed
        else None,
        mirror=StoredMirror(
            number=mirror["number"], blob=mirror["blob"], base=mirror["base"], age=age(_MIRROR)
        )
        if mirror
        else None,
        doubted=rows[_DOUBT]["number"] if _DOUBT in rows else 0,
        at=at,
        etag=str(state.metadata["etag"]),
        writer=state["writer"],
    )


def _snapshot(row: Mapping[str, Any], age: timedelta) -> Snapshot:
    return Snapshot(
        number=row["number"],
        blob=row["blob"],
        digest=row["digest"],
        map=row["map"],
        users=row["users"],
        begun_at=datetime.fromisoformat(row["begunAt"]),
        ended_at=datetime.fromisoformat(row["endedAt"]),
        age=age,
    )
