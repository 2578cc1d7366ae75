"""GET on a collection: $filter, $orderby, $select, $count and paging, the same for every kind of object."""

from collections.abc import Callable, Iterable, Mapping, Sequence

from local.entra.calls import Answer, Call
from local.entra.errors import Json, bad_request, unsupported_query
from local.entra.filtering import Filter, parse_filter
from local.entra.paging import OpenListing, page_size, wants_count
from local.entra.resources import Resource
from local.entra.state import Entra

Stored = Mapping[str, object]
_OPTIONS = frozenset({"$select", "$expand", "$top", "$filter", "$count", "$orderby", "$skiptoken"})
_SORTABLE = frozenset({"displayName", "userPrincipalName", "createdDateTime"})


def list_objects(
    entra: Entra,
    call: Call,
    resource: Resource,
    find: Callable[[Filter | None], Iterable[Stored]],
    *,
    advanced: bool = False,
) -> Answer:
    """One page of the objects that `find` returns.

    `find` may use the filter to return fewer objects; the filter is applied to its result in any case.
    `advanced`: the collection itself can only be queried with ConsistencyLevel: eventual and $count=true.
    """
    query = call.query
    check_options(query, _OPTIONS)
    resource.selected(query, entra.directory.tenant.lacking)
    page_size(query)
    counted = wants_count(query)
    clause = parse_filter(query["$filter"], resource.filterable) if "$filter" in query else None
    order = _order(query)
    needs_eventual = advanced or bool(clause and (clause.needs_eventual or order))
    if needs_eventual and not (call.is_eventual and counted):
        raise unsupported_query(
            "This query needs the header ConsistencyLevel: eventual and the query option $count=true."
        )
    path = call.path.rstrip("/")
    if "$skiptoken" in query:
        listing_id, offset = entra.paging.resume(query["$skiptoken"], path, query)
        return Answer(200, _page(entra, call, resource, listing_id, offset))
    found: Sequence[Stored] = [o for o in find(clause) if clause is None or clause.matches(o)]
    if order:
        name, descending = order
        found = sorted(found, key=lambda o: str(o.get(name) or "").lower(), reverse=descending)
    total = len(found)
    if short := entra.faults.struck(["shortListing"], call):
        found = found[: -short.missing]
    if high := entra.faults.struck(["countTooHigh"], call):
        total += high.missing
    listing_id = entra.paging.start(OpenListing(path, query, found))
    page = _page(entra, call, resource, listing_id, 0)
    # Without the header, Graph ignores $count instead of refusing it.
    count: Json = {"@odata.count": total} if counted and call.is_eventual else {}
    return Answer(200, count | page)


def check_options(query: Mapping[str, str], known: frozenset[str]) -> None:
    for name in query:
        if name.startswith("$") and name not in known:
            raise bad_request(f"Query option '{name}' is not supported here.")


def _order(query: Mapping[str, str]) -> tuple[str, bool] | None:
    if "$orderby" not in query:
        return None
    name, _, direction = query["$orderby"].strip().partition(" ")
    if name not in _SORTABLE or direction not in {"", "asc", "desc"}:
        raise unsupported_query("Sorting not supported for current query.")
    return name, direction == "desc"


def _page(entra: Entra, call: Call, resource: Resource, listing_id: bytes, offset: int) -> Json:
    found, query = entra.paging.found(listing_id), call.query
    end = offset + page_size(query)
    if entra.faults.struck(["emptyPage"], call):
        end = offset
    names = resource.selected(query)
    body: Json = {
        "@odata.context": f"{entra.url}/$metadata#{call.segments[-1]}",
        "value": [resource.shown(stored, names) for stored in found[offset:end]],
    }
    if end < len(found):
        body["@odata.nextLink"] = entra.paging.next_link(entra.url, listing_id, end)
    return body
