"""Blob `links/{domain}`: which Entra user a source user became (source id → object id), from earlier syncs.

By these a UPN that is edited in Access Control is a rename even where there is no immutable ID.
"""

from collections.abc import Iterable, Mapping

import orjson

from shared.store.storage import LINKS, Storage


class Links:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self, domain: str) -> dict[str, str]:
        """Empty for a domain that was never synchronised."""
        from azure.core.exceptions import ResourceNotFoundError

        container = await self._storage.container(LINKS)
        try:
            content = await (await container.download_blob(domain)).readall()
        except ResourceNotFoundError:
            return {}
        links: dict[str, str] = orjson.loads(content)
        return links

    async def write(self, domain: str, links: Mapping[str, str]) -> None:
        container = await self._storage.container(LINKS)
        await container.upload_blob(domain, orjson.dumps(links), overwrite=True)

    async def find_elsewhere(self, domain: str, source_ids: Iterable[str]) -> dict[str, str]:
        """The links of these source users in every other domain: they may have moved here from there."""
        wanted = set(source_ids)
        container = await self._storage.container(LINKS)
        found: dict[str, str] = {}
        async for name in container.list_blob_names():
            if name != domain and wanted:
                other = await self.read(name)
                found.update({source_id: other[source_id] for source_id in wanted & other.keys()})
        return found
