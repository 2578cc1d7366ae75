"""Blob `tenant/domains`: the tenant's domains as they were last known, for an instance that has just started."""

from dataclasses import asdict
from datetime import datetime

import orjson

from shared.model.domains import TenantDomain
from shared.store.attempts import or_none, tried_again
from shared.store.cached import Known
from shared.store.storage import TENANT, Storage


class TenantDomains:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self) -> Known[list[TenantDomain]] | None:
        container = await self._storage.open_container(TENANT)
        found = await or_none(container.download_blob("domains"))
        if found is None:
            return None
        kept = orjson.loads(await found.readall())
        domains = [TenantDomain(**one, default=one["name"] == kept.get("default")) for one in kept["domains"]]
        return Known(domains, datetime.fromisoformat(kept["asOf"]))

    @tried_again
    async def write(self, known: Known[list[TenantDomain]]) -> None:
        container = await self._storage.open_container(TENANT)
        # The default one apart: an earlier version takes no further field of a domain.
        default = next((one.name for one in known.value if one.default), None)
        domains = [{k: v for k, v in asdict(one).items() if k != "default"} for one in known.value]
        content = orjson.dumps({"asOf": known.as_of, "default": default, "domains": domains})
        await container.upload_blob("domains", content, overwrite=True)
