"""A copy of the tenant's users: what it holds, how changes go into it, and the form in which it is stored. Pure.

Two blobs. The base has everybody as they were listed last, at least once a day: a compressed part for each domain, one
line of JSON for each user. The other one has all the rest: who has changed since (`Mirror`). So an hour writes what
changed, and a domain reads its part and that.

What a mirror says may be out of date, and Graph may have left out a change. So nobody is written to by it alone (see
`runs/near.py`).
"""

import json
import zlib
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from hashlib import sha256
from itertools import chain

import orjson
from pydantic import TypeAdapter

from shared.model.domains import TenantDomain
from shared.model.packed import Digest, SnapshotDamaged, lines, unzipped, zipped
from shared.planning.mapping import UPN, AttributeMap, domain_of
from shared.planning.protection import Roles
from shared.planning.renames import TEMPORARY

# Another number whenever what is stored has another meaning.
FORMAT = 2
_FIRST_LINE = b"users-mirror %d\n" % FORMAT
# Once a day, whatever hour a reading begins at.
LISTED_EVERY = timedelta(hours=23)
# With more changes than this share of the users, listing them all again costs less than to carry them along.
_FEW, _SHARE = 1_000, 10
_REMOVED = "@removed"

# What Graph says of one user, and the same in the order of `Mirror.select`: null for what is not set.
Item = Mapping[str, object]
Row = list[object]


