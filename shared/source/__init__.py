"""Where the people come from: one small protocol, one module per kind of source."""

from collections.abc import Callable, Mapping
from typing import Literal, Protocol

from shared.errors import SourceError, looks_right
from shared.model.people import People, SourceUser
from shared.planning.mapping import AttributeMap, field_key, flat
from shared.planning.sides import Source
from shared.planning.spellings import Spellings

# In so many records it shows how the source calls its fields.
_LOOKED_AT = 200
# Access Control's built-in administrator, who is never synchronised.
BUILT_IN_ADMINISTRATOR = "hdeadmin"


class OpenSource(Source, Protocol):
    """A source with its connections."""

    async def check(self) -> None:
        """A small read, for the health check. Raises SourceError if it fails."""
        ...

    async def describe(self, add: Callable[[object], None]) -> None:
        """Calls `add` with every record as it is, with all its fields. Raises SourceError as `users` does."""
        ...

    async def aclose(self) -> None: ...


Opener = Callable[[AttributeMap], OpenSource]
Unit = Literal["item", "line", "page"]


class SourceUsers:
    """Collects the users of a source, record by record. Its errors name the record that is wrong.

    `unit` says what the place of a record counts.
    """

    def __init__(self, source: str, attribute_map: AttributeMap, unit: Unit) -> None:
        self._source = source
        self._unit = unit
        self._attribute_map = attribute_map
        self._users: list[SourceUser] = []
        self._fields = Spellings()
        self._places: dict[str, int] = {}
        self._absent = {field_key(name): name for name in attribute_map.scope.source_fields}

    def add(self, record: object, place: int) -> None:
        """Adds one user, with the source's own field names. `place` is the number of its line, page or item.

        Raises SourceError if the record is wrong.
        """
        if len(self._users) < _LOOKED_AT:
            self._fields.add(record)
        try:
            user = self._user(record)
        except SourceError as error:
            raise SourceError(
                {"item": "source.atItem", "line": "source.onLine", "page": "source.onPage"}[self._unit],
                source=self._source,
                place=place,
                because=error,
            ) from error
        self._places[user.source_id] = place
        self._users.append(user)

    def _user(self, record: object) -> SourceUser:
        if not isinstance(record, Mapping):
            raise SourceError("source.notAUser", kind=type(record).__name__)
        try:
            user = self._attribute_map.source_user(record)
        except ValueError as error:
            raise SourceError("source.listValue", field=str(error)) from error
        if not user.source_id:
            names = tuple(sorted(map(str, record)))
            raise SourceError("source.noUsername", fields=names, because=looks_right(self._fitting))
        if user.source_id in self._places:
            raise SourceError(
                {
                    "item": "source.usernameTwiceInItems",
                    "line": "source.usernameTwiceOnLines",
                    "page": "source.usernameTwiceOnPages",
                }[self._unit],
                user=user.source_id,
                first=self._places[user.source_id],
            )
        if self._absent:
            there = flat(record)
            self._absent = {key: name for key, name in self._absent.items() if key not in there}
        return user

    @property
    def _fitting(self) -> str:
        return self._fields.fitting(self._attribute_map)

    def complete(self) -> People:
        """All users but the built-in administrator.

        Raises SourceError if the list is empty, or if a field that the scope names is in none of the records.
        """
        if not self._users:
            raise SourceError("source.empty", source=self._source)
        if self._absent:
            # A field that no user has is misspelled. Taken for empty, it would put everybody in or out of scope.
            raise SourceError("source.fieldUnknown", source=self._source, fields=tuple(self._absent.values()))
        people = People(user for user in self._users if user.source_id.lower() != BUILT_IN_ADMINISTRATOR)
        people.fitting = self._fitting
        return people
