"""`python -m local.demo`: starts everything, walks through the procedure, and serves until Ctrl-C.

With DEMO_ONCE=1 it ends after the walk-through. The exit status is 1 if a step was not as expected.
"""

import os
import signal
import socket
import sys
import time
from typing import NoReturn

from local.demo.app import App, EntraEmulator
from local.demo.terminal import Style, Terminal
from local.demo.walk import MANAGED, Walk
from local.host import HostProcess
from local.stack import Stack, running_stack

USUAL_PORT = 7071
# About as long as Graph takes to answer.
LATENCY_MS = 80
_ENDING = (signal.SIGINT, signal.SIGTERM)


def main() -> int:
    for number in _ENDING:
        signal.signal(number, _stop)
    terminal = Terminal()
    try:
        return _demo(terminal)
    except KeyboardInterrupt:
        terminal.say("Stopped.")
        return 130


def _stop(*_: object) -> NoReturn:
    """Every signal stops the demo as Ctrl-C does. Later ones are ignored, so that the cleanup runs to its end."""
    for number in _ENDING:
        signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt


def _demo(terminal: Terminal) -> int:
    started_at = time.monotonic()
    with running_stack(latency_ms=LATENCY_MS) as stack, HostProcess(stack.settings, port=_port()) as host:
        _introduce(terminal, stack, host)
        walk = Walk(App(host.url), EntraEmulator(stack.entra_control), terminal)
        walk()
        terminal.say()
        for surprise in walk.surprises:
            terminal.say(f"✗ Not as expected: {surprise}", Style.RED)
        if not walk.surprises:
            terminal.say(f"All as expected, in {time.monotonic() - started_at:.0f} s.", Style.BOLD)
        if not os.environ.get("DEMO_ONCE"):
            _serve(terminal, stack, host)
        return 1 if walk.surprises else 0


def _introduce(terminal: Terminal, stack: Stack, host: HostProcess) -> None:
    terminal.title("HENNGE Access Control → Microsoft Entra ID, with sample people and no cloud account")
    for name, url in (
        ("The app", host.url),
        ("Access Control (emulator)", stack.access_control_url),
        ("Entra ID (emulator)", stack.graph_url),
        ("Storage (Azurite)", stack.azurite.url("blob")),
    ):
        terminal.say(f"{name:<26}{url}", Style.DIM)


def _serve(terminal: Terminal, stack: Stack, host: HostProcess) -> None:
    """Shows what to try, then waits until Ctrl-C or until the host ends by itself."""
    terminal.title("It goes on serving")
    terminal.say(f"The console:  {host.url}/api/console")
    terminal.say()
    terminal.say("Or try, one after the other: somebody marries, a sync, and what it did:")
    terminal.say()
    person = f"{stack.access_control_control}/users/hanako.aoki"
    domain = f"{host.url}/api/domains/{MANAGED}"
    terminal.say(f"""curl -s -X PATCH {person} -d '{{"family_name": "木村", "display_name": "木村 花子"}}'""")
    terminal.say(f"curl -s -X POST {domain}/sync")
    terminal.say(f"curl -s '{domain}/runs?limit=1'")
    terminal.say()
    terminal.say("Ctrl-C stops everything.", Style.DIM)
    try:
        while host.returncode is None:
            time.sleep(0.2)
    except KeyboardInterrupt:
        terminal.say()
        return
    sys.exit(f"The functions host has ended by itself:\n{host.output[-4000:]}")


def _port() -> int:
    """The default port if it is free, else 0 for any free port."""
    with socket.socket() as probe:
        # The same option as the host's: a port with only closed connections in TIME_WAIT counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", USUAL_PORT))
        except OSError:
            return 0
        return USUAL_PORT


if __name__ == "__main__":
    sys.exit(main())
