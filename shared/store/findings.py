"""Blob `tenant/pre-check/{domain}`: what the last run that looked has found on the domain."""

from shared.store.attempts import or_none, tried_again
from shared.store.storage import TENANT, Storage


class Findings:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self, domain: str) -> bytes | None:
        container = await self._storage.open_container(TENANT)
        found = await or_none(container.download_blob(_name(domain)))
        return None if found is None else bytes(await found.readall())

    @tried_again
    async def replace(self, domain: str, found: bytes) -> None:
        container = await self._storage.open_container(TENANT)
        await container.upload_blob(_name(domain), found, overwrite=True)


def _name(domain: str) -> str:
    return f"pre-check/{domain}"
