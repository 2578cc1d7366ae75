"""A deletion needs two reads that agree: every reason to leave a user whom the plan would delete. Pure.

Before it comes to that, `protection.py` has kept everybody whom something protects, `decisions.py` whoever only
moved to another domain, and `checks.py` everybody if they are too many.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser


@dataclass(frozen=True, slots=True)
class SourcePeople:
    """Everything by which the source may know an Entra user."""

    upns: frozenset[str]
    immutable_ids: frozenset[str]
    linked: frozenset[str]


def source_people(users: Sequence[SourceUser], links: Mapping[str, str]) -> SourcePeople:
    """`links`: source id → object id, as earlier syncs remembered."""
    return SourcePeople(
        upns=frozenset(user.upn.lower() for user in users),
        immutable_ids=frozenset(user.immutable_id for user in users if user.immutable_id),
        linked=frozenset(links[user.source_id] for user in users if user.source_id in links),
    )


def reason_to_leave(user: EntraUser, people: SourcePeople, upns: Mapping[str, str | None]) -> Parts:
    """Why this user is not deleted after all; empty if they are.

    `people` is the source's second read; `upns` Entra's: object id → UPN, None for who is gone, absent for whom
    Entra could not be asked about.
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
    """Whether the user is left only because Entra could not be asked about them."""
    return user.object_id not in upns and not still_in_source(user, people)


def still_in_source(user: EntraUser, people: SourcePeople) -> bool:
    """Whether the source has this Entra user by UPN, immutable ID or remembered link."""
    return (
        user.upn.lower() in people.upns
        or user.immutable_id in people.immutable_ids
        or user.object_id in people.linked
    )
