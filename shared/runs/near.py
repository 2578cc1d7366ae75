"""Surveys a domain from the copy of Entra's users, and asks Graph about everybody whom the plan would touch.

The copy only decides that nothing is to be done, and whom something might be done to. Each of these is read live;
where an answer is otherwise than in the copy, it is planned again, until the plan touches nobody else. Nobody is added,
restored, blocked or deleted unless Graph counts as many users on the domain. Where a list of the domain costs less, or
there is any doubt, the domain is listed.
"""

import logging
from collections.abc import Awaitable, Callable, Collection, Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, TypeVar

from shared.entra.batch import BATCH_SIZE
from shared.entra.directory import Directory
from shared.entra.graph import Graph
from shared.entra.users import PAGE_SIZE, entra_user
from shared.errors import GraphError
from shared.log import event
from shared.model.changes import Action
from shared.model.domains import TenantDomain
from shared.model.packed import SnapshotDamaged
from shared.model.people import EntraUser
from shared.model.runs import EntraRead
from shared.planning.aside import are_aside
from shared.planning.cycles import makes_no_cycles
from shared.planning.equal import left_digest
from shared.planning.holders import Holder
from shared.planning.mapping import AttributeMap, domain_of
from shared.planning.mirror import Mirror, part_rows, wanted_digest
from shared.planning.protection import Mailboxes, Roles
from shared.planning.recycle_bin import RecycleBin
from shared.planning.sides import Listing
from shared.planning.surveyed import Survey
from shared.runs.mirroring import load_mirror
from shared.runs.survey import SIGNED_OUT_AT_ONCE
from shared.services import Services
from shared.store.snapshots import StoredMirror

T = TypeVar("T")

# So often it is planned with what was read live; then the domain is listed.
_ROUNDS = 5
# Whether there is somebody too many, or too few, matters to these.
_COUNTED = (Action.ADD, Action.RESTORE, Action.BLOCK, Action.DELETE)


