"""Notices when the app's storage has been unreachable for too long."""

import asyncio
import time


class StorageWatch:
    """Records each poll of a queue; sets `lost` once storage has not answered for `patience` seconds.

    Seen on the real host: after 40 s without storage it exits, even if functions run, and the platform starts another.
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
