"""Azure Tables in memory, with as much of the SDK's clients as the app uses. Strict: an unknown option is an error."""

from bisect import bisect_left, bisect_right, insort
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import cache, lru_cache, partial
from itertools import islice
from operator import eq, ge, gt, le, lt, ne
from types import SimpleNamespace
from typing import Any, TypeVar

from azure.core import MatchConditions
from azure.data.tables import TableEntity

from tests.simulation.gate import Gate, NoAnswer, Struck
from tests.simulation.storage_errors import busy, no_answer, storage_error

T = TypeVar("T")
Entity = Mapping[str, Any]
_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "eq": eq,
    "ne": ne,
    "ge": ge,
    "gt": gt,
    "le": le,
    "lt": lt,
}
_LAST_OF_ALL = "\U0010ffff"
_MOST_OPERATIONS, _MOST_ON_A_PAGE, _LONGEST_TEXT = 100, 1000, 32 * 1024


@dataclass(slots=True)
class Row:
    properties: dict[str, Any]
    etag: str
    written_at: datetime

    def shown(self, select: Sequence[str] | None = None) -> TableEntity:
        wanted = self.properties if select is None else {n: self.properties.get(n) for n in select}
        entity = TableEntity(wanted)
        entity._metadata = {"etag": self.etag, "timestamp": self.written_at}
        return entity


Rows = dict[tuple[str, str], Row]


@dataclass
class Tables:
    """Every table by name. A transaction takes effect whole or not at all. `tell` hears of each row that is written."""

    now: Callable[[], datetime]
    by_name: dict[str, Rows] = field(default_factory=dict)
    tell: Callable[[str, tuple[str, str], Entity], None] = lambda *_: None
    _writes: int = 0
    # Table → its keys in order, of those that were asked for.
    _ordered: dict[str, list[tuple[str, str]]] = field(default_factory=dict)

    def create(self, name: str) -> None:
        if name in self.by_name:
            raise storage_error(409, "TableAlreadyExists")
        self.by_name[name] = {}

    def load(self, name: str, entities: Iterable[Entity], written_at: datetime) -> None:
        """Rows that were there before."""
        self._ordered.pop(name, None)
        for one in entities:
            self._writes += 1
            key = str(one["PartitionKey"]), str(one["RowKey"])
            row = Row(dict(one), f'W/"{self._writes}"', written_at)
            self.by_name.setdefault(name, {})[key] = row
            self.tell(name, key, row.properties)

    def drop(self, name: str) -> None:
        self.by_name.pop(name, None)
        self._ordered.pop(name, None)

    def rows(self, name: str) -> Rows:
        if name not in self.by_name:
            raise storage_error(404, "TableNotFound")
        return self.by_name[name]

    def get(self, name: str, key: tuple[str, str]) -> TableEntity:
        row = self.rows(name).get(key)
        if row is None:
            raise storage_error(404, "ResourceNotFound")
        return row.shown()

    def page(self, name: str, condition: "Condition", after: tuple[str, str] | None, most: int) -> list[Row]:
        """Up to `most` rows in the order of their keys."""
        rows = self.rows(name)
        found: list[Row] = []
        for key in self._after(name, condition, after):
            if condition.holds(rows[key].properties):
                # A copy: what is read does not change when the row does.
                found.append(Row(dict(rows[key].properties), rows[key].etag, rows[key].written_at))
                if len(found) == most:
                    break
        return found

    def _after(
        self, name: str, condition: "Condition", last: tuple[str, str] | None
    ) -> Iterator[tuple[str, str]]:
        """The keys after the last one, in order, as far as the condition can hold."""
        if name not in self._ordered:
            self._ordered[name] = sorted(self.rows(name))
        keys = self._ordered[name]
        start = bisect_right(keys, last) if last else bisect_left(keys, condition.first)
        return islice(keys, start, bisect_right(keys, condition.last))

    def transact(self, name: str, operations: Sequence[Any], *, alone: bool = False) -> list[dict[str, Any]]:
        """Every operation, each a tuple as the SDK takes it. `alone`: a single write outside a transaction."""
        rows = self.rows(name)
        if not operations or len(operations) > _MOST_OPERATIONS:
            raise storage_error(400, "InvalidInput", in_transaction=True)
        keys = [(str(one[1]["PartitionKey"]), str(one[1]["RowKey"])) for one in operations]
        if len(set(keys)) < len(keys) or len({partition for partition, _ in keys}) > 1:
            raise storage_error(400, "InvalidDuplicateRow", in_transaction=True)
        changed: Rows = {}
        gone: list[tuple[str, str]] = []
        for key, (verb, entity, *rest) in zip(keys, operations, strict=True):
            options = dict(rest[0]) if rest else {}
            row = self._written(verb, entity, rows.get(key), options, in_transaction=not alone)
            if options:
                raise TypeError(f"unknown {options}")
            if row is None:
                gone.append(key)
            else:
                changed[key] = row
        if (ordered := self._ordered.get(name)) is not None:
            for key in changed.keys() - rows.keys():
                insort(ordered, key)
            for key in gone:
                del ordered[bisect_left(ordered, key)]
        rows.update(changed)
        for key in gone:
            del rows[key]
        for key, row in changed.items():
            self.tell(name, key, row.properties)
        return [{"etag": changed[key].etag} if key in changed else {} for key in keys]

    def _written(
        self, verb: str, entity: Entity, before: Row | None, options: dict[str, Any], *, in_transaction: bool
    ) -> Row | None:
        """The row after one operation, None once it is deleted."""
        match, etag = options.pop("match_condition", None), options.pop("etag", None)
        mode = options.pop("mode", "merge")
        if match not in (None, MatchConditions.IfNotModified):
            raise TypeError(f"unknown {match}")
        if verb == "create":
            if before is not None:
                raise storage_error(409, "EntityAlreadyExists", in_transaction=in_transaction)
        elif verb != "upsert":
            if before is None:
                raise storage_error(404, "ResourceNotFound", in_transaction=in_transaction)
            if match and etag not in ("*", before.etag):
                raise storage_error(412, "UpdateConditionNotSatisfied", in_transaction=in_transaction)
        if verb == "delete":
            return None
        given = {name: value for name, value in entity.items() if value is not None}
        if any(isinstance(value, str) and len(value) > _LONGEST_TEXT for value in given.values()):
            raise storage_error(400, "PropertyValueTooLarge", in_transaction=in_transaction)
        kept = before.properties if before and verb != "create" and mode == "merge" else {}
        self._writes += 1
        return Row({**kept, **given}, f'W/"{self._writes}"', self.now())


