"""What an administrator sets for the whole tenant: as app settings, or stored, which then has the last word. Pure."""

import json
import re
from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints
from pydantic.alias_generators import to_camel

from shared.model.addresses import is_object_id
from shared.model.bad_value import BadValue
from shared.model.domain_names import domain_name
from shared.model.notifications import STORED, Notifications
from shared.model.pause import Pausable
from shared.model.people import SignIn
from shared.planning.mapping import AttributeMap, is_secret
from shared.planning.scope import EVERYBODY, Scope
from shared.planning.upns import UpnFrom

Origin = Literal["stored", "app setting", "default"]

_UPN = re.compile(r"[^\s@;]+@[^\s@;]+")


def _mappable(value: dict[str, str | None]) -> dict[str, str | None]:
    AttributeMap.of(value)
    return value


def _people(value: tuple[str, ...]) -> tuple[str, ...]:
    people = sorted({name.strip().lower() for name in value if name.strip()})
    for person in people:
        if not _UPN.fullmatch(person) and not is_object_id(person):
            raise BadValue("protected.nobody", person=repr(person))
    return tuple(people)


def _domains(value: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(sorted({domain_name(name.strip()) for name in value if name.strip()}))


def _without_secrets(scope: Scope) -> Scope:
    if secret := next(filter(is_secret, scope.source_fields), None):
        raise BadValue("rule.secret", field=secret)
    return scope


FieldMap = Annotated[dict[str, str | None], AfterValidator(_mappable)]
Country = Annotated[str, StringConstraints(pattern="^[A-Za-z]{2}$", to_upper=True)]
People = Annotated[tuple[str, ...], AfterValidator(_people)]
DomainNames = Annotated[tuple[str, ...], AfterValidator(_domains)]
# In characters of JSON: all of them, before and after a change, must fit into one row of storage.
LONGEST: Mapping[str, int] = {
    "attribute_map": 4_000,
    "protected_users": 8_000,
    "foreign_domains": 2_000,
    "scope": 4_000,
    "notifications": 8_000,
}


class TenantSettings(Pausable):
    """What may be set for the tenant, in one of the two places. None: not set there.

    `docs/configuration.md` is made from these descriptions.
    """

    attribute_map: FieldMap | None = Field(
        default=None,
        description="Entra attribute → source field, on top of the default map, as in `ATTRIBUTE_MAP`.",
    )
    usage_location: Country | None = Field(
        default=None, description="Two-letter country that created users get, as in `USAGE_LOCATION`."
    )
    protected_users: People | None = Field(
        default=None,
        description="UPNs or object ids that are never touched. Those of `PROTECTED_USERS` stay protected, too.",
    )
    foreign_domains: DomainNames | None = Field(
        default=None,
        description="Domains that are certainly not the tenant's although they look like one of them, as in "
        "`FOREIGN_DOMAINS`.",
    )
    sign_in: SignIn | None = Field(
        default=None, description="What a sync does with Entra's sign-in state, as in `SIGN_IN`."
    )
    upn_from: UpnFrom | None = Field(
        default=None, description="Confirms which field names people in Entra, as in `UPN_FROM`."
    )
    scope: Annotated[Scope, AfterValidator(_without_secrets)] | None = Field(
        default=None,
        description="`include` and `exclude`: rules that say who is synchronised at all; see below. No app setting.",
    )
    notifications: Notifications | None = Field(
        default=None,
        description="Who gets word of which events; see [notifications](notifications.md). No app setting.",
    )

    def require_fitting(self) -> None:
        """Raises BadValue that names a setting too long to be stored."""
        values = self.model_dump(mode="json", context=STORED)
        for name, longest in LONGEST.items():
            if (length := len(json.dumps(values[name]))) > longest:
                raise BadValue("setting.tooLong", setting=to_camel(name), longest=longest, length=length)


DEFAULTS = TenantSettings(
    attribute_map={}, protected_users=(), foreign_domains=(), scope=EVERYBODY, notifications=()
)


def in_force(app: TenantSettings, stored: TenantSettings) -> tuple[TenantSettings, dict[str, Origin]]:
    """The settings that count, and by Python name where each comes from."""
    places: tuple[tuple[Origin, TenantSettings], ...] = (("stored", stored), ("app setting", app))
    values: dict[str, object] = {}
    origins: dict[str, Origin] = {}
    for name in TenantSettings.model_fields:
        given = [(origin, value) for origin, place in places if (value := getattr(place, name)) is not None]
        origins[name], values[name] = given[0] if given else ("default", getattr(DEFAULTS, name))
    # Nobody loses protection because one of the places does not name them.
    values["protected_users"] = (*(app.protected_users or ()), *(stored.protected_users or ()))
    return TenantSettings.model_validate(values), origins
