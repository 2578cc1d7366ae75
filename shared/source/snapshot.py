"""The form of a snapshot: everybody in the source, in one compressed blob with a part for each domain. Pure.

    users-snapshot 1⏎
    {"map", "fitting", "fields", "parts": [{"domain", "length", "users", "digest"}]}⏎
    the parts one after the other, each compressed

It has what `AttributeMap.source_user` takes from a record (mapped, identity and scope fields), and of all fields, for
the source page, how many people have a value and a few masked samples; nothing else of it. A part's digest is the same
for the same people in any order, in every process.
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import chain
from typing import Any

import orjson
from pydantic import TypeAdapter, ValidationError

from shared.model.characters import escaped
from shared.model.packed import Digest, SnapshotDamaged, unzipped, zipped
from shared.model.parts import Parts, stored_parts
from shared.model.people import People, SourceUser
from shared.planning.mapping import AttributeMap, domain_of
from shared.source import Staged

# Another number whenever the same record may be read as another user than before.
FORMAT = 2
_FIRST_LINE = b"users-snapshot %d\n" % FORMAT
_PARTS = TypeAdapter(Parts)
_UPN_GIVEN, _NAME_MADE, _OUT_OF_SCOPE, _ONLY_FOUND = 1, 2, 4, 8


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


def packed(people: People, digest: str) -> tuple[bytes, str]:
    """The snapshot, and its digest. `digest`: of the map with which they were read."""
    by_domain: dict[str, list[SourceUser]] = {}
    for user in people:
        by_domain.setdefault(domain_of(user.upn), []).append(user)
    entries, bodies = list[_Part](), list[bytes]()
    for domain, users in sorted(by_domain.items()):
        of_rows = Digest()
        body = zipped(map(of_rows.add, map(_row, users)))
        entries.append(_Part(domain, len(body), len(users), of_rows.text))
        bodies.append(body)
    index = json.dumps(asdict(_Index(digest, escaped(people.fitting), [*people.fields], entries))).encode()
    return b"".join((_FIRST_LINE, index, b"\n", *bodies)), sha256(index).hexdigest()


def part_digests(content: bytes, digest: str) -> dict[str, str]:
    """Domain → digest of its people, in a snapshot with this digest or in its beginning. Raises as `unpacked`."""
    return {part.domain: part.digest for part in _index(content, digest)[0].parts}


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
    rows, digest = unzipped(body).splitlines(), Digest()
    users = [_user_of(orjson.loads(digest.add(row))) for row in rows]
    if len(users) != part.users or digest.text != part.digest:
        raise SnapshotDamaged
    return users


def packed_stage(staged: Staged) -> bytes:
    """What was read since the stage before."""
    rest = [staged.cursor, staged.pages, staged.items, staged.fields, staged.fitting, staged.absent]
    users = (orjson.dumps([place, *_cells(user)]) for user, place in staged.users)
    return zipped(chain((json.dumps(rest).encode(),), users))


def unpacked_stages(contents: Iterable[bytes]) -> Staged | None:
    """All stages of a reading, in order; None without any. Raises SnapshotDamaged."""
    staged: Staged | None = None
    for content in contents:
        try:
            rest, *rows = unzipped(content).splitlines()
            cursor, pages, items, fields, fitting, absent = json.loads(rest)
            read = [(_user_of(cells), place) for place, *cells in map(orjson.loads, rows)]
        except (TypeError, ValueError) as error:
            raise SnapshotDamaged from error
        staged = Staged(
            cursor=cursor,
            pages=pages,
            items=items,
            fields=fields,
            fitting=fitting,
            absent=tuple(absent),
            users=[*(staged.users if staged else ()), *read],
        )
    return staged


def _row(user: SourceUser) -> bytes:
    return orjson.dumps(_cells(user))


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
        values=tuple(values),
        email=email,
        upn_given=bool(flags & _UPN_GIVEN),
        only_found=bool(flags & _ONLY_FOUND),
        name_made=bool(flags & _NAME_MADE),
        status=status,
        problem=stored_parts(problem) if problem else (),
        out_of_scope=bool(flags & _OUT_OF_SCOPE),
    )
