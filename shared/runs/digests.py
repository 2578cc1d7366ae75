"""Makes the digests that are due: once a period, in the first hour after it."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from shared.model.notifications import Notification
from shared.model.runs import Run, Wanted
from shared.reports.digest import PERIODS, Domain, Period, digest, last_full
from shared.services import Services
from shared.store.outbox import rows

_AT_ONCE = 16
_PAGE = 200


async def due(services: Services, notifications: Iterable[Notification]) -> dict[Period, date]:
    """The periods that have ended since the last digest, by their first day. Reads nothing where nobody wants one."""
    wanted = [one for one in PERIODS if any(one in notification.events for notification in notifications)]
    if not wanted:
        return {}
    done, now = await services.outbox.read_digests(), services.clock.now()
    ended = {one: last_full(one, now)[0] for one in wanted}
    return {one: first for one, first in ended.items() if done.get(one, "") < first.isoformat()}


async def write_due(services: Services, notifications: Iterable[Notification]) -> None:
    """Puts the digests that are due into the outbox."""
    notifications = tuple(notifications)
    periods, now = await due(services, notifications), services.clock.now()
    if not periods:
        return
    done = await services.outbox.read_digests()
    done |= {period: first.isoformat() for period, first in periods.items()}
    messages = []
    for period in periods:
        first, after = last_full(period, now)
        domains = await _domains(services, first, after)
        for to in notifications:
            if period in to.events and (happening := digest(period, first, now, domains, to)):
                messages += rows(happening, [to])
    await services.outbox.write_digests(done, messages)


async def _domains(services: Services, first: date, after: date) -> dict[str, Domain]:
    turns, names = asyncio.Semaphore(_AT_ONCE), list(await services.domains.read_all())

    async def read(name: str) -> Domain:
        async with turns:
            told = (await services.runs.read_pointers(name)).told
            return Domain(await _runs(services, name, first, after), told)

    return dict(zip(names, await asyncio.gather(*map(read, names)), strict=True))


async def _runs(services: Services, domain: str, first: date, after: date) -> list[Run]:
    since, until = (datetime.combine(day, time(), UTC) for day in (first, after))
    wanted, found, cursor = Wanted(since=since, until=until), [], None
    while True:
        page, cursor = await services.runs.read_page(domain, _PAGE, cursor, wanted)
        found += page
        if cursor is None:
            return found
