"""The console's modules as one script: a browser then asks once, and not once for each module in a few rounds.

Each module becomes a function that gives what it exports, in an order in which nothing is used before it is there.
Its lines stay as they are, without comments of their own and without indentation.
"""

import re
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from posixpath import dirname, join, normpath

_IMPORT = re.compile(r'^import (?:\{ ([^}]+) \}|(\w+)) from "([^"]+)";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|class|const) (\w+))", re.MULTILINE)
_COMMENTS = re.compile(r"^[ \t]*(?:/\*\*(?:(?!\*/).)*\*/|//[^\n]*)\n", re.DOTALL | re.MULTILINE)
_INDENTATION = re.compile(r"^[ \t]+", re.MULTILINE)


def joined(modules: Mapping[str, str]) -> str:
    """One script of all these modules, by their paths."""
    needed = {name: list(_imported(name, text)) for name, text in modules.items()}
    order = TopologicalSorter(needed).static_order()
    return "const $ = {};\n" + "".join(_wrapped(name, modules[name]) for name in order)


def bare(text: str) -> str:
    """The text without the comments that stand on lines of their own, and without indentation."""
    return _INDENTATION.sub("", _COMMENTS.sub("", text))


def _wrapped(name: str, text: str) -> str:
    exports = [*_EXPORT.findall(text), *(["default: $default"] if "\nexport default " in text else [])]
    body = _EXPORT.sub("", _IMPORT.sub(lambda found: _taken(name, found), bare(text)))
    body = body.replace("\nexport default ", "\nconst $default = ")
    return f'$["{name}"] = await (async () => {{\n{body}return {{ {", ".join(exports)} }};\n}})();\n'


def _taken(name: str, found: re.Match[str]) -> str:
    names, default, path = found.groups()
    taken = f"{{ {names.replace(' as ', ': ')} }}" if names else f"{{ default: {default} }}"
    return f'const {taken} = $["{_path(name, path)}"];'


def _imported(name: str, text: str) -> Iterator[str]:
    return (_path(name, path) for _, _, path in _IMPORT.findall(text))


def _path(name: str, relative: str) -> str:
    return normpath(join(dirname(name), relative))
