"""Blob `links/{domain}`: which Entra user a source user became (source id → object id), from earlier syncs.

With links, a UPN that is edited in Access Control is a rename even without an immutable ID. Lost links must not look
like people who were never there. So the memory is in doubt if the blob is damaged, or missing although the domain was
synchronised before. The doubt is kept with the blob that replaces it (metadata `doubt`) until an administrator has
approved a dry run.
"""

import logging
from collections.abc import Iterable, Mapping

import orjson

from shared.log import event
from shared.model.domain_names import domain_name
from shared.model.parts import say
from shared.model.people import Memory
from shared.store.attempts import tried_again
from shared.store.runs import was_synchronised
from shared.store.storage import LINKS, Storage

_DOUBT = "doubt"
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
        links = _links(content)
        if links is None:
            event("links.unreadable", logging.ERROR, domain=domain)
            await container.upload_blob(domain + _SET_ASIDE, content, overwrite=True)
            return Memory({}, say("memory.damaged", domain=domain))
        doubtful = _DOUBT in (blob.properties.metadata or {})
        return Memory(links, say("memory.anew", domain=domain) if doubtful else ())

    @tried_again
    async def write(self, domain: str, links: Mapping[str, str], *, in_doubt: bool) -> None:
        """Replaces the links. `in_doubt`: some may be missing, and no administrator has approved a dry run yet."""
        container = await self._storage.open_container(LINKS)
        metadata = {_DOUBT: "true"} if in_doubt else {}
        await container.upload_blob(domain, orjson.dumps(links), overwrite=True, metadata=metadata)

    @tried_again
    async def find_elsewhere(
        self, domain: str, source_ids: Iterable[str], object_ids: Iterable[str]
    ) -> Memory:
        """The links of all other domains that have one of these source users or Entra users.

        Either may have moved: a person in the source, or their account in Entra. If a blob can't be read, the result
        is in doubt. A blob whose name is not a domain is logged and skipped.
        """
        from azure.core.exceptions import HttpResponseError

        people, accounts = set(source_ids), set(object_ids)
        found = Memory({})
        if not people and not accounts:
            return found
        container = await self._storage.open_container(LINKS)
        async for name in container.list_blob_names():
            if name == domain or name.endswith(_SET_ASIDE) or not _is_domain(name):
                continue
            try:
                other = await self.read(name)
            except (
                HttpResponseError
            ) as error:  # that domain's run will say so; this one deletes nobody meanwhile
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
