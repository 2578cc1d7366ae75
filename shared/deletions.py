"""A deletion needs two reads that agree: whether the source has somebody after all, under any name. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model import EntraUser, SourceUser


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


def still_in_source(user: EntraUser, people: SourcePeople) -> bool:
    """Whether the source has this Entra user by UPN, immutable ID or remembered link."""
    return (
        user.upn.lower() in people.upns
        or user.immutable_id in people.immutable_ids
        or user.object_id in people.linked
    )
