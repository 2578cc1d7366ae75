"""The commands in a document: its blocks of bash, of PowerShell, and of what is the same in both (`shell`)."""

import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^( *)```(bash|powershell|shell)\n(.*?)^\1```\n", re.MULTILINE | re.DOTALL)
_WORD = re.compile(r"""'(?:[^']|'')*'|"[^"]*"|[^\s'"]+""")
_VARIABLE = re.compile(r"\$env:(\w+) = (.*)")
_ASKED = 'Read-Host -MaskInput "Secret"'


@dataclass(frozen=True)
class Step:
    """What a reader types at one place, in either shell, and the text that follows it."""

    line: int
    bash: str
    powershell: str
    after: str


def steps(document: Path) -> list[Step]:
    """Raises AssertionError for a block of one shell without the other."""
    text = document.read_text(encoding="utf-8")
    found: list[Step] = []
    blocks = list(_BLOCK.finditer(text))
    while blocks:
        block = blocks.pop(0)
        line = text.count("\n", 0, block.start()) + 1
        same = textwrap.dedent(block[3])
        if block[2] == "shell":
            found.append(Step(line, same, same, text[block.end() :].lstrip()))
            continue
        assert block[2] == "bash", f"line {line}: PowerShell without bash before it"
        assert blocks, f"line {line}: bash without PowerShell after it"
        other = blocks.pop(0)
        assert other[2] == "powershell", f"line {line}: bash without PowerShell after it"
        assert not text[block.end() : other.start()].strip(), f"line {line}: something stands between the two"
        found.append(Step(line, same, textwrap.dedent(other[3]), text[other.end() :].lstrip()))
    return found


def powershell_commands(script: str) -> list[list[str]]:
    """The programs that a script starts, each with its words, as PowerShell 7 hands them over.

    Knows as much of the language as the documents use; anything else is refused with AssertionError.
    """
    return [_words(command) for command in _statements(script) if command]


def powershell_variables(script: str) -> set[str]:
    return {match[1] for match in re.finditer(r"\$env:(\w+) = ", script)}


def _statements(script: str) -> Iterator[str]:
    for line in script.splitlines():
        for part in line.split("; "):
            statement = part.strip()
            if assigned := _VARIABLE.fullmatch(statement):
                value = assigned[2]
                statement = "" if value == _ASKED or re.fullmatch(r'"[^"$`]*"', value) else value
            assert "`" not in statement, f"line continuation: {statement}"
            yield statement


def _words(command: str) -> list[str]:
    words, end = [], 0
    for match in _WORD.finditer(command):
        assert not command[end : match.start()].strip(), command
        word, end = match[0], match.end()
        assert end == len(command) or command[end] == " ", f"quotes inside a word: {command}"
        assert word[0] in "'\"" or not re.search(r"^[@#]|[$(){}<>|&,]", word), f"a word to be quoted: {word}"
        if word[0] == "'":
            word = word[1:-1].replace("''", "'")
        elif word[0] == '"':
            word = word[1:-1]
            assert "$" not in word and "`" not in word, f"an expression: {word}"
        words.append(word)
    return words
