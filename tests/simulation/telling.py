"""Judges what the rows of audit logs tell of values: the value before is the one that the write has replaced."""

from collections.abc import Collection, Iterable, Iterator, Mapping

from tests.simulation.audit_log import Line
from tests.simulation.graph import Effect

_TOLD = ("userPrincipalName", "displayName", "surname", "givenName", "mailNickname")
# A list of Graph may be so old.
_LAG = 120.0


def misleading(rows: Iterable[Line], effects: Mapping[str, Collection[Effect]]) -> Iterator[str]:
    """Rows that tell another value, though nobody else had changed it since shortly before the invocation began.

    `effects`: object id → everything that was done to it, also by hand, in order.
    """
    rows = list(rows)
    own = {(row.run_id, row.object_id, row.attribute) for row in rows if not row.closes_a_doubt}
    for row in rows:
        if row.result != "succeeded" or row.action not in ("update", "rename") or row.attribute not in _TOLD:
            continue
        every = effects.get(row.object_id, ())
        done = [one for one in every if one.by and one.by.run_id == row.run_id and one.deed == "update"]
        replaced = {str(one.before.get(row.attribute) or "") for one in done}
        # The row of a doubt that the run before has left is about a write of that one; its own write has another row.
        changed = any(one.before.get(row.attribute) != one.after.get(row.attribute) for one in done)
        told_apart = not changed or (row.run_id, row.object_id, row.attribute) in own
        told = row.before in replaced or (row.closes_a_doubt and told_apart)
        if done and not told and not _is_disturbed(every, done):
            yield f"{row.run_id} {row.object_id} {row.attribute}: {row.before!r}, was {sorted(replaced)}"


def _is_disturbed(every: Iterable[Effect], done: list[Effect]) -> bool:
    by = done[0].by
    since = by.began_at - _LAG if by else 0.0
    return any(since <= one.at <= done[-1].at for one in every if one not in done)
