"""Surveys one person: the plan that a survey of the whole domain has for them, without planning the domain.

It is made of the newest snapshot and the copy of Entra's users for those who may have to do with the person alone
(`planning/circle.py`). Each of these is read live; so are lookups that lead to others, who then belong to them, too.
Nobody is ever written to by what this says.
"""

from collections.abc import Iterable, Iterator, Set
from contextlib import suppress
from datetime import datetime
from typing import Protocol

from shared.clock import Clock
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.users import entra_user
from shared.errors import GraphError
from shared.model.leavers import Leaving
from shared.model.packed import SnapshotDamaged
from shared.model.people import EntraUser, Memory, People
from shared.model.questions import Decisions
from shared.planning import sides
from shared.planning.circle import Circle
from shared.planning.mapping import domain_of
from shared.planning.mirror import Mirror, lines_with, wanted_digest
from shared.planning.pointers import username_local_part
from shared.planning.recycle_bin import RecycleBin
from shared.planning.surveyed import Survey, Terms
from shared.runs.mirroring import load_mirror
from shared.runs.near import Near
from shared.runs.survey import Surveyor
from shared.services import Services
from shared.store.snapshots import StoredMirror


class CloseDirectory(sides.Directory, Protocol):
    """`met`: object id → the account, of everybody whom lookups have found."""

    met: dict[str, EntraUser]

    def sharing(self, texts: Set[str]) -> Iterable[EntraUser]:
        """As `Circle.grow` asks for them. Who is on the domain is listed from then on."""
        ...

    async def look_live(self) -> None:
        """Reads live who is in the circle, and looks for accounts that may be theirs."""
        ...


async def survey_closely(
    domain: str,
    circle: Circle,
    directory: CloseDirectory,
    terms: Terms,
    clock: Clock,
    administration: sides.Administration,
) -> Survey:
    """The survey of those in the circle, which grows by whom the survey meets."""
    within = _Within(circle, administration)
    while True:
        await clock.in_thread(circle.grow, directory.sharing)
        size = circle.size
        await directory.look_live()
        if not circle.accounts:
            with suppress(GraphError):  # the survey says what follows
                await directory.read_deleted_users()
        seen = await Surveyor(domain, within, directory, within, terms, clock, within).survey(predict=True)
        circle.by_name |= not len(seen.rules) == len(circle.users) == len(circle.accounts)
        circle.accounts |= directory.met
        await clock.in_thread(circle.grow, directory.sharing)
        if circle.size == size:
            return seen


class _Within:
    """The source, what earlier syncs knew and what administrators have decided, of those in the circle."""

    def __init__(self, circle: Circle, administration: sides.Administration) -> None:
        self._circle = circle
        self._administration = administration

    async def users(self) -> People:
        return self._circle.people

    async def read(self, _domain: str) -> Memory:
        return self._circle.known

    async def read_decisions(self) -> Decisions:
        return self._circle.decided

    async def read_syncing(self) -> frozenset[str]:
        return await self._administration.read_syncing()

    async def read_leaving(self, domain: str) -> Leaving:
        return await self._administration.read_leaving(domain)


class Close(Near):
    """The directory as one survey of one person sees it.

    Of the domain's users it lists those alone who may have to do with the person. What has no delta is that of the
    copy's reading. `part`: of the copy, the domain's.
    """

    def __init__(self, graph: Graph, circle: Circle, domain: str, mirror: Mirror, part: bytes) -> None:
        super().__init__(graph, circle.attribute_map, domain, mirror, ())
        self._users = {}
        self._circle = circle
        self._mirror = mirror
        self._part = part
        self._looked_for: set[str] = set()
        self.met: dict[str, EntraUser] = {}

    @property
    def told(self) -> datetime | None:
        return self.graph.told or super().told

    def sharing(self, texts: Set[str]) -> Iterator[EntraUser]:
        part, of_account = self._mirror.part(self._domain), self._circle.of_account
        lines = lines_with(part, self._part, texts) if part else ()
        for item in self._mirror.items_on(self._domain, lines):
            account = entra_user(self._attribute_map, item)
            if account.object_id not in self._read and not texts.isdisjoint(of_account(account)):
                yield self._users.setdefault(account.object_id, account)

    async def look_live(self) -> None:
        circle = self._circle
        unread = self._users.keys() - self._read
        self._read |= unread
        for who, account in (await Directory.look_up_users(self, sorted(unread))).items():
            self._take(who, account)
        addresses = self._new(text for text in circle.identifiers if "@" in text)
        await self.find_users(
            object_ids=sorted(unread),
            immutable_ids=self._new(user.immutable_id or "" for user in circle.users.values()),
            upns=addresses,
            nicknames=self._new(map(username_local_part, circle.users.values())) if circle.by_name else (),
        )
        holders = await self.find_holders(addresses)
        circle.asked |= {one.object_id for one in holders.values() if one.kind == "user"}

    def _new(self, texts: Iterable[str]) -> list[str]:
        """What was not looked for yet."""
        new = {*texts} - self._looked_for - {""}
        self._looked_for |= new
        return sorted(new)

    def _take(self, who: str, account: EntraUser | None) -> None:
        """As it is now."""
        self._read.add(who)
        if account and domain_of(account.upn) == self._domain.lower():
            self._users[who] = account
        else:
            self._users.pop(who, None)

    async def find_users(self, **wanted: Iterable[str]) -> list[EntraUser]:
        found = await super().find_users(**wanted)
        for account in found:
            self.met[account.object_id] = account
            self._take(account.object_id, account)
        return found

    async def read_deleted_users(self) -> RecycleBin:
        found = await super().read_deleted_users()
        self._circle.deleted = found.users
        return found


async def close_directory(
    services: Services, graph: Graph, circle: Circle, domain: str, stored: StoredMirror
) -> Close | None:
    """None if the copy can't be read, or is of another map."""
    mirror = await load_mirror(services, stored)
    if mirror is None or mirror.wanted != wanted_digest(circle.attribute_map):
        return None
    part = mirror.part(domain)
    try:
        body = await services.snapshots.content(mirror.base, part.offset, part.length) if part else b""
    except SnapshotDamaged:
        return None
    return Close(graph, circle, domain, mirror, body)
