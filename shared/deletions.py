"""A deletion needs two reads that agree: whether the source has somebody after all, under any name. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from shared.model import EntraUser, SourceUser


@dataclass(frozen=True, slots=True)
class SourcePeople:
    """Everything by which the source may know an Entra user."""

    upns: frozenset[str]
    immutable_ids: frozenset[str]
    source_ids: frozenset[str]


def source_people(users: Sequence[SourceUser]) -> SourcePeople:
    return SourcePeople(
        upns=frozenset(user.upn.lower() for user in users),
        immutable_ids=frozenset(user.immutable_id for user in users if user.immutable_id),
        source_ids=frozenset(user.source_id for user in users),
    )


def still_in_source(user: EntraUser, people: SourcePeople, links: Mapping[str, str]) -> bool:
    """Whether the source has this Entra user by UPN, immutable ID or remembered link."""
    linked = (source_id for source_id, object_id in links.items() if object_id == user.object_id)
    return (
        user.upn.lower() in people.upns
        or user.immutable_id in people.immutable_ids
        or any(source_id in people.source_ids for source_id in linked)
    )
