"""`python -m local.entra --port N [--seed FILE]`: the emulator alone, until SIGTERM or SIGINT."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from local.entra.seed import Seed, SeedError, read_seed
from local.entra.server import running_entra


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        "local.entra", description="A strict emulator of Microsoft Graph's users."
    )
    parser.add_argument("--port", type=int, required=True, help="0 takes a free one")
    parser.add_argument("--seed", type=Path, help="the tenant; its format is in the docstring of local.entra")
    parser.add_argument("--latency-ms", type=float, default=0, help="added to every HTTP request")
    parser.add_argument("--clock-rate", type=float, default=1, help="how much faster the quotas' time runs")
    return parser.parse_args()


async def _serve(arguments: argparse.Namespace) -> None:
    stopped = asyncio.Event()
    loop = asyncio.get_running_loop()
    for each in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(each, stopped.set)
    seed = read_seed(arguments.seed) if arguments.seed else Seed()
    async with running_entra(
        seed, port=arguments.port, latency_ms=arguments.latency_ms, clock_rate=arguments.clock_rate
    ) as entra:
        print(entra.url, flush=True)
        await stopped.wait()


def main() -> None:
    try:
        asyncio.run(_serve(_arguments()))
    except (SeedError, OSError) as error:
        sys.exit(f"local.entra: {error}")


if __name__ == "__main__":
    main()
