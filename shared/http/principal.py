"""The caller: the holder of a function key, or a person or app that App Service authentication has signed in."""

import base64
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import BaseModel

from shared.http.problems import Problem
from shared.log import event
from shared.model.parts import say

_OBJECT_ID_CLAIMS = ("http://schemas.microsoft.com/identity/claims/objectidentifier", "oid")
_NAME_CLAIMS = (
    "preferred_username",
    "name",
    "http://schemas.xmlsoap.org/ws/2005/05/identity/claims/name",
    "appid",
    "azp",
)
# Entra puts them into tokens of people alone ("Access token claims reference", "ID token claims reference").
_PERSONAL_CLAIMS = ("preferred_username", "scp", "http://schemas.microsoft.com/identity/claims/scope")


class Role(StrEnum):
    """App roles; each includes the ones before it."""

    READER = "Sync.Reader"
    OPERATOR = "Sync.Operator"
    ADMINISTRATOR = "Sync.Administrator"

    @property
    def granted_by(self) -> frozenset["Role"]:
        """This role and those that include it."""
        order = list(Role)
        return frozenset(order[order.index(self) :])


@dataclass(frozen=True, slots=True)
class Principal:
    """`name` is what the Sync Logs show. `is_person`: certainly no program."""

    name: str
    object_id: str = ""
    roles: frozenset[str] = frozenset()
    is_person: bool = False

    def __str__(self) -> str:
        return f"{self.name} ({self.object_id})" if self.object_id else self.name


KEY_HOLDER = Principal("function key", roles=frozenset(Role))
ANYBODY = Principal("anonymous")


def identified(auth_mode: str, environment: Mapping[str, str], headers: Mapping[str, str]) -> Principal:
    """The caller. Raises Problem: 401 if not signed in, 503 if App Service authentication is off.

    With `keys` the platform has checked the key before this code runs. With `entra` the principal header is trusted
    only while the platform says that its authentication is on: otherwise it does not remove a caller's own header.
    """
    if auth_mode == "keys":
        return KEY_HOLDER
    if environment.get("WEBSITE_AUTH_ENABLED", "").lower() != "true":
        event("auth.notInFront", logging.ERROR)
        raise Problem(503, "Authentication is not set up", say("auth.notInFront"))
    principal = _principal(headers.get("X-MS-CLIENT-PRINCIPAL", ""))
    if principal is None:
        raise Problem(401, "Not signed in", say("auth.signIn"))
    return principal


def require_role(principal: Principal, role: Role) -> None:
    """Raises Problem 403 if the caller has neither `role` nor a role that includes it."""
    if not principal.roles & role.granted_by:
        raise Problem(403, "Role missing", say("auth.roleMissing", name=principal.name, role=role.value))


class _Claim(BaseModel):
    typ: str
    val: object


class _Header(BaseModel):
    """A caller's claims from App Service authentication; `role_typ`, `name_typ`: the types of role and name claims."""

    claims: list[_Claim]
    role_typ: str | None = None
    name_typ: str | None = None


def _principal(header: str) -> Principal | None:
    try:
        said = _Header.model_validate_json(base64.b64decode(header, validate=True))
    except ValueError:
        return None
    claims = [(claim.typ, str(claim.val)) for claim in said.claims]
    values = dict(reversed(claims))
    object_id = next((values[name] for name in _OBJECT_ID_CLAIMS if name in values), "")
    if not object_id:
        return None
    name = next((values[n] for n in (said.name_typ or "name", *_NAME_CLAIMS) if n in values), object_id)
    roles = frozenset(value for kind, value in claims if kind in ("roles", said.role_typ))
    is_person = values.get("idtyp") != "app" and any(claim in values for claim in _PERSONAL_CLAIMS)
    return Principal(name, object_id, roles, is_person)
