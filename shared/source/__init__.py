"""Where the people come from: one small protocol, one module per kind of source."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Generic, Literal, Protocol, TypeVar

from shared.errors import SourceError, looks_right
from shared.model.people import SourceUser
from shared.planning.mapping import AttributeMap, field_key, flat
from shared.planning.spellings import Spellings

# Access Control's built-in administrator, who is never synchronised.
BUILT_IN_ADMINISTRATOR = "hdeadmin"


class Taking(Protocol):
    """Takes the users of a source one by one, in its order, and then what `People` knows of them all."""

    fitting: str
    fields: Sequence[Any]

    def append(self, user: SourceUser, /) -> None: ...


T = TypeVar("T", bound=Taking)


@dataclass(frozen=True, slots=True, kw_only=True)
class Staged:
    """Where a reading of the first pages of a source stands: `cursor` is that of the next page.

    `pages` and `items` count what is before the cursor. `fields` and `fitting` are as in `People`; `absent`: fields
    that the scope names and that no record has had so far. `places`: source id → page.
    """

    cursor: str
    pages: int
    items: int
    fields: Sequence[Any] = (0,)
    fitting: str = ""
    absent: Sequence[str] = ()
    places: dict[str, int] = field(default_factory=dict)


class Stages(Protocol):
    """Keeps what was read so far, so that another invocation can go on from there."""

    async def kept(self) -> Staged | None:
        """What was kept, of all pages up to the cursor; None if the source is to be read from the start."""
        ...

    async def drop(self) -> None:
        """The source does not take that cursor any more, and is read from the start."""
        ...

    async def keep(self, users: "SourceUsers[Any]", cursor: str, pages: int, items: int) -> None:
        """Called after each page with a next one; keeps what is new from time to time."""
        ...


class OpenSource(Protocol):
    """A source with its connections."""

    async def read(self, people: T, stages: Stages | None = None, /) -> T:
        """`people`, with all users of all domains. Raises SourceError rather than return only a part.

        Goes on from what `stages` has; a source that is one file does not use them.
        """
        ...

    async def check(self) -> None:
        """A small read, for the health check. Raises SourceError if it fails."""
        ...

    async def describe(self, add: Callable[[object], None]) -> None:
        """Calls `add` with every record as it is, with all its fields. Raises SourceError as `read` does."""
        ...

    async def aclose(self) -> None: ...


Opener = Callable[[AttributeMap], OpenSource]
Unit = Literal["item", "line", "page"]


class SourceUsers(Generic[T]):
    """Reads the users of a source, record by record, and gives all but the built-in administrator to `people`.

    Its errors name the record that is wrong; `unit` says what the place of a record counts.
    """

    def __init__(self, source: str, attribute_map: AttributeMap, unit: Unit, people: T) -> None:
        self._source = source
        self._unit = unit
        self._attribute_map = attribute_map
        self._people = people
        self._fields = Spellings()
        self._places: dict[str, int] = {}
        self._absent = {field_key(name): name for name in attribute_map.scope.source_fields}
        self._fitted = ""

    def go_on(self, staged: Staged) -> None:
        """Begins with what was read of the same source before."""
        self._places = dict(staged.places)
        self._absent = {field_key(name): name for name in staged.absent}
        self._fields, self._fitted = Spellings(staged.fields), staged.fitting

    def __len__(self) -> int:
        return len(self._places)

    def staged(self, after: int, cursor: str, pages: int, items: int) -> Staged:
        """What is new `after` so many users."""
        return Staged(
            cursor=cursor,
            pages=pages,
            items=items,
            fields=self._fields.kept,
            fitting=self._fitting,
            absent=[*self._absent.values()],
            places=dict(islice(self._places.items(), after, None)),
        )

    def add(self, record: object, place: int) -> None:
        """Adds one user, with the source's own field names. `place` is the number of its line, page or item.

        Raises SourceError if the record is wrong.
        """
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
        if user.source_id.lower() != BUILT_IN_ADMINISTRATOR:
            self._people.append(user)

    def _user(self, record: object) -> SourceUser:
        if not isinstance(record, dict):
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
        return self._fitted or self._fields.fitting(self._attribute_map)

    def complete(self) -> T:
        """`people`, with all of them.

        Raises SourceError if the list is empty, or if a field that the scope names is in none of the records.
        """
        if not self._places:
            raise SourceError("source.empty", source=self._source)
        if self._absent:
            # A field that no user has is misspelled. Taken for empty, it would put everybody in or out of scope.
            raise SourceError("source.fieldUnknown", source=self._source, fields=tuple(self._absent.values()))
        self._people.fitting, self._people.fields = self._fitting, self._fields.kept
        return self._people
