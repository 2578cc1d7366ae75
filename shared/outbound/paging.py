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
        self._before = 0
        self.items = 0

    def go_on(self, pages: int, items: int, link: str) -> None:
        """Begins after so many pages with so many items, at the page that `link` leads to."""
        self._before, self.items = pages - 1, items
        self._seen.add(_digest(link))

    @property
    def number(self) -> int:
        """The page that is read now, from 1."""
        return self._before + len(self._seen) + 1

    def turn(self, items: int, link: str) -> None:
        """Goes from a page with `items` items to the next one, along `link`.

        Raises `error` if the link was followed before, or if there are too many items or pages.
        """
        digest = _digest(link)
        if digest in self._seen:
            raise self._error("pages.linkTwice", service=self._service, link=self._link, page=self.number)
        self._seen.add(digest)
        self.items += items
        if self.items > MOST_ITEMS or self.number - 1 > MOST_PAGES:
            raise self._error(
                "pages.endless",
                service=self._service,
                link=self._link,
                pages=f"{self.number - 1:,}",
                items=f"{self.items:,}",
                mostPages=f"{MOST_PAGES:,}",
                mostItems=f"{MOST_ITEMS:,}",
            )


def _digest(link: str) -> bytes:
    """What a server sends as a link may be long."""
    return sha256(link.encode()).digest()
