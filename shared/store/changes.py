"""Table `Changes`: who changed which setting, from what to what. The app only ever adds to it."""

from shared.model.domains import DomainSettings
from shared.model.records import Author
from shared.model.runs import newest_first
from shared.store.storage import CHANGES, Storage


class Changes:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def record(
        self, domain: str, author: Author, before: DomainSettings, after: DomainSettings
    ) -> None:
        clock = self._storage.clock
        now = clock.now()
        table = await self._storage.table(CHANGES)
        await table.create_entity(
            {
                "PartitionKey": domain,
                "RowKey": f"{newest_first(now)}-{clock.token(4)}",
                "changedAt": now,
                "changedBy": author.name,
                "changedFrom": author.address,
                "before": before.model_dump_json(by_alias=True),
                "after": after.model_dump_json(by_alias=True),
            }
        )