class Near(Directory):
    """The directory as one survey of one domain sees it.

    Its users are those of the copy, or as they were read live since. What has no delta is that of the copy's reading,
    until somebody is touched. Everything else is asked live, and once.
    """

    def __init__(
        self, graph: Graph, attribute_map: AttributeMap, domain: str, mirror: Mirror, rows: Iterable[bytes]
    ) -> None:
        super().__init__(graph, attribute_map)
        self.not_selectable = tuple(name for name in attribute_map.selected if name not in mirror.select)
        self._domain = domain
        users = (entra_user(attribute_map, item) for item in mirror.items_on(domain, rows))
        self._users = {user.object_id: user for user in users}
        self._aside: Sequence[EntraUser] | None
        self._aside = [entra_user(attribute_map, item) for item in mirror.items_aside()]
        self._facts, self._as_of = mirror.facts, mirror.facts.told
        self._groups = set(mirror.facts.members)
        self._listing: Listing | None = None
        # What was read live, and how many users Graph counts then; None before.
        self._counted: int | None = None
        self._read: set[str] = set()
        self._upns: set[str] = set()
        self._answers: dict[tuple[object, ...], Any] = {}

    @property
    def read(self) -> EntraRead | None:
        """Where the domain's users come from; None if Graph has named no time."""
        as_of = self.graph.told if self._listing else self._as_of
        return EntraRead(as_of=as_of, live=self._listing is not None) if as_of else None

    @property
    def _here(self) -> list[EntraUser]:
        """Who is on the domain, as far as it is known."""
        domain = self._domain.lower()
        return [user for user in self._users.values() if domain_of(user.upn) == domain]

    async def survey(
        self, plan: Callable[[], Awaitable[Survey]], *, listed: bool, remembers: bool
    ) -> tuple[Survey, bool]:
        """What `plan` makes once everybody whom it touches was read live; and whether the copy was found wrong.

        `listed`: by a list of the domain in any case. `remembers`: whether the run remembers who is who.
        """
        if not listed:
            if seen := await self._with_looks(plan, remembers=remembers):
                return seen, False
            event("mirror.passedOver", domain=self._domain)
        before = {user.object_id: user for user in self._here}
        if self._counted is None:
            await self._look_at(set(), set())
        self._listing = await super().read_users(self._domain)
        now = {user.object_id: user for user in self._listing.users}
        return replace(await plan(), corrected=before != now), before.keys() != now.keys()

    async def _with_looks(self, plan: Callable[[], Awaitable[Survey]], *, remembers: bool) -> Survey | None:
        """What `plan` makes of the copy and of live looks; None if the domain is to be listed."""
        copied = seen = await plan()
        for _ in range(_ROUNDS):
            touched, upns = _touched(seen, remembers=remembers), _upns(seen)
            unread, unnamed = touched & self._users.keys() - self._read, upns - self._upns
            counted = self._counted is not None or not (touched or upns)
            if counted and not unread and not unnamed:
                off = any(seen.plan.of(*_COUNTED)) and self._counted != len(self._here)
                return None if off else _beside(copied, seen)
            if len(unread) > BATCH_SIZE * (1 + len(self._users) // PAGE_SIZE):
                return None
            differs = await self._look_at(unread, unnamed)
            if differs is None:
                return None
            # Where all is as the copy has it, the plan would be the same.
            seen = await plan() if differs else seen
        return None

    async def _look_at(self, ids: set[str], upns: set[str]) -> bool | None:
        """Reads these users, and who has these UPNs. Returns whether anything is otherwise than it was taken for.

        None if somebody could not be read.
        """
        look = await self.look(self._domain, self._groups, ids, upns)
        found, self._counted = look.users, look.counted
        others = {user.object_id for user in look.named} - self._read - ids
        if others:
            found = found | await super().look_up_users(sorted(others))
        facts, aside = replace(look.facts, told=self._facts.told), _by_id(look.aside)
        differs = (facts, aside) != (self._facts, _by_id(self._aside))
        self._facts, self._aside = facts, look.aside
        for who, user in found.items():
            before = self._users.pop(who, None)
            differs |= user != before or (user and user.fingerprint) != (before and before.fingerprint)
            if user:
                self._users[who] = user
        self._upns |= upns
        self._read |= found.keys()
        return differs if found.keys() == ids | others else None

    @property
    def told(self) -> datetime | None:
        return self._as_of if self._counted is None else super().told

    async def read_domains(self) -> list[TenantDomain]:
        return self._facts.domains

    async def read_users(self, domain: str) -> Listing:
        if domain.lower() != self._domain.lower():
            return await super().read_users(domain)
        return self._listing or Listing(here := self._here, len(here), len(here))

    async def read_aside(self, initial_domain: str) -> list[EntraUser]:
        if self._aside is None:
            return await self._once(("aside",), lambda: super(Near, self).read_aside(initial_domain))
        return are_aside(self._aside, initial_domain)

    async def read_roles(self) -> Roles:
        return self._facts.roles

    async def read_members(self, groups: Iterable[str]) -> dict[str, frozenset[str] | None]:
        wanted = tuple(groups)
        self._groups |= set(wanted)
        return {group: self._facts.members.get(group) for group in wanted}

    async def look_up_users(self, object_ids: Iterable[str]) -> dict[str, EntraUser | None]:
        ids = tuple(sorted(object_ids))
        return await self._once(("users", *ids), lambda: super(Near, self).look_up_users(ids))

    async def find_users(self, **wanted: Iterable[str]) -> list[EntraUser]:
        values = {name: tuple(sorted(some)) for name, some in wanted.items()}
        return await self._once(("find", *values.items()), lambda: super(Near, self).find_users(**values))

    async def read_deleted_users(self) -> RecycleBin:
        return await self._once(("deleted",), super().read_deleted_users)

    async def read_addresses(
        self, domain: str, wanted: Collection[str] | None = None, users: int = 0
    ) -> dict[str, Holder]:
        of = () if wanted is None else tuple(sorted(wanted))
        look = super().read_addresses
        return await self._once(("addresses", domain, *of), lambda: look(domain, wanted, users))

    async def look_up_mailboxes(self, object_ids: Iterable[str], others: Iterable[str] = ()) -> Mailboxes:
        ids = tuple(sorted(object_ids))
        look = super().look_up_mailboxes
        return await self._once(("mailboxes", *ids), lambda: look(ids, others))

    async def _once(self, question: tuple[object, ...], ask: Callable[[], Awaitable[T]]) -> T:
        """The answer to a question, or the error, also when it is asked again."""
        if question not in self._answers:
            try:
                self._answers[question] = await ask()
            except GraphError as error:
                self._answers[question] = error
        answer: T | GraphError = self._answers[question]
        if isinstance(answer, GraphError):
            raise answer
        return answer


def _by_id(users: Iterable[EntraUser] | None) -> dict[str, EntraUser]:
    return {user.object_id: user for user in users or ()}


def _beside(copied: Survey, seen: Survey) -> Survey:
    """What is seen now; the copy alone had made the plan of `copied`."""
    return replace(seen, corrected=left_digest(copied.plan) != left_digest(seen.plan))


def _touched(seen: Survey, *, remembers: bool) -> set[str]:
    """Object ids of those to whom something would be done, or about whom somebody would be asked or remembered."""
    plan, known = seen.plan, seen.memory.links
    # Of whom Graph knows nothing at all, the copy may be wrong.
    unseen = seen.lookups.leavers if seen.lookups.pointers_unread else ()
    return {
        *(leaver.object_id for leaver in unseen),
        *(
            change.object_id
            for change in plan.changes
            if change.object_id and change.action is not Action.SKIP
        ),
        *(question.object_id for question in plan.questions),
        *plan.without_session_time[:SIGNED_OUT_AT_ONCE],
        *plan.signed_in,
        *plan.leavers,
        *(account for who, account in plan.links.items() if remembers and known.get(who) != account),
    }


def _upns(seen: Survey) -> set[str]:
    """The UPNs that somebody would get."""
    return {change.new_upn for change in seen.plan.of(Action.ADD, Action.RENAME, Action.RESTORE)}


async def near_directory(
    services: Services, graph: Graph, attribute_map: AttributeMap, domain: str, stored: StoredMirror
) -> Near | None:
    """None if the copy can't be read, or is of another map."""
    mirror = await load_mirror(services, stored)
    if mirror is None or mirror.wanted != wanted_digest(attribute_map):
        return None
    part = mirror.part(domain)

    @makes_no_cycles
    def made(body: bytes) -> Near:
        return Near(graph, attribute_map, domain, mirror, part_rows(part, body) if part else ())

    try:
        body = await services.snapshots.content(mirror.base, part.offset, part.length) if part else b""
        return await services.clock.in_thread(made, body)
    except (SnapshotDamaged, GraphError):
        event("mirror.damaged", logging.ERROR, version=stored.number)
        return None
