"""Blob `links/people`: what earlier syncs knew of the tenant's people, above all which Entra user each one became.

With links, a UPN that is edited in Access Control is a rename even without an immutable ID. There is one blob for all
domains, since people move between them: gzip JSON with a column for each thing that is known, by source id or object
id. Many runs write it, so each writes what it changed into the version that is there (see `model/memory.py`).

Lost links must not look like people who were never there. Where the blob is damaged, or missing although a domain was
synchronised, the memory is begun anew and in doubt on every domain until an administrator has approved a dry run there.

Earlier versions had a blob for each domain. Those are taken over once, when there is no blob for the tenant yet, and
are left where they are.
"""

import asyncio
import gzip
import logging
import zlib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import orjson

from shared.errors import LeaseLost
from shared.log import event
from shared.model.domain_names import domain_name
from shared.model.memory import Delta, doubt_on, merge, taken_over
from shared.model.people import Memory
from shared.store.attempts import missing, or_none, tried_again, unchanged, update_if_unchanged
from shared.store.domains import Domains
from shared.store.runs import PEOPLE, remembered_in
from shared.store.storage import LINKS, Storage

COLUMNS = ("links", "names", "forms", "since", "lost", "deleted")
# Absent in what the previous version wrote.
LATER_COLUMNS = ("upns", "blocked", "filled", "outside", "leavers")
# A write whose answer was lost recognises itself by its token, also after so many writes of others.
_WRITERS = 200
# What could not be read is kept under this name with the time, for an administrator to look at.
_SET_ASIDE = f"{PEOPLE}-damaged-"
# How the versions with a blob for each domain marked doubt, and what they set aside.
_OLD_DOUBT, _OLD_SET_ASIDE = "doubt", ".damaged"
_AT_ONCE = 16
_FASTEST = 1


@dataclass(frozen=True, slots=True)
class _Found:
    content: bytes
    version: str
    metadata: Mapping[str, str]


class KnownPeople:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        # As it was last read or written here: the runs of one worker read the same again and again.
        self._last = Memory()

    async def read(self, domain: str) -> Memory:
        """What is known of the tenant's people, and whether it is in doubt on this domain.

        Begins the memory if there is none, or if it can't be read.
        """
        memory = await self._read()
        return replace(memory, doubt=doubt_on(domain, memory))

    async def write(self, delta: Delta, known: Memory) -> Memory:
        """Merges what a run has changed into the memory. `known` is the version last seen, returned the one now there.

        Raises LeaseLost if others keep writing.
        """
        if delta == Delta():
            return known
        writer = self._storage.clock.token(4)

        async def put(current: Memory) -> Memory:
            merged = await self._storage.clock.in_thread(merge, current, delta)
            if merged is current and current is known:  # which may be out of date
                current = await self._read()
                merged = await self._storage.clock.in_thread(merge, current, delta)
            if merged is current or writer in current.writers:
                return current
            return await self._put(replace(merged, writers=(*merged.writers, writer)[-_WRITERS:]))

        busy = LeaseLost("memory.busy")
        return await update_if_unchanged(self._storage, self._read, put, busy, known=known, crowded=True)

    @tried_again
    async def version(self) -> str:
        """The version of the memory that is there, as in `Memory.version`; empty for none."""
        container = await self._storage.open_container(LINKS)
        found = await or_none(container.get_blob_client(PEOPLE).get_blob_properties())
        return str(found.etag) if found else ""

    @tried_again
    async def check(self) -> None:
        """A small read."""
        container = await self._storage.open_container(LINKS)
        await container.get_blob_client(PEOPLE).exists()

    async def _read(self) -> Memory:
        async def begin(found: _Found | None) -> Memory:
            if found is None:
                return await self._put(await self._take_over())
            if found.version == self._last.version:
                return self._last
            memory = await self._storage.clock.in_thread(_decoded, found.content)
            if memory is None:
                return await self._put(await self._begin_anew(found))
            self._last = replace(memory, version=found.version)
            return self._last

        look = partial(self._download, PEOPLE)
        return await update_if_unchanged(self._storage, look, begin, LeaseLost("memory.busy"), crowded=True)

    @tried_again
    async def _download(self, name: str) -> _Found | None:
        container = await self._storage.open_container(LINKS)
        # By default the SDK decompresses by the blob's Content-Encoding, without a limit, and raises if it can't.
        blob = await or_none(container.download_blob(name, decompress=False))
        if blob is None:
            return None
        return _Found(await blob.readall(), str(blob.properties.etag), blob.properties.metadata or {})

    async def _put(self, memory: Memory) -> Memory:
        """Writes the memory over its own version, or where none is; returns it with the new version."""
        content = await self._storage.clock.in_thread(_encoded, memory)
        blob = (await self._storage.open_container(LINKS)).get_blob_client(PEOPLE)
        condition = unchanged(memory.version) if memory.version else missing()
        answer = await blob.upload_blob(content, overwrite=True, **condition)
        self._last = replace(memory, version=str(answer["etag"]))
        return self._last

    async def _begin_anew(self, found: _Found) -> Memory:
        event("links.unreadable", logging.ERROR, blob=PEOPLE)
        now = self._now()
        container = await self._storage.open_container(LINKS)
        await container.upload_blob(f"{_SET_ASIDE}{now}", found.content, overwrite=True)
        return Memory(anew=now, version=found.version)

    async def _take_over(self) -> Memory:
        """What earlier versions left, one blob a domain. In doubt where a domain was synchronised and has none."""
        anew = self._now()
        known = await self._remembered_in()
        if PEOPLE in known.values():
            # What the blobs of the domains say is out of date.
            event("links.lost", logging.ERROR, blob=PEOPLE)
            return Memory(anew=anew)
        container = await self._storage.open_container(LINKS)
        names = [name async for name in container.list_blob_names() if _is_domain(name)]
        lost = {name for name in known.values() if name} - set(names)
        for domain in sorted(lost):
            event("links.lost", logging.ERROR, blob=domain)
        old = [await self._read_old(name) for name in names]
        memory = taken_over(links for links, _ in old)
        return replace(memory, anew=anew) if lost or any(doubt for _, doubt in old) else memory

    def _now(self) -> str:
        return self._storage.clock.now().isoformat(timespec="milliseconds")

    async def _remembered_in(self) -> dict[str, str]:
        """Domain → the blob in which its syncs remembered people; empty if it was never synchronised."""
        domains = list(await Domains(self._storage).read_all())
        found: dict[str, str] = {}
        for start in range(0, len(domains), _AT_ONCE):
            some = domains[start : start + _AT_ONCE]
            blobs = await asyncio.gather(*(remembered_in(self._storage, domain) for domain in some))
            found |= zip(some, blobs, strict=True)
        return found

    async def _read_old(self, domain: str) -> tuple[dict[str, str], bool]:
        """The links of one domain, and whether some may be missing."""
        found = await self._download(domain)
        links = _old_links(found.content) if found else None
        if found is None or links is None:
            event("links.unreadable", logging.ERROR, blob=domain)
            return {}, True
        return links, _OLD_DOUBT in found.metadata


