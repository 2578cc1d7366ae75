"""The form of a snapshot: everybody in the source, in one compressed blob with a part for each domain. Pure.

    users-snapshot 1⏎
    {"map", "fitting", "fields", "parts": [{"domain", "length", "users", "digest"}]}⏎
    the parts one after the other, each compressed

It has what `AttributeMap.source_user` takes from a record (mapped, identity and scope fields), and of all fields, for
the source page, how many people have a value and a few masked samples; nothing else of it. A part's digest is the same
for the same people in any order, in every process.
"""

import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, fields, replace
from functools import lru_cache
from hashlib import sha256
from itertools import chain
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.model.characters import escaped
from shared.model.packed import Digest, SnapshotDamaged, lines, unzipped, zipped
from shared.model.parts import Parts, stored_parts
from shared.model.people import People, SourceUser
from shared.planning.cycles import makes_no_cycles
from shared.planning.mapping import AttributeMap, domain_of
from shared.source import Staged

# Another number whenever the same record may be read as another user than before.
FORMAT = 3
_FIRST_LINE = b"users-snapshot %d\n" % FORMAT
_PARTS = TypeAdapter(Parts)
_UPN_GIVEN, _NAME_MADE, _OUT_OF_SCOPE, _ONLY_FOUND = 1, 2, 4, 8
# Where the UPN stands in a row.
_UPN = 1
# One object for equal texts that many have.
_common = lru_cache(maxsize=8192)(lambda value: value)


@dataclass(frozen=True, slots=True)
class _Part:
    domain: str
    length: int
    users: int
    digest: str


@dataclass(frozen=True, slots=True)
class _Index:
    map: str
    fitting: str
    fields: list[Any]
    parts: list[_Part]


_INDEX = TypeAdapter(_Index)


def map_digest(attribute_map: AttributeMap) -> str:
    """Of all that decides how a record is read, the same in every process."""
    text = json.dumps([FORMAT, asdict(attribute_map)], default=_plain, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def _plain(value: object) -> object:
    dump = getattr(value, "model_dump", None)
    return dump(mode="json") if dump else repr(value)


class Rows:
    """Everybody while they are read: a line of JSON each, a third of what objects take, and stages of that."""

    def __init__(self) -> None:
        self.fitting: str = ""
        self.fields: Sequence[Any] = ()
        self._new: list[bytes] = []
        self._by_domain = defaultdict[str, list[bytes]](list)

    def __len__(self) -> int:
        return sum(map(len, self._by_domain.values()))

    def append(self, user: SourceUser) -> None:
        # A copy: orjson's own bytes keep the room that they were written in.
        row = bytes(memoryview(orjson.dumps(_cells(user))))
        self._by_domain[domain_of(user.upn)].append(row)
        self._new.append(row)

    def clear(self) -> None:
        self._new.clear()
        self._by_domain.clear()

    def stage(self, staged: Staged) -> bytes:
        """What was read since the stage before."""
        new, self._new = self._new, []
        # Not by `asdict`, which copies every place.
        rest = {one.name: getattr(staged, one.name) for one in fields(staged)}
        return zipped(chain((json.dumps(rest).encode(),), new))

    def go_on(self, stages: Iterable[bytes]) -> Staged | None:
        """Begins with what is in these stages, in order; None without any. Raises SnapshotDamaged."""
        staged, places = None, dict[str, int]()
        for stage in stages:
            try:
                rest, *rows = unzipped(stage).splitlines()
                staged = Staged(**json.loads(rest))
                places |= staged.places
                for row in rows:
                    self._by_domain[domain_of(orjson.loads(row)[_UPN])].append(row)
            except (TypeError, IndexError, ValueError) as error:
                raise SnapshotDamaged from error
        return staged and replace(staged, places=places)

    def packed(self, digest: str) -> tuple[bytes, str]:
        """The snapshot, and its digest. `digest`: of the map with which they were read."""
        entries, bodies = list[_Part](), list[bytes]()
        for domain, rows in sorted(self._by_domain.items()):
            of_rows = Digest()
            body = zipped(map(of_rows.add, rows))
            entries.append(_Part(domain, len(body), len(rows), of_rows.text))
            bodies.append(body)
        index = json.dumps(asdict(_Index(digest, escaped(self.fitting), [*self.fields], entries))).encode()
        return b"".join((_FIRST_LINE, index, b"\n", *bodies)), sha256(index).hexdigest()


def part_digests(content: bytes, digest: str) -> dict[str, str]:
    """Domain → digest of its people, in a snapshot with this digest or in its beginning. Raises as `unpacked`."""
    return {part.domain: part.digest for part in _index(content, digest)[0].parts}


@makes_no_cycles
def unpacked(content: bytes, digest: str) -> People:
    """Everybody in a snapshot with this digest. Raises SnapshotDamaged if it is not complete, or not that one."""
    index, bodies = _index(content, digest)
    try:
        people = People(user for part, body in _bodies(index, bodies) for user in _users(part, body))
    except (TypeError, IndexError, ValueError) as error:
        raise SnapshotDamaged from error
    people.fitting, people.fields = index.fitting, index.fields
    return people


def _index(content: bytes, digest: str) -> tuple[_Index, bytes]:
    first, _, rest = content.partition(b"\n")
    header, _, bodies = rest.partition(b"\n")
    if first + b"\n" != _FIRST_LINE or sha256(header).hexdigest() != digest:
        raise SnapshotDamaged
    try:
        return _INDEX.validate_json(header), bodies
    except ValidationError as error:
        raise SnapshotDamaged from error


def _bodies(index: _Index, bodies: bytes) -> Iterator[tuple[_Part, bytes]]:
    if sum(part.length for part in index.parts) != len(bodies):
        raise SnapshotDamaged
    begin = 0
    for part in index.parts:
        yield part, bodies[begin : begin + part.length]
        begin += part.length


def _users(part: _Part, body: bytes) -> list[SourceUser]:
    digest = Digest()
    users = [_user_of(orjson.loads(row)) for row in map(digest.add, lines(unzipped(body)))]
    if len(users) != part.users or digest.text != part.digest:
        raise SnapshotDamaged
    return users


def _cells(user: SourceUser) -> list[Any]:
    """The user as JSON has them; `_user_of` reads it."""
    flags = (
        _UPN_GIVEN * user.upn_given
        + _NAME_MADE * user.name_made
        + _OUT_OF_SCOPE * user.out_of_scope
        + _ONLY_FOUND * user.only_found
    )
    problem = _PARTS.dump_python(user.problem, mode="json") if user.problem else []
    return [
        user.source_id,
        user.upn,
        user.immutable_id,
        user.values,
        user.email,
        flags,
        user.status,
        problem,
    ]


def _user_of(cells: list[Any]) -> SourceUser:
    source_id, upn, immutable_id, values, email, flags, status, problem = cells
    return SourceUser(
        source_id=source_id,
        upn=upn,
        immutable_id=immutable_id,
        # Most nicknames are Usernames, and few family names are rare.
        values=tuple([source_id if value == source_id else _common(value) for value in values]),
        email=upn if email == upn else email,
        upn_given=bool(flags & _UPN_GIVEN),
        only_found=bool(flags & _ONLY_FOUND),
        name_made=bool(flags & _NAME_MADE),
        status=status,
        problem=stored_parts(problem) if problem else (),
        out_of_scope=bool(flags & _OUT_OF_SCOPE),
    )
