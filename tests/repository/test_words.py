"""Every sentence stands in `shared/words/` and is asked for by its code, with all that it needs and no more."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from local.processes import REPOSITORY
from shared import errors
from shared.errors import SyncError
from shared.words import sentences

SHARED = REPOSITORY / "shared"
PLACE = re.compile(r"\{(\w+)(?::[^}]*)?\}")
# Who takes a code first, and by name what fills its sentence. `Pages` raises the error that it is given.
ERRORS = {
    name
    for name, kind in vars(errors).items()
    if isinstance(kind, type) and issubclass(kind, SyncError) and name != "RunActive"
}
SAYS = {"say", "Cached", "self._error", *ERRORS}
# What they take by name beside that.
OTHERWISE: Mapping[str, set[str]] = {
    "GraphError": {"status", "code", "request_id"},
    "Unavailable": {"because", "retry_after"},
    "SourceError": {"because"},
    "CallerRefused": {"because"},
    "Cached": {"fresh", "patience", "kept"},
}
# Where a code is handed on that others gave.
HANDED_ON = {"errors.py", "store/cached.py"}


class Said(NamedTuple):
    """A call that says something: where it stands, the code or both of which one is said, and what fills it."""

    where: str
    codes: tuple[str, ...]
    parameters: frozenset[str]


def said_in_the_code() -> Iterator[Said]:
    for path in SHARED.rglob("*.py"):
        name = path.relative_to(SHARED).as_posix()
        for call in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not isinstance(call, ast.Call) or not call.args:
                continue
            who = ast.unparse(call.func)
            if who in SAYS or (name, who) == ("errors.py", "super().__init__"):
                codes = tuple(_codes(call.args[0]))
                if codes or name not in HANDED_ON:
                    named = {keyword.arg or "**" for keyword in call.keywords} - OTHERWISE.get(who, set())
                    yield Said(f"{name}:{call.lineno}", codes, frozenset(named))


def _codes(code: ast.expr) -> Iterator[str]:
    if isinstance(code, ast.IfExp):
        yield from _codes(code.body)
        yield from _codes(code.orelse)
    elif isinstance(code, ast.Subscript) and isinstance(code.value, ast.Dict):
        for one in code.value.values:
            yield from _codes(one)
    elif isinstance(code, ast.Constant) and isinstance(code.value, str):
        yield code.value


def test_every_text_has_a_code_that_stands_where_it_is_said() -> None:
    others = [one.where for one in said_in_the_code() if not one.codes]
    assert others == []


def test_every_code_has_a_sentence_and_every_sentence_is_said() -> None:
    assert {code for one in said_in_the_code() for code in one.codes} == sentences().keys()


def test_a_sentence_gets_what_stands_in_its_places_and_nothing_else() -> None:
    places = {
        code: {name[0].lower() + name[1:] for name in PLACE.findall(sentence)}
        for code, sentence in sentences().items()
    }
    wrong = [
        (one.where, code)
        for one in said_in_the_code()
        for code in one.codes
        if one.parameters != places[code]
    ]
    assert wrong == []
