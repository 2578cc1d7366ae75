"""What `az` gets of its arguments on Windows, where it is a batch file: Python → cmd.exe → az.cmd → Python.

az.cmd has `%*` inside `IF EXIST … ( )` (azure-cli, build_scripts/windows/scripts/az_msi.cmd), and cmd.exe takes each
quote for the beginning or the end of a text, also one that is escaped.
"""

import sys
from collections.abc import Sequence
from pathlib import Path
from subprocess import list2cmdline

# Outside of quotes these end the command, the block, or the text.
_OUTSIDE = "&|<>^()"
# These mean something to cmd.exe wherever they stand.
_ANYWHERE = "%!\r\n"


def arguments(words: Sequence[str]) -> list[str]:
    """The arguments as `az` reads them, with `@file` replaced by what the file holds.

    Ends the program if cmd.exe would make something else of them.
    """
    quoted = False
    for letter in list2cmdline(words):
        quoted ^= letter == '"'
        if letter in _ANYWHERE or (letter in _OUTSIDE and not quoted):
            sys.exit(f"{letter} was unexpected at this time.")
    return [_content(Path(word[1:])) if word.startswith("@") else word for word in words]


def _content(file: Path) -> str:
    """As azure-cli reads it (azure/cli/core/commands/__init__.py, `_expand_file_prefixed_files`)."""
    return file.read_bytes().decode("utf-8-sig").rstrip("\r\n")
