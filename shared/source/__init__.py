"""Where the people come from: one small protocol, one module per kind of source."""

from collections.abc import Mapping
from typing import Protocol

from shared.errors import SourceError
from shared.model.people import SourceUser
from shared.planning.mapping import AttributeMap, flat
from shared.planning.sides import Source

# Access Control's built-in administrator is nobody to synchronise.
BUILT_IN_ADMINISTRATOR = "hdeadmin"


class OpenSource(Source, Protocol):
    """A source with its connections."""

    async def check(self) -> None:
        """A small read, for the health check; SourceError if it fails."""
        ...

    async def aclose(self) -> None: ...


class SourceUsers:
    """Everybody whom a source lists, gathered record by record; SourceError names the record that is wrong."""

    def __init__(self, source: str, attribute_map: AttributeMap) -> None:
        self._source = source
        self._attribute_map = attribute_map
        self._users: list[SourceUser] = []
        self._places: dict[str, str] = {}
        self._absent = set(attribute_map.required_fields)

    def add(self, record: object, place: str) -> None:
        """One user by the source's own names; `place` says where it stands, such as `line 3`."""
        here = f"{self._source}, {place}"
        if not isinstance(record, Mapping):
            raise SourceError(f"{here}: {type(record).__name__} where a user was expected.")
        try:
            user = self._attribute_map.source_user(record)
        except ValueError as error:
            raise SourceError(f"{here}: a user whose {error}.") from error
        if not user.source_id:
            fields = ", ".join(sorted(map(str, record)))
            raise SourceError(f"{here}: a user without a username; the fields are {fields}.")
        if user.source_id in self._places:
            raise SourceError(
                f"{here}: the username {user.source_id} stands there more than once, first at "
                f"{self._places[user.source_id]}; usernames are unique, so the list is wrong."
            )
        self._places[user.source_id] = place
        self._users.append(user)
        if self._absent:
            self._absent -= flat(record).keys()

    def complete(self) -> list[SourceUser]:
        """Everybody but the built-in administrator; SourceError if the list can't be the whole truth."""
        if not self._users:
            raise SourceError(
                f"{self._source} has no user at all; nothing is concluded from an empty answer."
            )
        if self._absent:
            # A field that nobody has is called differently; taken for empty, it would clear the attribute everywhere.
            raise SourceError(
                f"{self._source} lists nobody with the field {', '.join(sorted(self._absent))}: in ATTRIBUTE_MAP, "
                "name another field for that attribute, or null to leave it alone."
            )
        return [user for user in self._users if user.source_id.lower() != BUILT_IN_ADMINISTRATOR]
