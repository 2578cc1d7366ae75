"""A deletion needs two reads of both sides that agree: every reason to keep a user after the second one. Pure.

So does the block of a leaver, with which the deletion begins.

Other filters come before this one: `leavers.py` keeps who is protected, moved to another domain, or may be somebody in
the source, and `limits.py` refuses the sync if there are too many deletions.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.model.changes import Action, Change
from shared.model.parts import Parts, say
from shared.model.people import EntraUser
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True)
class Leave:
    """Why a user is not deleted. `unseen`: only because something could not be read."""

    reason: Parts
    unseen: bool = False


def second_verdict(
    user: EntraUser,
    action: Action,
    planned: Mapping[str | None, Change],
    now: Mapping[str, EntraUser | None],
    protection: Protection,
) -> Leave | None:
    """Why this user is not deleted or blocked after both sides were read again; None if this `action` goes ahead.

    `planned` is the plan that follows from the second read of the source, and from whom Entra has refused to add
    meanwhile: object id → change. `now` and `protection` come from the second read of Entra. `now`: object id → user,
    None for one who is gone, absent for one who could not be read.
    """
    change = planned.get(user.object_id)
    if change is None or change.action is not action:
        held = change and change.action is Action.SKIP
        return Leave(change.reason if change and held else say("leaver.backInSource"))
    if user.object_id not in now:
        return Leave(say("leaver.notAskedAgain"), unseen=True)
    account = now[user.object_id]
    return _left_in_entra(user, account, protection) if account else None


def _left_in_entra(user: EntraUser, now: EntraUser, protection: Protection) -> Leave | None:
    if now.upn.lower() != user.upn.lower():
        return Leave(say("leaver.renamed", upn=now.upn))
    if reason := protection.reason_not_to_touch(now) or protection.reason_to_keep(now):
        return Leave(reason)
    if reason := protection.reason_not_to_delete(now):
        return Leave(reason, unseen=True)
    return None if now.fingerprint == user.fingerprint else Leave(say("leaver.changed"))
