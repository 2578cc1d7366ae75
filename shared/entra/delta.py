"""Everybody in the tenant, and what has changed since, by delta queries.

https://learn.microsoft.com/graph/delta-query-overview
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from shared.entra.client import graph_pages, next_link, page_items, text
from shared.entra.graph import begun_again_if_expired, needs
from shared.entra.users import PAGE_SIZE, Users
from shared.planning.mapping import UPN
from shared.planning.mirror import Listed

_DELTA_LINK = "@odata.deltaLink"
# What Graph answers to a link that has expired, or that it does not know any more. 404 and 400 come with other codes.
_LOST = (400, 404, 410)
_LOST_CODES = ("syncstatenotfound", "resyncrequired")


@dataclass(frozen=True, slots=True)
class Changes:
    """What Graph tells, in its order: of the same user several times, perhaps. `link` leads to what comes after."""

    items: list[dict[str, Any]]
    link: str


class Delta(Users):
    @property
    def selected(self) -> list[str]:
        """The properties that are followed."""
        return self._select.split(",")

    async def latest_link(self) -> str:
        """A link to what changes from now on."""
        with needs("User.ReadWrite.All"):
            return await self._selecting(self._latest_link)

    async def _latest_link(self) -> str:
        page = await self.graph.read(f"/users/delta?$select={self._select}&$deltatoken=latest")
        return text(page, _DELTA_LINK)

    async def read_changes(self, link: str) -> Changes | None:
        """What has changed since Graph gave the link; None if it is lost, and everybody has to be listed again."""
        items, pages = list[dict[str, Any]](), graph_pages()
        while True:
            answer = await self.graph.get(link)
            if answer.status != 200:
                if answer.status in _LOST or answer.error.code.lower() in _LOST_CODES:
                    return None
                raise answer.error
            found, following = page_items(answer.body), next_link(answer.body)
            for item in found:
                text(item, "id")
            items += found
            if following is None:
                return Changes(items, text(answer.body, _DELTA_LINK))
            pages.turn(len(found), following)
            link = following

    async def list_everybody(self) -> tuple[Listed, int]:
        """All users, and how many Graph counts; listed once more if it lists fewer."""
        listed, counted = await self._listed_whole()
        if len(listed) < counted:
            again = await self._listed_whole()
            listed, counted = max((listed, counted), again, key=lambda one: len(one[0]) - one[1])
        return listed, counted

    async def _listed_whole(self) -> tuple[Listed, int]:
        with needs("User.ReadWrite.All"):
            return await self._selecting(lambda: begun_again_if_expired(self._list_whole))

    async def _list_whole(self) -> tuple[Listed, int]:
        listed = Listed(self.selected)

        def take(items: Sequence[Mapping[str, Any]]) -> None:
            for item in items:
                text(item, "id")
                text(item, UPN)
            listed.add(items)

        path = f"/users?$count=true&$select={self._select}&$top={PAGE_SIZE}"
        return listed, await self._take_pages(path, take)
