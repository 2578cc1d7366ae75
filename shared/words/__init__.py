"""Every sentence a person reads, by its code: one file per language, read by Python and by the admin page.

A placeholder is `{name}`, the name of a parameter. `{name:, }` gives the separator between the items of a list (by
default a space), `{Name}` makes the first letter a capital, and `{name!}` holds English from elsewhere, which the
admin page marks as such. `shared/console/words.js` does the same for the admin page.
"""

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

from shared.model.parts import Language, Parameter, Part, Parts

_PLACE = re.compile(r"\{(\w+)!?(?::([^}]*))?\}")
_BETWEEN: Mapping[Language, str] = {"en": " ", "ja": ""}
# Parameters whose texts are names with words of their own: a `surname` is `attribute.surname`.
NAMED = {
    "attribute": "attribute",
    "attributes": "attribute",
    "action": "action",
    "kinds": "action",
    "by": "author",
}


def said(parts: Parts, language: Language = "en") -> str:
    """These parts as text."""
    return _BETWEEN[language].join(_sentence(part, language) for part in parts)


@cache
def sentences(language: Language) -> Mapping[str, str]:
    """Code → sentence."""
    found: dict[str, str] = json.loads(
        Path(__file__).with_name(f"{language}.json").read_text(encoding="utf-8")
    )
    return found


def _sentence(part: Part, language: Language) -> str:
    # A later version may have stored a code that this one does not know; that must not hide the run.
    sentence = sentences(language).get(part.code, part.code)
    return _PLACE.sub(lambda place: _filled(place, part.parameters, language), sentence)


def _filled(place: re.Match[str], parameters: Mapping[str, Parameter], language: Language) -> str:
    name, between = place[1], " " if place[2] is None else place[2]
    parameter = name[0].lower() + name[1:]
    value = parameters.get(parameter, place[0])
    if isinstance(value, tuple):
        text = between.join(_item(item, parameter, language) for item in value)
    else:
        text = _item(value, parameter, language)
    return text if parameter == name else text[:1].upper() + text[1:]


def _item(item: str | int | float | Part, parameter: str, language: Language) -> str:
    if isinstance(item, Part):
        return _sentence(item, language)
    if isinstance(item, str):
        return sentences(language).get(f"{NAMED[parameter]}.{item}", item) if parameter in NAMED else item
    return f"{item:.15g}" if isinstance(item, float) else str(item)
