"""Simulates so many hours. The last line has the figures; exit status 1 for any violation."""

import argparse
import hashlib
import sys
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from tests.simulation.laying import ALL
from tests.simulation.making import make
from tests.simulation.never import lacking, outdated
from tests.simulation.scenario import Scenario
from tests.simulation.shrinking import shrunk
from tests.simulation.story import story
from tests.simulation.world import Result, simulate

# The end of each, which has little to tell, takes as long as eight hours.
SCENARIO_HOURS = 72


@dataclass
class Totals:
    """The results so far, in the order of the scenarios, however many processes made them."""

    hours: int = 0
    faults: int = 0
    runs: int = 0
    violations: int = 0
    seen: Counter[str] = field(default_factory=Counter)
    history: "hashlib._Hash" = field(default_factory=hashlib.sha256)

    def add(self, result: Result) -> None:
        self.hours += result.hours
        self.faults += result.faults
        self.runs += result.runs
        self.violations += len(result.violations)
        self.seen.update(result.seen)
        self.history.update(result.digest.encode())

    def __str__(self) -> str:
        return (
            f"simulated {self.hours} hours, {self.faults} faults, {self.runs} runs, "
            f"{self.violations} violations, history {self.history.hexdigest()}"
        )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("--hours", type=int, default=1000)
    parser.add_argument("--seed", default="1")
    parser.add_argument("--jobs", type=int, default=1, help="how many processes")
    parser.add_argument("--ambush", choices=sorted(ALL), default="", help="the kind that each scenario lays")
    parser.add_argument("--replay", type=Path, help="a scenario's file, instead of ones made from a seed")
    parser.add_argument("--keep", type=Path, help="a folder for the scenarios that fail")
    parser.add_argument("--until-found", action="store_true", help="ends with the first scenario that fails")
    parser.add_argument("--shrink", action="store_true", help="shrinks the first scenario that fails")
    parser.add_argument("--counts", action="store_true", help="how often everything occurred")
    parser.add_argument(
        "--complete-after", type=int, default=20_000,
        help="after so many hours, what can occur and never did is a failure",
    )  # fmt: skip
    return parser.parse_args()


def main() -> int:
    arguments = _arguments()
    totals, began = Totals(), time.monotonic()
    results = (
        _replayed(arguments.replay)
        if arguments.replay
        else _made(arguments.seed, arguments.jobs, arguments.ambush)
    )
    for result in results:
        totals.add(result)
        for one in result.violations:
            _say(f"{result.scenario.name}: {one}")
        if result.violations:
            told = simulate(shrunk(result.scenario, result.violations[0])) if arguments.shrink else result
            _keep(told, arguments.keep)
            if arguments.shrink:
                _say(story(told))
        found = totals.violations and (arguments.until_found or arguments.shrink)
        if found or totals.hours >= arguments.hours:
            break
    never, impossible = lacking(totals.seen), outdated(totals.seen)
    if arguments.counts:
        for name in sorted({*totals.seen, *never}):
            _say(f"{totals.seen[name]:9,} {name}")
        _say(f"{time.monotonic() - began:.0f} s")
    if totals.hours < arguments.complete_after:
        never = []
    for name in never:
        _say(f"never occurred: {name}")
    for name in impossible:
        _say(f"occurred, although never.py says that it can't: {name}")
    _say(str(totals))
    return 1 if totals.violations or never or impossible else 0


def _replayed(path: Path) -> Iterator[Result]:
    yield simulate(Scenario.read(path.read_bytes()))


def _made(seed: str, jobs: int, ambush: str) -> Iterator[Result]:
    """One scenario after the other, without end."""
    if jobs == 1:
        number = 0
        while True:
            yield _one(f"{seed}-{number}", ambush)
            number += 1
    with ProcessPoolExecutor(jobs) as processes:
        under_way: list[Future[Result]] = []
        number = 0
        try:
            while True:
                while len(under_way) < 2 * jobs:
                    under_way.append(processes.submit(_one, f"{seed}-{number}", ambush))
                    number += 1
                yield under_way.pop(0).result()
        finally:
            for one in under_way:
                one.cancel()


def _one(name: str, ambush: str) -> Result:
    result = simulate(make(name, SCENARIO_HOURS, ambush))
    if not result.violations:
        result.lines.clear()  # they would go from process to process for nothing
    return result


def _keep(result: Result, folder: Path | None) -> None:
    if folder:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{result.scenario.name}.json").write_bytes(result.scenario.as_json())
        (folder / f"{result.scenario.name}.txt").write_text(story(result), encoding="utf-8")


def _say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
