"""Every sentence a person reads, by its code: one file per language, read by Python and by the admin page.

A placeholder is `{name}`, the name of a parameter. `{name:, }` gives the separator between the items of a list (by
default a space), and `{Name}` makes the first letter a capital.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from shared.model.parts import Parameter, Part, Parts

_PLACE = re.compile(r"\{(\w+)(?::([^}]*))?\}")


def said(parts: Parts, between: str = " ") -> str:
    """These parts as English text."""
    return between.join(map(_sentence, parts))


@cache
def sentences() -> Mapping[str, str]:
    """Code → sentence."""
    found: dict[str, str] = json.loads(Path(__file__).with_name("en.json").read_text(encoding="utf-8"))
    return found


def _sentence(part: Part) -> str:
    # A later version may have stored a code that this one does not know; that must not hide the run.
    sentence = sentences().get(part.code, part.code)
    return _PLACE.sub(lambda place: _filled(place, part.parameters), sentence)


def _filled(place: re.Match[str], parameters: Mapping[str, Parameter]) -> str:
    name, between = place[1], " " if place[2] is None else place[2]
    parameter = name[0].lower() + name[1:]
    text = _text(parameters.get(parameter, place[0]), between)
    return text if parameter == name else text[:1].upper() + text[1:]


def _text(value: Parameter, between: str) -> str:
    if isinstance(value, tuple):
        return between.join(item if isinstance(item, str) else _sentence(item) for item in value)
    return f"{value:.15g}" if isinstance(value, float) else str(value)
