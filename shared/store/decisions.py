"""What people have decided about people: rows of table `Domains`, in a partition of the tenant's own.

An account may move from one domain to another. A row `decision-…` says who is who, a row `hold-…` keeps an account as
it is. A row `change-…` is written for each one made, taken back or settled, newest first: both in one transaction, as
for a domain's settings. One query reads them all, since a survey needs both kinds.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.errors import PreconditionFailed
from shared.model.holds import Hold
from shared.model.questions import Decision, Decisions
from shared.model.records import Author
from shared.store.attempts import tried_again, unchanged, update_if_unchanged, write_if
from shared.store.chain import HEAD, Head
from shared.store.changes import TENANT, chained, change_row, tell_recorded
from shared.store.storage import DOMAINS, Storage

# A transaction takes 100 operations: two for each decision, and one for the head of the chain of changes.
_AT_ONCE = 49
_DECISION, _HOLD = "decision-", "hold-"

Decided = Decision | Hold


@dataclass(frozen=True, slots=True)
class _Stored:
    """`document`: as it is stored."""

    decided: Decided
    document: str
    etag: str


class DecisionStore:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    async def read(self) -> list[Decision]:
        """Who is who, as far as it holds, oldest first."""
        return sorted(_decisions(await self._in_force()), key=lambda one: one.at)

    async def read_all(self) -> Decisions:
        """What is in force, as planning takes it."""
        decided = await self._in_force()
        decisions = _decisions(decided)
        return Decisions(
            same={one.source_id: one.object_id for one in decisions if one.same},
            apart=frozenset((one.source_id, one.object_id) for one in decisions if not one.same),
            holds={one.object_id: one for one in decided if isinstance(one, Hold)},
        )

    async def decide(self, decided: Sequence[Decided], author: Author) -> None:
        """Keeps these, each in place of an earlier one about its pair or account.

        Raises PreconditionFailed if others keep deciding the same.
        """
        await self._change(decided, author, keep=True)

    async def take_back(self, decision_id: str, author: Author) -> Decision | None:
        """The decision that was taken back; None if there is no such decision. Raises as `decide`."""
        gone = [one for one in await self.read() if one.id == decision_id]
        await self._change(gone, author, keep=False)
        return gone[0] if gone else None

    async def lift(self, object_id: str, author: Author) -> Hold | None:
        """The hold that was on this account; None if there was none. Raises as `decide`."""
        hold = (await self.read_all()).holds.get(object_id)
        if hold:
            await self._change([hold], author, keep=False)
        return hold

    async def settle(self, ids: Collection[str], author: Author) -> None:
        """Drops decisions that a sync has made so: from now on the account is known as that user's."""
        if ids:
            stored = (one.decided for one in (await self._stored()).values())
            await self._change([one for one in _decisions(stored) if one.id in ids], author, keep=False)

    async def drop_lapsed(self) -> None:
        """Deletes what is no longer in force. One that was decided anew meanwhile stays."""
        now, table = self._storage.clock.now(), await self._storage.open_table(DOMAINS)
        for key, one in (await self._stored()).items():
            if one.decided.lapses_at and one.decided.lapses_at <= now:
                row = {"PartitionKey": TENANT, "RowKey": key}
                await write_if(table.submit_transaction([("delete", row, unchanged(one.etag))]))

    async def _in_force(self) -> list[Decided]:
        now = self._storage.clock.now()
        decided = (one.decided for one in (await self._stored()).values())
        return [one for one in decided if one.lapses_at is None or now < one.lapses_at]

    async def _stored(self) -> dict[str, _Stored]:
        """By row key."""
        return (await self._stored_and_head())[0]

    @tried_again
    async def _stored_and_head(self) -> tuple[dict[str, _Stored], Head]:
        table = await self._storage.open_table(DOMAINS)
        found = table.query_entities(
            # No other row key of the tenant's sorts between the two.
            f"PartitionKey eq @tenant and RowKey ge '{_DECISION}' and RowKey le '{HEAD}'",
            parameters={"tenant": TENANT},
        )
        rows = {row["RowKey"]: row async for row in found}
        head = Head.of(rows.pop(HEAD, None))
        return {
            key: _Stored(_read(row), row["decision"], str(row.metadata["etag"])) for key, row in rows.items()
        }, head

    async def _change(self, decided: Sequence[Decided], author: Author, *, keep: bool) -> None:
        for start in range(0, len(decided), _AT_ONCE):
            some = {_key(one): one for one in decided[start : start + _AT_ONCE]}

            async def write(
                seen: tuple[Mapping[str, _Stored], Head], some: Mapping[str, Decided] = some
            ) -> None:
                stored, head = seen
                # What an earlier try, or somebody else, has made so already needs no record.
                changed = {
                    key: one
                    for key, one in some.items()
                    if (
                        key not in stored or stored[key].document != _document(one) if keep else key in stored
                    )
                }
                if changed:
                    table = await self._storage.open_table(DOMAINS)
                    operations, records = self._operations(changed, stored, author, keep=keep)
                    recorded, mark = chained(TENANT, records, head)
                    await table.submit_transaction([*operations, *recorded])
                    tell_recorded(TENANT, mark)

            exhausted = PreconditionFailed("decisions.changedMeanwhile")
            await update_if_unchanged(self._storage, self._stored_and_head, write, exhausted, crowded=True)

    def _operations(
        self, changed: Mapping[str, Decided], stored: Mapping[str, _Stored], author: Author, *, keep: bool
    ) -> tuple[list[tuple[Any, ...]], list[dict[str, Any]]]:
        """What writes the decisions, and the records of changing them."""
        operations, records = list[tuple[Any, ...]](), list[dict[str, Any]]()
        for key, one in changed.items():
            row = {"PartitionKey": TENANT, "RowKey": key}
            after = {"decision": _document(one)} if keep else {}
            record = change_row(self._storage.clock, TENANT, author)
            if earlier := stored.get(key):
                record["before"] = earlier.document
                known = unchanged(earlier.etag)
                update = ("update", {**row, **after}, {"mode": "replace", **known})
                operations.append(update if keep else ("delete", row, known))
            else:
                operations.append(("create", {**row, **after}))
            records.append(record | ({"after": after["decision"]} if keep else {}))
        return operations, records


def _decisions(decided: Iterable[Decided]) -> list[Decision]:
    return [one for one in decided if isinstance(one, Decision)]


def _document(one: Decided) -> str:
    """As it is stored, where times have no microseconds."""
    return one.model_dump_json(by_alias=True)


def _key(one: Decided) -> str:
    return f"{_HOLD if isinstance(one, Hold) else _DECISION}{one.id}"


def _read(row: Mapping[str, Any]) -> Decided:
    kind = Hold if row["RowKey"].startswith(_HOLD) else Decision
    return kind.model_validate_json(row["decision"])
