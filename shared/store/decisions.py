"""Who is who, as people have decided: rows of the table `Domains`, in a partition of the tenant's own.

An account may move from one domain to another. A row `decision-…` for each decision that holds, and a row `change-…`
for each one made, taken back or settled, newest first: both in one transaction, as for a domain's settings.
"""

from collections.abc import Collection, Sequence
from typing import Any

from shared.errors import PreconditionFailed
from shared.model.questions import Decision, Decisions
from shared.model.records import Author
from shared.store.attempts import tried_again, update_if_unchanged
from shared.store.changes import TENANT, change_row
from shared.store.storage import DOMAINS, Storage

# A transaction takes 100 operations: two for each decision.
_AT_ONCE = 50


class DecisionStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self) -> list[Decision]:
        """Those that hold, oldest first."""
        now = self._storage.clock.now()
        return [one for one in await self._stored() if one.lapses_at is None or now < one.lapses_at]

    async def decide(self, decided: Sequence[Decision], author: Author) -> None:
        """Keeps these decisions, each in place of an earlier one about its pair."""
        await self._change(decided, author, keep=True)

    async def take_back(self, decision_id: str, author: Author) -> bool:
        """False if there is no such decision."""
        gone = [one for one in await self.read() if one.id == decision_id]
        await self._change(gone, author, keep=False)
        return bool(gone)

    async def settle(self, ids: Collection[str], author: Author) -> None:
        """Drops decisions that a sync has made so: from now on the account is known as that user's."""
        if ids:
            await self._change([one for one in await self._stored() if one.id in ids], author, keep=False)

    @tried_again
    async def _stored(self) -> list[Decision]:
        table = await self._storage.open_table(DOMAINS)
        rows = table.query_entities(
            "PartitionKey eq @tenant and RowKey ge 'decision-' and RowKey lt 'decision.'",
            parameters={"tenant": TENANT},
        )
        decisions = [Decision.model_validate_json(row["decision"]) async for row in rows]
        return sorted(decisions, key=lambda one: one.at)

    async def _change(self, decisions: Sequence[Decision], author: Author, *, keep: bool) -> None:
        for start in range(0, len(decisions), _AT_ONCE):
            some = decisions[start : start + _AT_ONCE]

            async def write(stored: Sequence[Decision], some: Sequence[Decision] = some) -> None:
                before = {one.id: one for one in stored}
                # What an earlier try, or somebody else, has made so already needs no record.
                changed = [one for one in some if (before.get(one.id) != one if keep else one.id in before)]
                if changed:
                    table = await self._storage.open_table(DOMAINS)
                    await table.submit_transaction(self._operations(changed, before, author, keep=keep))

            exhausted = PreconditionFailed("decisions.changedMeanwhile")
            await update_if_unchanged(self._storage, self._stored, write, exhausted)

    def _operations(
        self, changed: Sequence[Decision], before: dict[str, Decision], author: Author, *, keep: bool
    ) -> list[tuple[str, dict[str, Any]]]:
        operations: list[tuple[str, dict[str, Any]]] = []
        for one in changed:
            row = {"PartitionKey": TENANT, "RowKey": f"decision-{one.id}"}
            earlier = before.get(one.id)
            record = {
                **change_row(self._storage.clock, TENANT, author),
                "before": earlier and earlier.model_dump_json(by_alias=True),
                "after": one.model_dump_json(by_alias=True) if keep else None,
            }
            operations += [
                ("upsert", {**row, "decision": record["after"]}) if keep else ("delete", row),
                ("create", {name: value for name, value in record.items() if value is not None}),
            ]
        return operations


def decisions_of(standing: Sequence[Decision]) -> Decisions:
    """As planning takes them."""
    return Decisions(
        same={one.source_id: one.object_id for one in standing if one.same},
        apart=frozenset((one.source_id, one.object_id) for one in standing if not one.same),
    )
