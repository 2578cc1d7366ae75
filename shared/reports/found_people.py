"""People found by words in their names, on both sides. Pure."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice

from shared.model.holds import Hold
from shared.model.people import EntraUser, SourceUser
from shared.model.records import Record
from shared.model.runs import Read
from shared.planning.mapping import AttributeMap
from shared.reports.run_people import folded

MOST_FOUND = 50


class FoundPerson(Record):
    """Somebody in the source, in Entra, or, as far as an earlier sync or the UPN tells, on both sides."""

    display_name: str
    user_principal_name: str
    source_id: str | None
    object_id: str | None
    hold: Hold | None


class FoundPeople(Record):
    """`more`: further people are called so. Name more of what they are called. `read`: of when the source is."""

    people: list[FoundPerson]
    more: bool
    read: Read = Read()


def called(words: str, users: Iterable[SourceUser], attribute_map: AttributeMap) -> list[SourceUser]:
    """The users in whose name, address or ids all the words appear; one more than are shown."""
    wanted = folded(words).split()
    texts = (
        (folded(" ".join((attribute_map.display_name(u), u.upn, u.source_id, u.immutable_id or ""))), u)
        for u in users
    )
    found = (user for text, user in texts if all(word in text for word in wanted))
    return list(islice(found, MOST_FOUND + 1))


def found_people(
    users: Sequence[SourceUser],
    accounts: Sequence[EntraUser],
    links: Mapping[str, str],
    attribute_map: AttributeMap,
    holds: Mapping[str, Hold],
) -> FoundPeople:
    """These users and accounts, each person once. `links`: source id → object id, as earlier syncs knew them.

    `holds`: object id → the hold in force.
    """
    by_upn = {one.upn.lower(): one.object_id for one in accounts}
    known = {object_id: source_id for source_id, object_id in links.items()}
    people = {
        one.object_id: FoundPerson(
            display_name=one.display_name,
            user_principal_name=one.upn,
            source_id=known.get(one.object_id),
            object_id=one.object_id,
            hold=holds.get(one.object_id),
        )
        for one in accounts
    }
    for user in users:
        object_id = links.get(user.source_id) or by_upn.get(user.upn.lower())
        people[object_id or user.source_id] = FoundPerson(
            display_name=attribute_map.display_name(user),
            user_principal_name=user.upn,
            source_id=user.source_id,
            object_id=object_id,
            hold=holds.get(object_id or ""),
        )
    ordered = sorted(people.values(), key=lambda each: (each.display_name, each.user_principal_name))
    return FoundPeople(people=ordered[:MOST_FOUND], more=len(ordered) > MOST_FOUND)
