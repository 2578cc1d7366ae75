"""Stands for `az`, `azd`, `gh` and `curl`: knows commands and options, remembers what it was told.

As strict as they are: an unknown command or option, a missing one, or a value where none belongs ends it with status 1.
What it knows is in commands.py.
"""

import json
import stat
import sys
from collections.abc import Sequence
from pathlib import Path

from tests.infra.commands import COMMANDS, PROGRAMS, Command

ROOT = Path(__file__).parents[2]


class Misspelt(Exception):
    """The program has no such command or option, or misses one."""


def understood(argv: Sequence[str]) -> Command:
    """The command that these words call. Raises Misspelt."""
    for length in range(len(argv), 0, -1):
        command = COMMANDS.get(" ".join(argv[:length]))
        if command is not None:
            _check(command, list(argv[length:]))
            return command
    raise Misspelt(f"no such command: {' '.join(argv)}")


def _check(command: Command, words: list[str]) -> None:
    seen: set[str] = set()
    positional = 0
    while words:
        word = words.pop(0)
        option, _, value = word.partition("=")
        if not word.startswith("-"):
            positional += 1
            continue
        known = command.options.get(option)
        if known is None:
            raise Misspelt(f"{command.name} has no option {option}")
        seen.add(known.name)
        if known.values == "none":
            if value:
                raise Misspelt(f"{option} takes no value")
        elif not value:
            if not words or (words[0].startswith("-") and words[0] != "-"):
                raise Misspelt(f"{option} needs a value")
            words.pop(0)
            while known.values == "many" and words and not words[0].startswith("-"):
                words.pop(0)
    if missing := command.required - seen:
        raise Misspelt(f"{command.name} needs {', '.join(sorted(missing))}")
    if positional not in command.positional:
        raise Misspelt(f"{command.name} does not take {positional} arguments without a name")


def install(folder: Path) -> None:
    """Puts the programs into a folder that a PATH may begin with; Python too, which is only written down."""
    for name in (*PROGRAMS, "python3", ".venv/bin/python"):
        program = folder / name
        program.parent.mkdir(parents=True, exist_ok=True)
        program.write_text(
            f"#!{sys.executable}\nimport sys\nsys.path.insert(0, {str(ROOT)!r})\n"
            f"from tests.infra.recorder import main\nmain({name!r}, {str(folder)!r})\n",
            encoding="utf-8",
        )
        program.chmod(program.stat().st_mode | stat.S_IXUSR)


def recorded(folder: Path) -> list[list[str]]:
    """Every command that was given, one word after the other."""
    log = folder / "log.jsonl"
    return [json.loads(line) for line in log.read_text(encoding="utf-8").splitlines()] if log.exists() else []


def main(program: str, folder: str) -> None:
    argv = [program, *sys.argv[1:]]
    with (Path(folder) / "log.jsonl").open("a", encoding="utf-8") as log:
        log.write(json.dumps(argv) + "\n")
    if program in PROGRAMS:
        try:
            understood(argv)
        except Misspelt as error:
            sys.exit(f"{error}")
    sys.stdout.write("answer\n")
