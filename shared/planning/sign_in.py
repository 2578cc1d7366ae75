"""Whether people may sign in: what becomes of `accountEnabled` under the setting `SIGN_IN`. Pure."""

from collections import Counter
from collections.abc import Iterable, Mapping

from shared.model.changes import Action, AttributeChange, Change
from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SignIn, SourceUser
from shared.planning.mapping import ENABLED

# What memory knows of a person whose account a sync created blocked, and of one whom a sync blocked.
CREATED, BLOCKED = "created", "blocked"
# So many unknown values of the status are named.
_NAMED = 5


def created_enabled(user: SourceUser) -> bool:
    """Whether a new account may sign in: not if the source disables the person, or says what nobody knows."""
    return user.status is None or user.status is True


def switched(mode: SignIn, user: SourceUser, target: EntraUser, mark: str) -> AttributeChange | None:
    """The change of the account's sign-in state; None to leave it. `mark`: what memory knows, empty if nothing."""
    if user.status is target.enabled or not isinstance(user.status, bool):
        return None
    ours = mark == CREATED or (mark == BLOCKED and mode is SignIn.BLOCK)
    if mode is SignIn.FOLLOW or (ours if user.status else mode is SignIn.BLOCK):
        return AttributeChange(ENABLED, target.enabled, user.status)
    return None


def action_of(switch: AttributeChange) -> Action:
    return Action.UNBLOCK if switch.after else Action.BLOCK


def marked(change: Change) -> dict[str, str]:
    """Source id → what memory is to know of the person once this change was made; empty if it says nothing of that."""
    enabled = change.after(ENABLED)
    if change.source_id is None or not isinstance(enabled, bool):
        return {}
    created = CREATED if change.action is Action.ADD else BLOCKED
    return {change.source_id: "" if enabled else created}


def still_blocked(
    blocked: Mapping[str, str], links: Mapping[str, str], target: Iterable[EntraUser]
) -> dict[str, str]:
    """Without the people whose account was seen enabled."""
    enabled = {user.object_id for user in target if user.enabled}
    return {who: mark for who, mark in blocked.items() if links.get(who) not in enabled}


def warnings(
    mode: SignIn, pairs: Iterable[tuple[SourceUser, EntraUser]], people: Iterable[SourceUser]
) -> Parts:
    """What an administrator is told, one part each. `people`: the source users on the domain."""
    told: Parts = ()
    unknown = Counter(user.status for user in people if isinstance(user.status, str))
    if unknown:
        values = tuple(f"{value!r} ({count})" for value, count in unknown.most_common(_NAMED))
        told += say("warning.unknownStatus", count=unknown.total(), values=values)
    differ = sum(user.status is False and target.enabled for user, target in pairs)
    if mode is SignIn.LEAVE and differ:
        told += say("warning.signInLeft", count=differ)
    return told