class Table:
    """The SDK's TableClient, as far as it goes here."""

    def __init__(self, tables: Tables, gate: Gate, name: str) -> None:
        self._tables = tables
        self._gate = gate
        self.table_name = name

    async def get_entity(self, partition_key: str, row_key: str) -> TableEntity:
        what = f"get {self.table_name}({partition_key},{row_key})"
        return await self._through(what, lambda: self._tables.get(self.table_name, (partition_key, row_key)))

    async def update_entity(self, entity: Entity, mode: str = "merge", **options: Any) -> dict[str, Any]:
        return await self._one("update", entity, {**options, "mode": mode})

    async def upsert_entity(self, entity: Entity, mode: str = "merge") -> dict[str, Any]:
        return await self._one("upsert", entity, {"mode": mode})

    async def delete_entity(self, *where: Any, **options: Any) -> None:
        entity = where[0] if len(where) == 1 else {"PartitionKey": where[0], "RowKey": where[1]}
        try:
            await self._one("delete", entity, options)
        except Exception as error:
            # So does the SDK.
            if getattr(error, "status_code", 0) != 404:
                raise

    async def submit_transaction(self, operations: Iterable[Any]) -> list[dict[str, Any]]:
        # Copies: one that arrives late is as it was when it was sent.
        wanted = [(verb, dict(entity), *rest) for verb, entity, *rest in operations]
        what = ", ".join(f"{one[0]} {one[1]['RowKey']}" for one in wanted)
        named = f"transact {self.table_name}({wanted[0][1]['PartitionKey']}: {what})"
        return await self._through(named, lambda: self._tables.transact(self.table_name, wanted))

    async def query_entities(
        self,
        query_filter: str,
        *,
        parameters: Mapping[str, Any] | None = None,
        results_per_page: int = _MOST_ON_A_PAGE,
        select: Sequence[str] | None = None,
        raw_response_hook: Callable[[Any], object] | None = None,
    ) -> AsyncIterator[TableEntity]:
        condition = _condition(query_filter, tuple(sorted((parameters or {}).items())))
        after: tuple[str, str] | None = None
        most = min(results_per_page, _MOST_ON_A_PAGE)
        what = f"query {self.table_name} {query_filter} {sorted((parameters or {}).items())}"
        while True:
            page = await self._through(
                what, partial(self._tables.page, self.table_name, condition, after, most)
            )
            if raw_response_hook:
                raw_response_hook(_answered(self._tables.now()))
            for row in page:
                yield row.shown(select)
            if len(page) < most:
                return
            after = (page[-1].properties["PartitionKey"], page[-1].properties["RowKey"])

    async def _one(self, verb: str, entity: Entity, options: dict[str, Any]) -> dict[str, Any]:
        what = f"{verb} {self.table_name}({entity['PartitionKey']},{entity['RowKey']})"
        entity = dict(entity)

        def effect() -> dict[str, Any]:
            (answer,) = self._tables.transact(self.table_name, [(verb, entity, dict(options))], alone=True)
            return answer

        return await self._through(what, effect)

    async def _through(self, what: str, effect: Callable[[], T]) -> T:
        return await through(self._gate, "table", what, effect)


