"""A deletion needs two reads that agree: every reason to keep a user that the plan would delete. Pure.

Other filters come before this one: `leavers.py` keeps who is protected, moved to another domain, or may be somebody in
the source, and `limits.py` refuses the sync if there are too many deletions.
"""

from collections.abc import Mapping

from shared.model.changes import Action, Change
from shared.model.parts import Parts, say
from shared.model.people import EntraUser


def reason_to_stay(user: EntraUser, again: Mapping[str | None, Change]) -> Parts:
    """Why this user is not deleted after the second read of the source; empty if the deletion goes ahead.

    `again` is the plan that follows from it, and from whom Entra has refused to add meanwhile: object id → change.
    """
    change = again.get(user.object_id)
    if change and change.action is Action.DELETE:
        return ()
    return change.reason if change and change.action is Action.SKIP else say("leaver.backInSource")


def reason_to_leave(user: EntraUser, upn: str | None) -> Parts:
    """Why this user is not deleted after the second read of Entra. `upn` is None for a user who is gone."""
    if upn is not None and upn.lower() != user.upn.lower():
        return say("leaver.renamed", upn=upn)
    return ()
