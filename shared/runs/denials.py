"""Finds out why Graph denied writes: because of the user (an administrator, say) or because the app lacks a permission.

One answer does not tell which, so a denied write is held back and not recorded until it is clear. The user is the cause
as soon as another write with the same action ends in any other way. The app is the cause if the first 20 writes with
an action, or all writes under a permission, were denied.
"""

from collections.abc import Iterable

from shared.errors import DENIED, CallerRefused
from shared.model.changes import Action, Change
from shared.model.results import Outcome

ENOUGH = 20
_WRITE, _RESTORE = "User.ReadWrite.All", "User.DeleteRestore.All"


class Denials:
    """The denied writes of one run. `allowed`: actions that succeeded for some user in an earlier invocation."""

    def __init__(self, allowed: Iterable[Action]) -> None:
        self._otherwise = set(allowed)
        self._held: dict[Action, list[Outcome]] = {}

    @property
    def held(self) -> list[Change]:
        """Denied changes that are not recorded yet. They had no effect."""
        return [outcome.change for held in self._held.values() for outcome in held]

    def allow(self, action: Action) -> None:
        """Call when the first request of a change with this action succeeded: the app has the permission."""
        self._otherwise.add(action)

    def sift(self, outcomes: Iterable[Outcome]) -> list[Outcome]:
        """The outcomes to record now, with earlier denials whose cause turns out to be the user."""
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
        """Raises CallerRefused if `enough` writes with the same action are held back."""
        for action, held in self._held.items():
            if len(held) >= enough:
                raise _refused(action)

    def rest(self) -> list[Outcome]:
        """Call after all writes. The held denials whose permission is granted, as another write has shown."""
        # A deletion is allowed by either permission, so one that succeeded shows neither.
        shown = {_permission(action) for action in self._otherwise - {Action.DELETE}}
        return self._release(
            [a for a in self._held if _permission(a) in shown or (a is Action.DELETE and _RESTORE in shown)]
        )

    def _release(self, actions: Iterable[Action]) -> list[Outcome]:
        return [outcome for action in actions for outcome in self._held.pop(action, [])]


def _permission(action: Action) -> str:
    return _RESTORE if action is Action.RESTORE else _WRITE


def _refused(action: Action) -> CallerRefused:
    return CallerRefused("caller.denied", action=action.value, code=DENIED, permission=_permission(action))
