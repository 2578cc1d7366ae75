"""How long the app's storage has been away."""

import asyncio
import time


class StorageWatch:
    """Told of each look into a queue; `lost` once storage has not answered for `patience` seconds.

    Seen on the real host: with storage away for 40 s it exits, whatever runs in it, and the platform starts another.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._away_since: float | None = None
        self.lost = asyncio.Event()

    def answered(self) -> None:
        self._away_since = None

    def failed(self) -> None:
        now = time.monotonic()
        if self._away_since is None:
            self._away_since = now
        if now - self._away_since >= self._patience:
            self.lost.set()
