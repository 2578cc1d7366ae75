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

        That Graph refuses the app itself is no GraphError: it ends the run.
        """
        try:
            return await look
        except GraphError as error:
            self.warnings += say("look.failed", effect=effect, because=parts_of(error))
            return instead
