"""What editors, hooks and robots are told is what the tools of the project hold to."""

import configparser
import re
import tomllib

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
