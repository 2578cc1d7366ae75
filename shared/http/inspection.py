"""Inspecting a domain, people, and what was done to them."""

import asyncio
from collections.abc import Awaitable
from contextlib import suppress
from datetime import timedelta
from typing import TypeVar

import azure.functions as func
from pydantic import Field

from shared.errors import RunActive, Unavailable
from shared.http.domains import domain_to_read
from shared.http.endpoint import AnyCall, Body, Call, Nothing, domain_in
from shared.http.problems import Problem
from shared.http.runs import POLL_AFTER_SECONDS, started
from shared.http.take_up import take_up
from shared.log import event
from shared.model.history import Entry
from shared.model.records import Record
from shared.model.runs import Mode, RunKind, Trigger
from shared.reports.found_people import FoundPeople
from shared.reports.person import Person
from shared.reports.pre_check import PreCheck
from shared.runs import inspection, lifecycle
from shared.runs.newest import ReadingNeeded
from shared.runs.reading import ReadingFailed
from shared.words import said

T = TypeVar("T")
# The platform ends a request after 230 s ("Azure Functions HTTP trigger", limits).
LONGEST_LOOK = 190.0
_MOST_ENTRIES = 500
# A domain without findings, whose check has failed.
_CHECKED_AGAIN_AFTER = timedelta(minutes=15)


class Newer(Body):
    after: int = Field(0, ge=0, description="Only of a reading with a higher version than this.")


class PeopleCalled(Newer):
    q: str = Field(min_length=1, max_length=256, description="Part of a name, an address or an id.")


class PersonQuery(Newer):
    domain: str = Field(
        "", max_length=253, description="By whose sync; left out, by that of the person's own."
    )


class HistoryEntry(Entry):
    """`reason` and `error` in English."""

    reason: str
    error: str


class PersonHistory(Record):
    """The newest first. `more`: there are older ones that are not shown. `days`: how long entries are kept."""

    entries: list[HistoryEntry]
    more: bool
    days: int


async def pre_check(call: Call[Nothing, Nothing]) -> PreCheck:
    """What the last run has found; with READ=live, what is there now.

    Before the first run a check is started. Raises Unavailable until it has ended, and Problem if it fails.
    """
    services = call.services
    domain = await domain_to_read(services, call.domain)
    if services.settings.read == "live":
        return await in_time(inspection.pre_check_of(services, domain))
    # First: a check that ends in between has left what it found.
    pointers = await services.runs.read_pointers(domain)
    if found := await inspection.kept_pre_check(services, domain):
        return found
    last = pointers.last_check
    if pointers.active:
        await take_up(call)
    elif last and not last.status.good and services.clock.now() - last.created_at < _CHECKED_AGAIN_AFTER:
        raise Problem(502, "The domain can't be looked at", last.message_parts)
    else:
        with suppress(RunActive):
            await start_pre_check(call)
    raise Unavailable("look.checking", domain=domain, retry_after=POLL_AFTER_SECONDS)


async def start_pre_check(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    domain = await domain_to_read(call.services, call.domain)
    run = lifecycle.new_run(call.services.clock, domain, Mode.DRY_RUN, Trigger.MANUAL, call.author)
    check = run.model_copy(update={"kind": RunKind.CHECK})
    return await started(call, lifecycle.start(call.services, check))


async def find_people(call: Call[PeopleCalled, Nothing]) -> FoundPeople:
    found = await read_or_wait(call, inspection.people_called(call.services, call.query.q, call.query.after))
    event("people.found", **call.facts, people=len(found.people))
    return found


async def get_person(call: Call[PersonQuery, Nothing]) -> Person:
    domain = domain_in(call.query.domain or None)
    domain = await domain_to_read(call.services, domain) if domain else ""
    look = inspection.person_called(call.services, call.person, domain, call.query.after)
    found = await read_or_wait(call, look)
    event("person.read", **{**call.facts, "domain": found.domain})
    return found


async def get_history(call: Call[Nothing, Nothing]) -> PersonHistory:
    entries = await in_time(inspection.history_called(call.services, call.person))
    event("history.read", **call.facts, entries=len(entries))
    shown = [
        HistoryEntry.model_validate(
            {**dict(one), "reason": said(one.reason_parts), "error": said(one.error_parts)}
        )
        for one in entries[:_MOST_ENTRIES]
    ]
    days = call.services.settings.history_days
    return PersonHistory(entries=shown, more=len(entries) > _MOST_ENTRIES, days=days)


async def erase_history(call: Call[Nothing, Nothing]) -> func.HttpResponse:
    await in_time(inspection.erase_history(call.services, call.person))
    event("history.erased", by=call.author.name, address=call.author.address)
    return func.HttpResponse(status_code=204, headers={"Cache-Control": "no-store"})


async def read_or_wait(call: AnyCall, look: Awaitable[T]) -> T:
    """The result of `look`. Where a reading is needed first, starts it, and raises Unavailable until it has ended."""
    try:
        return await in_time(look)
    except ReadingNeeded as needed:
        for message in needed.messages:
            call.enqueue(message)
        raise Unavailable("look.reading", users=needed.read, retry_after=POLL_AFTER_SECONDS) from None
    except ReadingFailed as error:
        raise Problem(502, "The source can't be read", error.why) from None


async def in_time(look: Awaitable[T]) -> T:
    """The result of `look`. Raises Unavailable if it takes longer than the platform waits for an answer."""
    try:
        async with asyncio.timeout(LONGEST_LOOK):
            return await look
    except TimeoutError:
        raise Unavailable("look.tooLong", seconds=round(LONGEST_LOOK), retry_after=60) from None
