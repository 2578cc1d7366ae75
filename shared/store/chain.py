"""Chains of log rows: each row has a hash of itself and of the row before it, so that none changes unnoticed. Pure.

A partition of a log has one chain. Its newest row is named by the partition's row `log-head`, which is written in one
transaction with that row. Nothing here is secret: who can write to storage can make a whole chain anew. So a head kept
elsewhere proves what came before it, and a chain alone proves nothing.

Rows are walked from the newest to the oldest, a page at a time. Their keys sort newest first by the clock of the
writer; two rows may stand in the chain the other way round, so a row that comes early is kept until its turn.
What is missing and older than `oldest` was purged: the row after it, or the head, still has its key and its hash.
"""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal, NamedTuple

import orjson
from pydantic import Field, JsonValue

from shared.model.records import Record
from shared.store.attempts import unchanged

# In table `Domains` it sorts behind decisions and holds: earlier versions read those in one range.
HEAD = "log-head"
# So many rows may wait for their turn: a cursor has them all.
MOST_EARLY = 20
MARK = r"([1-9][0-9]{0,14})/([0-9a-z-]{1,40})/([0-9a-f]{64})"

LogName = Literal["runs", "changes"]
# `kept`: the chain does not lead through the head that somebody has kept.
Flaw = Literal["altered", "missing", "added", "outOfOrder", "head", "kept"]
Row = Mapping[str, Any]
# The fields of a row that its hash is made of. May raise anything for a row that was tampered with.
Covered = Callable[[Row], JsonValue]


class Mark(NamedTuple):
    """A place in a chain: number and key of a row, and the hash of that row and all before it."""

    number: int = 0
    key: str = ""
    hash: str = ""

    def __str__(self) -> str:
        return f"{self.number}/{self.key}/{self.hash}" if self.number else ""


# Before the first row.
NOTHING = Mark()


def mark_of(text: object) -> Mark | None:
    """The mark that is written like this, `NOTHING` for an empty text; None for any other."""
    if text == "":
        return NOTHING
    found = re.fullmatch(MARK, text) if isinstance(text, str) else None
    return Mark(int(found[1]), found[2], found[3]) if found else None


def log_of(mark: Mark) -> LogName:
    """The log that a mark is of, by the key in it."""
    return "changes" if mark.key.startswith("change-") else "runs"


@dataclass(frozen=True, slots=True)
class Head:
    """The newest row's mark. `etag`: of the row that has it, empty where there is none yet."""

    mark: Mark = NOTHING
    etag: str = ""

    @classmethod
    def of(cls, row: Any) -> "Head":
        # After one that was tampered with a chain begins anew, since runs go on; verifying it names the break.
        # The first run's start writes one without a mark.
        return cls() if row is None else cls(mark_of(row.get("mark")) or NOTHING, str(row.metadata["etag"]))

    def moved_to(self, partition: str, mark: Mark) -> tuple[Any, ...]:
        """The operation for the transaction that writes the row of `mark`."""
        row = {"PartitionKey": partition, "RowKey": HEAD, "mark": str(mark)}
        return ("update", row, unchanged(self.etag)) if self.etag else ("create", row)


def linked(row: Row, after: Mark, covered: Covered) -> tuple[dict[str, Any], Mark]:
    """The row as the next one of the chain, and its mark."""
    made = _hash(row, after, covered)
    return {**row, "follows": str(after), "hash": made}, Mark(after.number + 1, str(row["RowKey"]), made)


def _hash(row: Row, after: Mark, covered: Covered) -> str:
    link = [row["PartitionKey"], row["RowKey"], after.number + 1, str(after), covered(row)]
    return hashlib.sha256(orjson.dumps(link, option=orjson.OPT_SORT_KEYS)).hexdigest()


class Link(NamedTuple):
    mark: Mark
    follows: Mark


def _read(row: Row, covered: Covered) -> Link | None:
    """The link of a row; None if its hash is not that of what it holds."""
    follows = mark_of(row.get("follows"))
    if follows is None:
        return None
    try:
        made = _hash(row, follows, covered)
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None
    return Link(Mark(follows.number + 1, row["RowKey"], made), follows) if made == row.get("hash") else None


def mark_in(row: Row) -> Mark:
    """The mark of a row as it was written; `NOTHING` for a row of an earlier version."""
    follows = mark_of(row.get("follows"))
    return NOTHING if follows is None else Mark(follows.number + 1, str(row["RowKey"]), str(row.get("hash")))


