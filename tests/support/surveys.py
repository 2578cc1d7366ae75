"""Surveys of a model tenant: the app's own surveyor, on both sides in memory.

On one event loop for all of them, since an example of a property test takes less time than making a loop.
"""

import asyncio
import atexit
from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from shared.clock import Clock
from shared.model.changes import Plan
from shared.model.memory import doubt_on
from shared.model.people import EntraUser, Memory, People, SourceUser
from shared.model.results import Tried
from shared.planning.circle import Circle
from shared.planning.holders import Holder
from shared.planning.mapping import domain_of
from shared.planning.pointers import username_local_part
from shared.planning.recycle_bin import RecycleBin
from shared.planning.sides import Listing
from shared.planning.surveyed import Survey, Terms
from shared.planning.upns import UpnFrom
from shared.runs.closely import survey_closely
from shared.runs.survey import Surveyor
from shared.runs.undo_survey import DoneSync, survey_done
from tests.support.model_tenant import ModelTenant
from tests.support.people import DOMAIN, MAP

T = TypeVar("T")
_LOOP = asyncio.new_event_loop()
atexit.register(_LOOP.close)


class InlineClock(Clock):
    """Works out at once what the app does in a thread."""

    async def in_thread(self, function: Callable[..., T], /, *args: Any) -> T:
        return function(*args)


class GivenSource:
    def __init__(self, people: Sequence[SourceUser]) -> None:
        self._people = People(people)

    async def users(self) -> People:
        return self._people


class GivenPeople:
    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def read(self, domain: str) -> Memory:
        return replace(self._memory, doubt=doubt_on(domain, self._memory))


def surveyed(
    tenant: ModelTenant,
    source: Sequence[SourceUser],
    filled: str = "",
    upns: Mapping[str, str] = MappingProxyType({}),
    upn_from: UpnFrom | None = None,
) -> Survey:
    """What a dry run sees and plans; SourceError if the source has nobody on the domain.

    `filled`: the attributes that somebody filled at the last good sync; `upns`: what named people then. `upn_from` is
    the setting.
    """
    known = GivenPeople(_known(tenant, filled, upns))
    terms = replace(_terms(tenant), upn_from=upn_from)
    surveyor = Surveyor(DOMAIN, GivenSource(source), tenant, known, terms, InlineClock(), tenant)
    return _LOOP.run_until_complete(surveyor.survey(predict=True))


class Narrowed:
    """A model tenant that lists those alone who may have to do with somebody.

    As the copy of Entra's users has them, accounts come without nickname and aliases, until they are looked at.
    """

    def __init__(self, tenant: ModelTenant, circle: Circle) -> None:
        self._tenant = tenant
        self._circle = circle
        self._listed: dict[str, EntraUser] = {}
        self.met: dict[str, EntraUser] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._tenant, name)

    def sharing(self, texts: Set[str]) -> list[EntraUser]:
        copies = [replace(one, nickname="", aliases=()) for one in self._tenant.of_domain]
        found = [one for one in copies if not texts.isdisjoint(self._circle.of_account(one))]
        self._list(found)
        return found

    async def look_live(self) -> None:
        circle, holders = self._circle, dict[str, Holder]()
        addresses = {text for text in circle.identifiers if "@" in text}
        for domain in {address.partition("@")[2] for address in addresses}:
            holders |= await self._tenant.read_addresses(domain)
        circle.asked |= {one.object_id for address, one in holders.items() if address in addresses}
        await self.find_users(
            object_ids=self._listed,
            immutable_ids={user.immutable_id for user in circle.users.values()} - {None},
            upns=addresses,
            nicknames=map(username_local_part, circle.users.values()) if circle.by_name else (),
        )

    async def read_users(self, domain: str) -> Listing:
        assert domain == DOMAIN
        # In the tenant's order.
        users = [one for one in self._tenant.of_domain if one.object_id in self._listed]
        return Listing(users, len(users), len(users))

    async def find_users(self, **wanted: Any) -> list[EntraUser]:
        found = await self._tenant.find_users(**wanted)
        self.met |= {one.object_id: one for one in found}
        self._list(one for one in found if domain_of(one.upn) == DOMAIN)
        return found

    async def read_deleted_users(self) -> RecycleBin:
        found = await self._tenant.read_deleted_users()
        self._circle.deleted = found.users
        return found

    def _list(self, accounts: Iterable[EntraUser]) -> None:
        self._listed |= {one.object_id: one for one in accounts}


def closely_surveyed(
    tenant: ModelTenant, source: Sequence[SourceUser], query: str, filled: str = ""
) -> Survey:
    """What a survey of one person sees and plans, as `surveyed` does of everybody."""
    circle = Circle(
        everybody=People(source),
        memory=_known(tenant, filled, {}),
        decisions=tenant.decisions,
        attribute_map=MAP,
        asked={query},
    )
    circle.add(one for one in [tenant.users.get(query)] if one)
    directory = Narrowed(tenant, circle)
    survey = survey_closely(DOMAIN, circle, directory, _terms(tenant), InlineClock(), tenant)
    return _LOOP.run_until_complete(survey)


def planned(tenant: ModelTenant, source: Sequence[SourceUser]) -> Plan:
    return surveyed(tenant, source).plan


def planned_undo(tenant: ModelTenant, plan: Plan, *, disable_added: bool = False) -> Plan:
    """What takes back the sync that applied this plan."""
    done = [Tried(c, c.object_id or tenant.created[str(c.source_id)]) for c in plan.writes]
    memory, holds = Memory(tenant.links), tenant.decisions.holds
    sync = DoneSync(run_id="r1", domain=DOMAIN, done=done, memory=memory, holds=holds)
    survey = survey_done(sync, tenant, _terms(tenant), disable_added=disable_added)
    return _LOOP.run_until_complete(survey).plan


def _known(tenant: ModelTenant, filled: str, upns: Mapping[str, str]) -> Memory:
    return Memory(
        dict(tenant.links),
        since=dict(tenant.since),
        filled={DOMAIN: filled},
        upns=dict(upns),
        blocked=dict(tenant.blocked),
    )


def _terms(tenant: ModelTenant) -> Terms:
    """What the settings know of the tenant's protection: the rest has to be looked up."""
    protection = tenant.protection
    return Terms(
        attribute_map=MAP,
        protection=replace(protection, roles={}, mailboxes=None, missing_permissions=()),
        sign_in=tenant.sign_in,
    )
