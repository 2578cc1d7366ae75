"""Looks beside the two sides of a sync: one that fails costs what it was for, never the run."""

from collections.abc import Awaitable
from typing import TypeVar

from shared.errors import GraphError
from shared.model.parts import Parts, parts_of, say

T = TypeVar("T")
U = TypeVar("U")


class SideLooks:
    """`warnings` tell an administrator what could not be looked at, and what follows from that, a part each."""

    def __init__(self) -> None:
        self.warnings: Parts = ()

    async def at(self, look: Awaitable[T], instead: U, effect: Parts) -> T | U:
        """What the look finds, or `instead` and a warning that begins with `effect`.

        Raises GraphError where Graph refuses the app itself (401): then no other look would succeed either.
        """
        try:
            return await look
        except GraphError as error:
            if error.status == 401:
                raise
            self.warnings += say("look.failed", effect=effect, because=parts_of(error))
            return instead
