"""pytest plugin: holds everything that the product sent to Graph's emulator against the contract, at a session's end.

A request that is not in the contract fails the session. So does a line that nobody sent, if the whole suite ran.
With xdist the workers inherit the folder that the session makes, and so do their child processes.
"""

import os
import tempfile
from pathlib import Path

import pytest

from local.entra.kinds import FOLDER
from tests.support.graph_contract import breaches, lines, recorded

_FOLDER = pytest.StashKey[tempfile.TemporaryDirectory[str]]()
_BREACHES = pytest.StashKey[list[str]]()
# Options with which less than the whole suite runs.
_PARTIAL = ("keyword", "markexpr", "lf", "stepwise", "deselect", "ignore", "ignore_glob", "collectonly")


def pytest_configure(config: pytest.Config) -> None:
    if not hasattr(config, "workerinput"):
        config.stash[_FOLDER] = folder = tempfile.TemporaryDirectory(prefix="graph-requests-")
        os.environ[FOLDER] = folder.name


def pytest_unconfigure(config: pytest.Config) -> None:
    if folder := config.stash.get(_FOLDER, None):
        os.environ.pop(FOLDER, None)
        folder.cleanup()


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    config = session.config
    if folder := config.stash.get(_FOLDER, None):
        # After a failure something may be missing for that alone.
        whole = exitstatus == pytest.ExitCode.OK and _is_whole(config)
        found = config.stash[_BREACHES] = list(breaches(recorded(Path(folder.name)), lines(), whole=whole))
        if found and exitstatus == pytest.ExitCode.OK:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    if found := config.stash.get(_BREACHES, []):
        terminalreporter.section("the contract with Microsoft Graph is broken", red=True)
        for breach in found:
            terminalreporter.line(breach)


def _is_whole(config: pytest.Config) -> bool:
    everywhere = config.args_source is pytest.Config.ArgsSource.TESTPATHS
    return everywhere and not any(config.getoption(name, None) for name in _PARTIAL)
