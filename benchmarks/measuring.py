"""Measuring in fresh processes: CPU time, wall time, and the high-water mark of memory."""

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
    """CPU and wall time since it was made."""

    def __init__(self) -> None:
        self._cpu = time.process_time()
        self._wall = time.perf_counter()

    def figures(self) -> Figures:
        return {"cpu": time.process_time() - self._cpu, "wall": time.perf_counter() - self._wall}


def peak_mb() -> float:
    """The most memory this process has had so far.

    Not `ru_maxrss`: that one begins with what the parent had when it started the process.
    """
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def cpu_of(pid: int) -> float:
    """CPU seconds that another process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICKS_PER_SECOND


def in_fresh_process(
    function: Callable[..., Figures], *arguments: object, env: Mapping[str, str] | None = None
) -> Figures:
    """What the function, of a module of this package, answers in a process of its own."""
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
    """Under its own name also when it was started by `-m` and calls itself `__main__`."""
    spec = sys.modules[function.__module__].__spec__
    return spec.name if spec else function.__module__


def _called(module: str, name: str, *arguments: Any) -> Figures:
    figures: Figures = getattr(importlib.import_module(module), name)(*arguments)
    return figures


if __name__ == "__main__":
    print(json.dumps(_called(*json.loads(sys.argv[1]))))
