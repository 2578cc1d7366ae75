"""Lookups that a sync can do without: one that fails becomes a warning, and the run goes on."""

from collections.abc import Awaitable
from typing import TypeVar

from shared.errors import GraphError
from shared.model.parts import Parts, parts_of, say

T = TypeVar("T")
U = TypeVar("U")


class SideLooks:
    """`warnings` tell an administrator which lookups failed and what follows from that, a part each."""

    def __init__(self) -> None:
        self.warnings: Parts = ()

    async def at(self, look: Awaitable[T], instead: U, effect: Parts) -> T | U:
        """The result of `look`; `instead`, and a warning that begins with `effect`, if it raises GraphError.

        Raises GraphError if Graph refuses the app itself (401): then no other lookup would succeed either.
        """
        try:
            return await look
        except GraphError as error:
            if error.status == 401:
                raise
            self.warnings += say("look.failed", effect=effect, because=parts_of(error))
            return instead
