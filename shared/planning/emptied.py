"""Fields that nobody in the source fills: an empty value is no fact about everybody. Pure."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from shared.model.parts import Parts, say
from shared.model.people import EntraUser, SourceUser
from shared.planning.mapping import IMMUTABLE_ID, NICKNAME, AttributeMap

# Entra keeps these whatever the source says.
_NEVER_REMOVED = frozenset({"displayName", "usageLocation"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Emptied:
    """The mapped attributes for which nobody in the source has a value.

    `stopping`: those that stop a sync until an administrator has looked. `left`: all others, which are left alone.
    """

    stopping: tuple[str, ...] = ()
    left: tuple[str, ...] = ()

    @property
    def untouched(self) -> frozenset[str]:
        """What the plan leaves alone; of the others it lists what a sync would remove."""
        return _NEVER_REMOVED.intersection(self.stopping).union(self.left)

    def warnings(self, attribute_map: AttributeMap) -> Parts:
        # A tenant whose people have no immutable ID is nothing to tell of.
        fields = tuple(attribute_map.field_of(one) for one in self.left if one != IMMUTABLE_ID)
        return say("warning.fieldsEmpty", fields=fields) if fields else ()


def filled(people: Sequence[SourceUser], attribute_map: AttributeMap) -> Iterator[str]:
    """The mapped attributes for which somebody has a value of their own."""
    for place, attribute in enumerate(attribute_map.attributes):
        made_up = attribute == "displayName"
        if any(user.values[place] is not None and not (made_up and user.name_made) for user in people):
            yield attribute
    if any(user.immutable_id for user in people):
        yield IMMUTABLE_ID


def emptied(
    people: Sequence[SourceUser],
    pairs: Sequence[tuple[SourceUser, EntraUser]],
    attribute_map: AttributeMap,
    before: Collection[str],
) -> Emptied:
    """What nobody fills, of all people in the source. `before`: what somebody filled at the last good sync.

    It stops a sync if it was filled then, or if the administrator's own map names it and Entra has values of it.
    """
    identity = (IMMUTABLE_ID,) if attribute_map.immutable_id_fields else ()
    now = set(filled(people, attribute_map))
    # A nickname comes from the Username, and is never cleared.
    empty = [one for one in (*attribute_map.attributes, *identity) if one not in now and one != NICKNAME]
    stopping = tuple(
        one
        for one in empty
        if one in before or (one in attribute_map.own and _in_entra(pairs, one, attribute_map))
    )
    return Emptied(stopping=stopping, left=tuple(one for one in empty if one not in stopping))


def _in_entra(
    pairs: Sequence[tuple[SourceUser, EntraUser]], attribute: str, attribute_map: AttributeMap
) -> bool:
    if attribute == IMMUTABLE_ID:
        return any(target.immutable_id for _, target in pairs)
    place = attribute_map.attributes.index(attribute)
    return any(target.values[place] is not None for _, target in pairs)
