"""Blob `links/{domain}`: which Entra user a source user became (source id → object id), from earlier syncs.

With links, a UPN that is edited in Access Control is a rename even without an immutable ID. Lost links must not look
like people who were never there. So the memory is in doubt if the blob is damaged, or missing although the domain was
synchronised before. The doubt is kept with the blob that replaces it (metadata `doubt`) until an administrator has
approved a dry run.
"""

import logging
from collections.abc import Iterable, Mapping

import orjson

from shared.errors import LeaseLost
from shared.log import event
from shared.model.domain_names import domain_name
from shared.model.parts import say
from shared.model.people import Memory
from shared.store.attempts import missing, tried_again, unchanged, update_if_unchanged
from shared.store.runs import was_synchronised
from shared.store.storage import LINKS, Storage

_DOUBT = "doubt"
# A token of each write, by which it recognises itself when its answer was lost.
_WRITER = "writer"
# Content that could not be read is kept under this suffix, for an administrator to look at.
_SET_ASIDE = ".damaged"


class Links:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self, domain: str) -> Memory:
        """The links from the domain's earlier syncs; empty and not in doubt if there was no sync."""
        from azure.core.exceptions import ResourceNotFoundError

        container = await self._storage.open_container(LINKS)
        try:
            # By default the SDK decompresses by the blob's Content-Encoding, without a limit, and raises if it can't.
            blob = await container.download_blob(domain, decompress=False)
            content = await blob.readall()
        except ResourceNotFoundError:
            if not await was_synchronised(self._storage, domain):
                return Memory({})
            event("links.lost", logging.ERROR, domain=domain)
            return Memory({}, say("memory.lost", domain=domain))
        version = str(blob.properties.etag)
        links = _links(content)
        if links is None:
            event("links.unreadable", logging.ERROR, domain=domain)
            await container.upload_blob(domain + _SET_ASIDE, content, overwrite=True)
            return Memory({}, say("memory.damaged", domain=domain), version)
        doubtful = _DOUBT in (blob.properties.metadata or {})
        return Memory(links, say("memory.anew", domain=domain) if doubtful else (), version)

    async def write(self, domain: str, links: Mapping[str, str], *, in_doubt: bool, version: str) -> str:
        """Replaces the links that were read in this version; returns the new version.

        `in_doubt`: some may be missing, and no administrator has approved a dry run yet. Raises LeaseLost if somebody
        else has written since: a worker that was frozen must not undo what its successor knows.
        """
        from azure.core.exceptions import ResourceNotFoundError

        lost = LeaseLost("links.takenOver", domain=domain)
        writer = self._storage.clock.token(8)
        content, metadata = orjson.dumps(links), {_WRITER: writer} | ({_DOUBT: "true"} if in_doubt else {})

        async def look() -> tuple[str, str]:
            blob = (await self._storage.open_container(LINKS)).get_blob_client(domain)
            try:
                found = await blob.get_blob_properties()
            except ResourceNotFoundError:
                return "", ""
            return str(found.etag), str((found.metadata or {}).get(_WRITER, ""))

        async def replace(seen: tuple[str, str]) -> str:
            now, written_by = seen
            if written_by == writer:  # the answer to an earlier try was lost
                return now
            if now not in ("", version):
                raise lost
            blob = (await self._storage.open_container(LINKS)).get_blob_client(domain)
            condition = unchanged(now) if now else missing()
            answer = await blob.upload_blob(content, overwrite=True, metadata=metadata, **condition)
            return str(answer["etag"])

        return await update_if_unchanged(self._storage, look, replace, lost, known=(version, ""))

    @tried_again
    async def find_elsewhere(
        self, domain: str, tenant: Iterable[str], source_ids: Iterable[str], object_ids: Iterable[str]
    ) -> Memory:
        """The links of all other domains that have one of these source users or Entra users.

        Either may have moved: a person in the source, or their account in Entra. If a blob can't be read, or that of
        one of the `tenant`'s domains is gone, the result is in doubt. A blob whose name is not a domain is logged and
        skipped.
        """
        from azure.core.exceptions import HttpResponseError

        people, accounts = set(source_ids), set(object_ids)
        found = Memory({})
        if not people and not accounts:
            return found
        container = await self._storage.open_container(LINKS)
        names = {name async for name in container.list_blob_names() if not name.endswith(_SET_ASIDE)}
        for name in sorted({*filter(_is_domain, names), *tenant} - {domain}):
            try:
                other = await self.read(name)
            except HttpResponseError as error:
                event("links.unreadable", logging.ERROR, domain=name, error=str(error))
                other = Memory({}, say("memory.damaged", domain=name))
            known = {who: to for who, to in other.links.items() if who in people or to in accounts}
            found = Memory({**found.links, **known}, found.doubt + other.doubt)
        return found


def _links(content: bytes) -> dict[str, str] | None:
    try:
        links = orjson.loads(content)
    except orjson.JSONDecodeError:
        return None
    if isinstance(links, dict) and all(isinstance(to, str) for to in links.values()):
        return links
    return None


def _is_domain(name: str) -> bool:
    try:
        if domain_name(name) == name:
            return True
    except ValueError:
        pass
    event("links.foreign", logging.WARNING, blob=name)
    return False
