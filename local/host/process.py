"""The host as a separate process, for the demo and for tests that kill it."""

import sys
from collections.abc import Mapping
from pathlib import Path

from local.host.limits import PLATFORM
from local.processes import REPOSITORY, ChildProcess

_LISTENING = r"Functions host listening on (http://\S+):"


class HostProcess(ChildProcess):
    """`python -m local.host` with exactly these settings; ready when the constructor returns.

    Raises ChildNotReadyError if the host does not start.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        port: int = 0,
        drain: float = 10.0,
        message_lock: int = PLATFORM.message_lock,
        storage_patience: float = PLATFORM.storage,
        root: Path = REPOSITORY,
        log: Path | None = None,
    ) -> None:
        options = ["--port", str(port), "--drain", str(drain), "--message-lock", str(message_lock)]
        options += ["--storage-patience", str(storage_patience)]
        super().__init__(
            [sys.executable, "-m", "local.host", *options, "--root", str(root)], env=settings, log=log
        )
        try:
            self.url = self.wait_for(_LISTENING)[1]
        except BaseException:
            self.kill()
            raise
