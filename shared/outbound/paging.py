"""An end to a listing that is read page by page, whatever its links say."""

from hashlib import sha256

from shared.errors import SyncError

# A million users, who are as many as one worker's memory holds, at 20 a page.
MOST_ITEMS = 1_000_000
MOST_PAGES = 50_000


class Pages:
    """The pages of one listing by `service`, which calls its links `link`; `error` is raised for one without an end."""

    def __init__(self, service: str, link: str, error: type[SyncError]) -> None:
        self._service = service
        self._link = link
        self._error = error
        self._seen: set[bytes] = set()
        self._items = 0

    @property
    def number(self) -> int:
        """The page that is read now, from 1."""
        return len(self._seen) + 1

    def turn(self, items: int, link: str) -> None:
        """From a page with so many items along its link to the next one."""
        # A digest: what a server sends as a link may be long.
        digest = sha256(link.encode()).digest()
        if digest in self._seen:
            raise self._error("pages.linkTwice", service=self._service, link=self._link, page=self.number)
        self._seen.add(digest)
        self._items += items
        if self._items > MOST_ITEMS or len(self._seen) > MOST_PAGES:
            raise self._error(
                "pages.endless",
                service=self._service,
                link=self._link,
                pages=f"{len(self._seen):,}",
                items=f"{self._items:,}",
                mostPages=f"{MOST_PAGES:,}",
                mostItems=f"{MOST_ITEMS:,}",
            )
