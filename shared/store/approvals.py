"""Blob `journal/{domain}/approved-{dryRunId}`: the deletions that an administrator approved, by object id."""

from collections.abc import Sequence

import orjson

from shared.planning.deeds import Deed, Deeds
from shared.store.attempts import tried_again
from shared.store.storage import JOURNAL, Storage


class Approvals:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def write(self, domain: str, dry_run_id: str, object_ids: Sequence[str]) -> None:
        container = await self._storage.open_container(JOURNAL)
        await container.upload_blob(_name(domain, dry_run_id), orjson.dumps(object_ids), overwrite=True)

    @tried_again
    async def read(self, domain: str, dry_run_id: str) -> Deeds:
        container = await self._storage.open_container(JOURNAL)
        content = await (await container.download_blob(_name(domain, dry_run_id))).readall()
        return frozenset(Deed("delete", account) for account in orjson.loads(content))


def _name(domain: str, dry_run_id: str) -> str:
    return f"{domain}/approved-{dry_run_id}"
