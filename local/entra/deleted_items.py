"""/directory/deletedItems: the recycle bin."""

from local.entra import errors
from local.entra.calls import Answer, Call
from local.entra.directory import User
from local.entra.errors import Json, bad_request
from local.entra.listing import check_options, list_objects
from local.entra.properties import checked_user
from local.entra.resources import USER
from local.entra.state import Entra


def list_deleted_users(entra: Entra, call: Call) -> Answer:
    since = entra.clock.monotonic() - entra.faults.plan.stale_list_seconds
    shown = [user.properties for user in entra.directory.deleted.values() if user.written_at <= since]
    return list_objects(entra, call, USER, lambda _: shown)


def refuse_without_cast(_entra: Entra, _call: Call) -> Answer:
    raise bad_request("The OData cast is required: /directory/deletedItems/microsoft.graph.user")


def read_deleted_item(entra: Entra, call: Call) -> Answer:
    """Always returns the same properties: $select is accepted and ignored, as Graph may do."""
    user = _find(entra, call)
    check_options(call.query, frozenset({"$select"}))
    return Answer(200, _entity(entra, user, (*USER.defaults, "deletedDateTime")))


def restore(entra: Entra, call: Call) -> Answer:
    user = _find(entra, call)
    body = {} if call.body is None else call.json_object()
    new_upn, reconcile = None, False
    for name, value in body.items():
        if name == "newUserPrincipalName" and isinstance(value, str):
            new_upn = str(checked_user({"userPrincipalName": value}, creating=False)["userPrincipalName"])
        elif name == "autoReconcileProxyConflict" and isinstance(value, bool):
            reconcile = value
        elif value is not None:
            raise bad_request(
                f"The value of the parameter '{name}' is invalid, or there is no such parameter."
            )
    entra.directory.restore(user, new_upn, drop_conflicting_addresses=reconcile)
    return Answer(200, _entity(entra, user, USER.defaults))


def purge(entra: Entra, call: Call) -> Answer:
    """Deletes for good. https://learn.microsoft.com/graph/api/directory-deleteditems-delete"""
    entra.directory.purge(_find(entra, call))
    return Answer(204)


def _find(entra: Entra, call: Call) -> User:
    user = entra.directory.deleted.get(call.arguments["item"].lower())
    if user is None:
        raise errors.not_found(call.arguments["item"])
    return user


def _entity(entra: Entra, user: User, names: tuple[str, ...]) -> Json:
    context: Json = {"@odata.context": f"{entra.url}/$metadata#directoryObjects/$entity"}
    return context | USER.typed(user.properties, names)
