"""Blob `links/{domain}`: which Entra user a source user became (source id → object id), from earlier syncs.

By these a UPN that is edited in Access Control is a rename even where there is no immutable ID.
"""

from collections.abc import Iterable, Mapping

import orjson

from shared.store.attempts import tried_again
from shared.store.storage import LINKS, Storage


class Links:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self, domain: str) -> dict[str, str]:
        """Empty for a domain that was never synchronised."""
        from azure.core.exceptions import ResourceNotFoundError

        container = await self._storage.open_container(LINKS)
        try:
            content = await (await container.download_blob(domain)).readall()
        except ResourceNotFoundError:
            return {}
        links: dict[str, str] = orjson.loads(content)
        return links

    @tried_again
    async def remembers(self, domain: str) -> bool:
        """Whether anything stands there: every sync that ends leaves something, be it of nobody."""
        container = await self._storage.open_container(LINKS)
        return bool(await container.get_blob_client(domain).exists())

    @tried_again
    async def write(self, domain: str, links: Mapping[str, str]) -> None:
        container = await self._storage.open_container(LINKS)
        await container.upload_blob(domain, orjson.dumps(links), overwrite=True)

    @tried_again
    async def find_elsewhere(
        self, domain: str, source_ids: Iterable[str], object_ids: Iterable[str]
    ) -> dict[str, str]:
        """What every other domain remembers of these source users and of these Entra users.

        Either may have moved: a person in the source, or their account in Entra.
        """
        people, accounts = set(source_ids), set(object_ids)
        found: dict[str, str] = {}
        if not people and not accounts:
            return found
        container = await self._storage.open_container(LINKS)
        async for name in container.list_blob_names():
            if name != domain:
                other = (await self.read(name)).items()
                found.update((who, account) for who, account in other if who in people or account in accounts)
        return found
