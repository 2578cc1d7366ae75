"""Small expressions in an attribute map: what an attribute is made of, if not of one field alone. Pure.

`Display Name` is a field, and so is every text that is not one of these: `'JP'` (a constant; `''` in it is one quote),
`first(a, b)` (the first that is not empty), `join(' ', a, b)` (those that are not empty, with the constant between) and
`before(a, '@')` (what stands before the constant, all of it without one). A field inside one has none of `( ) , '`.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from shared.model.bad_value import BadValue

Function = Literal["first", "join", "before"]
FUNCTIONS: tuple[Function, ...] = get_args(Function)
DEEPEST = 5

_BEGINS = re.compile(r"\s*(?:'|[a-z]+\()")
_CALL = re.compile(r"\s*([^\s(),']+)\(")
_CONSTANT = re.compile(r"\s*'((?:[^']|'')*)'\s*")
_FIELD = re.compile(r"[^(),']+")
_AFTER = re.compile(r"\s*([,)])\s*")


@dataclass(frozen=True, slots=True)
class Constant:
    text: str


@dataclass(frozen=True, slots=True)
class Call:
    """`arguments` without the constant that `join` puts between, and `before` looks for: that is `constant`."""

    function: Function
    arguments: tuple["Expression", ...]
    constant: str = ""


# A text is the name of a field.
Expression = str | Constant | Call


def parse(text: str, key: Callable[[str], str]) -> Expression:
    """The expression, with the names of its fields as `key` writes them. Raises BadValue that says what is wrong."""
    if not _BEGINS.match(text):
        return key(text)
    parser = _Parser(text, key)
    expression = parser.expression(1)
    if parser.place != len(text):
        raise BadValue("expression.end", at=parser.place + 1, text=repr(text))
    return expression


def fields_of(expression: Expression) -> Iterator[str]:
    if isinstance(expression, str):
        yield expression
    elif isinstance(expression, Call):
        for argument in expression.arguments:
            yield from fields_of(argument)


def constants_of(expression: Expression) -> Iterator[str]:
    """What may become the value as it stands."""
    if isinstance(expression, Constant):
        yield expression.text
    elif isinstance(expression, Call) and expression.function == "first":
        for argument in expression.arguments:
            yield from constants_of(argument)


def value_of(expression: Expression, read: Callable[[str], str | None]) -> str | None:
    """`read` returns the value of a field, None for an empty one."""
    if isinstance(expression, str):
        return read(expression)
    if isinstance(expression, Constant):
        return expression.text or None
    values = [value for argument in expression.arguments if (value := value_of(argument, read))]
    if expression.function == "join":
        return expression.constant.join(values) or None
    if expression.function == "before":
        values = [value.partition(expression.constant)[0] for value in values]
    return next(iter(values), None) or None


class _Parser:
    def __init__(self, text: str, key: Callable[[str], str]) -> None:
        self._text = text
        self._key = key
        self.place = 0

    def expression(self, depth: int) -> Expression:
        if constant := self._taken(_CONSTANT):
            return Constant(constant[1].replace("''", "'"))
        if call := self._taken(_CALL):
            return self._call(call[1], depth)
        if (field := self._taken(_FIELD)) and field[0].strip():
            return self._key(field[0].strip())
        raise BadValue("expression.value", at=self.place + 1, text=repr(self._text))

    def _call(self, name: str, depth: int) -> Call:
        function = next((one for one in FUNCTIONS if one == name), None)
        if function is None:
            raise BadValue("expression.noFunction", name=name, possible=FUNCTIONS)
        if depth > DEEPEST:
            raise BadValue("expression.tooDeep", deepest=DEEPEST)
        arguments = [self.expression(depth + 1)]
        while self._following() == ",":
            arguments.append(self.expression(depth + 1))
        return _checked(function, arguments)

    def _following(self) -> str:
        if after := self._taken(_AFTER):
            return after[1]
        raise BadValue("expression.comma", at=self.place + 1, text=repr(self._text))

    def _taken(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        if found := pattern.match(self._text, self.place):
            self.place = found.end()
        return found


def _checked(function: Function, arguments: list[Expression]) -> Call:
    if function == "join":
        between, *joined = arguments
        if not isinstance(between, Constant) or len(joined) < 2:
            raise BadValue("expression.join")
        return Call(function, tuple(joined), between.text)
    if function == "before":
        if len(arguments) != 2 or not isinstance(mark := arguments[1], Constant) or not mark.text:
            raise BadValue("expression.before")
        return Call(function, tuple(arguments[:1]), mark.text)
    if len(arguments) < 2:
        raise BadValue("expression.first")
    return Call(function, tuple(arguments))
