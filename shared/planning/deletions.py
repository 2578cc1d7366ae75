"""A deletion needs two reads that agree: every reason to keep a user that the plan would delete. Pure.

Three filters come before this one: `protection.py` keeps protected users, `plan.py` keeps users who moved to another
domain, and `limits.py` refuses the sync if there are too many deletions.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser


@dataclass(frozen=True, slots=True)
class SourcePeople:
    """The keys by which the source may know an Entra user: lower-case UPNs, immutable IDs, linked object ids."""

    upns: frozenset[str]
    immutable_ids: frozenset[str]
    linked: frozenset[str]


def source_people(users: Sequence[SourceUser], links: Mapping[str, str]) -> SourcePeople:
    """The keys of all source users. `links`: source id → object id, remembered by earlier syncs."""
    return SourcePeople(
        upns=frozenset(user.upn.lower() for user in users),
        immutable_ids=frozenset(user.immutable_id for user in users if user.immutable_id),
        linked=frozenset(links[user.source_id] for user in users if user.source_id in links),
    )


def reason_to_leave(user: EntraUser, people: SourcePeople, upns: Mapping[str, str | None]) -> Parts:
    """Why this user is not deleted after all; empty if the deletion goes ahead.

    `people` comes from the second read of the source, `upns` from the second read of Entra: object id → UPN, None
    for a user who is gone, absent for a user who could not be read.
    """
    if still_in_source(user, people):
        return say("leaver.backInSource")
    if unseen(user, people, upns):
        return say("leaver.notAskedAgain")
    upn = upns[user.object_id]
    if upn is not None and upn.lower() != user.upn.lower():
        return say("leaver.renamed", upn=upn)
    return ()


def unseen(user: EntraUser, people: SourcePeople, upns: Mapping[str, str | None]) -> bool:
    """Whether the user is kept only because the second read of Entra failed for them."""
    return user.object_id not in upns and not still_in_source(user, people)


def still_in_source(user: EntraUser, people: SourcePeople) -> bool:
    """Whether the source knows this Entra user by UPN, immutable ID or remembered link."""
    return (
        user.upn.lower() in people.upns
        or user.immutable_id in people.immutable_ids
        or user.object_id in people.linked
    )
