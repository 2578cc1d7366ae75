"""Turns each `Change` into Graph requests, in waves: requests of one wave may be sent together, in any order."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from shared.clock import Chance
from shared.entra.batch import Request
from shared.entra.client import segment
from shared.entra.passwords import random_password
from shared.model.changes import SWITCHES, Action, Change
from shared.planning.mapping import IMMUTABLE_ID, UPN
from shared.planning.renames import in_waves

# Most users with a temporary UPN at the same time in `detours`.
_AWAY_AT_ONCE = 80


@dataclass(frozen=True, slots=True)
class Wave:
    """Requests that may be sent together.

    `last`: its answers decide the outcome of its changes. `steps_aside`: it sets temporary UPNs.
    """

    requests: list[Request[Change]]
    last: bool = True
    steps_aside: bool = False


def waves_of(writes: Sequence[Change], chance: Chance) -> list[Wave]:
    """The waves of all writes in order: renames, updates, restores, adds, unblocks, blocks, deletes; none is empty."""
    renames = [change for change in writes if change.action is Action.RENAME]
    updates = [change for change in writes if change.action is Action.UPDATE]
    restores = [change for change in writes if change.action is Action.RESTORE]
    waves = [
        *_to_temporary_upns([change for change in renames if goes_by_detour(change)]),
        *(Wave([_last_patch(change) for change in wave]) for wave in in_waves(renames)),
        Wave([_last_patch(change) for change in updates if not goes_by_detour(change)]),
        *detours([change for change in updates if goes_by_detour(change)]),
        Wave([_restore(change) for change in restores if change.attributes], last=False),
        Wave([_restore(change) for change in restores if not change.attributes]),
        _immutable_ids([change for change in restores if change.via]),
        Wave([_last_patch(change) for change in restores if change.attributes]),
        Wave([_create(change, chance) for change in writes if change.action is Action.ADD]),
        # After all else: two writes to one user are never under way at the same time.
        Wave([_last_patch(change) for change in writes if change.action in SWITCHES]),
        Wave(
            [
                Request(method="DELETE", path=_user_path(c), subject=c)
                for c in writes
                if c.action is Action.DELETE
            ]
        ),
    ]
    return [wave for wave in waves if wave.requests]


def detours(changes: Sequence[Change]) -> list[Wave]:
    """Temporary UPN, immutable ID, final UPN; for a few users at a time, since they can't sign in meanwhile."""
    waves: list[Wave] = []
    for start in range(0, len(changes), _AWAY_AT_ONCE):
        some = changes[start : start + _AWAY_AT_ONCE]
        waves += [*_to_temporary_upns(some), Wave([_last_patch(change) for change in some])]
    return [wave for wave in waves if wave.requests]


def sent_again(changes: Sequence[Change]) -> list[Wave]:
    """Those that go by a detour now, and the others in one step. None of them waits for another."""
    at_once = [_last_patch(change) for change in changes if not goes_by_detour(change)]
    waves = detours([change for change in changes if goes_by_detour(change)])
    return [*waves, Wave(at_once)] if at_once else waves


def _to_temporary_upns(changes: Sequence[Change]) -> list[Wave]:
    # Users whose UPN is on the onmicrosoft.com domain already skip this step.
    leaving = [patch(change, {UPN: change.via}) for change in changes if change.via != change.upn]
    return [Wave(leaving, last=False, steps_aside=True), _immutable_ids(changes)]


def _immutable_ids(changes: Sequence[Change]) -> Wave:
    """The immutable IDs alone: for users of a federated domain, Entra accepts them only in a separate call."""
    ids = [(change, values_of(change)) for change in changes]
    return Wave([patch(c, {IMMUTABLE_ID: v[IMMUTABLE_ID]}) for c, v in ids if IMMUTABLE_ID in v], last=False)


def goes_by_detour(change: Change) -> bool:
    return change.via is not None and not change.direct_first


def _last_patch(change: Change) -> Request[Change]:
    """All values at once, or what is left of them behind a temporary UPN."""
    values = values_of(change)
    if goes_by_detour(change):
        values.pop(IMMUTABLE_ID, None)
        values[UPN] = change.new_upn
    return patch(change, values)


def _user_path(change: Change) -> str:
    return f"/users/{segment(change.object_id or change.upn)}"


def values_of(change: Change) -> dict[str, Any]:
    return {attribute.attribute: attribute.after for attribute in change.attributes}


def patch(change: Change, body: dict[str, Any]) -> Request[Change]:
    return Request(method="PATCH", path=_user_path(change), body=body, subject=change)


def _restore(change: Change) -> Request[Change]:
    # Never by the former UPN where there is a new one: somebody else may have it by now.
    body = {"newUserPrincipalName": change.via or change.new_upn}
    return Request(
        method="POST", path=f"/directory/deletedItems/{change.object_id}/restore", body=body, subject=change
    )


def _create(change: Change, chance: Chance) -> Request[Change]:
    profile = {"password": random_password(chance), "forceChangePasswordNextSignIn": True}
    return Request(
        method="POST", path="/users", body={**values_of(change), "passwordProfile": profile}, subject=change
    )
