"""How a source calls its fields: what was seen of each, and which would fill an attribute. Pure.

For a source whose field names nobody publishes. Values are kept masked only, and those of fields that hold secrets not
at all. The first records are looked at closely; of all others it is counted who has a value, which is cheap enough for
each reading of the source.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from shared.model.people import SignIn
from shared.planning.expressions import fields_of
from shared.planning.mapping import (
    EMAIL_FIELDS,
    ENABLED,
    IMMUTABLE_ID,
    SOURCE_ID,
    UPN,
    UPN_FIELDS,
    AttributeMap,
    field_key,
    is_secret,
    normalised,
)

SAMPLES = 3
# In so many records a source shows how it calls its fields.
LOOKED_AT = 200
# A rule about values holds for a field if at least this share of those who have it fulfil it.
_NEARLY_ALL = 0.95
_FLAGS = frozenset({"true", "false", "0", "1", "enabled", "disabled", "active", "inactive", "locked"})
_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
# What Entra Connect makes of an object's 16 bytes.
_ENCODED_ID = re.compile(r"[A-Za-z0-9+/]{22}==")
# Other names of what the attributes take, as other directories call it (SCIM, LDAP, Google, Okta), as `field_key`.
_ALSO_CALLED: Mapping[str, tuple[str, ...]] = {
    SOURCE_ID: ("username", "userid", "loginid", "uid", "id", "employeenumber"),
    UPN: ("userprincipalname", "upn", "microsoftupn", "primaryemail", "emailaddress", "email", "mail"),
    IMMUTABLE_ID: (
        "immutableid", "onpremisesimmutableid", "microsoftimmutableid", "sourceanchor", "objectguid",
    ),
    "displayName": ("displayname", "fullname", "name", "cn"),
    "givenName": ("givenname", "firstname"),
    "surname": ("surname", "familyname", "lastname", "sn"),
    ENABLED: ("status", "enabled", "active", "isactive", "isenabled", "accountenabled"),
}  # fmt: skip
_INVERTED = ("disabled", "isdisabled", "suspended", "issuspended", "inactive", "isinactive", "locked")


Why = Literal["kept", "named", "inverted", "address", "encodedId"]


@dataclass(slots=True)
class Seen:
    """What was seen of one field, for `users` people.

    `looked`: how many values were looked at closely; `kinds`: how many of these pass each rule of `_RULES`. `first`:
    the first value, of this process.
    """

    name: str
    secret: bool = False
    users: int = 0
    same: bool = True
    samples: list[str] = field(default_factory=list)
    looked: int = 0
    kinds: dict[str, int] = field(default_factory=dict)
    first: str = ""

    def add(self, value: str, *, look: bool) -> None:
        self.users += 1
        if self.secret:
            return
        self._compare(value)
        if look:
            self._look(value)

    def _look(self, value: str) -> None:
        self.looked += 1
        if len(self.samples) < SAMPLES and (sample := masked(value)) not in self.samples:
            self.samples.append(sample)
        for kind, rule in _RULES.items():
            if rule(value):
                self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def _compare(self, value: str) -> None:
        # Where another process has begun, a sample stands for the first value.
        first = self.first or (value if not self.samples or masked(value) in self.samples else "")
        self.same = self.same and value == first
        self.first = first or value

    def nearly_all(self, kind: str) -> bool:
        return self.looked > 0 and self.kinds.get(kind, 0) >= _NEARLY_ALL * self.looked


_RULES: Mapping[str, Callable[[str], object]] = {
    "flag": lambda value: value.casefold() in _FLAGS,
    "address": _ADDRESS.fullmatch,
    "encodedId": _ENCODED_ID.fullmatch,
}


class Spellings:
    """Collects what the fields of a source hold, record by record. `kept`: what `Spellings.kept` was before."""

    def __init__(self, kept: Sequence[Any] = (0,)) -> None:
        self.users, *seen = kept
        self.fields = {one[0]: Seen(*one) for one in seen}

    @property
    def kept(self) -> list[Any]:
        """All of it but values, as JSON has it."""
        seen = self.fields.values()
        return [
            self.users,
            *([s.name, s.secret, s.users, s.same, s.samples, s.looked, s.kinds] for s in seen),
        ]

    def add(self, record: object) -> None:
        """Adds one record with the source's own field names; what is no object counts as a person without fields."""
        self.users += 1
        if not isinstance(record, dict):
            return
        for name, value in record.items():
            seen = self.fields.get(name)
            # All that nearly all further values do is to count.
            if (
                seen
                and self.users > LOOKED_AT
                and type(value) is str
                and value
                and (value == seen.first or not (seen.same or value.isspace()))
            ):
                seen.users += 1
            elif isinstance(value, dict):
                for inner, nested in value.items():
                    self._add(f"{name}.{inner}", nested)
            else:
                self._add(str(name), value)

    def _add(self, name: str, value: object) -> None:
        seen = self.fields.get(name)
        if seen is None:
            secret = is_secret(name)
            seen = self.fields[name] = Seen(name, secret, same=not secret)
        if (text := _text(value)) is not None:
            seen.add(text, look=self.users <= LOOKED_AT or not seen.samples)

    def fitting(self, attribute_map: AttributeMap) -> str:
        """What the map could name beside, as JSON: for attributes whose own fields nobody has. Empty if nothing."""
        wanted = {SOURCE_ID, UPN, *attribute_map.attributes}
        if attribute_map.immutable_id_fields:  # else it is left alone on purpose
            wanted.add(IMMUTABLE_ID)
        if attribute_map.sign_in is not SignIn.LEAVE:
            wanted.add(ENABLED)
        found = {
            attribute: spelled(seen, why)
            for attribute, seen, why in self.suggested(filled_by(attribute_map))
            if attribute in wanted and why != "kept"
        }
        return json.dumps(found, ensure_ascii=False) if found else ""

    def suggested(self, filled: Mapping[str, Sequence[str]]) -> Iterator[tuple[str, Seen, Why]]:
        """For each attribute the field that fills it, else one by its name, else one by its values."""
        usable = [seen for seen in self.fields.values() if seen.users and not is_secret(seen.name)]
        taken: set[str] = set()
        for attribute, names in _ALSO_CALLED.items():
            left = [seen for seen in usable if seen.name not in taken]
            by_key = {field_key(seen.name.rpartition(".")[2]): seen for seen in reversed(left)}
            choices: tuple[tuple[Why, Iterable[Seen]], ...] = (
                ("kept", (one for one in usable if attribute in filled.get(field_key(one.name), ()))),
                ("named", (by_key[name] for name in names if name in by_key)),
                ("inverted", (by_key[n] for n in _INVERTED if attribute == ENABLED and n in by_key)),
                ("address", (one for one in left if attribute == UPN and one.nearly_all("address"))),
                ("encodedId", (o for o in left if attribute == IMMUTABLE_ID and o.nearly_all("encodedId"))),
            )
            found = next(((why, one) for why, candidates in choices for one in candidates), None)
            if found:
                why, field_seen = found
                taken.add(field_seen.name)
                yield attribute, field_seen, why


