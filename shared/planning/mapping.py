"""Maps source fields to Entra attributes, normalised so that equal values compare equal. Pure.

Both sides pass through `normalised`, so that a comparison ignores the Unicode form in which a Japanese name was
typed and the white space that Entra trims anyway. Names are written as the source has them. A value that Entra would
refuse becomes an obstacle for that one user.
"""

import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache

from shared.model.bad_value import BadValue
from shared.model.characters import LONGEST, composed, escaped, visible
from shared.model.people import AccountKind, EntraUser, SignIn, SourceUser, Standing, Value
from shared.planning.entra_limits import LENGTHS, unwritten
from shared.planning.expressions import Expression, constants_of, fields_of, parse, value_of
from shared.planning.scope import EVERYBODY, Scope

UPN, IMMUTABLE_ID, ENABLED = "userPrincipalName", "onPremisesImmutableId", "accountEnabled"
# How a user signs in. Exchange never has authority over these.
SIGN_IN = (UPN, IMMUTABLE_ID, ENABLED)
NICKNAME = "mailNickname"
# What hardly two people share the value of.
_OWN = ("displayName", NICKNAME)
SESSION_TIME = "signInSessionsValidFromDateTime"
_ALWAYS = ("id", UPN, "displayName", IMMUTABLE_ID, ENABLED, "userType", "onPremisesSyncEnabled")
_WHERE_KNOWN = (
    SESSION_TIME, "isManagementRestricted", "creationType", "isResourceAccount", "identityParentId",
    "department", "jobTitle",
)  # fmt: skip
# What Teams writes as department and job title of the accounts of its call queues and auto attendants.
_RESOURCE_ACCOUNT = "microsoft communication application instance"
# No attribute of Entra: the field that names a user of the source for good. The second name is that of earlier
# versions.
SOURCE_ID, USERNAME = "sourceId", "username"
_ONE_FIELD = (UPN, IMMUTABLE_ID, SOURCE_ID, ENABLED)
MAPPABLE = (*LENGTHS, ENABLED, UPN, IMMUTABLE_ID, SOURCE_ID)

# With the UPN and the immutable ID, what HENNGE's own sync carries (HENNGE's article 44051180264089).
DEFAULT_MAP: Mapping[str, str | None] = {
    "displayName": "Display Name",
    "givenName": "Given Name",
    "surname": "Family Name",
    NICKNAME: "Username",
}
# The field names under which Access Control may return a user's identity: the API's spelling is not published. The
# export has `Email Address` and `Microsoft Immutable ID` (HENNGE's article 16780013124889, which cuts the latter).
SOURCE_ID_FIELDS = (USERNAME,)
UPN_FIELDS = ("userprincipalname", "upn")
EMAIL_FIELDS = ("email", "emailaddress", "mail")
IMMUTABLE_ID_FIELDS = (
    "immutableid", "onpremisesimmutableid", "microsoftimmutableid", "microsoftimmutable",
)  # fmt: skip
STATUS_FIELD = "Status"
# Access Control's export has such fields. The lookbehind and lookahead spare "footprint" and "secretary".
_SECRET = re.compile("token|password|secret(?!ar)|(?<!o)otp")
# What a display name is made of where there is none.
_NAME_FIELDS = ("familyname", "givenname")

_STATUS: Mapping[str, bool | None] = {
    "enabled": True,
    "active": True,
    "true": True,
    "disabled": False,
    "inactive": False,
    "false": False,
    # Locked out after wrong passwords: for a while, and by Access Control itself.
    "locked": None,
    "lockedout": None,
}


@lru_cache(maxsize=4096)
def field_key(name: str) -> str:
    """The same key for every spelling of a field: `Display Name`, `display_name` and `displayName`."""
    return name.casefold().replace(" ", "").replace("_", "").replace("-", "")


def normalised(value: object) -> str | None:
    """Text in NFC (but see `composed`) without outer white space; None if nothing of it is seen, or it is absent."""
    if value is None:
        return None
    text = (value if isinstance(value, str) else str(value)).strip()
    if text.isascii():
        return text or None
    if not visible(text):
        return None
    return text if unicodedata.is_normalized("NFC", text) else composed(text)


_remembered = lru_cache(maxsize=8192)(normalised)


def _common(value: object) -> str | None:
    """The same as `normalised`, and one object for all who share a family name, a department or a country."""
    return _remembered(value) if isinstance(value, str) else normalised(value)


_Reader = Callable[[object], str | None]


def is_secret(field: str) -> bool:
    """Whether the name of a source field says that it holds a secret. Such a field is named, but never read."""
    return _SECRET.search(field_key(field)) is not None


