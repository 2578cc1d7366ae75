"""Blob `tenant/decisions`: who is who, as people have decided, and everything they decided before.

One for the tenant, since an account may move from one domain to another.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Any

import orjson

from shared.errors import PreconditionFailed
from shared.model.questions import Decision, Decisions
from shared.model.records import Author
from shared.store.attempts import missing, tried_again, unchanged, update_if_unchanged
from shared.store.storage import TENANT, Storage

_BLOB = "decisions"


class DecisionStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self) -> list[Decision]:
        """Those that hold, oldest first."""
        now = self._storage.clock.now()
        standing = _standing((await self._look())[0])
        return [one for one in standing if one.lapses_at is None or now < one.lapses_at]

    async def decide(self, decided: Sequence[Decision]) -> None:
        """Keeps these decisions, each in place of an earlier one about its pair."""
        taken = {decision.id for decision in decided}
        await self._change(
            [one.model_dump(mode="json", by_alias=True) for one in decided],
            lambda standing: [one for one in standing if one.id not in taken] + list(decided),
        )

    async def take_back(self, decision_id: str, author: Author) -> bool:
        """False if there is no such decision."""
        if not any(one.id == decision_id for one in await self.read()):
            return False
        now = self._storage.clock.now()
        record = {"takenBack": decision_id, "by": author.name, "address": author.address, "at": now}
        await self._change([record], lambda standing: [one for one in standing if one.id != decision_id])
        return True

    async def settle(self, ids: Collection[str]) -> None:
        """Drops decisions that a sync has made so: from now on the account is known as that user's."""
        if ids:
            now = self._storage.clock.now()
            await self._change(
                [{"settled": sorted(ids), "at": now}],
                lambda standing: [one for one in standing if one.id not in ids],
            )

    async def _look(self) -> tuple[dict[str, Any], str]:
        """The document, and its ETag; empty if there is none."""
        from azure.core.exceptions import ResourceNotFoundError

        container = await self._storage.open_container(TENANT)
        try:
            blob = await container.download_blob(_BLOB)
            return orjson.loads(await blob.readall()), str(blob.properties.etag)
        except ResourceNotFoundError:
            return {}, ""

    async def _change(
        self, records: Sequence[dict[str, Any]], change: Callable[[list[Decision]], list[Decision]]
    ) -> None:
        mark = self._storage.clock.token(8)

        async def write(seen: tuple[dict[str, Any], str]) -> None:
            document, etag = seen
            log = document.get("log", [])
            if any(record["mark"] == mark for record in log):  # the answer to an earlier try was lost
                return
            standing = [one.model_dump(mode="json", by_alias=True) for one in change(_standing(document))]
            log = [*log, *({**record, "mark": mark} for record in records)]
            content = orjson.dumps({"standing": standing, "log": log})
            container = await self._storage.open_container(TENANT)
            condition = unchanged(etag) if etag else missing()
            await container.upload_blob(_BLOB, content, overwrite=True, **condition)

        await update_if_unchanged(
            self._storage, self._look, write, PreconditionFailed("decisions.changedMeanwhile")
        )


def decisions_of(standing: Sequence[Decision]) -> Decisions:
    """As planning takes them."""
    return Decisions(
        same={one.source_id: one.object_id for one in standing if one.same},
        apart=frozenset((one.source_id, one.object_id) for one in standing if not one.same),
    )


def _standing(document: dict[str, Any]) -> list[Decision]:
    return [Decision.model_validate(one) for one in document.get("standing", ())]
