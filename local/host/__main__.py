"""`python -m local.host --port 7071`: runs the functions that function_app.py declares."""

import argparse
import asyncio
import logging
import os
import signal
import sys
from pathlib import Path

from local.host.functions import AppError
from local.host.limits import PLATFORM, Limits
from local.host.log import reaches_the_log
from local.host.server import serve
from local.host.settings import HostSettings, SettingError, read_host_json
from local.host.worker import Worker
from local.processes import REPOSITORY


def main() -> None:
    options = _options()
    try:
        _start_log(HostSettings.read(read_host_json(options.root), os.environ).log_level)
        asyncio.run(_serve(options))
    except AppError as error:
        sys.exit(f"function_app.py could not be loaded: {error}")
    except (SettingError, OSError) as error:
        sys.exit(f"the functions host could not start: {error}")


def _start_log(level: int) -> None:
    """The worker sends DEBUG lines only if the setting asks for them; the host then keeps lines from `level` up."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setLevel(level)
    handler.addFilter(reaches_the_log)
    debugging = os.environ.get("PYTHON_ENABLE_DEBUG_LOGGING", "").strip().lower() in (
        "1",
        "true",
        "t",
        "yes",
        "y",
    )
    logging.basicConfig(
        level=logging.DEBUG if debugging else logging.INFO,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        handlers=[handler],
    )


async def _serve(options: argparse.Namespace) -> None:
    if options.port:  # as Core Tools does, and as Azure does with the app's own name
        os.environ.setdefault("WEBSITE_HOSTNAME", f"localhost:{options.port}")
    worker = await Worker.load(options.root)
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with serve(
        worker,
        port=options.port,
        limits=Limits(message_lock=options.message_lock, storage=options.storage_patience),
        drain=options.drain,
        root=options.root,
    ) as host:
        print(f"Functions host listening on {host.url}: {host.summary()}", flush=True)
        waiting = [asyncio.create_task(event.wait()) for event in (ended, host.storage.lost)]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        for task in waiting:
            task.cancel()
    if host.storage.lost.is_set():
        sys.exit(f"the functions host ends: storage has been away for {options.storage_patience:g} s")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--drain", type=float, default=10.0, metavar="SECONDS", help="for what runs at the end"
    )
    parser.add_argument(
        "--message-lock",
        type=int,
        default=PLATFORM.message_lock,
        metavar="SECONDS",
        help="how long a queue message stays invisible unless renewed (Functions: 600)",
    )
    parser.add_argument(
        "--storage-patience",
        type=float,
        default=PLATFORM.storage,
        metavar="SECONDS",
        help="how long storage may be away before the host ends (Functions: 40)",
    )
    parser.add_argument(
        "--root", type=Path, default=REPOSITORY, help="where function_app.py and host.json are"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
