"""Microsoft's Bicep compiler, where one is on the PATH; the tests that need it are skipped where none is."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

# The workflow installs this one.
VERSION = "0.49.2"
PROGRAM = shutil.which("bicep")
# What the compiler says of the Microsoft Graph extension when it can't fetch it.
NOT_FETCHED = "BCP192"

needs_compiler = pytest.mark.skipif(PROGRAM is None, reason="the Bicep compiler is not installed")


def bicep(*arguments: str | Path, environment: Mapping[str, str] | None = None) -> tuple[str, list[str]]:
    """What `bicep` printed, and each of its complaints. Skips where Microsoft's module registry is out of reach."""
    assert PROGRAM
    command = [PROGRAM, *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=environment)  # noqa: S603
    complaints = [line for line in done.stderr.splitlines() if line.strip()]
    if complaints and NOT_FETCHED in complaints[0]:
        pytest.skip(f"Microsoft's module registry can't be reached: {complaints[0]}")
    assert done.returncode in (0, 1), done.stderr
    return done.stdout, complaints
