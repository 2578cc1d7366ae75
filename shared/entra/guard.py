"""Permission to go on: asked before every batch, so that a run stops between two batches and nowhere else."""

import asyncio
from typing import Protocol


class Guard(Protocol):
    async def check(self) -> None:
        """Returns if the next batch may go out, raises RunStopped if not."""
        ...

    async def sleep(self, seconds: float) -> None:
        """Waits, but no longer than it takes to notice that the run must stop."""
        ...


class Unguarded:
    """For reads outside a run: nothing stops them."""

    async def check(self) -> None:
        return None

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