@dataclass(frozen=True, slots=True)
class Part:
    """Where a domain's users are in the base. `digest`: the same in any order of theirs."""

    domain: str
    offset: int
    length: int
    users: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantFacts:
    """What has no delta, as one reading found it. `members`: group → object ids; `told`: the time that Graph named."""

    domains: list[TenantDomain]
    roles: Roles
    members: dict[str, frozenset[str] | None]
    told: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Mirror:
    """The copy, as of one reading. `wanted`: digest of what the attribute map selects; `select`: what Graph gave.

    `links`: those to Graph's changes, of this reading and the one before. The next reading follows the older one: what
    Graph left out the first time, it may tell the second. `base`: the blob; `listed`: the number of the reading that
    wrote it, at `listed_at`. Since then `changed`, by object id; those of them in `gone` are deleted. `aside`: whom the
    base has at a temporary UPN. `users`: how many there are; `off`: how many more Graph has counted, and `stands`: what
    two readings counted so though one has listed everybody. `digests`: by domain, of its users as they are now.
    """

    wanted: str
    select: tuple[str, ...]
    links: tuple[str, ...]
    base: str
    parts: tuple[Part, ...]
    listed: int
    listed_at: datetime
    facts: TenantFacts
    changed: dict[str, Row] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()
    aside: list[Row] = field(default_factory=list)
    users: int = 0
    off: int = 0
    stands: int = 0
    digests: dict[str, str] = field(default_factory=dict)

    def part(self, domain: str) -> Part | None:
        return next((part for part in self.parts if part.domain == domain.lower()), None)

    def items_on(self, domain: str, rows: Iterable[bytes]) -> Iterator[dict[str, object]]:
        """Who is on the domain, as Graph would list them. `rows`: those of its part."""
        then = (orjson.loads(row) for row in rows if id_of(row) not in self.changed)
        yield from self._items(chain(then, self.changed.values()), f"@{domain.lower()}", "")

    def items_aside(self) -> Iterator[dict[str, object]]:
        """Who has a UPN like the app's temporary ones."""
        then = (row for row in self.aside if row[0] not in self.changed)
        yield from self._items(chain(then, self.changed.values()), "", TEMPORARY)

    def _items(self, rows: Iterable[Row], ending: str, beginning: str) -> Iterator[dict[str, object]]:
        place = self.select.index(UPN)
        for row in rows:
            upn = str(row[place]).lower()
            if row[0] not in self.gone and upn.endswith(ending) and upn.startswith(beginning):
                yield dict(zip(self.select, row, strict=True))

    def is_due(self, now: datetime, wanted: str, doubted: int) -> bool:
        """Whether everybody is to be listed again. `doubted`: the last reading that a run has found wrong."""
        changes = len(self.changed) + len(self.gone)
        return (
            self.wanted != wanted
            or not timedelta(0) <= now - self.listed_at < LISTED_EVERY
            or doubted >= self.listed
            or changes > max(_FEW, self.users // _SHARE)
        )

    def counted(self, users: int) -> "Mirror":
        """With the number of users that Graph counts."""
        return replace(self, off=users - self.users)

    def is_off(self, before: int) -> bool:
        """Whether Graph's number differs for the second time by the same, and did not when all had just been listed."""
        return self.off == before and self.off not in (0, self.stands)


def wanted_digest(attribute_map: AttributeMap) -> str:
    """Of what is selected: another map may need another mirror."""
    return sha256(",".join(attribute_map.selected).encode()).hexdigest()[:16]


def facts_digest(facts: TenantFacts) -> str:
    """Of what has no delta, whenever it was told."""
    text = json.dumps(asdict(replace(facts, told=None)), default=sorted, sort_keys=True)
    return sha256(text.encode()).hexdigest()[:16]


def id_of(row: bytes) -> str:
    """The object id, with which each line begins."""
    return row[2 : row.index(b'"', 2)].decode()


def unknown_in(mirror: Mirror, items: Iterable[Item]) -> set[str]:
    """Who has changed for the first time since the base was written: what it says of them is needed."""
    return {str(item["id"]) for item in items} - mirror.changed.keys()


def merged(mirror: Mirror, base: Mapping[str, Row], items: Iterable[Item]) -> tuple[Mirror, bool]:
    """The mirror with what Graph's delta tells, and whether all of it was understood. `base`: rows of `unknown_in`.

    What is absent has not changed, and null means cleared. Who was deleted keeps their row: a restored user comes with
    what has changed, too. Whoever comes with less than a UPN, and was not there, is not understood.
    """
    changed, gone, users, understood = dict(mirror.changed), set(mirror.gone), mirror.users, True
    digests = {domain: Digest(text) for domain, text in mirror.digests.items()}
    place = mirror.select.index(UPN)

    def digest(row: Row) -> Digest:
        return digests.setdefault(domain_of(str(row[place])), Digest())

    for item in items:
        who = str(item["id"])
        before = changed.get(who) or base.get(who)
        if before and who not in gone:
            users -= 1
            digest(before).drop(orjson.dumps(before))
        if _REMOVED in item:
            if before:
                changed[who] = before
                gone.add(who)
            continue
        if before is None and not item.get(UPN):
            understood = False
            continue
        old = before or [None] * len(mirror.select)
        changed[who] = now = [item.get(name, then) for name, then in zip(mirror.select, old, strict=True)]
        gone.discard(who)
        users += 1
        digest(now).add(orjson.dumps(now))
    nobody = Digest().text
    texts = {domain: one.text for domain, one in digests.items() if one.text != nobody}
    return replace(mirror, changed=changed, gone=frozenset(gone), users=users, digests=texts), understood


class Listed:
    """Everybody, page by page as Graph lists them: to become a base."""

    def __init__(self, select: Sequence[str]) -> None:
        self.select = tuple(select)
        self._rows: dict[str, tuple[str, bytes]] = {}
        self._domains: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._rows)

    def add(self, items: Iterable[Item]) -> None:
        for item in items:
            # A copy: orjson's own bytes keep the room that they were written in, ten times as much.
            row = bytes(memoryview(orjson.dumps([item.get(name) for name in self.select])))
            domain = domain_of(str(item[UPN]))
            # One text for all of a domain.
            self._rows[str(item["id"])] = self._domains.setdefault(domain, domain), row

    def rows(self, ids: Iterable[str]) -> dict[str, Row]:
        return {who: orjson.loads(self._rows[who][1]) for who in ids if who in self._rows}

    def aside(self) -> list[Row]:
        place, mark = self.select.index(UPN), TEMPORARY.encode()
        some = (orjson.loads(row) for _, row in self._rows.values() if mark in row.lower())
        return [row for row in some if str(row[place]).lower().startswith(TEMPORARY)]

    def packed(self) -> tuple[bytes, tuple[Part, ...]]:
        by_domain: dict[str, list[bytes]] = {}
        for domain, row in self._rows.values():
            by_domain.setdefault(domain, []).append(row)
        bodies, parts, offset = list[bytes](), list[Part](), 0
        for domain, rows in sorted(by_domain.items()):
            digest = Digest()
            bodies.append(zipped(map(digest.add, rows)))
            parts.append(Part(domain, offset, len(bodies[-1]), len(rows), digest.text))
            offset += len(bodies[-1])
        return b"".join(bodies), tuple(parts)

    def differing(self, mirror: Mirror, base: bytes, but_for: Set[str]) -> list[str]:
        """Object ids of those of whom the mirror said something else, except those who have just changed."""
        if mirror.select != self.select:
            return []
        new = self._rows.keys() - mirror.changed.keys() - but_for
        differing: list[str] = []
        for part in mirror.parts:
            for row in part_rows(part, base[part.offset : part.offset + part.length]):
                who = id_of(row)
                if who in new:
                    new.discard(who)
                    differing += [who] if self._rows[who][1] != row else []
                elif who not in mirror.changed and who not in but_for:
                    differing.append(who)
        for who in mirror.changed.keys() - but_for:
            now = self._rows.get(who)
            then = None if who in mirror.gone else orjson.dumps(mirror.changed[who])
            differing += [who] if then != (now and now[1]) else []
        return sorted([*differing, *new])


