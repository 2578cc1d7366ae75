"""All services that the app calls, on loopback: Azurite and both emulators, each in its own process.

`python -m local.stack` runs them with the sample people until it is interrupted. It prints the settings that a host
needs to reach them, in a form that a shell can read.
"""

import contextlib
import shlex
import signal
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from local.access_control.seed import CLIENT_ID, CLIENT_SECRET
from local.azurite import Azurite
from local.people import ACCESS_CONTROL_SEED, ENTRA_SEED
from local.processes import ChildProcess

_ADDRESS = r"^http://\S+"
# With a million users, on a busy machine.
_FILLING_SECONDS = 600.0


@dataclass(frozen=True)
class Stack:
    """The running services; `graph_url` and `access_control_url` are the values of the app's settings."""

    azurite: Azurite
    entra: ChildProcess
    access_control: ChildProcess
    graph_url: str
    access_control_url: str

    @property
    def settings(self) -> dict[str, str]:
        """The app settings that a host needs to reach all services."""
        return {
            "AzureWebJobsStorage": self.azurite.connection_string,
            "HENNGE_CLIENT_ID": CLIENT_ID,
            "HENNGE_CLIENT_SECRET": CLIENT_SECRET,
            "HENNGE_API_URL": self.access_control_url,
            "HENNGE_TOKEN_URL": f"{_origin(self.access_control_url)}/oauth/token",
            "GRAPH_BASE_URL": self.graph_url,
        }

    @property
    def entra_control(self) -> str:
        """The URL of the Entra emulator's control API, which is not part of Graph."""
        return f"{_origin(self.graph_url)}/_emulator"

    @property
    def access_control_control(self) -> str:
        """The URL of the Access Control emulator's control API."""
        return f"{_origin(self.access_control_url)}/_emulator"


@contextlib.contextmanager
def running_stack(
    people: Path = ACCESS_CONTROL_SEED,
    tenant: Path = ENTRA_SEED,
    *,
    latency_ms: float = 0,
    clock_rate: float = 1,
    strict: bool = True,
) -> Iterator[Stack]:
    """Runs all three until the block ends. `latency_ms` and `clock_rate` go to the Entra emulator, `strict` to
    Azurite."""
    speed = ["--latency-ms", str(latency_ms), "--clock-rate", str(clock_rate)]
    with contextlib.ExitStack() as running:
        entra = running.enter_context(_emulator("local.entra", tenant, *speed))
        access_control = running.enter_context(_emulator("local.access_control", people))
        azurite = running.enter_context(Azurite(strict=strict))
        yield Stack(
            azurite,
            entra,
            access_control,
            entra.wait_for(_ADDRESS, _FILLING_SECONDS)[0],
            access_control.wait_for(_ADDRESS, _FILLING_SECONDS)[0],
        )


def main() -> None:
    # SIGTERM ends it like Ctrl-C, so that its child processes are stopped too.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    with contextlib.suppress(KeyboardInterrupt), running_stack() as stack:
        for name, value in stack.settings.items():
            print(f"export {name}={shlex.quote(value)}")
        print("# Ctrl-C stops Azurite and both emulators, and what they keep is gone.", flush=True)
        threading.Event().wait()


def _emulator(module: str, seed: Path, *options: str) -> ChildProcess:
    return ChildProcess([sys.executable, "-m", module, "--port", "0", "--seed", str(seed), *options])


def _origin(url: str) -> str:
    return "/".join(url.split("/")[:3])


if __name__ == "__main__":
    main()
