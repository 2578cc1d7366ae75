"""Limits for a listing that is read page by page: wrong links must not make it endless."""

from hashlib import sha256

from shared.errors import SyncError

# A million users, as many as one worker's memory holds, at 20 a page.
MOST_ITEMS = 1_000_000
MOST_PAGES = 50_000


class Pages:
    """Counts the pages of one listing.

    `service` and `link` (the service's word for a link to the next page) are named in `error`, which is raised for an
    endless listing.
    """

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
        """Goes from a page with `items` items to the next one, along `link`.

        Raises `error` if the link was followed before, or if there are too many items or pages.
        """
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
