"""GET /users/delta: who has changed, round by round.

https://learn.microsoft.com/graph/api/user-delta
https://learn.microsoft.com/graph/delta-query-overview

Every object is told as it is when its page is read, so a change during a round is told in the next one again.
"""

import re
from collections.abc import Mapping

from local.entra.calls import Answer, Call
from local.entra.changes import EXISTENCE
from local.entra.delta_rounds import Round, Tracked
from local.entra.directory import Directory
from local.entra.errors import Json, bad_request, unsupported_query
from local.entra.listing import check_options
from local.entra.properties import names
from local.entra.resources import TYPE, USER
from local.entra.state import Entra

_OPTIONS = frozenset({"$select", "$filter", "$deltatoken"})
_FIRST, _LATEST = "", "latest"
_MOST_IDS = 50
_ID = r"id\s+eq\s+'([^']*)'"
_IDS = re.compile(rf"\s*{_ID}(?:\s+or\s+{_ID})*\s*")
# Kept outside of Entra's main store. "Properties stored outside of the main data store" in delta-query-overview;
# of isManagementRestricted, which follows from an administrative unit, nothing is documented: not to be relied on.
_UNTRACKED = names(
    """
    aboutMe birthday hireDate interests isManagementRestricted mySite pastProjects preferredName
    responsibilities schools signInActivity skills
    """
)


def list_changes(entra: Entra, call: Call) -> Answer:
    query, delta, changes = call.query, entra.delta, entra.directory.changes
    now = entra.clock.monotonic()
    changes.follow()
    token = query.get("$deltatoken", _FIRST)
    if "$skiptoken" in query:
        _refuse_more_than_a_token(query)
        name, started, place = delta.page_at(query["$skiptoken"], entra.url, now)
        return _page(entra, call, started, place, name)
    if token in {_FIRST, _LATEST}:
        tracked = _tracked(entra, query)
        if token == _LATEST:
            link = _link(entra, "$deltatoken", delta.delta_token(tracked, changes.number, now))
            return Answer(200, _body(entra, []) | {"@odata.deltaLink": link})
        everybody = [each for each in entra.directory.users if tracked.ids is None or each in tracked.ids]
        return _page(entra, call, Round(tracked, None, changes.number, everybody))
    _refuse_more_than_a_token(query)
    tracked, number = delta.position(token, entra.url, now)
    found = [
        each
        for each in changes.users_since(number, frozenset(tracked.names) - _UNTRACKED)
        if tracked.ids is None or each in tracked.ids
    ]
    return _page(entra, call, Round(tracked, number, changes.number, found))


def _page(entra: Entra, call: Call, one: Round, place: int = 0, name: bytes | None = None) -> Answer:
    """The page of a round that begins at `place`; `name` is that of a round which has had a page."""
    delta, now = entra.delta, entra.clock.monotonic()
    empty = entra.faults.struck(["emptyPage"], call) is not None
    end = place if empty else place + entra.faults.plan.delta_page_size
    only_changed = one.since is not None and _prefers_minimal(call)
    rows = [_row(entra.directory, one, each, only_changed=only_changed) for each in one.found[place:end]]
    if empty or end < len(one.found):
        link = _link(entra, "$skiptoken", delta.skip_token(name or delta.keep(one), end, now))
        return Answer(200, _body(entra, rows) | {"@odata.nextLink": link})
    link = _link(entra, "$deltatoken", delta.delta_token(one.tracked, one.until, now))
    return Answer(200, _body(entra, rows) | {"@odata.deltaLink": link})


def _row(directory: Directory, one: Round, object_id: str, *, only_changed: bool) -> Json:
    """What was never set is left out, which is not null: null was cleared."""
    user = directory.users.get(object_id)
    if user is None:
        reason = "changed" if object_id in directory.deleted else "deleted"
        return {"id": object_id, "@removed": {"reason": reason}}
    shown = one.tracked.names
    if only_changed:
        changed = directory.changes.names_since(one.since or 0, object_id)
        if EXISTENCE not in changed:
            shown = tuple(name for name in shown if name in changed)
    row: Json = {TYPE: user[TYPE]} if TYPE in user.properties else {}
    row["id"] = object_id
    return row | {name: user[name] for name in shown if name in user.properties}


def _tracked(entra: Entra, query: Mapping[str, str]) -> Tracked:
    check_options(query, _OPTIONS)
    selected = USER.selected(query, entra.directory.tenant.lacking)
    if "$filter" not in query:
        return Tracked(selected)
    if not _IDS.fullmatch(query["$filter"]):
        raise unsupported_query("Delta queries can only be filtered by id: id eq '…' or id eq '…'.")
    ids = re.findall(_ID, query["$filter"])
    if len(ids) > _MOST_IDS:
        raise unsupported_query(f"Too many objects in the filter: {len(ids)}. Max allowed: {_MOST_IDS}.")
    return Tracked(selected, frozenset(each.lower() for each in ids))


def _refuse_more_than_a_token(query: Mapping[str, str]) -> None:
    if len(query) != 1:
        raise bad_request("A link of a delta query has its options in its token, and takes no others.")


def _prefers_minimal(call: Call) -> bool:
    preferences = call.headers.get("prefer", "").lower().split(",")
    return "return=minimal" in {each.strip() for each in preferences}


def _body(entra: Entra, rows: list[Json]) -> Json:
    return {"@odata.context": f"{entra.url}/$metadata#users", "value": rows}


def _link(entra: Entra, option: str, token: str) -> str:
    return f"{entra.url}/users/delta?{option}={token}"
