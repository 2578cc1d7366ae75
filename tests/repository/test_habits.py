"""What editors, hooks and robots are told is what the tools of the project hold to."""

import configparser
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

from local.processes import REPOSITORY


def editorconfig() -> configparser.ConfigParser:
    config = configparser.ConfigParser()
    config.read_string("[top]\n" + (REPOSITORY / ".editorconfig").read_text(encoding="utf-8"))
    return config


def test_editors_break_python_where_ruff_does() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))
    assert editorconfig().getint("*.py", "max_line_length") == project["tool"]["ruff"]["line-length"]


def test_every_make_target_is_made_whatever_files_there_are() -> None:
    makefile = (REPOSITORY / "Makefile").read_text(encoding="utf-8")
    phony = re.findall(r"^\.PHONY: (.+)$", makefile, re.MULTILINE)
    assert phony[0].split() == re.findall(r"^([a-z]+):.*##", makefile, re.MULTILINE)


def test_a_robot_looks_after_every_folder_with_requirements() -> None:
    robot = (REPOSITORY / ".github" / "dependabot.yml").read_text(encoding="utf-8")
    looked_after = set(re.findall(r'"/(\w*)"', robot.partition("package-ecosystem: npm")[0]))
    folders = {path.parent for path in REPOSITORY.glob("*/requirements*.txt")} | {REPOSITORY}
    assert looked_after == {"" if folder == REPOSITORY else folder.name for folder in folders}


def test_editors_indent_the_console_as_it_is() -> None:
    files = [path for path in (REPOSITORY / "shared" / "console").rglob("*") if path.is_file()]
    lines = [line for path in files for line in path.read_text(encoding="utf-8").splitlines()]
    # A comment goes on with " *".
    assert [line for line in lines if re.match(r" (?!\*)", line)] == []
    assert editorconfig()["shared/console/**"]["indent_style"] == "tab"


def test_an_older_python_is_refused_in_one_sentence(tmp_path: Path) -> None:
    for name in ("Makefile", "requirements-dev.txt"):
        shutil.copy(REPOSITORY / name, tmp_path)
    old = tmp_path / "old-python"
    # This Python, but for what it says of itself.
    told = "import sys; sys.version_info = (3, 10, 13); exec(sys.argv[2])"
    old.write_text(f"#!/bin/sh\nexec {sys.executable} -c '{told}' \"$@\"\n")
    old.chmod(0o755)

    done = subprocess.run(  # noqa: S603 - this repository's own Makefile
        ["make", "demo", f"PYTHON={old}"],  # noqa: S607
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert done.returncode != 0
    sentence, ended = done.stderr.splitlines()
    assert sentence == f"{old} is Python 3.10, and 3.11 or later is needed: make demo PYTHON=python3.12"
    assert re.match(r"make(\[\d+\])?: \*\*\*", ended)  # within `make test`, make[1]
    assert not (tmp_path / ".venv").exists()
