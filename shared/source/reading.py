"""Reads the source for all domains: from the start or from where an earlier invocation was cut off, to a snapshot."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Mapping
from datetime import timedelta
from typing import Any

from shared.clock import Clock
from shared.errors import SourceError
from shared.model.packed import SnapshotDamaged
from shared.model.parts import parts_of
from shared.model.people import People
from shared.outbound.waiting import Stop
from shared.planning.mapping import AttributeMap
from shared.source import Opener, SourceUsers, Staged
from shared.source.snapshot import Rows, map_digest, part_digests, unpacked
from shared.source.stoppable import StoppableSource
from shared.store.snapshots import Readings, Snapshot, Snapshots, StoredMirror

# Reads the other side at the same time; None if that can't be read.
OtherSide = Callable[[Readings], Coroutine[Any, Any, StoredMirror | None]]

# So often in a row a reading is begun without getting on.
MOST_TRIES = 3
# What was staged longer ago is not gone on with.
LONGEST_PAUSE = timedelta(minutes=15)
# In bytes: of some 5,000 domains.
_LONGEST_INDEX = 1024**2


class SharedReadings:
    """What the invocations of one worker share: how they read, and the snapshot that one of them used last."""

    digest = staticmethod(map_digest)

    def __init__(
        self,
        snapshots: Snapshots,
        clock: Clock,
        opener: Callable[[], Opener],
        stage_every: float,
        event: Callable[..., None],
    ) -> None:
        self._snapshots = snapshots
        self._clock = clock
        self._opener = opener
        self.stage_every = stage_every
        self.event = event
        # The newest one that was read or loaded here, and everybody in it once somebody has needed them.
        self._blob, self._content = "", b""
        self._people: People | None = None

    def begin(self, attribute_map: AttributeMap, stop: Stop, other_side: OtherSide) -> "Reading":
        """A reading by an invocation that holds its lease, until `stop`."""
        source = StoppableSource(self._opener(), attribute_map, stop)
        return Reading(self, self._snapshots, self._clock, source, other_side, map_digest(attribute_map))

    async def load(self, snapshot: Snapshot) -> People | None:
        """Everybody in it; None if it is damaged or gone."""
        if snapshot.blob == self._blob and self._people is not None:
            return self._people
        try:
            content = self._kept(snapshot) or await self._snapshots.content(snapshot.blob)
            people = await self._clock.in_thread(unpacked, content, snapshot.digest)
        except SnapshotDamaged:
            return None
        self.keep(snapshot, content, people)
        return people

    def keep(self, snapshot: Snapshot, content: bytes, people: People | None = None) -> None:
        self._blob, self._content, self._people = snapshot.blob, content, people

    async def digests(self, snapshot: Snapshot) -> Mapping[str, str]:
        """Domain → digest of its people. Raises SnapshotDamaged."""
        beginning = self._kept(snapshot) or await self._snapshots.content(snapshot.blob, 0, _LONGEST_INDEX)
        return part_digests(beginning, snapshot.digest)

    def _kept(self, snapshot: Snapshot) -> bytes:
        return self._content if snapshot.blob == self._blob else b""


class Reading:
    """One invocation's share in a reading. `ended`: its number, once it has ended.

    `snapshot`, `mirror`: what a good one has made, the latter if Entra could be read. `got_on`: whether something was
    staged.
    """

    def __init__(
        self,
        shared: SharedReadings,
        snapshots: Snapshots,
        clock: Clock,
        source: StoppableSource,
        other_side: OtherSide,
        digest: str,
    ) -> None:
        self._shared = shared
        self._snapshots = snapshots
        self._clock = clock
        self._source = source
        self._other_side = other_side
        self._map = digest
        self._staged_at = 0.0
        self._staged_users = 0
        self._rows = Rows()
        self.state: Readings | None = None
        self.snapshot: Snapshot | None = None
        self.mirror: StoredMirror | None = None
        self.ended = 0
        self.got_on = False

    @property
    def left(self) -> Readings | None:
        """What was begun and has not ended."""
        return None if self.ended else self.state

    async def read(self, seen: Readings, after: int) -> Snapshot | None:
        """Everybody, by a reading with a higher number than `after`.

        None if another invocation has begun or ended one since `seen`. Raises SourceError: the reading has failed, and
        ended. Raises RunStopped: another invocation goes on with it.
        """
        clock, digest = self._clock, self._map
        same = seen.under_way and seen.begun > after and seen.map == digest
        go_on = same and (seen.quiet < LONGEST_PAUSE or not seen.stages)
        self.state = await self._snapshots.begin(seen, map_digest=digest, begun_at=clock.now(), go_on=go_on)
        if self.state is None:
            return None
        begun = self._staged_at = clock.monotonic()
        other_side = asyncio.create_task(self._other_side(self.state))
        try:
            await self._read_source(self.state.tries)
            self.mirror = await other_side
        except SourceError as error:
            await self._snapshots.fail(self.state, parts_of(error), clock.now())
            self.ended = self.state.begun
            self._shared.event("reading.failed", logging.WARNING, version=self.ended, error=error.sentence)
            raise
        finally:
            other_side.cancel()
            await asyncio.gather(other_side, return_exceptions=True)
        content, digest = await clock.in_thread(self._rows.packed, digest)
        users, self._rows = len(self._rows), Rows()
        self.snapshot = await self._snapshots.end(
            self.state, content, digest, users, clock.now(), self.mirror
        )
        self.ended = self.state.begun
        self._shared.keep(self.snapshot, content)
        self._shared.event(
            "reading.finished",
            version=self.ended,
            users=users,
            bytes=len(content),
            durationSeconds=round(clock.monotonic() - begun, 3),
        )
        return self.snapshot

    async def _read_source(self, tries: int) -> None:
        if tries > MOST_TRIES:
            raise SourceError("run.stalled", invocations=MOST_TRIES)
        await self._source.read(self._rows, self)

    async def kept(self) -> Staged | None:
        stages = self.state.stages if self.state else ()
        try:
            contents = [await self._snapshots.content(blob) for blob in stages]
            staged = await self._clock.in_thread(self._rows.go_on, contents)
        except SnapshotDamaged:
            await self.drop()
            return None
        self._staged_users = len(staged.places) if staged else 0
        return staged

    async def drop(self) -> None:
        self._staged_users = 0
        self._rows.clear()
        if self.state:
            self.state = await self._snapshots.drop_staged(self.state)

    async def keep(self, users: SourceUsers[Any], cursor: str, pages: int, items: int) -> None:
        if self.state is None or self._clock.monotonic() - self._staged_at < self._shared.stage_every:
            return
        new = users.staged(self._staged_users, cursor, pages, items)
        content = await self._clock.in_thread(self._rows.stage, new)
        self.state = await self._snapshots.stage(self.state, content, len(users))
        self._staged_users = len(users)
        self._staged_at, self.got_on = self._clock.monotonic(), True
