"""Every sentence stands in `shared/words/` in every language, and is asked for by its code with all that it needs."""

import ast
import re
from collections.abc import Iterator, Mapping
from typing import NamedTuple, get_args

import pytest

from local.processes import REPOSITORY
from shared import errors
from shared.errors import SyncError
from shared.http.principal import ANYBODY, KEY_HOLDER
from shared.model import bad_value
from shared.model.changes import Action
from shared.model.parts import Language
from shared.model.runs import Approvable
from shared.planning.mapping import MAPPABLE, SOURCE_ID
from shared.words import NAMED, sentences

SHARED = REPOSITORY / "shared"
LANGUAGES: tuple[Language, ...] = get_args(Language)
PLACE = re.compile(r"\{(\w+)(!?)(?::[^}]*)?\}")
# Words for names that are never said on their own.
NAMES = {
    *(f"attribute.{name}" for name in MAPPABLE if name != SOURCE_ID),
    "attribute.mailNickname",
    *(f"author.{author}" for author in (ANYBODY, KEY_HOLDER)),
    *(f"action.{kind}" for kind in get_args(Approvable)),
    *(f"action.{action.value}" for action in Action if action is not Action.SKIP),
}
JAPANESE = "[ぁ-んァ-ヶ一-龠]"
ENGLISH_PHRASE = re.compile("[A-Za-z]{3,} [a-z]{2,} [a-z]{2,}")
HALF_WIDTH = re.compile(f"{JAPANESE}[,.;!?]|[,;!?]{JAPANESE}")
# Who takes a code first, and by name what fills its sentence. `Pages` raises the error that it is given.
ERRORS = {
    name
    for name, kind in {**vars(errors), **vars(bad_value)}.items()
    if isinstance(kind, type) and issubclass(kind, SyncError) and name != "RunActive"
}
SAYS = {"say", "Cached", "self._error", *ERRORS}
# What they take by name beside that.
OTHERWISE: Mapping[str, set[str]] = {
    "GraphError": {"status", "code", "request_id"},
    "Unavailable": {"because", "retry_after"},
    "SourceError": {"because"},
    "CallerRefused": {"because"},
    "BadValue": {"because"},
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


def said_by_the_page() -> set[str]:
    """Codes that the admin page says, too: about a form, before it is sent."""
    scripts = "".join(path.read_text(encoding="utf-8") for path in (SHARED / "console").rglob("*.js"))
    return set(re.findall(r'"(field\.\w+)"', scripts))


def test_every_code_has_a_sentence_and_every_sentence_is_said() -> None:
    said = {code for one in said_in_the_code() for code in one.codes} | said_by_the_page()
    assert said | NAMES == sentences("en").keys()
    assert {code.partition(".")[0] for code in NAMES} == set(NAMED.values())


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_says_the_same_with_the_same_parameters(language: Language) -> None:
    assert places(language) == places("en")


def test_japanese_has_no_english_phrase_and_full_width_punctuation() -> None:
    own = {code: PLACE.sub("", sentence) for code, sentence in sentences("ja").items()}
    assert {c: s for c, s in own.items() if ENGLISH_PHRASE.search(s) or HALF_WIDTH.search(s)} == {}


def test_a_sentence_gets_what_stands_in_its_places_and_nothing_else() -> None:
    needed = {code: {name for name, _ in found} for code, found in places("en").items()}
    wrong = [
        (one.where, code)
        for one in said_in_the_code()
        for code in one.codes
        if one.parameters != needed[code]
    ]
    assert wrong == []


def places(language: Language) -> dict[str, set[tuple[str, str]]]:
    """By code: the parameters, and whether each is English from elsewhere."""
    return {
        code: {(name[0].lower() + name[1:], foreign) for name, foreign in PLACE.findall(sentence)}
        for code, sentence in sentences(language).items()
    }
