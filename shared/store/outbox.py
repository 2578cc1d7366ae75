"""The outbox: messages that are to be sent, in table `Runs`, in the partition of the domain that they are about.

A run writes them in the transaction that records its end: there is no end without its message, and no message without
its end. A row is keyed by the message's id, so the same message is never there twice. `runs/notifying.py` sends them.
"""

import json
import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from shared.errors import NotPossible
from shared.log import event
from shared.model.notifications import Happening, Notification
from shared.store.attempts import or_none, tried_again, unchanged, update_if_unchanged, write_if
from shared.store.changes import TENANT
from shared.store.storage import RUNS, Storage
from shared.store.tenant_settings import TenantSettingsRow

# Sorts after the runs and before the pointers of a domain, so that nobody who reads those reads these.
_PREFIX = "OUT-"
_WAITING = f"PartitionKey eq @partition and RowKey ge '{_PREFIX}' and RowKey lt 'OUT.'"
_DIGESTS = "digests"
# In UTF-16 code units. A run's end is one transaction with up to 90 of them, and a transaction takes 4 MiB.
_LARGEST = 16_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A message in the outbox, and the notification that it is for. `busy_until`: when its sender has given up."""

    happening: Happening
    to: str
    partition: str
    key: str
    tries: int
    busy_until: datetime | None
    etag: str


class Outbox:
    def __init__(self, storage: Storage, tenant_settings: TenantSettingsRow) -> None:
        self._storage = storage
        self._tenant_settings = tenant_settings

    async def tell(self, happening: Happening) -> bool:
        """Puts it into the outbox for every notification that wants it; False for none. Idempotent.

        For what is no run's end. The caller sends the queue a message for the domain, or leaves that to the timer.
        """
        wanted = rows(happening, (await self._tenant_settings.read()).readable.notifications or ())
        if wanted:
            await self._write(wanted)
        return bool(wanted)

    @tried_again
    async def _write(self, wanted: list[dict[str, Any]]) -> None:
        table = await self._storage.open_table(RUNS)
        # One that is there already may be on its way: it stays as it is.
        await write_if(table.submit_transaction([("create", row) for row in wanted]))

    async def read_digests(self) -> dict[str, str]:
        """By kind of digest, the first day of the last period that is done with."""
        row = await self._digests()
        return {} if row is None else json.loads(row["done"])

    async def write_digests(self, done: Mapping[str, str], messages: Iterable[Mapping[str, Any]]) -> None:
        """The messages, and which periods are done with: in one transaction, so that each comes once.

        Raises NotPossible if the row keeps changing.
        """
        row = {"PartitionKey": TENANT, "RowKey": _DIGESTS, "done": json.dumps(done)}
        created = [("upsert", message) for message in messages]

        async def write(before: Any) -> None:
            if before is not None and json.loads(before["done"]) == done:
                return  # by an earlier try, or by another
            first = ("create", row) if before is None else ("update", row, unchanged(before.metadata["etag"]))
            table = await self._storage.open_table(RUNS)
            await table.submit_transaction([first, *created])

        busy = NotPossible("notification.busy")
        await update_if_unchanged(self._storage, self._digests, write, busy)

    @tried_again
    async def _digests(self) -> Any:
        table = await self._storage.open_table(RUNS)
        return await or_none(table.get_entity(TENANT, _DIGESTS))

    @tried_again
    async def is_empty(self, domain: str) -> bool:
        table = await self._storage.open_table(RUNS)
        parameters = {"partition": domain or TENANT}
        async for _ in table.query_entities(_WAITING, parameters=parameters, select=["RowKey"]):
            return False
        return True

    @tried_again
    async def read(self, domain: str) -> list[Waiting]:
        """What is to be sent about a domain, or about the tenant (empty), oldest first."""
        table = await self._storage.open_table(RUNS)
        parameters = {"partition": domain or TENANT}
        found = [_waiting(row) async for row in table.query_entities(_WAITING, parameters=parameters)]
        return sorted((one for one in found if one), key=lambda one: one.happening.at)

    async def claim(self, waiting: Waiting, until: datetime) -> bool:
        """Keeps the message for one sender; False if another has it, or has sent it."""
        return await self._update(waiting, {"busyUntil": until, "tries": waiting.tries + 1})

    @tried_again
    async def give_back(self, waiting: Waiting, now: datetime) -> None:
        """To be tried again. Call only with a message that was claimed."""
        table = await self._storage.open_table(RUNS)
        await write_if(table.update_entity({**_key(waiting), "busyUntil": now}))

    @tried_again
    async def remove(self, waiting: Waiting) -> None:
        table = await self._storage.open_table(RUNS)
        await table.delete_entity(waiting.partition, waiting.key)

    async def _update(self, waiting: Waiting, columns: dict[str, Any]) -> bool:
        table = await self._storage.open_table(RUNS)
        # Not repeated: if the answer is lost, the message is busy for a while, and then tried again.
        return await write_if(table.update_entity({**_key(waiting), **columns}, **unchanged(waiting.etag)))


def rows(happening: Happening, notifications: Iterable[Notification]) -> list[dict[str, Any]]:
    """The rows of a happening: one for each notification that wants it."""
    text = happening.model_dump_json(by_alias=True)
    if len(text.encode("utf-16-le")) // 2 > _LARGEST:
        text = happening.model_copy(update={"details": ()}).model_dump_json(by_alias=True)
    return [
        {
            "PartitionKey": happening.domain or TENANT,
            "RowKey": f"{_PREFIX}{happening.id_for(one.id)}",
            "happening": text,
            "to": one.id,
            "tries": 0,
        }
        for one in notifications
        if one.wants(happening)
    ]


def _key(waiting: Waiting) -> dict[str, str]:
    return {"PartitionKey": waiting.partition, "RowKey": waiting.key}


def _waiting(row: Any) -> Waiting | None:
    try:
        happening = Happening.model_validate(json.loads(row["happening"]), extra="ignore")
    except (ValidationError, ValueError) as error:
        event("notification.unreadable", logging.ERROR, row=row["RowKey"], error=type(error).__name__)
        return None
    return Waiting(
        happening=happening,
        to=str(row["to"]),
        partition=str(row["PartitionKey"]),
        key=str(row["RowKey"]),
        tries=int(row.get("tries", 0)),
        busy_until=row.get("busyUntil"),
        etag=row.metadata["etag"],
    )
