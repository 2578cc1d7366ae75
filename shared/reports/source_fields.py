"""What the source has: its fields, how many people have each, and a map that would suit it. Pure.

For administrators who put this app in front of a source whose field names nobody publishes. Values leave here masked
only, and those of fields that hold secrets not at all.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from shared.model.parts import Parts, say
from shared.model.records import Record, Time
from shared.planning.mapping import (
    ENABLED,
    IMMUTABLE_ID,
    SOURCE_ID,
    UPN,
    AttributeMap,
    field_key,
    is_secret,
    normalised,
)
from shared.words import said

SAMPLES = 3
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


_Why = Literal["kept", "named", "inverted", "address", "encodedId"]


class SourceField(Record):
    """A field of the source. `fills`: the Entra attributes that it fills today, or that name the person (`sourceId`).

    `users`: how many people have a value. `same`: all of those have the same one. `samples` are masked. `secret`: by
    its name it holds a secret, so that it can't be mapped.
    """

    name: str
    users: int
    same: bool
    samples: tuple[str, ...]
    fills: tuple[str, ...]
    secret: bool


class SuggestedField(Record):
    """The field that would fill an attribute, `!` before it for the opposite of a flag."""

    attribute: str
    field: str
    reason: str
    reason_parts: Parts


class SourceReport(Record):
    """What the source has, read for this answer alone. `kind`: `hennge` or `csv`; `name`: where it is.

    `users`: all that it lists, Access Control's built-in administrator too.
    """

    kind: Literal["hennge", "csv"]
    name: str
    read_at: Time
    users: int
    fields: tuple[SourceField, ...]
    suggested: tuple[SuggestedField, ...]


@dataclass(slots=True)
class _Seen:
    """What was seen of one field. `first`: the first value; `kinds`: how many values pass each rule of `_RULES`."""

    name: str
    users: int = 0
    first: str = ""
    same: bool = True
    samples: dict[str, None] = field(default_factory=dict)
    kinds: dict[str, int] = field(default_factory=dict)

    def add(self, value: str, *, secret: bool) -> None:
        self.users += 1
        if secret:
            return
        self.first = self.first or value
        self.same = self.same and value == self.first
        if len(self.samples) < SAMPLES:
            self.samples[masked(value)] = None
        for kind, rule in _RULES.items():
            if rule(value):
                self.kinds[kind] = self.kinds.get(kind, 0) + 1

    def nearly_all(self, kind: str) -> bool:
        return self.users > 0 and self.kinds.get(kind, 0) >= _NEARLY_ALL * self.users


_RULES: Mapping[str, Callable[[str], object]] = {
    "flag": lambda value: value.casefold() in _FLAGS,
    "address": _ADDRESS.fullmatch,
    "encodedId": _ENCODED_ID.fullmatch,
}


class SourceFields:
    """Collects what the fields of a source hold, record by record."""

    def __init__(self) -> None:
        self.users = 0
        self._fields: dict[str, _Seen] = {}

    def add(self, record: object) -> None:
        """Adds one record with the source's own field names; what is no object counts as a person without fields."""
        self.users += 1
        for name, value in _named(record) if isinstance(record, Mapping) else ():
            seen = self._fields.setdefault(name, _Seen(name))
            if (text := _text(value)) is not None:
                seen.add(text, secret=is_secret(name))

    def report(
        self, kind: Literal["hennge", "csv"], name: str, read_at: Time, attribute_map: AttributeMap
    ) -> SourceReport:
        filled = _filled_by(attribute_map)
        return SourceReport(
            kind=kind,
            name=name,
            read_at=read_at,
            users=self.users,
            fields=tuple(
                SourceField(
                    name=seen.name,
                    users=seen.users,
                    same=seen.same and seen.users > 1 and bool(seen.samples),
                    samples=tuple(seen.samples),
                    fills=tuple(filled.get(field_key(seen.name), ())),
                    secret=is_secret(seen.name),
                )
                for seen in self._fields.values()
            ),
            suggested=tuple(self._suggested(filled)),
        )

    def _suggested(self, filled: Mapping[str, Sequence[str]]) -> Iterator[SuggestedField]:
        """For each attribute the field that fills it, else one by its name, else one by its values."""
        usable = [seen for seen in self._fields.values() if seen.users and not is_secret(seen.name)]
        taken: set[str] = set()
        for attribute, names in _ALSO_CALLED.items():
            left = [seen for seen in usable if seen.name not in taken]
            by_key = {field_key(seen.name.rpartition(".")[2]): seen for seen in reversed(left)}
            choices: tuple[tuple[_Why, Iterable[_Seen]], ...] = (
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
                yield self._suggestion(attribute, field_seen, why)

    def _suggestion(self, attribute: str, found: _Seen, why: _Why) -> SuggestedField:
        reason = say(
            {
                "kept": "suggested.kept",
                "named": "suggested.named",
                "inverted": "suggested.inverted",
                "address": "suggested.address",
                "encodedId": "suggested.encodedId",
            }[why],
            users=found.users,
            all=self.users,
        )
        field_name = f"!{found.name}" if why == "inverted" else found.name
        return SuggestedField(attribute=attribute, field=field_name, reason=said(reason), reason_parts=reason)


def _filled_by(attribute_map: AttributeMap) -> dict[str, list[str]]:
    """Field, as `field_key` has it → the attributes that it fills."""
    filled: dict[str, list[str]] = {}
    pairs = [*zip(attribute_map.fields, attribute_map.attributes, strict=True)]
    for names, attribute in (
        (attribute_map.source_id_fields, SOURCE_ID),
        (attribute_map.upn_fields, UPN),
        (attribute_map.immutable_id_fields, IMMUTABLE_ID),
        ((attribute_map.status_field,), ENABLED),
    ):
        pairs += [(name, attribute) for name in names]
    for name, attribute in pairs:
        filled.setdefault(name, []).append(attribute)
    return filled


def _named(record: Mapping[object, object]) -> Iterator[tuple[str, object]]:
    for name, value in record.items():
        if isinstance(value, Mapping):
            yield from ((f"{name}.{inner}", nested) for inner, nested in value.items())
        else:
            yield str(name), value


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