def _encoded(memory: Memory) -> bytes:
    columns = {
        name: getattr(memory, name) for name in (*COLUMNS, *LATER_COLUMNS, "anew", "reviewed", "writers")
    }
    return gzip.compress(orjson.dumps(columns), _FASTEST, mtime=0)


def _decoded(content: bytes) -> Memory | None:
    """None if it can't be read. Ignores columns that only a later version knows."""
    try:
        read = orjson.loads(gzip.decompress(content))
        texts = {name: read[name] for name in COLUMNS} | {name: read.get(name, {}) for name in LATER_COLUMNS}
        anew, reviewed, writers = read["anew"], tuple(read["reviewed"]), tuple(read["writers"])
    except (OSError, EOFError, zlib.error, orjson.JSONDecodeError, LookupError, TypeError):
        return None
    # Not by pydantic, which would copy some hundred thousand values at each run.
    if not all(map(_is_texts, texts.values())) or not isinstance(anew, str):
        return None
    return Memory(**_with_shared(texts), anew=anew, reviewed=reviewed, writers=writers)


def _with_shared(columns: dict[str, Any]) -> dict[str, Any]:
    """The same columns with one object for each person and date: most of them name the same people."""
    people = {who: who for who in columns["links"]}
    dates: dict[str, str] = {}
    shared = {
        name: {people.get(who, who): text for who, text in columns[name].items()}
        for name in ("names", "upns", "outside")
    }
    since = {people.get(who, who): dates.setdefault(day, day) for who, day in columns["since"].items()}
    return {**columns, **shared, "since": since}


def _old_links(content: bytes) -> dict[str, str] | None:
    try:
        links = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    return links if _is_texts(links) else None


def _is_texts(column: object) -> bool:
    return isinstance(column, dict) and all(isinstance(value, str) for value in column.values())


def _is_domain(name: str) -> bool:
    """Whether a blob holds the links of a domain; tells of one that is neither that nor ours."""
    with suppress(ValueError):
        if domain_name(name) == name:
            return not name.endswith(_OLD_SET_ASIDE)
    if not name.startswith(PEOPLE):
        event("links.foreign", logging.WARNING, blob=name)
    return False