class Break(NamedTuple):
    """`row`: the key of the row that is in question."""

    flaw: Flaw
    row: str


class Walk(Record):
    """How far a partition's chain has been verified: `after` is the key of the last row that was read, `expected` the
    next mark.

    `head`: where the walk began. `kept`: a head that the chain must lead through. `early`: read before their turn.
    `unchained`: finished rows from before the chain. `done`: what follows was purged.
    """

    log: LogName
    partition: str
    after: str
    head: Mark
    expected: Mark
    kept: Mark = NOTHING
    early: Annotated[tuple[Link, ...], Field(max_length=MOST_EARLY)] = ()
    checked: int = 0
    unchained: int = 0
    done: bool = False

    def moved(self, **fields: object) -> "Walk":
        return self.model_copy(update=fields)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What rows are verified by.

    `newest`: the number of the head, read after the rows. `oldest`: rows whose keys sort behind it may be purged.
    `is_open`: whether a row is none of the log yet.
    """

    covered: Covered
    newest: int
    oldest: str
    is_open: Callable[[Row], bool]


def verified(walk: Walk, rows: Iterable[Row], terms: Terms) -> Walk | Break:
    """The walk after the next rows, or the first break."""
    if walk.kept.number > walk.head.number:
        return Break("kept", walk.kept.key)
    for row in rows:
        found = _step(walk, row, terms)
        if isinstance(found, Break):
            return found
        walk = found.moved(after=str(row["RowKey"]))
    return walk


def ended(walk: Walk, oldest: str) -> Break | None:
    """What is wrong once there are no more rows."""
    if not walk.done and walk.expected.number and walk.expected.key <= oldest:
        return Break("missing", walk.expected.key)
    if walk.kept.number == walk.expected.number and walk.kept != walk.expected:
        return Break("kept", walk.kept.key)
    left = next((one.mark.key for one in walk.early if one.mark.key <= oldest), None)
    return Break("added" if walk.checked else "head", left) if left else None


def _step(walk: Walk, row: Row, terms: Terms) -> Walk | Break:
    expected, key = walk.expected, str(row["RowKey"])
    if walk.done:
        return walk
    if expected.number and key > expected.key:
        return walk.moved(done=True) if expected.key > terms.oldest else Break("missing", expected.key)
    if "follows" not in row and "hash" not in row:
        return _unlinked(walk, key, is_open=terms.is_open(row))
    link = _read(row, terms.covered)
    return Break("altered", key) if link is None else _placed(walk, link, terms.newest)


def _placed(walk: Walk, link: Link, newest: int) -> Walk | Break:
    """The walk after a row that is whole in itself."""
    mark, expected = link.mark, walk.expected
    if mark == expected:
        return _consumed(walk, link)
    if walk.head.number < mark.number <= newest:
        return walk  # written since the walk began
    if mark.number >= expected.number or mark.key == expected.key:
        return _misplaced(walk, mark)
    if len(walk.early) == MOST_EARLY:
        return Break("outOfOrder", walk.early[0].mark.key)
    return walk.moved(early=(*walk.early, link))


def _unlinked(walk: Walk, key: str, *, is_open: bool) -> Walk | Break:
    if walk.expected.number and key == walk.expected.key:
        return Break("altered", key)
    if is_open:
        return walk
    return Break("added", key) if walk.expected.number else walk.moved(unchained=walk.unchained + 1)


def _misplaced(walk: Walk, mark: Mark) -> Break:
    """A row that is whole in itself, at a place that another row has, or that the row after it knows otherwise."""
    at_head = walk.expected == walk.head
    if at_head and (mark.key == walk.head.key or mark.number == walk.head.number or not walk.head.number):
        return Break("head", mark.key)
    return Break("altered" if mark.key == walk.expected.key else "added", mark.key)


def _consumed(walk: Walk, link: Link) -> Walk | Break:
    """The walk after the row that it expected, and after those that came early and follow now."""
    early, checked, kept = list(walk.early), walk.checked, walk.kept
    while True:
        if link.mark.number == kept.number and link.mark != kept:
            return Break("kept", link.mark.key)
        checked, expected = checked + 1, link.follows
        following = next((one for one in early if one.mark == expected), None)
        if following is None:
            break
        early.remove(following)
        link = following
    walk = walk.moved(early=tuple(early), checked=checked, expected=expected)
    taken = next((one.mark for one in early if one.mark.number >= expected.number), None)
    return _misplaced(walk, taken) if taken else walk
