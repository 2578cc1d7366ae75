"""/users: list, read, create, update, delete, and the paths below one user."""

from collections.abc import Iterable
from itertools import chain

from local.entra import errors
from local.entra.calls import Answer, Call
from local.entra.directory import User
from local.entra.errors import Json
from local.entra.filtering import Filter
from local.entra.listing import check_options, list_objects
from local.entra.properties import checked_user
from local.entra.resources import GROUP, MAILBOX_SETTINGS, USER
from local.entra.state import Entra

_SINGLE = frozenset({"$select", "$expand"})


def list_users(entra: Entra, call: Call) -> Answer:
    return list_objects(entra, call, USER, lambda clause: _stale_view(entra, clause))


def read_user(entra: Entra, call: Call) -> Answer:
    user = find_user(entra, call)
    query = call.query
    check_options(query, _SINGLE)
    context: Json = {"@odata.context": f"{entra.url}/$metadata#users/$entity"}
    return Answer(
        200, context | USER.shown(user.properties, USER.selected(query, entra.directory.tenant.lacking))
    )


def create_user(entra: Entra, call: Call) -> Answer:
    body = _without_secret(checked_user(call.json_object(), creating=True))
    user = entra.directory.create(body)
    context: Json = {"@odata.context": f"{entra.url}/$metadata#users/$entity"}
    return Answer(201, context | USER.shown(user.properties, USER.defaults))


def update_user(entra: Entra, call: Call) -> Answer:
    user = find_user(entra, call)
    body = call.json_object()
    # Passwords need their own permission: User.ReadWrite.All does not include it.
    if "passwordProfile" in body and not entra.may("User-PasswordProfile.ReadWrite.All"):
        raise errors.request_denied()
    entra.directory.update(user, _without_secret(checked_user(body, creating=False)))
    return Answer(204)


def delete_user(entra: Entra, call: Call) -> Answer:
    entra.directory.delete(find_user(entra, call))
    return Answer(204)


def revoke_sign_in_sessions(entra: Entra, call: Call) -> Answer:
    if call.body not in (None, {}):
        raise errors.bad_request("The action 'revokeSignInSessions' takes no parameters.")
    entra.directory.revoke_sessions(find_user(entra, call))
    context: Json = {"@odata.context": f"{entra.url}/$metadata#Edm.Boolean"}
    return Answer(200, context | {"value": True})


def read_mailbox_settings(entra: Entra, call: Call) -> Answer:
    user = find_user(entra, call)
    if not entra.directory.tenant.exchange_online:
        raise errors.no_exchange_online()
    if user.mailbox == "none":
        raise errors.no_mailbox()
    query = call.query
    check_options(query, _SINGLE)
    settings: Json = {
        "dateFormat": "yyyy/MM/dd",
        "timeFormat": "H:mm",
        "timeZone": "Tokyo Standard Time",
        "language": {"locale": "ja-JP", "displayName": "Japanese (Japan)"},
        "userPurpose": user.mailbox,
    }
    context: Json = {"@odata.context": f"{entra.url}/$metadata#users('{user.id}')/mailboxSettings"}
    names = MAILBOX_SETTINGS.selected(query, entra.directory.tenant.lacking)
    return Answer(200, context | MAILBOX_SETTINGS.shown(settings, names))


def list_groups_of_user(entra: Entra, call: Call) -> Answer:
    user = find_user(entra, call)
    groups = [g.properties for g in entra.directory.groups.values() if user.id in g.members]
    # A cast on transitive membership is an advanced query: https://learn.microsoft.com/graph/aad-advanced-queries
    return list_objects(entra, call, GROUP, lambda _: groups, advanced=True)


def find_user(entra: Entra, call: Call) -> User:
    """The user of the path, by id or UPN. Raises GraphError 404, also for a new user that is not replicated yet."""
    name = call.arguments["user"]
    user = entra.directory.user(name)
    fresh = entra.faults.plan.fresh_not_found_seconds
    if user is None or (fresh and entra.clock.monotonic() - user.created_at < fresh):
        raise errors.not_found(name)
    return user


def _without_secret(checked: Json) -> Json:
    """Keeps only the fact that a password was set, under a name that no client can select."""
    profile = checked.pop("passwordProfile", None)
    return checked if profile is None else {**checked, "_passwordProfile": profile}


def _stale_view(entra: Entra, clause: Filter | None) -> Iterable[Json]:
    found = _candidates(entra, clause)
    staleness = entra.faults.plan.stale_list_seconds
    if not staleness:
        return [user.properties for user in found]
    before = entra.directory.before_recent_writes(staleness)
    unchanged = (user for user in found if user.id not in before)
    return [user.properties for user in chain(unchanged, filter(None, before.values()))]


def _candidates(entra: Entra, clause: Filter | None) -> Iterable[User]:
    """A superset of the users that the filter can match, from an index if there is a suitable one."""
    directory = entra.directory
    if clause is None:
        return directory.users.values()
    if clause.suffix:
        name, suffix = clause.suffix
        if name == "userPrincipalName" and suffix.startswith("@"):
            return directory.users_of(suffix[1:])
    if clause.equals:
        name, value = clause.equals
        if name in {"id", "userPrincipalName"}:
            return filter(None, [directory.user(value)])
        if name == "onPremisesImmutableId":
            return filter(None, [directory.index.by_immutable_id.get(value)])
    return directory.users.values()