def part_rows(part: Part, body: bytes) -> Iterator[bytes]:
    """The lines of a part. Raises SnapshotDamaged at once unless they are all there."""
    content, digest = unzipped(body), Digest()
    users = sum(1 for _ in map(digest.add, lines(content)))
    if users != part.users or digest.text != part.digest:
        raise SnapshotDamaged
    return lines(content)


def lines_with(part: Part, body: bytes, texts: Iterable[str]) -> list[bytes]:
    """The lines of a part that may have one of these texts, in lower case, and further ones. Raises SnapshotDamaged."""
    content = unzipped(body)
    if content.count(b"\n") != part.users:
        raise SnapshotDamaged
    if not all(map(str.isascii, texts)):
        return content.splitlines()
    lower, places = content.lower(), set[int]()
    for text in texts:
        sought = orjson.dumps(text)[1:-1]
        place = lower.find(sought)
        while place >= 0:
            places.add(lower.rfind(b"\n", 0, place) + 1)
            place = lower.find(sought, lower.find(b"\n", place))
    return [content[place : content.index(b"\n", place)] for place in sorted(places)]


def base_rows(mirror: Mirror, base: bytes, ids: Iterable[str]) -> dict[str, Row]:
    """What the base says of these. Raises SnapshotDamaged."""
    wanted = set(ids)
    return {
        who: orjson.loads(row)
        for part in mirror.parts
        for row in part_rows(part, base[part.offset : part.offset + part.length])
        if (who := id_of(row)) in wanted
    }


_MIRROR = TypeAdapter(Mirror)


def packed_mirror(mirror: Mirror) -> bytes:
    return _FIRST_LINE + zlib.compress(_MIRROR.dump_json(mirror), 1)


@lru_cache(maxsize=1)
def unpacked_mirror(content: bytes) -> Mirror:
    """Raises SnapshotDamaged, also for one of another version. Every domain of an hour asks for the same."""
    if not content.startswith(_FIRST_LINE):
        raise SnapshotDamaged
    try:
        return _MIRROR.validate_json(unzipped(content[len(_FIRST_LINE) :]))
    except ValueError as error:
        raise SnapshotDamaged from error
