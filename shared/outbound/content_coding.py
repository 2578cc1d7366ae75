"""Decodes the content coding of a body within a limit: 3 kB of gzip can hold 3 GB, and gzip in gzip far more."""

import zlib

# For Accept-Encoding: the only coding that is read.
ACCEPTED = "gzip"
_GZIP = zlib.MAX_WBITS | 16


class BodyRefused(Exception):
    """The message says what was refused, such as `more than 64 MB`."""


def require_size(size: int, limit: int) -> None:
    """Raises BodyRefused for more than `limit` bytes."""
    if size > limit:
        raise BodyRefused(f"more than {limit >> 20} MB")


def decoded(body: bytes, coding: str, limit: int) -> bytes:
    """The decoded body. `coding` is the value of Content-Encoding, "" for none.

    Never allocates much more than `limit` bytes. Call it in a thread: 64 MB take a third of a second.
    Raises BodyRefused for a larger body and for any coding other than one gzip, zlib.error for damaged gzip.
    """
    match coding.strip().lower():
        case "" | "identity":
            plain = body
        case "gzip" | "x-gzip":
            plain = _unzipped(body, limit + 1) if body else b""
        case _:
            raise BodyRefused(f"the content coding {coding[:80]!r}; one gzip at most is read")
    require_size(len(plain), limit)
    return plain


def _unzipped(body: bytes, at_most: int) -> bytes:
    stream = zlib.decompressobj(_GZIP)
    plain = stream.decompress(body, at_most)
    if len(plain) < at_most and (not stream.eof or stream.unused_data):
        raise zlib.error("cut off, or followed by something else")
    return plain
