"""Surveys of a model tenant: the app's own surveyor, on both sides in memory.

On one event loop for all of them, since an example of a property test takes less time than making a loop.
"""

import asyncio
import atexit
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType
from typing import Any, TypeVar

from shared.clock import Clock
from shared.model.changes import Change, Plan
from shared.model.memory import doubt_on
from shared.model.people import Memory, People, SourceUser
from shared.planning.surveyed import Survey, Terms
from shared.planning.upns import UpnFrom
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
    known = GivenPeople(
        Memory(
            dict(tenant.links),
            since=dict(tenant.since),
            filled={DOMAIN: filled},
            upns=dict(upns),
            blocked=dict(tenant.blocked),
        )
    )
    terms = replace(_terms(tenant), upn_from=upn_from)
    surveyor = Surveyor(DOMAIN, GivenSource(source), tenant, known, terms, InlineClock(), tenant)
    return _LOOP.run_until_complete(surveyor.survey(predict=True))


def planned(tenant: ModelTenant, source: Sequence[SourceUser]) -> Plan:
    return surveyed(tenant, source).plan


def planned_undo(tenant: ModelTenant, plan: Plan, *, disable_added: bool = False) -> Plan:
    """What takes back the sync that applied this plan."""
    done: list[tuple[Change, str | None]] = [
        (change, change.object_id or tenant.created[str(change.source_id)]) for change in plan.writes
    ]
    memory, holds = Memory(tenant.links), tenant.decisions.holds
    sync = DoneSync(run_id="r1", domain=DOMAIN, done=done, memory=memory, holds=holds)
    survey = survey_done(sync, tenant, _terms(tenant), disable_added=disable_added)
    return _LOOP.run_until_complete(survey).plan


def _terms(tenant: ModelTenant) -> Terms:
    """What the settings know of the tenant's protection: the rest has to be looked up."""
    protection = tenant.protection
    return Terms(
        attribute_map=MAP,
        protection=replace(protection, roles={}, mailboxes=None, missing_permissions=()),
        sign_in=tenant.sign_in,
    )
