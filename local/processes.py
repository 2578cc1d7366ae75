"""Child processes of the demo and the tests: readiness is read from their output, and none outlives its parent."""

import atexit
import os
import re
import subprocess
import sys
import threading
import weakref
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

REPOSITORY = Path(__file__).resolve().parent.parent

# Asks Linux to kill this process when its parent dies, then executes the child's program in it.
# A launcher instead of preexec_fn, which is unsafe in a process that has threads.
_DIE_WITH_PARENT = """
import ctypes, os, signal, sys
ctypes.CDLL(None).prctl(1, signal.SIGKILL)
os.execv(sys.argv[1], sys.argv[1:])
"""

_children: "weakref.WeakSet[ChildProcess]" = weakref.WeakSet()


class ChildNotReadyError(RuntimeError):
    """A child process ended, or printed nothing in time, before it was ready; the message ends with its output."""


class ChildProcess:
    """One child process. Its output (stdout and stderr together) is kept, and written to `log` if given.

    On Linux the child is killed when the thread that started it ends, so start it from a thread that
    lives as long as the child should.
    """

    def __init__(
        self,
        argv: Sequence[str],
        *,
        env: Mapping[str, str] | None = None,
        cwd: Path = REPOSITORY,
        log: Path | None = None,
    ) -> None:
        launcher = [sys.executable, "-ISc", _DIE_WITH_PARENT] if sys.platform == "linux" else []
        self._process = subprocess.Popen(  # noqa: S603 - the programs are this repository's own
            [*launcher, *argv],
            env={**inherited_environment(), **(env or {})},
            cwd=cwd,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            encoding="utf-8",
            errors="replace",
        )
        self._name = " ".join(argv[:3])
        self._lines: deque[str] = deque(maxlen=10_000)
        self._changed = threading.Condition()
        self._ended = False
        self._reader = threading.Thread(target=self._read, args=(log,), daemon=True)
        self._reader.start()
        _children.add(self)

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def returncode(self) -> int | None:
        """None while it runs."""
        return self._process.poll()

    @property
    def output(self) -> str:
        with self._changed:
            return "".join(self._lines)

    def wait_for(self, pattern: str, timeout: float = 30.0) -> re.Match[str]:
        """The first match in a line of output, past or future.

        Raises ChildNotReadyError if the process ends, or after `timeout` seconds.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ended or self._find(pattern) is not None, timeout)
            found = self._find(pattern)
        if found is None:
            how = (
                f"ended with status {self._process.wait()}" if self._ended else f"said nothing in {timeout} s"
            )
            raise ChildNotReadyError(f"{self._name} {how} before {pattern!r}:\n{self.output[-4000:]}")
        return found

    def terminate(self, timeout: float = 15.0) -> int:
        """SIGTERM, then SIGKILL after `timeout` seconds; returns the exit status."""
        if self.returncode is None:
            self._process.terminate()
            try:
                self._process.wait(timeout)
            except subprocess.TimeoutExpired:
                self._process.kill()
        return self._wait()

    def kill(self) -> None:
        """SIGKILL: no handler of the child runs."""
        if self.returncode is None:
            self._process.kill()
        self._wait()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.terminate()

    def _wait(self) -> int:
        status = self._process.wait()
        self._reader.join(5)
        return status

    def _find(self, pattern: str) -> re.Match[str] | None:
        return next((found for line in self._lines if (found := re.search(pattern, line))), None)

    def _read(self, log: Path | None) -> None:
        assert self._process.stdout is not None  # noqa: S101 - asked for with PIPE
        with self._process.stdout as output, (log or Path(os.devnull)).open("a", encoding="utf-8") as file:
            for line in output:
                file.write(line)
                file.flush()
                with self._changed:
                    self._lines.append(line)
                    self._changed.notify_all()
        with self._changed:
            self._ended = True
            self._changed.notify_all()


def inherited_environment() -> dict[str, str]:
    """The part of this process's environment that a child needs: no app settings and no proxies."""
    wanted = ("PATH", "HOME", "LANG", "TMPDIR", "SYSTEMROOT", "COVERAGE_PROCESS_START", "ENTRA_REQUESTS")
    return {name: os.environ[name] for name in wanted if name in os.environ}


@atexit.register
def _end_children() -> None:
    for child in list(_children):
        child.kill()