def _kept(text: str) -> str:
    """Text that can be stored and sent; one of a length that is refused, only to that length."""
    return text if text.isascii() and len(text) <= LONGEST else escaped(text[:LONGEST])


@dataclass(frozen=True, kw_only=True)
class AttributeMap:
    """Which source field fills which Entra attribute (`custom_attributes.x` is a nested field).

    `fields[i]`, a field or an expression, fills `attributes[i]`. All field names are in the form of `field_key`. `own`:
    the attributes that the administrator named, each with its field or expression as it was written. `status_field`
    says who may sign in, or with `inverted` who may not. `sign_in`: what the map says about that; None if it says
    nothing.
    """

    attributes: tuple[str, ...]
    fields: tuple[Expression, ...]
    own: Mapping[str, str] = field(default_factory=dict)
    upn_fields: tuple[str, ...] = UPN_FIELDS
    immutable_id_fields: tuple[str, ...] = IMMUTABLE_ID_FIELDS
    source_id_fields: tuple[str, ...] = SOURCE_ID_FIELDS
    status_field: str = field_key(STATUS_FIELD)
    inverted: bool = False
    sign_in: SignIn | None = None
    scope: Scope = EVERYBODY

    def field_of(self, attribute: str) -> str:
        """The attribute's field as it is written: by the administrator, or in the default map."""
        return self.own.get(attribute) or DEFAULT_MAP.get(attribute) or self.immutable_id_fields[0]

    @property
    def scope_fields(self) -> tuple[str, ...]:
        return tuple(map(field_key, self.scope.source_fields))

    @property
    def mapped_fields(self) -> tuple[str, ...]:
        return tuple(name for expression in self.fields for name in fields_of(expression))

    @cached_property
    def selected(self) -> tuple[str, ...]:
        """The properties of a user to read from Graph: only those in use, which also costs fewer resource units."""
        return tuple(dict.fromkeys((*_ALWAYS, *self.attributes, *self.scope.attributes, *self.optional)))

    @cached_property
    def optional(self) -> tuple[str, ...]:
        """The selected properties that the app can do without where a cloud does not have them."""
        used = (*self.attributes, *self.scope.attributes)
        return tuple(name for name in _WHERE_KNOWN if name not in used)

    @cached_property
    def single_fields(self) -> frozenset[str]:
        """Fields of which a user has one value, and no list."""
        identity = (*self.source_id_fields, *self.upn_fields, *self.immutable_id_fields)
        return frozenset((*identity, *self.mapped_fields, *self.scope_fields, self.status_field))

    @cached_property
    def read_fields(self) -> frozenset[str]:
        """Every field that is read, if a user has it."""
        return self.single_fields.union(EMAIL_FIELDS, _NAME_FIELDS)

    @cached_property
    def _common_fields(self) -> frozenset[str]:
        filled = zip(self.attributes, self.fields, strict=True)
        common = {name for attribute, by in filled if attribute not in _OWN for name in fields_of(by)}
        return frozenset((*common, self.status_field)) - set(self.source_id_fields)

    @cached_property
    def _read(self) -> tuple[tuple[str, Callable[[object], str | None]], ...]:
        """The attributes, and how each is read."""
        return tuple((one, normalised if one in _OWN else _common) for one in self.attributes)

    @cached_property
    def _is_scoped(self) -> bool:
        return bool(self.scope.include or self.scope.exclude)

    @cached_property
    def _name_at(self) -> int:
        return self.attributes.index("displayName")

    @cached_property
    def _filled(self) -> tuple[tuple[str, Expression], ...]:
        return tuple(zip(self.attributes, self.fields, strict=True))

    @classmethod
    def of(cls, overrides: Mapping[str, str | None], scope: Scope = EVERYBODY) -> "AttributeMap":
        """The default map with `overrides` on top; an attribute mapped to None is not synchronised.

        `scope` is read with it, since its rules are about what is read of people.

        Raises BadValue for an attribute that can't be mapped, for an expression that is wrong or stands where only a
        field may, for a field that holds a secret, and if displayName is not mapped.
        """
        given = {SOURCE_ID if name == USERNAME else name: field for name, field in overrides.items()}
        if unknown := sorted(set(given) - set(MAPPABLE)):
            raise BadValue("map.unknown", names=tuple(unknown), possible=tuple(MAPPABLE))
        if marked := sorted(
            one for one, name in given.items() if name and name[:1] == "!" and one != ENABLED
        ):
            raise BadValue("map.inverted", names=tuple(marked), enabled=ENABLED)
        username = given.get(SOURCE_ID) or DEFAULT_MAP[NICKNAME]
        merged = {**DEFAULT_MAP, NICKNAME: username, **given}
        if not merged["displayName"]:
            raise BadValue("map.noDisplayName")
        expressions = {attribute: _expression(attribute, name) for attribute, name in merged.items() if name}
        mapped = {name: expression for name, expression in expressions.items() if name not in _ONE_FIELD}
        own = {name: text for name, text in given.items() if text}
        unread = given.get(IMMUTABLE_ID, "") is None
        status = own.get(ENABLED, "")

        def fields(attribute: str, usual: tuple[str, ...]) -> tuple[str, ...]:
            return (field_key(own[attribute]),) if attribute in own else usual

        return cls(
            attributes=tuple(mapped),
            fields=tuple(mapped.values()),
            own=own,
            upn_fields=fields(UPN, UPN_FIELDS),
            immutable_id_fields=() if unread else fields(IMMUTABLE_ID, IMMUTABLE_ID_FIELDS),
            source_id_fields=fields(SOURCE_ID, SOURCE_ID_FIELDS),
            status_field=field_key(status or STATUS_FIELD).removeprefix("!"),
            inverted=status.startswith("!"),
            sign_in=(SignIn.FOLLOW if status else SignIn.LEAVE) if ENABLED in given else None,
            scope=scope,
        )

    def source_user(self, record: Mapping[str, object]) -> SourceUser:
        """Reads one source record; any spelling of its keys will do. `source_id` is empty if the record has none.

        Raises ValueError with the field name as its text, for a list where a single value is expected.
        """
        texts = self._texts(record)
        source_id = _kept(_first(texts, self.source_id_fields) or "")
        upn_field = _filled_field(texts, self.upn_fields)
        upn = texts.get(upn_field) or ""
        immutable_id = _first(texts, self.immutable_id_fields)
        problem = unwritten(UPN, upn) or unwritten(IMMUTABLE_ID, immutable_id)
        values: list[Value] = []
        name_made = False
        for attribute, filled_by in self._filled:
            value = texts.get(filled_by) if isinstance(filled_by, str) else _made(filled_by, texts)
            if attribute == NICKNAME:
                # A nickname alone never keeps the rest from being written (see `planning/differences.py`).
                values.append(value and _kept(value.partition("@")[0] or value))
                continue
            if attribute == "displayName" and value is None:
                name_made = True
                value = " ".join(text for name in _NAME_FIELDS if (text := texts.get(name))) or None
            elif attribute == "usageLocation" and value:
                value = value.upper()
            problem = problem or unwritten(attribute, value)
            values.append(value and _kept(value) if problem else value)
        return SourceUser(
            source_id=source_id,
            upn=_kept(upn),
            immutable_id=immutable_id and _kept(immutable_id),
            values=tuple(values),
            email=_kept(_first(texts, EMAIL_FIELDS) or ""),
            upn_given=upn_field not in EMAIL_FIELDS,
            name_made=name_made,
            status=self._status(texts.get(self.status_field)),
            problem=problem,
            out_of_scope=self._is_scoped
            and not self.scope.source_side(lambda name: texts.get(field_key(name))),
        )

    def _texts(self, record: Mapping[str, object]) -> dict[str, str | None]:
        """What is read of a record: field → text. Raises ValueError as `source_user` does."""
        texts: dict[str, str | None] = {}
        for name, key, read in self._reading_of(tuple(record)):
            value = record[name]
            if isinstance(value, str):
                texts[key] = read(value)
            elif isinstance(value, dict):
                inner = ((f"{key}.{field_key(str(name))}", nested) for name, nested in value.items())
                texts |= {one: self._text(one, nested) for one, nested in inner if one in self.read_fields}
            else:
                texts[key] = self._text(key, value)
        return texts

    @cached_property
    def _reading_of(self) -> Callable[[tuple[str, ...]], list[tuple[str, str, _Reader]]]:
        """The names of a record's fields → those that are read or have such fields in them, their keys, and how."""

        def reading(names: tuple[str, ...]) -> list[tuple[str, str, _Reader]]:
            keys = zip(names, map(field_key, names), strict=True)
            return [(name, key, self._reader(key)) for name, key in keys if self._reads(key)]

        # Nearly all records of a source have the same.
        return lru_cache(maxsize=256)(reading)

    def _reads(self, key: str) -> bool:
        return key in self.read_fields or any(one.startswith(f"{key}.") for one in self.read_fields)

    def _reader(self, key: str) -> _Reader:
        return _common if key in self._common_fields else normalised

    def _text(self, key: str, value: object) -> str | None:
        if not isinstance(value, list):
            return self._reader(key)(value)
        if key in self.single_fields:
            raise ValueError(key)
        return normalised("; ".join(map(str, value)))

    def _status(self, text: str | None) -> Value:
        known = _STATUS.get(field_key(text), _kept(text)) if text else None
        return not known if self.inverted and isinstance(known, bool) else known

    def account_standing(self, user: SourceUser) -> Standing:
        """Whether an account that they get would be in scope."""
        attributes = {UPN: user.upn, **dict(zip(self.attributes, user.values, strict=True))}
        return self.scope.entra_side(lambda name: normalised(attributes.get(name)))

    def entra_user(self, item: Mapping[str, object]) -> EntraUser:
        """Reads one user as Graph returns it. Raises KeyError without an id or a UPN."""
        get = item.get
        values: list[Value] = []
        for attribute, read in self._read:
            value = get(attribute)
            values.append(value if isinstance(value, bool) else read(value))
        name = values[self._name_at]
        return EntraUser(
            object_id=str(item["id"]),
            upn=str(item["userPrincipalName"]),
            immutable_id=normalised(get(IMMUTABLE_ID)),
            display_name=name if isinstance(name, str) else "",
            values=tuple(values),
            kind=_kind(item),
            enabled=get(ENABLED) is not False,
            standing=self.scope.entra_side(lambda name: normalised(get(name))) if self._is_scoped else "in",
            fingerprint=_fingerprint([get(name) or "" for name in self.selected]),
            without_session_time=get(SESSION_TIME, "") is None,
        )

    def display_name(self, user: SourceUser) -> str:
        value = user.values[self._name_at]
        return value if isinstance(value, str) else ""


