"""A deletion needs two reads of both sides that agree: every reason to keep a user after the second one. Pure.

Three filters come before this one: `protection.py` keeps protected users, `plan.py` keeps users who moved to another
domain, and `limits.py` refuses the sync if there are too many deletions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.planning.protection import Protection


@dataclass(frozen=True, slots=True)
class SourcePeople:
    """The keys by which the source may know an Entra user: lower-case UPNs, immutable IDs, linked object ids."""

    upns: frozenset[str]
    immutable_ids: frozenset[str]
    linked: frozenset[str]


@dataclass(frozen=True, slots=True)
class Leave:
    """Why a user is not deleted. `unseen`: only because something could not be read."""

    reason: Parts
    unseen: bool = False


def source_people(users: Sequence[SourceUser], links: Mapping[str, str]) -> SourcePeople:
    """The keys of all source users. `links`: source id → object id, remembered by earlier syncs."""
    return SourcePeople(
        upns=frozenset(user.upn.lower() for user in users),
        immutable_ids=frozenset(user.immutable_id for user in users if user.immutable_id),
        linked=frozenset(links[user.source_id] for user in users if user.source_id in links),
    )


def second_verdict(
    user: EntraUser, people: SourcePeople, again: Mapping[str, EntraUser | None], protection: Protection
) -> Leave | None:
    """Why this user is not deleted after all; None if the deletion goes ahead.

    `people` comes from the second read of the source, `again` and `protection` from that of Entra. `again`: object id →
    user, None for one who is gone, absent for one who could not be read.
    """
    if still_in_source(user, people):
        return Leave(say("leaver.backInSource"))
    if user.object_id not in again:
        return Leave(say("leaver.notAskedAgain"), unseen=True)
    now = again[user.object_id]
    return _now_left(user, now, protection) if now else None


def _now_left(user: EntraUser, now: EntraUser, protection: Protection) -> Leave | None:
    if now.upn.lower() != user.upn.lower():
        return Leave(say("leaver.renamed", upn=now.upn))
    if reason := protection.reason_not_to_touch(now):
        return Leave(reason)
    if reason := protection.reason_not_to_delete(now):
        return Leave(reason, unseen=True)
    return None if now.fingerprint == user.fingerprint else Leave(say("leaver.changed"))


def still_in_source(user: EntraUser, people: SourcePeople) -> bool:
    """Whether the source knows this Entra user by UPN, immutable ID or remembered link."""
    return (
        user.upn.lower() in people.upns
        or user.immutable_id in people.immutable_ids
        or user.object_id in people.linked
    )
