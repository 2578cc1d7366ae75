"""Who of the leavers waits, and until when; and what an administrator decides about one of them."""

from collections.abc import Mapping
from datetime import datetime

from shared.errors import PersonNotFound
from shared.log import event
from shared.model.leavers import Leaver, read, read_all, written
from shared.model.memory import difference, with_leavers
from shared.model.records import Author
from shared.model.runs import Approval, Mode, Run, Trigger
from shared.planning.deeds import Deed
from shared.runs.lifecycle import new_run, start
from shared.services import Services


async def read_waiting(services: Services, domain: str | None = None) -> dict[str, Leaver | None]:
    """Object id → row of everybody who waits, on this domain or in the whole tenant.

    None for a row that can't be read, whose domain is unknown.
    """
    memory = await services.known_people.read(domain or "")
    rows = await services.clock.in_thread(read_all, memory.leavers)
    return {
        account: row
        for account, row in rows.items()
        if row is None or (row.waits and domain in (None, row.domain))
    }


async def keep(services: Services, domain: str, object_id: str, author: Author) -> Leaver:
    """Never deletes this leaver, until the source has them again or somebody decides otherwise."""
    return await _decide(services, domain, object_id, {"kept": "decided", "until": None}, author)


async def wait(services: Services, domain: str, object_id: str, until: datetime, author: Author) -> Leaver:
    """Lets this leaver wait until then, also one who was kept: blocked again, where the domain blocks leavers."""
    changes = {"kept": None, "until": until, "stands": None, "enabled": None}
    return await _decide(services, domain, object_id, changes, author)


async def start_deletion(services: Services, domain: str, object_id: str, author: Author) -> Run:
    """Starts a sync of this leaver alone, for whom the deletion is approved, whenever it would be due.

    It makes the same looks as any other. Raises what `start` raises, and PersonNotFound for somebody who does not wait.
    """
    before = await _waiting(services, domain, object_id)
    approval = Approval(dry_run_id="", approved_by=author.name, deletions=1, released={"delete": 1})
    run = new_run(services.clock, domain, Mode.SYNC, Trigger.MANUAL, author, approval=approval)
    await services.approvals.write(domain, run.id, [Deed("due", object_id), Deed("now", object_id)])
    run = await start(services, run, [object_id])
    await _record(services, domain, object_id, before, {"do": "delete"}, author)
    return run


async def _decide(
    services: Services, domain: str, object_id: str, changes: Mapping[str, object], author: Author
) -> Leaver:
    before = await _waiting(services, domain, object_id)
    row = before or await _begun_anew(services, domain)
    row = row.model_copy(update=changes)
    await _record(services, domain, object_id, before, _told(row), author)
    memory = await services.known_people.read(domain)
    rows = {**memory.leavers, object_id: written(row)}
    delta = await services.clock.in_thread(difference, memory, with_leavers(memory, rows))
    memory = await services.known_people.write(delta, memory)
    return read(memory.leavers.get(object_id, "")) or row


async def _begun_anew(services: Services, domain: str) -> Leaver:
    """In place of a row that can't be read; the next run completes it."""
    terms = (await services.administration.read_leaving(domain)).terms
    since = services.clock.now()
    return Leaver(domain=domain, upn="", display_name="", since=since, days=terms.delete_after_days)


async def _waiting(services: Services, domain: str, object_id: str) -> Leaver | None:
    rows = await read_waiting(services, domain)
    if object_id not in rows:
        raise PersonNotFound("leavers.unknown", domain=domain, objectId=object_id)
    return rows[object_id]


def _told(row: Leaver | None) -> dict[str, object]:
    if row is None:
        return {"do": None}
    until = row.until.isoformat() if row.until else None
    return {"do": "keep" if row.kept == "decided" else "wait", "until": until}


async def _record(
    services: Services,
    domain: str,
    object_id: str,
    before: Leaver | None,
    after: Mapping[str, object],
    author: Author,
) -> None:
    """In `Changes`: what is kept before it takes effect, a deletion once its run was started."""
    whom = {"leaver": object_id}
    await services.changes.record(domain, author, {**whom, **_told(before)}, {**whom, **after})
    event(
        "leaver.decided", domain=domain, objectId=object_id, by=author.name, address=author.address,
        do=after["do"],
    )  # fmt: skip
