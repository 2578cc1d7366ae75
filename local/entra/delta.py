"""GET /users/delta: who has changed, round by round.

https://learn.microsoft.com/graph/api/user-delta
https://learn.microsoft.com/graph/delta-query-overview
"""

import re
from collections.abc import Mapping

from local.entra.calls import Answer, Call
from local.entra.changes import NEVER
from local.entra.delta_pages import rows_of_page
from local.entra.delta_rounds import Round, Tracked
from local.entra.directory import Directory
from local.entra.errors import Json, bad_request, unsupported_query
from local.entra.listing import check_options
from local.entra.properties import names
from local.entra.resources import USER
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
    changes.take_in(now, lambda: _delay(entra, call))
    if "$skiptoken" in query:
        name, started, place = delta.page_at(_token(entra, call, "$skiptoken"), entra.url, now)
        return _page(entra, call, started, place, name)
    if query.get("$deltatoken", _FIRST) not in {_FIRST, _LATEST}:
        tracked, number = delta.position(_token(entra, call, "$deltatoken"), entra.url, now)
        found = changes.users_since(number, frozenset(tracked.names) - _UNTRACKED)
        return _page(entra, call, Round(tracked, number, changes.number, _followed(found, tracked)))
    tracked = _tracked(entra, query)
    if query.get("$deltatoken") == _LATEST:
        link = _link(entra, "$deltatoken", delta.delta_token(tracked, changes.number, now))
        return Answer(200, _body(entra, []) | {"@odata.deltaLink": link})
    everybody = list(entra.directory.users)
    if entra.faults.struck(["removedAtFirst"], call):
        everybody += _removed(entra.directory)
    return _page(entra, call, Round(tracked, None, changes.number, _followed(everybody, tracked)))


def _token(entra: Entra, call: Call, option: str) -> str:
    """The token of a link. Raises GraphError if something stands beside it, or if it is lost."""
    if len(call.query) != 1:
        raise bad_request("A link of a delta query has its options in its token, and takes no others.")
    token = call.query[option]
    if lost := entra.faults.struck(["lostToken"], call):
        entra.delta.lose(token, lost.status)
    entra.delta.refuse_lost(token, entra.url)
    return token


def _delay(entra: Entra, call: Call) -> float:
    """How long a change is not told."""
    if entra.faults.struck(["missedChange"], call):
        return NEVER
    late = entra.faults.struck(["lateChange"], call)
    return late.seconds if late else 0.0


def _page(entra: Entra, call: Call, one: Round, place: int = 0, name: bytes | None = None) -> Answer:
    """The page of a round that begins at `place`; `name` is that of a round which has had a page."""
    delta, now = entra.delta, entra.clock.monotonic()
    empty = entra.faults.struck(["emptyPage"], call) is not None
    end = place if empty else place + entra.faults.plan.delta_page_size
    rows = [] if empty else rows_of_page(entra, call, one, one.found[place:end])
    if empty or end < len(one.found):
        link = _link(entra, "$skiptoken", delta.skip_token(name or delta.keep(one), end, now))
        return Answer(200, _body(entra, rows) | {"@odata.nextLink": link})
    link = _link(entra, "$deltatoken", delta.delta_token(one.tracked, one.until, now))
    return Answer(200, _body(entra, rows) | {"@odata.deltaLink": link})


def _followed(found: list[str], tracked: Tracked) -> list[str]:
    return found if tracked.ids is None else [each for each in found if each in tracked.ids]


def _removed(directory: Directory) -> list[str]:
    """The deleted users, and those who were deleted for good as long as there is a trace of them."""
    gone = (each for each in directory.changes.users() if each not in directory.users)
    return list(dict.fromkeys([*directory.deleted, *gone]))


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


def _body(entra: Entra, rows: list[Json]) -> Json:
    return {"@odata.context": f"{entra.url}/$metadata#users", "value": rows}


def _link(entra: Entra, option: str, token: str) -> str:
    return f"{entra.url}/users/delta?{option}={token}"
