"""Every sentence stands in `shared/words/` and is asked for by its code, with all that it needs and no more."""

import ast
import re
from collections.abc import Iterator

from local.processes import REPOSITORY
from shared.words import sentences

SHARED = REPOSITORY / "shared"
PLACE = re.compile(r"\{(\w+)(?::[^}]*)?\}")
# What gives a code its parameters by name.
SAY = "say"


def _calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call by which code says something, and where it stands."""
    for path in SHARED.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == SAY:
                yield f"{path.relative_to(SHARED)}:{node.lineno}", node


def _codes(code: ast.expr) -> list[str]:
    """The code that is said, or both of which one is; empty where that can't be read from the source."""
    if isinstance(code, ast.IfExp):
        return [*_codes(code.body), *_codes(code.orelse)]
    return [code.value] if isinstance(code, ast.Constant) and isinstance(code.value, str) else []


def _places(sentence: str) -> set[str]:
    return {name[0].lower() + name[1:] for name in PLACE.findall(sentence)}


def test_every_code_that_is_said_can_be_read_in_the_source_where_it_is_said() -> None:
    unread = [where for where, call in _calls() if not _codes(call.args[0])]
    # `verbatim` and `parts_of` hand on what others have.
    assert unread == []


def test_every_code_has_a_sentence_and_every_sentence_is_said() -> None:
    assert {code for _, call in _calls() for code in _codes(call.args[0])} == sentences().keys()


def test_a_sentence_gets_what_stands_in_its_places_and_nothing_else() -> None:
    wrong = [
        (where, code)
        for where, call in _calls()
        for code in _codes(call.args[0])
        if {keyword.arg for keyword in call.keywords} != _places(sentences()[code])
    ]
    assert wrong == []
