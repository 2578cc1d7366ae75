"""`python -m local.host --port 7071`: runs what function_app.py declares, and nothing else."""

import argparse
import asyncio
import logging
import os
import signal
import sys
import traceback
from pathlib import Path

import azure.functions as func

from local.host.functions import AppError, load_app
from local.host.server import serve
from local.host.settings import SettingError
from local.processes import REPOSITORY


def main() -> None:
    options = _options()
    logging.basicConfig(
        level=os.environ.get("LOG_LEVEL", "INFO").upper(),
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )
    try:
        app = load_app(options.root)
    except Exception as error:
        logging.debug("%s", traceback.format_exc())
        sys.exit(f"function_app.py could not be loaded: {type(error).__name__}: {error}")
    try:
        asyncio.run(_serve(app, options))
    except (AppError, SettingError, OSError) as error:
        sys.exit(f"the functions host could not start: {error}")


async def _serve(app: func.FunctionApp, options: argparse.Namespace) -> None:
    ended = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, ended.set)
    async with serve(
        app, port=options.port, message_lock=options.message_lock, drain=options.drain, root=options.root
    ) as host:
        print(f"Functions host listening on {host.url}: {host.summary()}", flush=True)
        await ended.wait()


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m local.host", description=__doc__)
    parser.add_argument("--port", type=int, default=7071, help="on 127.0.0.1; 0 takes a free one")
    parser.add_argument(
        "--drain", type=float, default=10.0, metavar="SECONDS", help="for what runs at the end"
    )
    parser.add_argument(
        "--message-lock",
        type=int,
        default=600,
        metavar="SECONDS",
        help="how long a queue message stays invisible unless renewed (Functions: 600)",
    )
    parser.add_argument(
        "--root", type=Path, default=REPOSITORY, help="where function_app.py and host.json are"
    )
    return parser.parse_args()


if __name__ == "__main__":
    main()
