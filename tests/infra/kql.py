"""Runs the queries of infra/ here: duckdb-kql translates them for DuckDB and refuses what it does not know."""

from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import duckdb_kql

# As much of the tables of Log Analytics as the queries read.
TABLES = {
    "AppTraces": ("TimeGenerated TIMESTAMP", "Message VARCHAR"),
    # What a transformation reads: what comes in for one table.
    "source": ("Uri VARCHAR", "Message VARCHAR"),
}

Row: TypeAlias = tuple[datetime | str, ...]


def result(query: Path, now: datetime, **tables: Iterable[Row]) -> list[dict[str, object]]:
    """The rows that a query gives at this time over these tables; one that is not given is empty."""
    with duckdb_kql.connect() as connection:
        for name, columns in TABLES.items():
            connection.execute(f"CREATE TABLE {name} ({', '.join(columns)})")
            places = ", ".join("?" for _ in columns)
            for row in tables.get(name, ()):
                connection.execute(f"INSERT INTO {name} VALUES ({places})", [_stored(value) for value in row])  # noqa: S608
        found = duckdb_kql.kql(connection, query.read_text(encoding="utf-8"), query_now=_stored(now))
        return [dict(zip(found.columns, row, strict=True)) for row in found.fetchall()]


def _stored(value: datetime | str) -> datetime | str:
    """Kusto's times have no zone and are UTC."""
    return value.astimezone(UTC).replace(tzinfo=None) if isinstance(value, datetime) else value
