"""Runs checkov over a folder of Bicep, in an environment of its own: its pins and the app's do not go together.

`python -m tests.infra.checkov` makes that environment (`.venv-checkov`) ahead of the tests that need it.
"""

import fcntl
import hashlib
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
REQUIREMENTS = ROOT / "infra" / "requirements-checkov.txt"
ENVIRONMENT = ROOT / ".venv-checkov"


@dataclass(frozen=True)
class Finding:
    check: str
    file: str
    resource: str
    reason: str = ""


@dataclass(frozen=True)
class Report:
    failed: list[Finding]
    skipped: list[Finding]
    passed: list[Finding]
    unreadable: list[Path]


def scan(folder: Path) -> Report:
    """What checkov finds, without asking anybody: it would download its guidelines, and needs none of them."""
    program = environment() / "bin" / "checkov"
    done = subprocess.run(  # noqa: S603
        [program, "--directory", folder, "--framework=bicep", "--output=json", "--skip-download"],
        env={**os.environ, "LOG_LEVEL": "ERROR"},
        capture_output=True,
        text=True,
        check=False,
    )
    answer = json.loads(done.stdout)
    results = answer.get("results", {})
    return Report(
        failed=_findings(results.get("failed_checks", [])),
        skipped=_findings(results.get("skipped_checks", [])),
        passed=_findings(results.get("passed_checks", [])),
        unreadable=sorted(Path(file) for file in results.get("parsing_errors", [])),
    )


def environment() -> Path:
    """The environment, made anew when its requirements have changed."""
    stamp = ENVIRONMENT / ".requirements"
    with REQUIREMENTS.open("rb") as requirements:
        # The workers of one test run ask at the same time.
        fcntl.flock(requirements, fcntl.LOCK_EX)
        wanted = hashlib.sha256(requirements.read()).hexdigest()
        if not stamp.exists() or stamp.read_text() != wanted:
            uv, python = Path(sys.executable).with_name("uv"), ENVIRONMENT / "bin" / "python"
            _run(uv, "venv", "--quiet", "--clear", "--python", sys.executable, ENVIRONMENT)
            _run(uv, "pip", "sync", "--quiet", "--require-hashes", "--python", python, REQUIREMENTS)
            stamp.write_text(wanted)
    return ENVIRONMENT


def _findings(records: list[dict[str, object]]) -> list[Finding]:
    return [
        Finding(str(r["check_id"]), str(r["file_path"]).lstrip("/"), str(r["resource"]), _reason(r))
        for r in records
    ]


def _reason(record: dict[str, object]) -> str:
    result = record["check_result"]
    return str(result.get("suppress_comment") or "") if isinstance(result, dict) else ""


def _run(*command: str | Path) -> None:
    subprocess.run(command, check=True)  # noqa: S603


if __name__ == "__main__":
    environment()
