"""The objects on a page of a delta query, and what may be odd about them.

Each is told as it is when its page is read, so a change during a round is told again in the next one.
"""

from collections.abc import Sequence

from local.entra.calls import Call
from local.entra.changes import EXISTENCE
from local.entra.delta_rounds import Round
from local.entra.directory import Directory
from local.entra.errors import Json
from local.entra.resources import TYPE
from local.entra.state import Entra


def rows_of_page(entra: Entra, call: Call, one: Round, object_ids: Sequence[str]) -> list[Json]:
    faults, directory = entra.faults, entra.directory
    later = one.since is not None
    least = later and (_prefers_minimal(call) or faults.struck(["onlyChanged"], call) is not None)
    rows = [_row(directory, one, each, one.since if least else None) for each in object_ids]
    if replay := faults.struck(["replay"], call):
        known = list(dict.fromkeys([*one.found, *directory.changes.users()]))
        known = [each for each in known if one.tracked.ids is None or each in one.tracked.ids]
        for each in faults.chance.choices(known, k=replay.objects) if known else []:
            rows.insert(faults.chance.randint(0, len(rows)), _row(directory, one, each, None))
    if faults.struck(["outOfOrder"], call):
        older = [row for each in object_ids for row in _row_before(directory, one, each)]
        rows = [*faults.chance.sample(rows, len(rows)), *faults.chance.sample(older, len(older))]
        for each in object_ids:
            directory.changes.tell_again(each)
    return rows


def _row(directory: Directory, one: Round, object_id: str, since: int | None) -> Json:
    """With `since`: only what changed after that number, of an object that was there before."""
    user = directory.users.get(object_id)
    if user is None:
        return _removed(object_id, "changed" if object_id in directory.deleted else "deleted")
    names = one.tracked.names
    if since is not None:
        changed = directory.changes.names_since(since, object_id)
        if EXISTENCE not in changed:
            names = tuple(name for name in names if name in changed)
    return _shown(object_id, user.properties, names)


def _row_before(directory: Directory, one: Round, object_id: str) -> list[Json]:
    """The object as it was before its latest change, if it had one."""
    user = directory.users.get(object_id) or directory.deleted.get(object_id)
    former = directory.changes.before(object_id, user.properties if user else {})
    if former is None:
        return []
    if EXISTENCE in former:
        return [_removed(object_id, str(former[EXISTENCE]))]
    return [_shown(object_id, former, one.tracked.names)]


def _removed(object_id: str, reason: str) -> Json:
    return {"id": object_id, "@removed": {"reason": reason}}


def _shown(object_id: str, properties: Json, names: Sequence[str]) -> Json:
    """What was never set is left out, which is not null: null was cleared."""
    row: Json = {TYPE: properties[TYPE]} if TYPE in properties else {}
    row["id"] = object_id
    return row | {name: properties[name] for name in names if name in properties}


def _prefers_minimal(call: Call) -> bool:
    preferences = call.headers.get("prefer", "").lower().split(",")
    return "return=minimal" in {each.strip() for each in preferences}
