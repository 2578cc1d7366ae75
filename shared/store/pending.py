"""Blobs `tenant/pending/{id}`: calls that wait for a second person, for a day."""

from datetime import datetime
from typing import Any

from shared.model.pending import Pending
from shared.store.attempts import or_none, tried_again, unchanged, write_if
from shared.store.storage import TENANT, Storage

_FOLDER = "pending/"


class PendingCalls:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def write(self, pending: Pending) -> None:
        container = await self._storage.open_container(TENANT)
        content = pending.model_dump_json(by_alias=True).encode()
        await container.upload_blob(_FOLDER + pending.id, content, overwrite=True)

    @tried_again
    async def read_all(self, now: datetime) -> list[Pending]:
        """Those that have not expired, oldest first; the others are deleted."""
        container = await self._storage.open_container(TENANT)
        names = [name async for name in container.list_blob_names(name_starts_with=_FOLDER)]
        found = [one for name in names if (one := await self.find(name.removeprefix(_FOLDER)))]
        for one in found:
            if one.expires_at <= now:
                await self.take(one.id)
        return sorted((one for one in found if one.expires_at > now), key=lambda one: one.at)

    @tried_again
    async def find(self, pending_id: str) -> Pending | None:
        found = await self._download(pending_id)
        return None if found is None else Pending.model_validate_json(await found.readall())

    @tried_again
    async def take(self, pending_id: str) -> bool:
        """Takes it away, so that nobody else carries it out. False if somebody has been first."""
        found = await self._download(pending_id)
        if found is None:
            return False
        container = await self._storage.open_container(TENANT)
        condition = unchanged(found.properties.etag)
        return await write_if(container.delete_blob(_FOLDER + pending_id, **condition))

    async def _download(self, pending_id: str) -> Any:
        container = await self._storage.open_container(TENANT)
        return await or_none(container.download_blob(_FOLDER + pending_id))