def _expression(attribute: str, text: str) -> Expression:
    """What fills the attribute. Raises BadValue as `AttributeMap.of` does."""
    try:
        expression = parse(text.removeprefix("!") if attribute == ENABLED else text, field_key)
    except BadValue as error:
        raise BadValue("map.of", name=attribute, because=error) from error
    if attribute in _ONE_FIELD and not isinstance(expression, str):
        raise BadValue("map.oneField", name=attribute)
    if secret := next(filter(is_secret, fields_of(expression)), None):
        raise BadValue("map.secret", name=attribute, field=secret)
    longest = LENGTHS.get(attribute, 0)
    if any(len(constant) > longest for constant in constants_of(expression)):
        raise BadValue("map.tooLong", name=attribute, longest=longest)
    return expression


def _made(expression: Expression, texts: Mapping[str, str | None]) -> str | None:
    return normalised(value_of(expression, texts.get))


def flat(record: Mapping[str, object]) -> dict[str, object]:
    """A source record with keys in the form of `field_key`; a nested value gets the key `outer.inner`."""
    fields: dict[str, object] = {}
    for name, value in record.items():
        key = field_key(name)
        if isinstance(value, dict):
            for inner, nested in value.items():
                fields[f"{key}.{field_key(str(inner))}"] = nested
        else:
            fields[key] = value
    return fields


