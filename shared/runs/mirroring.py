"""Keeps the copy of Entra's users: what a reading of the source does on the other side.

It follows what has changed since the reading before the last, and lists everybody where that is not possible, at least
once a day, and after any doubt. Where Graph can't be read there is no copy for this reading, and each run reads Entra
itself.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from shared.entra.directory import Directory
from shared.errors import CallerRefused, GraphError, TimeBudgetSpent
from shared.log import event
from shared.model.packed import SnapshotDamaged
from shared.outbound.waiting import Stop
from shared.planning.mapping import AttributeMap
from shared.planning.mirror import (
    Item,
    Listed,
    Mirror,
    Row,
    TenantFacts,
    base_rows,
    merged,
    packed_mirror,
    unknown_in,
    unpacked_mirror,
    wanted_digest,
)
from shared.reports.logged import error_text
from shared.services import Services
from shared.store.snapshots import Readings, StoredMirror

# An event has no more names than that.
_NAMED = 100


async def load_mirror(services: Services, stored: StoredMirror) -> Mirror | None:
    """None if it is damaged, gone, or of another version."""
    try:
        content = await services.snapshots.last_content(stored.blob)
        return await services.clock.in_thread(unpacked_mirror, content)
    except SnapshotDamaged:
        event("mirror.damaged", logging.ERROR, version=stored.number)
        return None


@dataclass(frozen=True, slots=True)
class Mirroring:
    """The other side of one reading. `low_priority`: Graph throttles it before others."""

    services: Services
    attribute_map: AttributeMap
    stop: Stop
    low_priority: bool

    async def read(self, state: Readings) -> StoredMirror | None:
        """The copy as of now, in storage; None if Graph can't be read."""
        graph = self.services.graph(self.stop, low_priority=self.low_priority)
        directory = Directory(graph, self.attribute_map)
        scope = self.attribute_map.scope
        reading = _Round(self.services, directory, wanted_digest(self.attribute_map), state)
        try:
            return await reading.go(scope.including_groups | scope.excluding_groups)
        except (GraphError, CallerRefused, TimeBudgetSpent) as error:
            event("mirror.unread", logging.WARNING, version=state.begun, error=error_text(error))
            return None


class _Round:
    def __init__(self, services: Services, directory: Directory, wanted: str, state: Readings) -> None:
        self._services = services
        self._snapshots = services.snapshots
        self._clock = services.clock
        self._directory = directory
        self._wanted = wanted
        self._state = state

    async def go(self, groups: Iterable[str]) -> StoredMirror | None:
        directory, state = self._directory, self._state
        facts, counted = await directory.read_facts(groups)
        old = await load_mirror(self._services, state.mirror) if state.mirror else None
        followed = await self._followed(old) if old and old.wanted == self._wanted else None
        now = followed and followed[0].counted(counted)
        if (
            now is None
            or now.is_due(self._clock.now(), self._wanted, state.doubted)
            or now.is_off(old.off if old else 0)
        ):
            now = await self._listed(followed, facts, old.off if old else 0)
        if now is None:
            return None
        # By the time that Graph has told meanwhile.
        mirror = replace(now, facts=replace(facts, told=directory.told))
        event(
            "mirror.read",
            version=state.begun,
            users=mirror.users,
            changed=len(mirror.changed),
            listed=mirror.listed == state.begun,
        )
        content = await self._clock.in_thread(packed_mirror, mirror)
        blob = await self._snapshots.put(state, "mirror", content)
        return StoredMirror(number=state.begun, blob=blob, base=mirror.base)

    async def _followed(self, old: Mirror) -> tuple[Mirror, Sequence[Item]] | None:
        """The copy with what has changed since the reading before the last, and that.

        None if everybody has to be listed, and nothing is known of before.
        """
        changes = await self._directory.read_changes(old.links[0])
        if changes is None:
            event("mirror.lost", logging.WARNING, version=self._state.begun)
            return None
        try:
            rows = await self._base_rows(old, unknown_in(old, changes.items))
        except SnapshotDamaged:
            event("mirror.damaged", logging.ERROR, version=old.listed)
            return None
        now, understood = await self._clock.in_thread(merged, old, rows, changes.items)
        return (replace(now, links=(old.links[-1], changes.link)), changes.items) if understood else None

    async def _base_rows(self, old: Mirror, ids: set[str]) -> dict[str, Row]:
        """Raises SnapshotDamaged."""
        return (
            await self._clock.in_thread(base_rows, old, await self._snapshots.content(old.base), ids)
            if ids
            else {}
        )

    async def _listed(
        self, followed: tuple[Mirror, Sequence[Item]] | None, facts: TenantFacts, off_before: int
    ) -> Mirror | None:
        """Everybody, by a list. `followed`: the copy until now and what changed last; what it had wrong is told.

        The link is taken before the list, so that no change is missed in between. None if it is lost meanwhile. What
        changed last is merged again: a list may be some minutes behind.
        """
        directory, state = self._directory, self._state
        before, recent = followed or (None, ())
        link = before.links[-1] if before else await directory.latest_link()
        everybody, counted = await directory.list_everybody()
        changes = await directory.read_changes(link)
        if changes is None:
            event("mirror.lost", logging.WARNING, version=state.begun)
            return None
        off = counted - len(everybody)
        base, parts = await self._clock.in_thread(everybody.packed)
        mirror = Mirror(
            wanted=self._wanted,
            select=everybody.select,
            links=(link, changes.link),
            base=await self._snapshots.put(state, "base", base),
            parts=parts,
            listed=state.begun,
            listed_at=self._clock.now(),
            facts=facts,
            aside=everybody.aside(),
            digests={part.domain: part.digest for part in parts},
            users=len(everybody),
            off=off,
            # A list may have come up short: only the next one tells that the difference is none of lists.
            stands=off if off == off_before else 0,
        )
        items = (*recent, *changes.items)
        if before:
            await self._tell_differences(before, everybody, items)
        return merged(mirror, everybody.rows(unknown_in(mirror, items)), items)[0]

    async def _tell_differences(self, before: Mirror, everybody: Listed, changes: Iterable[Item]) -> None:
        just_changed = {str(item["id"]) for item in changes}
        try:
            base = await self._snapshots.content(before.base)
            found = await self._clock.in_thread(everybody.differing, before, base, just_changed)
        except SnapshotDamaged:
            event("mirror.damaged", logging.ERROR, version=before.listed)
            return
        if found:
            event("mirror.differed", logging.WARNING, users=len(found), objectIds=found[:_NAMED])
