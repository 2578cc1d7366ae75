"""Measures CPU time, wall time and peak memory in fresh processes."""

import importlib
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from local.processes import REPOSITORY, inherited_environment

Figures = dict[str, float]
_TICKS_PER_SECOND = 100


class Stopwatch:
    """CPU and wall time in seconds since it was created."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def figures(self) -> Figures:
        return {"cpu": time.process_time() - self._cpu, "wall": time.perf_counter() - self._wall}


def peak_mb() -> float:
    """The peak memory of this process so far, in MB.

    Not from `ru_maxrss`, which starts with the parent's memory at the time of the fork.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def cpu_of(pid: int) -> float:
    """CPU seconds used by another process so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def in_fresh_process(
    function: Callable[..., Figures], *arguments: object, env: Mapping[str, str] | None = None
) -> Figures:
    """Calls the function in a new process and returns its result; it must be in a module of this package."""
    call = json.dumps([_module_of(function), function.__name__, *arguments])
    done = subprocess.run(  # noqa: S603 - this repository's own
        [sys.executable, "-m", "benchmarks.measuring", call],
        env={**inherited_environment(), **(env or {})},
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    figures: Figures = json.loads(done.stdout.splitlines()[-1])
    return figures


def repeated(times: int, measure: Callable[[], Figures]) -> Figures:
    """The median of each figure."""
    return medians([measure() for _ in range(times)])


def medians(runs: Sequence[Figures]) -> Figures:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _module_of(function: Callable[..., object]) -> str:
    """The module's real name, also if it was started with `-m` and is called `__main__`."""
    spec = sys.modules[function.__module__].__spec__
    return spec.name if spec else function.__module__


def _called(module: str, name: str, *arguments: Any) -> Figures:
    figures: Figures = getattr(importlib.import_module(module), name)(*arguments)
    return figures


if __name__ == "__main__":
    print(json.dumps(_called(*json.loads(sys.argv[1]))))