def spelled(seen: Seen, why: Why) -> str:
    """The field as a map names it, `!` before it for the opposite of a flag."""
    return f"!{seen.name}" if why == "inverted" else seen.name


def filled_by(attribute_map: AttributeMap) -> dict[str, list[str]]:
    """Field, as `field_key` has it → the attributes that it fills."""
    filled: dict[str, list[str]] = {}
    pairs = [
        (name, attribute)
        for expression, attribute in zip(attribute_map.fields, attribute_map.attributes, strict=True)
        for name in fields_of(expression)
    ]
    for names, attribute in (
        (attribute_map.source_id_fields, SOURCE_ID),
        # Where nobody has a UPN, Email stands in for it.
        (attribute_map.upn_fields + (EMAIL_FIELDS if attribute_map.upn_fields == UPN_FIELDS else ()), UPN),
        (attribute_map.immutable_id_fields, IMMUTABLE_ID),
        ((attribute_map.status_field,), ENABLED),
    ):
        pairs += [(name, attribute) for name in names]
    for name, attribute in pairs:
        filled.setdefault(name, []).append(attribute)
    return filled


def _text(value: object) -> str | None:
    if isinstance(value, list):
        return normalised("; ".join(map(str, value)))
    return normalised(str(value).lower() if isinstance(value, bool) else value)


def masked(value: str) -> str:
    """A value that tells its kind and no person: `t***@c***.com`, `山*`; words for a state stay as they are."""
    if value.casefold() in _FLAGS:
        return value
    if _ADDRESS.fullmatch(value):
        local, _, domain = value.rpartition("@")
        return f"{local[0]}***@{domain[0]}***.{domain.rpartition('.')[2]}"
    return f"{value[0]}*"
