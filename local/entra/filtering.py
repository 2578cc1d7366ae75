"""$filter: parses it into a predicate over an object's properties, and says if it is an advanced query."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache

from local.entra.errors import GraphError, bad_request, unsupported_query

Properties = Mapping[str, object]
Predicate = Callable[[Properties], bool]

_TOKENS = re.compile(r"\s*(?:('(?:[^']|'')*')|([A-Za-z_][\w]*)|([(),:/]))")
_LITERALS = {"true": True, "false": False, "null": None}
_TESTS: dict[str, Callable[[str, str], bool]] = {
    "eq": str.__eq__,
    "startswith": str.startswith,
    "endswith": str.endswith,
}
# Graph refuses longer chains: "Too many child clauses specified in search filter expression".
_MOST_ALTERNATIVES = 15
_ENDS_WITH = frozenset({"userPrincipalName", "mail", "otherMails", "proxyAddresses"})
# Compared with regard to case. Every other text is compared without.
_CASE_SENSITIVE = frozenset({"onPremisesImmutableId"})


@dataclass(frozen=True, slots=True)
class Filter:
    """`needs_eventual`: an advanced query, which needs ConsistencyLevel: eventual and $count=true.

    `suffix` and `equals` are (property, value) if the whole filter is one such comparison: an index can answer it.
    """

    matches: Predicate
    needs_eventual: bool = False
    suffix: tuple[str, str] | None = None
    equals: tuple[str, str] | None = None


@lru_cache(maxsize=1024)
def parse_filter(text: str, filterable: frozenset[str]) -> Filter:
    """Raises GraphError 400 for an invalid or unsupported filter, with Graph's own code."""
    return _Parser(text, filterable).parse()


@dataclass
class _Parser:
    text: str
    filterable: frozenset[str]
    tokens: list[str] = field(default_factory=list)
    position: int = 0

    def parse(self) -> Filter:
        self.tokens = _tokens(self.text)
        result = self._alternatives()
        if self.position != len(self.tokens):
            raise self._invalid()
        return result

    def _alternatives(self) -> Filter:
        parts = [self._conjunction()]
        while self._accept("or"):
            parts.append(self._conjunction())
        if len(parts) > _MOST_ALTERNATIVES:
            raise unsupported_query(
                "Too many child clauses specified in search filter expression containing 'OR' operators: "
                f"{len(parts)}. Max allowed: {_MOST_ALTERNATIVES}."
            )
        return _combined(parts, any)

    def _conjunction(self) -> Filter:
        parts = [self._negation()]
        while self._accept("and"):
            parts.append(self._negation())
        return _combined(parts, all)

    def _negation(self) -> Filter:
        if self._accept("not"):
            inner = self._negation()
            return Filter(lambda o: not inner.matches(o), needs_eventual=True)
        if self._accept("("):
            inner = self._alternatives()
            self._expect(")")
            return inner
        return self._comparison()

    def _comparison(self) -> Filter:
        name = self._next()
        if name.lower() in {"startswith", "endswith"}:
            return self._function(name.lower())
        self._check_property(name)
        if self._accept("/"):
            return self._any_of(name)
        operator = self._next().lower()
        if operator == "in":
            return self._one_of(name)
        if operator not in {"eq", "ne"}:
            raise unsupported_query(f"Unsupported property filter clause operator '{operator}'.")
        value = self._literal()
        same = _equals(name, value)
        if operator == "ne":
            return Filter(lambda o: not same(o), needs_eventual=True)
        return Filter(same, equals=(name, value) if isinstance(value, str) else None)

    def _function(self, function: str) -> Filter:
        self._expect("(")
        name = self._next()
        self._check_property(name)
        self._expect(",")
        value = self._text()
        self._expect(")")
        if function == "startswith":
            return Filter(lambda o: str(o.get(name) or "").lower().startswith(value))
        if name not in _ENDS_WITH:
            raise unsupported_query(f"Unsupported property filter clause: endsWith on '{name}'.")
        return Filter(
            lambda o: str(o.get(name) or "").lower().endswith(value),
            needs_eventual=True,
            suffix=(name, value),
        )

    def _one_of(self, name: str) -> Filter:
        self._expect("(")
        values = [self._literal()]
        while self._accept(","):
            values.append(self._literal())
        self._expect(")")
        if len(values) > _MOST_ALTERNATIVES:
            raise unsupported_query(
                f"Too many values in the 'in' operator: {len(values)}. Max allowed: {_MOST_ALTERNATIVES}."
            )
        return Filter(_equals(name, *values))

    def _any_of(self, name: str) -> Filter:
        """`name/any(x:x eq 'v')`, also with startsWith and endsWith inside."""
        self._expect("any")
        self._expect("(")
        variable = self._next()
        self._expect(":")
        word = self._next()
        if word.lower() in {"startswith", "endswith"}:
            self._expect("(")
            self._expect(variable)
            self._expect(",")
            value = self._text()
            self._expect(")")
        elif word == variable:
            self._expect("eq")
            value = self._text()
            word = "eq"
        else:
            raise self._invalid()
        self._expect(")")
        test = _TESTS[word.lower()]
        return Filter(
            lambda o: any(test(item.lower(), value) for item in _items(o, name)),
            needs_eventual=word.lower() == "endswith",
        )

    def _check_property(self, name: str) -> None:
        if name not in self.filterable:
            raise unsupported_query(
                f"Unsupported or invalid query filter clause specified for property '{name}'."
            )

    def _literal(self) -> str | bool | None:
        token = self._next()
        if token.startswith("'"):
            return token[1:-1].replace("''", "'")
        if token not in _LITERALS:
            raise self._invalid()
        return _LITERALS[token]

    def _text(self) -> str:
        value = self._literal()
        if not isinstance(value, str):
            raise self._invalid()
        return value.lower()

    def _next(self) -> str:
        if self.position >= len(self.tokens):
            raise self._invalid()
        self.position += 1
        return self.tokens[self.position - 1]

    def _accept(self, token: str) -> bool:
        found = self.position < len(self.tokens) and self.tokens[self.position] == token
        self.position += found
        return found

    def _expect(self, token: str) -> None:
        if not self._accept(token):
            raise self._invalid()

    def _invalid(self) -> GraphError:
        return bad_request(f"Invalid filter clause: '{self.text}'.")


def _tokens(text: str) -> list[str]:
    tokens, position = [], 0
    text = text.strip()
    while position < len(text):
        match = _TOKENS.match(text, position)
        if match is None:
            raise bad_request(f"Invalid filter clause: syntax error at position {position} in '{text}'.")
        tokens.append(match[1] or match[2] or match[3])
        position = match.end()
    return tokens


def _combined(parts: list[Filter], how: Callable[[Iterable[bool]], bool]) -> Filter:
    if len(parts) == 1:
        return parts[0]
    return Filter(
        lambda o: how(part.matches(o) for part in parts),
        needs_eventual=any(part.needs_eventual for part in parts),
    )


def _equals(name: str, *values: str | bool | None) -> Predicate:
    """One of them."""
    if name in _CASE_SENSITIVE:
        return lambda o: o.get(name) in values
    texts = {value.lower() for value in values if isinstance(value, str)}
    others = [value for value in values if not isinstance(value, str)]
    return lambda o: found.lower() in texts if isinstance(found := o.get(name), str) else found in others


def _items(properties: Properties, name: str) -> list[str]:
    value = properties.get(name)
    return [str(item) for item in value] if isinstance(value, list) else []
