"""`python -m local.access_control --port N [--seed FILE]`: runs the emulator until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from local.access_control.seed import Seed, SeedError, read_seed
from local.access_control.server import running_access_control


def main() -> None:
    try:
        asyncio.run(_serve(_arguments()))
    except (SeedError, OSError) as error:
        sys.exit(f"local.access_control: {error}")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "local.access_control", description="A strict emulator of HENNGE Access Control's API."
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument(
        "--seed", type=Path, help="the people; its format is in the docstring of local.access_control"
    )
    parser.add_argument("--page-size", type=int, help="users on a page (50)")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    seed = read_seed(arguments.seed) if arguments.seed else Seed()
    if arguments.page_size:
        seed = seed.model_copy(update={"page_size": arguments.page_size})
    async with running_access_control(seed, port=arguments.port) as access_control:
        print(access_control.url, flush=True)
        await stopped.wait()


if __name__ == "__main__":
    main()
