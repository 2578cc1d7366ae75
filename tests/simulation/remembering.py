"""Judges whether what a sync did to people is in their histories."""

from collections.abc import Collection, Iterable, Iterator, Mapping

import orjson

from tests.simulation.audit_log import Line
from tests.simulation.tables import Tables


def forgotten(run: Mapping[str, str], rows: Collection[Line], tables: Tables) -> Iterator[str]:
    """Whom the audit log of a run names as changed, and whose history does not tell of the run."""
    changed = {row.object_id for row in rows if row.result == "succeeded"}
    if changed:
        for who in sorted(changed - {str(one["objectId"]) for one in _entries(run["id"], tables)}):
            yield f"{run['id']} {who}"


def _entries(run_id: str, tables: Tables) -> Iterable[Mapping[str, object]]:
    for name, table in tables.by_name.items():
        for (_, key), row in table.items() if name.startswith("history") else ():
            if key.startswith(f"{run_id}."):
                yield from orjson.loads(str(row.properties["entries"]))
