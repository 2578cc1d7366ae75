"""Rows in storage: lines of JSON, compressed, with a digest that is the same in any order."""

import zlib
from collections.abc import Iterable, Iterator
from hashlib import sha256
from io import BytesIO
from itertools import islice

_FASTEST = 1
# A million users have less.
_LARGEST = 2 * 1024**3


class SnapshotDamaged(ValueError):
    """Not of this format, not the one that was meant, or not all of it."""


def zipped(lines: Iterable[bytes]) -> bytes:
    """Some lines at a time: all lines of a large source would be a hundred megabytes."""
    zipping, rest = zlib.compressobj(_FASTEST), iter(lines)
    some = iter(lambda: [*islice(rest, 100), b""], [b""])
    parts = [zipping.compress(b"\n".join(each)) for each in some]
    return b"".join((*parts, zipping.flush()))


def unzipped(body: bytes) -> bytes:
    """Raises SnapshotDamaged for what is not whole, or larger than anything that was written."""
    unzip = zlib.decompressobj()
    try:
        content = unzip.decompress(body, _LARGEST)
    except zlib.error as error:
        raise SnapshotDamaged from error
    if not unzip.eof or unzip.unused_data:
        raise SnapshotDamaged
    return content


def lines(content: bytes) -> Iterator[bytes]:
    """Those that `zipped` was given, one by one as there: a list of them takes more than the content."""
    return (line[:-1] for line in BytesIO(content))


class Digest:
    """Of any number of rows: the sum of theirs, which is the same in any order. Begins with that of no rows."""

    def __init__(self, text: str = "0") -> None:
        self._sum = int(text, 16)

    def add(self, row: bytes) -> bytes:
        self._sum += _of(row)
        return row

    def drop(self, row: bytes) -> None:
        """Takes out a row that was added."""
        self._sum -= _of(row)

    @property
    def text(self) -> str:
        return f"{self._sum % 2**256:064x}"


def _of(row: bytes) -> int:
    return int.from_bytes(sha256(row).digest())
