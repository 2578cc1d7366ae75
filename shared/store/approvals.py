"""What an administrator has said of one run, beside its journal.

Blob `journal/{domain}/approved-{runId}`: what was approved with it, a JSON list of `Deed`s. Blob
`journal/{domain}/only-{runId}`: the people whom it is for, as source ids and object ids.

The previous version named the first after the dry run and kept the object ids of deletions.
"""

from collections.abc import Sequence

import orjson

from shared.model.runs import Approvable, Run
from shared.planning.deeds import Deed, Deeds
from shared.store.attempts import or_none, tried_again
from shared.store.storage import JOURNAL, Storage


class Approvals:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def write(self, domain: str, run_id: str, approved: Sequence[Deed]) -> None:
        container = await self._storage.open_container(JOURNAL)
        await container.upload_blob(
            _name(domain, run_id), orjson.dumps([tuple(deed) for deed in approved]), overwrite=True
        )

    @tried_again
    async def read(self, run: Run) -> Deeds:
        """What was approved with this run, which has an approval."""
        container = await self._storage.open_container(JOURNAL)
        found = await or_none(container.download_blob(_name(run.domain, run.id)))
        if found is None:
            dry_run_id = run.approval.dry_run_id if run.approval else ""
            found = await container.download_blob(_name(run.domain, dry_run_id))
        return frozenset(_deed(one) for one in orjson.loads(await found.readall()))

    @tried_again
    async def write_chosen(self, domain: str, run_id: str, people: Sequence[str]) -> None:
        container = await self._storage.open_container(JOURNAL)
        await container.upload_blob(f"{domain}/only-{run_id}", orjson.dumps(people), overwrite=True)

    @tried_again
    async def read_chosen(self, run: Run) -> frozenset[str]:
        """The people whom this run is for, which is not for everybody."""
        container = await self._storage.open_container(JOURNAL)
        found = await container.download_blob(f"{run.domain}/only-{run.id}")
        return frozenset(orjson.loads(await found.readall()))


def _deed(stored: str | tuple[Approvable, str, str]) -> Deed:
    return Deed("delete", stored) if isinstance(stored, str) else Deed(*stored)


def _name(domain: str, run_id: str) -> str:
    return f"{domain}/approved-{run_id}"
