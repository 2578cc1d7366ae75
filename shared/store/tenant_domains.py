"""Blob `tenant/domains`: the tenant's domains as they were last known, for an instance that has just started."""

from datetime import datetime

import orjson

from shared.model.domains import TenantDomain
from shared.store.attempts import tried_again
from shared.store.cached import Known
from shared.store.storage import TENANT, Storage


class TenantDomains:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self) -> Known[list[TenantDomain]] | None:
        from azure.core.exceptions import ResourceNotFoundError

        container = await self._storage.open_container(TENANT)
        try:
            content = await (await container.download_blob("domains")).readall()
        except ResourceNotFoundError:
            return None
        kept = orjson.loads(content)
        return Known([TenantDomain(**one) for one in kept["domains"]], datetime.fromisoformat(kept["asOf"]))

    @tried_again
    async def write(self, known: Known[list[TenantDomain]]) -> None:
        container = await self._storage.open_container(TENANT)
        content = orjson.dumps({"asOf": known.as_of, "domains": known.value})
        await container.upload_blob("domains", content, overwrite=True)