async def through(gate: Gate, service: Any, what: str, effect: Callable[[], T]) -> T:
    """Through the gate, with its errors as the SDKs raise them."""
    try:
        return await gate.through(service, what, effect)
    except NoAnswer:
        raise no_answer() from None
    except Struck:
        raise busy() from None


def _answered(now: datetime) -> SimpleNamespace:
    """As much of the SDK's response as the app looks at. The service's clock, in whole seconds."""
    headers = {"Date": format_datetime(now.astimezone(UTC), usegmt=True)}
    return SimpleNamespace(http_response=SimpleNamespace(status_code=200, headers=headers))


class TableService:
    """The SDK's TableServiceClient, as far as it goes here."""

    def __init__(self, tables: Tables, gate: Gate) -> None:
        self._tables = tables
        self._gate = gate

    async def create_table(self, table_name: str) -> None:
        await through(self._gate, "table", f"create {table_name}", lambda: self._tables.create(table_name))

    async def delete_table(self, table_name: str) -> None:
        await through(self._gate, "table", f"drop {table_name}", lambda: self._tables.drop(table_name))

    def get_table_client(self, table_name: str) -> Table:
        return Table(self._tables, self._gate, table_name)

    async def query_tables(self, query_filter: str) -> AsyncIterator[SimpleNamespace]:
        condition = _condition(query_filter, ())
        names = await through(
            self._gate,
            "table",
            "query tables",
            lambda: [name for name in sorted(self._tables.by_name) if condition.holds({"TableName": name})],
        )
        for name in names:
            yield SimpleNamespace(name=name)


class Condition:
    """Comparisons joined by `and`, which is all that the app asks. No key before `first` or after `last` meets them."""

    def __init__(self, query_filter: str, parameters: Mapping[str, Any]) -> None:
        self._terms: list[tuple[str, Callable[[Any, Any], bool], Any]] = []
        lowest, highest, partition = "", _LAST_OF_ALL, ""
        for term in query_filter.split(" and "):
            name, operator, text = term.split(" ")
            value = parameters[text[1:]] if text[0] == "@" else _literal(text)
            self._terms.append((name, _OPERATORS[operator], value))
            match name, operator:
                case "PartitionKey", "eq":
                    partition = str(value)
                case "RowKey", "ge" | "gt":
                    lowest = max(lowest, str(value))
                case "RowKey", "le" | "lt":
                    highest = min(highest, str(value))
        self.first = (partition, lowest if partition else "")
        self.last = (partition, highest) if partition else (_LAST_OF_ALL, "")

    def holds(self, entity: Entity) -> bool:
        return all(name in entity and compare(entity[name], value) for name, compare, value in self._terms)


@lru_cache(maxsize=256)
def _condition(query_filter: str, parameters: tuple[tuple[str, Any], ...]) -> Condition:
    return Condition(query_filter, dict(parameters))


@cache
def _literal(value: str) -> object:
    if value in ("true", "false"):
        return value == "true"
    if value[0] == value[-1] == "'":
        return value[1:-1].replace("''", "'")
    raise ValueError(value)
