"""Writes that Graph denied: about one person, who may be an administrator, or about the app, which lacks a permission.

One answer does not tell which. So denied writes get no record until it is clear: they are the person's as soon as
another write of the kind ends otherwise, and the app's when the first 20 of a kind, or all writes under a permission,
were denied.
"""

from collections.abc import Iterable

from shared.errors import CallerRefused
from shared.model.changes import Action, Change
from shared.model.results import Outcome

DENIED = "Authorization_RequestDenied"
ENOUGH = 20
_WRITE_PERMISSION = "User.ReadWrite.All"
_PERMISSIONS = {Action.RESTORE: "User.DeleteRestore.All"}


class Denials:
    """What one run was denied. `allowed`: kinds of which an earlier invocation got one done."""

    def __init__(self, allowed: Iterable[Action]) -> None:
        self._otherwise = set(allowed)
        self._held: dict[Action, list[Outcome]] = {}

    @property
    def held(self) -> list[Change]:
        """Changes that were denied and have no record: nothing became of them."""
        return [outcome.change for held in self._held.values() for outcome in held]

    def allow(self, action: Action) -> None:
        """A first step of this kind was taken: the app may."""
        self._otherwise.add(action)

    def sift(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """Those to record now, among them earlier denials that turn out to be about a person."""
        ended: list[Outcome] = []
        for outcome in outcomes:
            action = outcome.change.action
            if outcome.error_code == DENIED:
                self._held.setdefault(action, []).append(outcome)
            else:
                self._otherwise.add(action)
                ended.append(outcome)
        return ended + self._release([action for action in self._held if action in self._otherwise])

    def check(self, enough: int = ENOUGH) -> None:
        """Raises CallerRefused once so many of a kind were denied, and none ended otherwise."""
        for action, held in self._held.items():
            if len(held) >= enough:
                raise _refused(action)

    def rest(self) -> list[Outcome]:
        """At the end of all writes, the denials under a permission that another write shows to be granted."""
        allowed = {_permission(action) for action in self._otherwise}
        return self._release([action for action in self._held if _permission(action) in allowed])

    def _release(self, actions: Iterable[Action]) -> list[Outcome]:
        return [outcome for action in actions for outcome in self._held.pop(action, [])]


def _permission(action: Action) -> str:
    return _PERMISSIONS.get(action, _WRITE_PERMISSION)


def _refused(action: Action) -> CallerRefused:
    return CallerRefused("caller.denied", action=action.value, code=DENIED, permission=_permission(action))
