"""What is wrong with the fields of a request, in our own sentences."""

from collections.abc import Callable, Mapping
from typing import Any

from pydantic import ValidationError

from shared.errors import SyncError
from shared.http.problems import Problem
from shared.model.parts import Parts, parts_of, say

_WHOLE_NUMBER = say("field.wholeNumber")
# By the type of Pydantic's error, from its context. What it says itself is for programmers.
_WRONG: Mapping[str, Callable[[dict[str, Any]], Parts]] = {
    "int_type": lambda _: _WHOLE_NUMBER,
    "int_parsing": lambda _: _WHOLE_NUMBER,
    "int_from_float": lambda _: _WHOLE_NUMBER,
    "greater_than_equal": lambda context: say("field.atLeast", limit=context["ge"]),
    "less_than_equal": lambda context: say("field.atMost", limit=context["le"]),
    "missing": lambda _: say("field.required"),
    "extra_forbidden": lambda _: say("field.unknown"),
    "literal_error": lambda context: say("field.oneOf", choices=_choices(context["expected"])),
    "enum": lambda context: say("field.oneOf", choices=_choices(context["expected"])),
    "bool_type": lambda _: say("field.onOff"),
    "timezone_aware": lambda _: say("field.timeZone"),
    "string_too_long": lambda context: say("field.atMostCharacters", limit=context["max_length"]),
    "string_too_short": lambda _: say("field.required"),
    "too_long": lambda context: say("field.atMostItems", limit=context["max_length"]),
    "too_short": lambda _: say("field.required"),
    "value_error": lambda context: _refused(context["error"]),
}


def _refused(error: ValueError) -> Parts:
    return parts_of(error) if isinstance(error, SyncError) else say("field.refused", why=str(error))


def _choices(expected: str) -> str:
    """The choices as JSON writes them, from "True, False or 'watch'"."""
    return expected.replace(" or ", ", ").replace("True", "true").replace("False", "false")


def bad_fields(error: ValidationError, where: str) -> Problem:
    """A 400 that says of each field what is wrong; a field is its path with dots, `where` the whole of it."""
    wrong = []
    for one in error.errors():
        known = _WRONG.get(one["type"])
        why = known(one.get("ctx", {})) if known else say("field.form")
        wrong.append((".".join(map(str, one["loc"])) or where, why))
    named = tuple(part for field, why in wrong for part in say("field.named", field=field, why=why))
    return Problem(400, f"Bad {where}", say("http.badFields", fields=named), errors=wrong)