def _kind(item: Mapping[str, object]) -> AccountKind:
    if item.get("onPremisesSyncEnabled") is True:
        return "onPremisesSynced"
    if item.get("isManagementRestricted") is True:
        return "restricted"
    if item.get("identityParentId") or item.get("@odata.type") == "#microsoft.graph.agentUser":
        return "agent"
    described = [str(value).casefold() for name in ("department", "jobTitle") if (value := item.get(name))]
    if item.get("isResourceAccount") is True or any(_RESOURCE_ACCOUNT in text for text in described):
        return "resourceAccount"
    invited = item.get("userType") == "Guest" or item.get("creationType") == "Invitation"
    upn = str(item.get(UPN))
    return "guest" if invited or ("#" in upn and "#ext#" in upn.casefold()) else "person"


def _fingerprint(values: list[object]) -> int:
    try:
        return hash(tuple(values))
    except TypeError:  # a list in it
        return hash(repr(values))


def _first(texts: Mapping[str, str | None], names: Sequence[str]) -> str | None:
    return texts.get(_filled_field(texts, names)) or None


def _filled_field(texts: Mapping[str, str | None], names: Sequence[str]) -> str:
    """The first of these fields that has something; empty if none has."""
    for name in names:
        if texts.get(name):
            return name
    return ""


def other_person(user: SourceUser, target: EntraUser) -> bool:
    """Whether the two have different immutable IDs."""
    return None not in (user.immutable_id, target.immutable_id) and user.immutable_id != target.immutable_id


def domain_of(upn: str) -> str:
    """The domain of a UPN in lower case; empty if it has none."""
    return upn.partition("@")[2].lower()
