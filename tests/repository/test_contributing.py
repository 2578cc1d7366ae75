"""The worked example of a new source runs as it stands in CONTRIBUTING.md."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

from local.processes import REPOSITORY

PAGE = (REPOSITORY / "CONTRIBUTING.md").read_text("utf-8")
EXAMPLE = PAGE.partition("## Add a source\n")[2].partition("\n## ")[0]


def file_of_the_example(path: str) -> str:
    """What the step that begins with this path says to write there."""
    (block,) = re.findall(rf"^\d\. `{path}`[^\n]*\n\n((?: {{8}}.*\n|\n)+)", EXAMPLE, re.MULTILINE)
    return dedent(block).strip() + "\n"


def run(folder: Path, *command: str) -> str:
    done = subprocess.run(  # noqa: S603
        [sys.executable, "-m", *command], cwd=folder, capture_output=True, text=True, check=False
    )
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_the_example_of_a_source_passes_its_own_test_and_the_linter(tmp_path: Path) -> None:
    for name in ("shared", "tests/__init__.py", "tests/pure/__init__.py", "tests/support", "pyproject.toml"):
        copy = shutil.copytree if (REPOSITORY / name).is_dir() else shutil.copy
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        copy(REPOSITORY / name, tmp_path / name)
    module, test = "shared/source/json.py", "tests/pure/test_source_json.py"
    for path in (module, test):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(file_of_the_example(path), encoding="utf-8")

    assert run(tmp_path, "pytest", "-q", "-p", "no:cacheprovider", test) == ""
    assert run(tmp_path, "ruff", "check", "--no-cache", module, test) == ""
    assert run(tmp_path, "ruff", "format", "--check", "--no-cache", module, test) == ""
