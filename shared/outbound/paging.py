"""An end to a listing that is read page by page, whatever its links say."""

from collections.abc import Callable
from hashlib import sha256

# A million users, who are as many as one worker's memory holds, at 20 a page.
MOST_ITEMS = 1_000_000
MOST_PAGES = 50_000


class Pages:
    """The pages of one listing by `service`, which calls its links `link`; `error` is raised for one without an end."""

    def __init__(self, service: str, link: str, error: Callable[[str], Exception]) -> None:
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
            raise self._error(
                f"{self._service} gave the {self._link} of page {self.number} a second time; the list is not complete."
            )
        self._seen.add(digest)
        self._items += items
        if self._items > MOST_ITEMS or len(self._seen) > MOST_PAGES:
            raise self._error(
                f"{self._service} lists without an end: {len(self._seen):,} pages with {self._items:,} items, and a "
                f"{self._link} to yet another page. At most {MOST_ITEMS:,} items and {MOST_PAGES:,} pages are read."
            )
