"""Blob `links/{domain}`: which Entra user a source user became (source id → object id), from earlier syncs.

By these a UPN that is edited in Access Control is a rename even where there is no immutable ID. So what is lost of them
must not look like people who were never there: a blob that is damaged, or missing although the domain was synchronised
before, is said to be in doubt. The doubt outlives the blob that is written in its place (metadata `doubt`), until an
administrator has approved a dry run.
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
# What could not be read is kept under this ending: somebody may make sense of it.
_SET_ASIDE = ".damaged"


class Links:
    def __init__(self, storage: Storage) -> None:
        self._storage = storage

    @tried_again
    async def read(self, domain: str) -> Memory:
        """What the domain's earlier syncs remember; nothing, without a doubt, if there was none."""
        from azure.core.exceptions import ResourceNotFoundError

        container = await self._storage.open_container(LINKS)
        try:
            blob = await container.download_blob(domain)
            content = await blob.readall()
        except ResourceNotFoundError:
            lost = await was_synchronised(self._storage, domain)
            return Memory({}, say("memory.lost", domain=domain) if lost else ())
        links = _links(content)
        if links is None:
            event("links.unreadable", logging.ERROR, domain=domain)
            await container.upload_blob(domain + _SET_ASIDE, content, overwrite=True)
            return Memory({}, say("memory.damaged", domain=domain))
        doubtful = _DOUBT in (blob.properties.metadata or {})
        return Memory(links, say("memory.anew", domain=domain) if doubtful else ())

    @tried_again
    async def write(self, domain: str, links: Mapping[str, str], *, in_doubt: bool) -> None:
        """Replaces what is remembered; `in_doubt`: something may be missing, and nobody has looked at it yet."""
        container = await self._storage.open_container(LINKS)
        metadata = {_DOUBT: "true"} if in_doubt else {}
        await container.upload_blob(domain, orjson.dumps(links), overwrite=True, metadata=metadata)

    @tried_again
    async def find_elsewhere(
        self, domain: str, source_ids: Iterable[str], object_ids: Iterable[str]
    ) -> Memory:
        """What every other domain remembers of these source users and of these Entra users.

        Either may have moved: a person in the source, or their account in Entra. A blob that can't be read leaves a
        doubt; one that is no domain's is named in the log and passed over.
        """
        people, accounts = set(source_ids), set(object_ids)
        found = Memory({})
        if not people and not accounts:
            return found
        container = await self._storage.open_container(LINKS)
        async for name in container.list_blob_names():
            if name == domain or name.endswith(_SET_ASIDE) or not _is_domain(name):
                continue
            other = await self.read(name)
            known = {who: to for who, to in other.links.items() if who in people or to in accounts}
            found = Memory(
                {**found.links, **known}, found.doubt if other.links else found.doubt + other.doubt
            )
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
